import type { Alert, Finding, Incident } from '../domain/alert.ts';
import type { Change, ChangeVerdict } from '../domain/change.ts';
import type { LedgerDraft } from '../domain/ledger.ts';
import type { Put } from '../domain/ports/store.ts';
import type { Service } from '../domain/service.ts';
import type { Gap } from '../domain/telemetry.ts';
import type { Catalog } from '../catalog/index.ts';
import {
  fingerprintOf,
  stepAlerts,
  stepIncidents,
  type AlertSettings,
  type IncidentEvent,
  type IncidentSettings,
} from '../incidents/index.ts';
import type { DetectorBank } from './bank.ts';
import type { ChangeLog } from './changes.ts';
import type { Intake } from './inbox.ts';
import { alertDraft, changeDraft, incidentDraft, putAlert, putChange, putIncident, verdictDraft } from './records.ts';
import { verdictKey, type WatchState } from './watch-state.ts';
import type { TelemetryWindow } from './window.ts';

/** What a turn works with beside the state: all of it already in memory, so that a turn waits for nothing. */
export interface ObserveContext {
  readonly asOfMs: number;
  /** Time that really passed since the last turn. */
  readonly elapsedMs: number;
  readonly window: TelemetryWindow;
  readonly changes: ChangeLog;
  readonly bank: DetectorBank;
  readonly catalog: Catalog;
  readonly services: ReadonlyMap<string, Service>;
  /** The names of the sources that are being read. */
  readonly sources: Pick<ReadonlySet<string>, 'has'>;
  /** Everything that could not be read lately, whichever source it was. */
  readonly gaps: readonly Gap[];
  readonly newId: () => string;
  readonly alertSettings?: Partial<AlertSettings>;
  readonly incidentSettings?: Partial<IncidentSettings>;
}

/** The next state, and what must be written for it to be true. */
export interface Observed {
  readonly state: WatchState;
  readonly findings: readonly Finding[];
  readonly newSamples: number;
  readonly events: readonly IncidentEvent[];
  readonly drafts: readonly LedgerDraft[];
  readonly puts: readonly Put[];
}

/**
 * The observing half of the flow, in order: samples → findings → alerts → incidents. Nothing here acts or waits; the
 * caller writes `puts` and `drafts` in one transaction and only then takes `state` for true.
 */
export function observe(state: WatchState, intake: Intake, context: ObserveContext): Observed {
  const { asOfMs, elapsedMs } = context;
  const fresh = context.window.add(intake.series);
  const newChanges = context.changes.add(intake.changes);
  const findings = context.bank.step(
    { asOfMs, series: fresh, logs: intake.logs, changes: newChanges, external: intake.findings, gaps: context.gaps },
    {
      services: context.services,
      changesOf: (service) => context.changes.of(service),
      dependenciesOf: (service) => context.catalog.dependenciesOf(service),
      dependentsOf: (service) => context.catalog.dependentsOf(service),
      isRead: (source) => context.sources.has(source),
      isWatched: watcher(state.alerts),
      describe: (key) => context.window.describe(key),
    },
  );
  const alerts = stepAlerts(state.alerts, {
    findings,
    definitions: context.bank.definitions(),
    asOfMs,
    elapsedMs,
    ...(context.alertSettings ? { settings: context.alertSettings } : {}),
  });
  const incidents = stepIncidents(state.incidents, {
    alerts: alerts.alerts,
    transitions: alerts.transitions,
    graph: context.catalog,
    changes: context.changes.all(),
    asOfMs,
    elapsedMs,
    newId: context.newId,
    ...(context.incidentSettings ? { settings: context.incidentSettings } : {}),
  });
  const verdicts = judge(state.verdicts, findings);
  const dropped = context.changes.prune(asOfMs);
  return {
    state: {
      alerts: alerts.alerts,
      incidents: incidents.incidents,
      verdicts: remember(state.verdicts, verdicts, context.changes),
    },
    findings,
    newSamples: fresh.reduce((sum, series) => sum + series.samples.length, 0),
    events: incidents.events,
    drafts: [
      ...newChanges.map((change) => changeDraft(change, asOfMs)),
      ...verdicts.map(verdictDraft),
      ...alertDrafts(alerts.alerts, alerts.transitions, asOfMs),
      ...incidentDrafts(incidents.incidents, incidents.events, asOfMs),
    ],
    puts: [
      ...newChanges.map((change) => putChange(change.id, change)),
      ...dropped.map((change) => putChange(change.id, undefined)),
      ...alertPuts(state.alerts, alerts.alerts, alerts.transitions),
      ...incidentPuts(state.incidents, incidents.incidents),
    ],
  };
}

