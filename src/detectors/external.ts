import * as z from 'zod';

import { formatDuration } from '../lib/duration.ts';
import type { Json } from '../lib/json.ts';
import { globMatches } from '../lib/glob.ts';
import { limits } from '../lib/limits.ts';
import { schemaOf } from '../lib/schema.ts';
import type { Finding } from '../domain/alert.ts';
import type { Detector, DetectorKind, DetectorRule } from '../domain/ports/detector.ts';
import { seriesKey } from '../domain/telemetry.ts';
import { isAhead } from './ahead.ts';
import { durationMs } from './params.ts';
import { savedState, toSave } from './saved.ts';
import { cleanText, labelText } from './words.ts';

const params = z.strictObject({
  alerts: z.string().default('*').describe('only alerts of this name (glob over the label alertname)'),
  severity: z.enum(['theirs', 'ours']).default('theirs'),
  silentAfter: durationMs.prefault('24h').describe('with no repeat for this long it is unknown whether it holds'),
});

type Params = z.infer<typeof params>;

/**
 * Alerts from elsewhere (Alertmanager, CloudWatch, PagerDuty), passed through as findings, one per label set. They are
 * told once and resolved once, so they are remembered between, and restated at every step.
 */
export const external: DetectorKind<Params> = {
  kind: 'external',
  summary: 'Alerts that another system raised',
  params: schemaOf(params),
  stateBytesPerSeries: 8_000,
  warmupMs: () => 0,
  create: (rule, settings, saved) => passThrough(rule, settings, saved),
};

function passThrough(rule: DetectorRule, settings: Params, saved: Json | undefined): Detector {
  const before = savedState(saved) as { readonly active: readonly Finding[]; readonly refused: number } | undefined;
  const active = new Map((before?.active ?? []).map((one) => [keyOf(one), one]));
  let refused = before?.refused ?? 0;
  return {
    step(batch, context) {
      for (const finding of batch.external) {
        if (!globMatches(settings.alerts, finding.labels['alertname'] ?? finding.signal)) continue;
        if (active.has(keyOf(finding)) || active.size < limits.detectorExternal)
          active.set(keyOf(finding), taken(rule, settings, finding));
        else refused++;
      }
      const findings: Finding[] = [];
      for (const [key, heard] of active) {
        // Not said in the future, whatever a clock was set to: silence would count only from then.
        const one = isAhead(heard.atMs, batch.asOfMs) ? { ...heard, atMs: batch.asOfMs } : heard;
        active.set(key, one);
        const quietMs = batch.asOfMs - one.atMs;
        const now = restated(one, batch.asOfMs, quietMs >= settings.silentAfter ? quietMs : undefined);
        const watched = context.isWatched(one);
        if (now.state !== 'good' || watched) findings.push(now);
        if (!watched && (now.state === 'good' || quietMs > 7 * settings.silentAfter)) active.delete(key);
      }
      if (refused > 0) findings.push(overLimit(rule, refused, batch.asOfMs));
      if (active.size < limits.detectorExternal) refused = 0;
      return findings;
    },
    save: () => toSave({ active: [...active.values()], refused }),
  };
}

function keyOf(finding: Finding): string {
  return seriesKey(finding.service, finding.signal, finding.labels);
}

// Their words are untrusted: cleaned and cut, with the name of the alert in front.
function taken(rule: DetectorRule, settings: Params, finding: Finding): Finding {
  const { alertname } = finding.labels;
  const reason = cleanText(finding.reason, 500);
  const labels = Object.fromEntries(
    Object.entries(finding.labels)
      .slice(0, 64)
      .map(([name, value]) => [cleanText(name, 128), cleanText(value, 512)]),
  );
  return {
    ...finding,
    labels,
    detector: rule.name,
    kind: rule.kind,
    severity: settings.severity === 'ours' ? rule.severity : finding.severity,
    reason:
      reason === '' ? `${cleanText(alertname ?? 'an alert', 120)} of ${finding.service}${labelText(labels)}` : reason,
  };
}

function restated(finding: Finding, asOfMs: number, quietMs: number | undefined): Finding {
  if (finding.state === 'good' || quietMs === undefined) return { ...finding, atMs: asOfMs };
  const reason = `${finding.reason} (not repeated for ${formatDuration(quietMs)}, so whether it still holds is unknown)`;
  return { ...finding, atMs: asOfMs, state: 'unknown', confidence: 0, reason };
}

function overLimit(rule: DetectorRule, refused: number, asOfMs: number): Finding {
  return {
    detector: rule.name,
    kind: rule.kind,
    service: '',
    signal: rule.on,
    labels: { limit: 'external' },
    state: 'unknown',
    atMs: asOfMs,
    sinceMs: asOfMs,
    severity: rule.severity,
    reason: `${refused} more alerts from elsewhere are not followed: ${limits.detectorExternal} are active, the limit`,
    numbers: { refused, limit: limits.detectorExternal },
    confidence: 0,
  };
}
