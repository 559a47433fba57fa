import type { Alert, Incident } from '../domain/alert.ts';
import type { Change, ChangeVerdict } from '../domain/change.ts';
import type { LedgerDraft } from '../domain/ledger.ts';
import type { Put } from '../domain/ports/store.ts';
import type { Json } from '../lib/json.ts';

/** Rows and ledger drafts of the observing half of the watch, made in one place so that both halves agree on keys. */
const actor = 'watchkeeper';

/** Anything made of plain data, as the store takes it. */
export function asJson(value: unknown): Json {
  return value as Json;
}

/** Writes an alert, or forgets it. */
export function putAlert(fingerprint: string, alert: Alert | undefined): Put {
  return { space: 'alert', key: fingerprint, value: alert === undefined ? undefined : asJson(alert) };
}

/** Writes an incident. Retention removes it long after it is resolved. */
export function putIncident(incident: Incident): Put {
  return { space: 'incident', key: incident.id, value: asJson(incident) };
}

/** Writes a change, or forgets it. */
export function putChange(id: string, change: Change | undefined): Put {
  return { space: 'change', key: id, value: change === undefined ? undefined : asJson(change) };
}

/** A change was seen. Versions and actors are text from outside, so they go into the payload. */
export function changeDraft(change: Change, atMs: number): LedgerDraft {
  return {
    type: 'change-observed',
    actor,
    atMs,
    subject: { service: change.service },
    body: { id: change.id, kind: change.kind, at: change.atMs, source: change.source },
    payload: asJson(change),
  };
}

/** A detector concluded something about a change. */
export function verdictDraft(verdict: ChangeVerdict): LedgerDraft {
  return {
    type: 'change-judged',
    actor,
    atMs: verdict.atMs,
    subject: { service: verdict.service },
    body: { change: verdict.changeId, detector: verdict.detector, signal: verdict.signal, verdict: verdict.verdict },
    payload: { because: verdict.because },
  };
}

/** An alert began to fire, or resolved. */
export function alertDraft(alert: Alert, to: 'firing' | 'resolved', because: string, atMs: number): LedgerDraft {
  return {
    type: to === 'firing' ? 'alert-firing' : 'alert-resolved',
    actor,
    atMs,
    subject: { service: alert.service },
    body: {
      fingerprint: alert.fingerprint,
      detector: alert.detector,
      kind: alert.kind,
      signal: alert.signal,
      severity: alert.severity,
      mode: alert.mode,
    },
    payload: { because, labels: alert.labels, numbers: alert.finding.numbers },
  };
}

/** An incident opened, changed or was resolved. */
export function incidentDraft(
  incident: Incident,
  type: 'incident-opened' | 'incident-updated' | 'incident-resolved',
  texts: readonly string[],
  atMs: number,
): LedgerDraft {
  return {
    type,
    actor,
    atMs,
    subject: { incident: incident.id, service: incident.service },
    body: {
      severity: incident.severity,
      status: incident.status,
      mode: incident.mode,
      alerts: incident.alerts.length,
      storm: incident.storm,
    },
    payload: { title: incident.title, texts: shortened(texts) },
  };
}

// A storm has a text for every alert; each alert has an entry of its own, so here the first ones and the count will do.
const mostTexts = 50;

function shortened(texts: readonly string[]): string[] {
  if (texts.length <= mostTexts) return [...texts];
  return [...texts.slice(0, mostTexts), `and ${texts.length - mostTexts} more`];
}
