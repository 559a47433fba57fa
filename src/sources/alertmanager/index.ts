import * as z from 'zod';

import type { Finding, Severity } from '../../domain/alert.ts';
import type { Gap, Labels } from '../../domain/telemetry.ts';
import { schemaOf } from '../../lib/schema.ts';
import type { Parsed } from '../../lib/issues.ts';
import type { Json } from '../../lib/json.ts';
import { limits } from '../../lib/limits.ts';
import { oneLine } from '../../lib/text.ts';

/**
 * # alertmanager: alerts of others, pushed to us
 *
 * Reads the body of Alertmanager's webhook, version 4, into findings of kind `external`. It does no I/O and keeps nothing:
 * the API hands it bodies. Everything in an alert is untrusted text (I12): bounded, on one line, never a command, a template or a key.
 */

/** How alerts are mapped; every member has a default. */
export interface AlertmanagerMapping {
  /** The source's id, as findings and gaps name it. */
  readonly source: string;
  /** Labels that name the service, the first that an alert has wins. */
  readonly serviceLabels: readonly string[];
  readonly severityLabel: string;
  /** Words of the severity label and what they mean here; anything else is `warning`. */
  readonly severities: Readonly<Record<string, Severity>>;
}

/** Where Alertmanager's labels usually say which service an alert is about. */
export const defaultMapping: AlertmanagerMapping = {
  source: 'alertmanager',
  serviceLabels: ['service', 'app', 'app_kubernetes_io_name', 'job'],
  severityLabel: 'severity',
  severities: {
    critical: 'critical',
    page: 'critical',
    emergency: 'critical',
    error: 'critical',
    high: 'critical',
    warning: 'warning',
    ticket: 'warning',
    info: 'info',
    informational: 'info',
    none: 'info',
    low: 'info',
  },
};

/** What one delivery said. A gap when Alertmanager itself left alerts out. */
export interface AlertmanagerDelivery {
  readonly findings: readonly Finding[];
  readonly gaps: readonly Gap[];
}

const text = z.record(z.string(), z.string());
// Tolerant of members it does not know: it is written by a program, and newer versions add to it.
const body = schemaOf(
  z.object({
    version: z.literal('4'),
    truncatedAlerts: z.int().min(0).default(0),
    alerts: z
      .array(
        z.object({
          status: z.enum(['firing', 'resolved']),
          labels: text,
          annotations: text.default({}),
          startsAt: z.iso.datetime({ offset: true }),
          endsAt: z.iso.datetime({ offset: true }).optional(),
        }),
      )
      .max(limits.alertsActive),
  }),
);

/**
 * Reads one webhook body. An alert without a service label belongs to the service `unknown`, so that it is never lost.
 * Its identity is its labels, as in Alertmanager: the same labels firing again, or resolving, are the same alert.
 */
export function parseAlertmanagerWebhook(
  input: Json,
  receivedAtMs: number,
  mapping: AlertmanagerMapping = defaultMapping,
): Parsed<AlertmanagerDelivery> {
  const parsed = body.parse(input);
  if (!parsed.ok) return parsed;
  const { alerts, truncatedAlerts } = parsed.value;
  const findings = alerts.map((alert): Finding => {
    const labels = cleanLabels(alert.labels);
    const firing = alert.status === 'firing';
    const name = labels['alertname'] ?? 'alert';
    // Alertmanager's clock is not ours: nothing that it says can lie in our future.
    const sinceMs = Math.min(Date.parse((firing ? undefined : alert.endsAt) ?? alert.startsAt), receivedAtMs);
    return {
      detector: mapping.source,
      kind: 'external',
      service: mapping.serviceLabels.map((label) => labels[label]).find((value) => value !== undefined) ?? 'unknown',
      signal: name,
      labels,
      state: firing ? 'bad' : 'good',
      atMs: receivedAtMs,
      sinceMs: Number.isFinite(sinceMs) ? Math.max(sinceMs, 0) : receivedAtMs,
      severity: mapping.severities[(labels[mapping.severityLabel] ?? '').toLowerCase()] ?? 'warning',
      reason: reasonOf(name, firing, alert.annotations),
      numbers: {},
      confidence: 1,
    };
  });
  const message = `Alertmanager left ${truncatedAlerts} alerts out of its message; set max_alerts: 0 for this receiver`;
  const gap: Gap = { source: mapping.source, reason: 'partial', message, fromMs: receivedAtMs, untilMs: receivedAtMs };
  return { ok: true, value: { findings, gaps: truncatedAlerts > 0 ? [gap] : [] } };
}

const longestReason = 400;
const maxLabels = 64;

function reasonOf(name: string, firing: boolean, annotations: Labels): string {
  const said = annotations['summary'] ?? annotations['description'] ?? annotations['message'] ?? '';
  const detail = oneLine(said, longestReason);
  const head = `Alertmanager: ${name} ${firing ? 'is firing' : 'has resolved'}`;
  return detail === '' ? head : `${head}: ${detail}`;
}

function cleanLabels(labels: Labels): Labels {
  const pairs = Object.entries(labels)
    .filter(([, value]) => value !== '')
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .slice(0, maxLabels);
  return Object.fromEntries(pairs.map(([name, value]) => [oneLine(name, 128), oneLine(value, 256)]));
}
