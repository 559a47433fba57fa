import * as z from 'zod';

import { formatDuration } from '../lib/duration.ts';
import type { Json } from '../lib/json.ts';
import { schemaOf } from '../lib/schema.ts';
import { globMatches } from '../lib/glob.ts';
import { limits } from '../lib/limits.ts';
import type { Finding } from '../domain/alert.ts';
import type { Detector, DetectorBatch, DetectorContext, DetectorKind, DetectorRule } from '../domain/ports/detector.ts';
import type { Gap } from '../domain/telemetry.ts';
import { isAhead } from './ahead.ts';
import { durationMs } from './params.ts';
import { savedState, toSave } from './saved.ts';
import { changePhrase } from './words.ts';

const params = z.strictObject({
  for: durationMs.prefault('5m').describe('how long nothing may arrive'),
  grace: durationMs.prefault('10m').describe('how long a signal that was never seen may take to appear'),
});

type Params = z.infer<typeof params>;

/** Per service: when the wait began, when something last arrived, and how long a gap of the source has excused it. */
interface Watch {
  service: string;
  source: string;
  sinceMs: number;
  lastMs: number;
  /** The end of the last gap: silence counts from there, because before it nobody could have heard anything. */
  heardFromMs: number;
}

/** A signal of a service that stops, or never appears. A source that cannot be read is `unknown`, not absence. */
export const absence: DetectorKind<Params> = {
  kind: 'absence',
  summary: 'A signal stopped or never appeared, while its source can be read',
  params: schemaOf(params),
  stateBytesPerSeries: 400,
  warmupMs: () => 0,
  create: (rule, settings, saved) => absenceOver(rule, settings, saved),
};

function absenceOver(rule: DetectorRule, settings: Params, saved: Json | undefined): Detector {
  const watches = new Map<string, Watch>();
  const before = savedState(saved) as { readonly watches: readonly Watch[] } | undefined;
  for (const watch of before?.watches ?? []) watches.set(watch.service, watch);
  return {
    step(batch, context) {
      take(rule, watches, batch, context);
      const findings = [...watches.values()].map((watch) => judge(rule, settings, watch, batch, context));
      return findings.filter((finding) => finding.state !== 'good' || context.isWatched(finding));
    },
    save: () => toSave({ watches: [...watches.values()] }),
  };
}

// Declared services are waited for from the first step on; others from their first sample.
function take(rule: DetectorRule, watches: Map<string, Watch>, batch: DetectorBatch, context: DetectorContext): void {
  const current = new Set<string>();
  for (const watch of watches.values()) setBack(watch, batch.asOfMs);
  for (const service of context.services()) {
    const binding = Object.entries(service.telemetry).find(([signal]) => globMatches(rule.on, signal))?.[1];
    current.add(service.name);
    if (binding !== undefined) start(watches, service.name, binding.source, batch.asOfMs);
  }
  for (const series of batch.series) {
    const newest = series.samples.at(-1)?.tMs;
    if (newest === undefined || isAhead(newest, batch.asOfMs) || !globMatches(rule.on, series.signal)) continue;
    const watch = start(watches, series.service, series.source, batch.asOfMs);
    if (watch !== undefined) watch.lastMs = Math.max(watch.lastMs, newest);
  }
  // A service that left the catalog is not missed.
  for (const name of watches.keys()) if (!current.has(name) && current.size > 0) watches.delete(name);
  for (const watch of watches.values()) if (gapOf(rule, watch, batch) !== undefined) watch.heardFromMs = batch.asOfMs;
}

function start(watches: Map<string, Watch>, service: string, source: string, nowMs: number): Watch | undefined {
  const known = watches.get(service);
  if (known !== undefined) return known;
  if (watches.size >= limits.detectorSeries) return undefined;
  const watch: Watch = { service, source, sinceMs: nowMs, lastMs: 0, heardFromMs: 0 };
  watches.set(service, watch);
  return watch;
}

// After a clock was set back, what was heard in a time that has not come must not count as news until it comes.
function setBack(watch: Watch, asOfMs: number): void {
  for (const name of ['sinceMs', 'lastMs', 'heardFromMs'] as const)
    if (isAhead(watch[name], asOfMs)) watch[name] = asOfMs;
}

function gapOf(rule: DetectorRule, watch: Watch, batch: DetectorBatch): Gap | undefined {
  return batch.gaps.find(
    (gap) =>
      gap.source === watch.source &&
      // `missing` is the source's own word for absence: it could be read, and this was not there.
      gap.reason !== 'missing' &&
      (gap.service ?? watch.service) === watch.service &&
      (gap.signal === undefined || globMatches(rule.on, gap.signal)),
  );
}

function judge(
  rule: DetectorRule,
  settings: Params,
  watch: Watch,
  batch: DetectorBatch,
  context: DetectorContext,
): Finding {
  const seen = watch.lastMs > 0;
  const fromMs = Math.max(seen ? watch.lastMs : watch.sinceMs, watch.heardFromMs);
  const quietMs = Math.max(0, batch.asOfMs - fromMs);
  const allowedMs = seen ? settings.for : settings.grace;
  const gap = gapOf(rule, watch, batch);
  const what = `${rule.on} of ${watch.service}`;
  const base = {
    detector: rule.name,
    kind: rule.kind,
    service: watch.service,
    signal: rule.on,
    labels: {},
    atMs: batch.asOfMs,
    sinceMs: fromMs,
    severity: rule.severity,
    numbers: { quiet_s: quietMs / 1_000, allowed_s: allowedMs / 1_000 },
  };
  if (gap !== undefined)
    return { ...base, state: 'unknown', confidence: 0, reason: `${what} cannot be read: ${gap.message}` };
  if (quietMs <= allowedMs && (!seen || watch.lastMs < watch.heardFromMs))
    return { ...base, state: 'unknown', confidence: 0, reason: `${what} is awaited for ${formatDuration(quietMs)}` };
  if (quietMs <= allowedMs)
    return { ...base, state: 'good', confidence: 0.5, reason: `${what} arrived ${formatDuration(quietMs)} ago` };
  const how = seen ? `stopped ${formatDuration(quietMs)} ago` : `has not appeared in ${formatDuration(quietMs)}`;
  const confidence = Math.min(0.95, 0.6 + 0.1 * (quietMs / allowedMs));
  const phrase = changePhrase(context.changesOf(watch.service), fromMs);
  return {
    ...base,
    state: 'bad',
    confidence,
    reason: `${what} ${how}, though its source can be read${phrase}`,
  };
}