function watcher(
  alerts: readonly Alert[],
): (detector: string, finding: Pick<Finding, 'service' | 'signal' | 'labels'>) => boolean {
  const live = new Set<string>();
  const near = new Set<string>();
  for (const alert of alerts) {
    if (alert.status === 'resolved') continue;
    live.add(alert.fingerprint);
    near.add(placeOf(alert.detector, alert));
  }
  // A fingerprint is a digest: it is only made for what lies where some alert is.
  return (detector, finding) =>
    near.size > 0 && near.has(placeOf(detector, finding)) && live.has(fingerprintOf({ detector, ...finding }));
}

function placeOf(detector: string, { service, signal }: Pick<Finding, 'service' | 'signal'>): string {
  return `${detector}\n${service}\n${signal}`;
}

// A finding that names a change and is not bad is a verdict on that change: it says why nobody was called.
function judge(known: ReadonlyMap<string, ChangeVerdict>, findings: readonly Finding[]): readonly ChangeVerdict[] {
  const next = new Map<string, ChangeVerdict>();
  for (const finding of findings) {
    if (finding.changeId === undefined) continue;
    const verdict = finding.state === 'bad' ? 'regressed' : finding.state === 'good' ? 'healthy' : 'inconclusive';
    const { changeId, service, detector, signal, reason, atMs } = { ...finding, changeId: finding.changeId };
    const key = verdictKey({ changeId, detector, signal });
    if ((next.get(key) ?? known.get(key))?.verdict !== verdict)
      next.set(key, { changeId, service, detector, signal, verdict, because: reason, atMs });
  }
  return [...next.values()];
}

// Verdicts on changes that are no longer kept have nothing left to say.
function remember(
  known: ReadonlyMap<string, ChangeVerdict>,
  fresh: readonly ChangeVerdict[],
  changes: ChangeLog,
): ReadonlyMap<string, ChangeVerdict> {
  if (fresh.length === 0) return known;
  const kept = [...known].filter(([, verdict]) => changes.byId(verdict.changeId) !== undefined);
  return new Map([...kept, ...fresh.map((one) => [verdictKey(one), one] as const)]);
}

function alertDrafts(
  alerts: readonly Alert[],
  transitions: readonly { readonly fingerprint: string; readonly to: string; readonly because: string }[],
  atMs: number,
): readonly LedgerDraft[] {
  const byName = new Map(alerts.map((alert) => [alert.fingerprint, alert]));
  return transitions.flatMap((transition) => {
    const alert = byName.get(transition.fingerprint);
    if (!alert || (transition.to !== 'firing' && transition.to !== 'resolved')) return [];
    return [alertDraft(alert, transition.to, transition.because, atMs)];
  });
}

function alertPuts(
  before: readonly Alert[],
  after: readonly Alert[],
  transitions: readonly { readonly fingerprint: string }[],
): readonly Put[] {
  const moved = new Set(transitions.map((transition) => transition.fingerprint));
  const kept = new Set(after.map((alert) => alert.fingerprint));
  const gone = before
    .filter((alert) => !kept.has(alert.fingerprint))
    .map((alert) => putAlert(alert.fingerprint, undefined));
  return [
    ...after.filter((alert) => moved.has(alert.fingerprint)).map((alert) => putAlert(alert.fingerprint, alert)),
    ...gone,
  ];
}

function incidentPuts(before: readonly Incident[], after: readonly Incident[]): readonly Put[] {
  const old = new Map(before.map((incident) => [incident.id, incident]));
  const told = (incident: Incident): boolean => {
    const was = old.get(incident.id);
    return (
      was === undefined ||
      was.status !== incident.status ||
      was.timeline.length !== incident.timeline.length ||
      was.updatedAtMs !== incident.updatedAtMs
    );
  };
  return after.filter(told).map(putIncident);
}

function incidentDrafts(
  incidents: readonly Incident[],
  events: readonly IncidentEvent[],
  atMs: number,
): readonly LedgerDraft[] {
  return incidents.flatMap((incident) => {
    const own = events.filter((event) => event.incidentId === incident.id && event.kind !== 'change');
    if (own.length === 0) return [];
    const kinds = new Set(own.map((event) => event.kind));
    const type = kinds.has('opened')
      ? 'incident-opened'
      : incident.status === 'resolved'
        ? 'incident-resolved'
        : 'incident-updated';
    return [
      incidentDraft(
        incident,
        type,
        own.map((event) => event.text),
        atMs,
      ),
    ];
  });
}

/** Changes worth showing for a set of services: the newest few. */
export function recentChanges(changes: ChangeLog, services: readonly string[], most: number): readonly Change[] {
  return services
    .flatMap((service) => [...changes.of(service)])
    .sort((a, b) => a.atMs - b.atMs)
    .slice(-most);
}
