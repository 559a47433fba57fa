import type { Alert } from '../../domain/alert.ts';
import type { Notice } from '../../domain/ports/channel.ts';
import { canonicalJson } from '../../lib/canonical.ts';
import type { Json, JsonObject } from '../../lib/json.ts';
import { renderNotice, renderTitle, shortPlanId } from '../render.ts';

/** `watchkeeper`: everything a card needs, versioned. `alertmanager`: version 4 of Alertmanager's webhook, which everything ingests. */
export type WebhookFormat = 'watchkeeper' | 'alertmanager';

/** The body of a delivery. Equal notices give equal bytes, so that a retry carries the same signature base. */
export function webhookBody(notice: Notice, format: WebhookFormat, address: string): string {
  return canonicalJson(format === 'alertmanager' ? alertmanagerBody(notice, address) : ownBody(notice, address));
}

function ownBody(notice: Notice, address: string): JsonObject {
  const { plan, decision, incident, diagnosis } = notice;
  return {
    version: 'watchkeeper.dev/v1alpha1',
    id: notice.id,
    kind: notice.kind,
    at: iso(notice.atMs),
    address,
    title: renderTitle(notice),
    lines: notice.lines,
    text: renderNotice(notice),
    ...(incident && {
      incident: {
        id: incident.id,
        status: incident.status,
        severity: incident.severity,
        service: incident.service,
        services: incident.services,
        openedAt: iso(incident.openedAtMs),
        ...(incident.resolvedAtMs === undefined ? {} : { resolvedAt: iso(incident.resolvedAtMs) }),
      },
    }),
    alerts: (notice.alerts ?? []).map((alert) => ({
      fingerprint: alert.fingerprint,
      status: alert.status,
      severity: alert.severity,
      service: alert.service,
      signal: alert.signal,
      labels: alert.labels,
      startsAt: iso(alert.startsAtMs),
      reason: alert.finding.reason,
    })),
    ...(diagnosis && {
      diagnosis: { cause: diagnosis.cause, confidence: diagnosis.confidence, summary: diagnosis.summary },
    }),
    ...(plan && {
      plan: {
        id: plan.id,
        shortId: shortPlanId(plan.id),
        runbook: plan.runbook.name,
        because: plan.because,
        expiresAt: iso(plan.expiresAtMs),
        steps: plan.steps.map((step) => ({
          id: step.id,
          action: step.action,
          target: `${step.target.kind}:${step.target.id}`,
          describe: step.describe,
          diff: step.diff,
          reversible: step.traits.reversible,
          blast: { ...step.blast },
        })),
      },
    }),
    ...(decision && {
      decision: {
        outcome: decision.outcome,
        decidedBy: decision.decidedBy,
        reasons: decision.reasons,
        ...(decision.code === undefined ? {} : { code: decision.code }),
      },
    }),
    ...(notice.suggestions && { suggestions: notice.suggestions }),
    ...(notice.ifNobodyAnswers === undefined ? {} : { ifNobodyAnswers: notice.ifNobodyAnswers }),
  };
}

// One Alertmanager alert for each of ours, or one for the notice when there is none: a receiver expects at least one.
function alertmanagerBody(notice: Notice, address: string): JsonObject {
  const { incident } = notice;
  const resolved = notice.kind === 'resolved' || incident?.status === 'resolved';
  const annotations = { summary: renderTitle(notice), description: renderNotice(notice) };
  const shared: Readonly<Record<string, string>> = {
    service: incident?.service ?? 'watchkeeper',
    severity: incident?.severity ?? 'warning',
    ...(incident && { incident: incident.id }),
  };
  const alerts: readonly Json[] =
    notice.alerts && notice.alerts.length > 0
      ? notice.alerts.map((alert) => alertmanagerAlert(alert, resolved, shared, annotations))
      : [
          {
            status: resolved ? 'resolved' : 'firing',
            labels: { ...shared, alertname: `watchkeeper-${notice.kind}` },
            annotations,
            startsAt: iso(incident?.openedAtMs ?? notice.atMs),
            endsAt: resolved ? iso(incident?.resolvedAtMs ?? notice.atMs) : openEnd,
            generatorURL: '',
            fingerprint: notice.id,
          },
        ];
  return {
    version: '4',
    groupKey: `watchkeeper:${incident?.id ?? notice.id}`,
    truncatedAlerts: 0,
    status: resolved ? 'resolved' : 'firing',
    receiver: address === '' ? 'watchkeeper' : address,
    groupLabels: shared,
    commonLabels: shared,
    commonAnnotations: annotations,
    externalURL: '',
    alerts,
  };
}

function alertmanagerAlert(
  alert: Alert,
  resolved: boolean,
  shared: Readonly<Record<string, string>>,
  annotations: Readonly<Record<string, string>>,
): Json {
  const over = resolved || alert.status === 'resolved';
  return {
    status: over ? 'resolved' : 'firing',
    labels: { ...alert.labels, ...shared, service: alert.service, severity: alert.severity, alertname: alert.detector },
    annotations: { ...annotations, summary: alert.finding.reason },
    startsAt: iso(alert.startsAtMs),
    endsAt: over ? iso(alert.endsAtMs ?? alert.lastSeenMs) : openEnd,
    generatorURL: '',
    fingerprint: alert.fingerprint.slice(0, 16),
  };
}

// How Alertmanager writes "not yet".
const openEnd = '0001-01-01T00:00:00Z';

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
