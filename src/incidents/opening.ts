import type { Alert, DetectorMode, Incident, TimelineEntry } from '../domain/alert.ts';
import type { Change } from '../domain/change.ts';
import { formatDuration } from '../lib/duration.ts';
import { limits } from '../lib/limits.ts';
import { oneLine } from '../lib/text.ts';
import { compareText } from '../lib/order.ts';
import type { Graph } from './grouping.ts';
import type { AlertTransition } from './life.ts';
import type { IncidentSettings } from './settings.ts';
import { titleOf } from './story.ts';

/** Everything one step of the incidents looks at. */
export interface IncidentStep {
  readonly alerts: readonly Alert[];
  readonly transitions: readonly AlertTransition[];
  readonly graph: Graph;
  /** Recent changes; those of the incident's services shortly before it are put on the timeline. */
  readonly changes: readonly Change[];
  readonly asOfMs: number;
  /** Time that really passed since the last step: the grace is counted in it. */
  readonly elapsedMs: number;
  /** Names a new incident. Called in a fixed order, so that a seed gives the same names again. */
  readonly newId: () => string;
  readonly settings?: Partial<IncidentSettings>;
}

/** Something that happened to an incident in this step; the same sentence stands on its timeline. */
export interface IncidentEvent {
  readonly incidentId: string;
  readonly kind: IncidentEventKind;
  readonly atMs: number;
  readonly text: string;
}

/** `told` carries news of one of its alerts: resolved, unknown, flapping, heard again. */
export type IncidentEventKind =
  'opened' | 'joined' | 'merged' | 'graver' | 'moved' | 'storm' | 'quiet' | 'returned' | 'resolved' | 'change' | 'told';

/** What one step works with. */
export interface Work {
  readonly step: IncidentStep;
  readonly settings: IncidentSettings;
  readonly closed: readonly Incident[];
  readonly events: IncidentEvent[];
  readonly alerts: ReadonlyMap<string, Alert>;
}

/** Records an event and gives the line for the timeline. */
export function say(work: Work, about: Pick<Incident, 'id'>, kind: IncidentEventKind, text: string): TimelineEntry {
  work.events.push({ incidentId: about.id, kind, atMs: work.step.asOfMs, text });
  return { atMs: work.step.asOfMs, kind, text };
}

/** A new incident for a group of alerts, the earliest first; it names the one it may be a recurrence of. */
export function opened(alerts: readonly Alert[], mode: DetectorMode, work: Work): Incident {
  const [first] = alerts;
  const { asOfMs } = work.step;
  const service = first?.service ?? '';
  const services = sorted(alerts.map((alert) => alert.service));
  const earlier = work.closed
    .filter((past) => past.mode === mode && past.mergedInto === undefined)
    .filter((past) => asOfMs - (past.resolvedAtMs ?? 0) < work.settings.recurrenceMs)
    .filter((past) => past.services.some((name) => services.includes(name)))
    .sort((a, b) => (b.resolvedAtMs ?? 0) - (a.resolvedAtMs ?? 0) || compareText(a.id, b.id))[0];
  const incident: Incident = {
    id: work.step.newId(),
    status: 'open',
    severity: first?.severity ?? 'info',
    title: titleOf({ service, services, storm: false }, alerts, work.step.graph.services.length),
    service,
    services,
    alerts: sorted(alerts.map((alert) => alert.fingerprint)),
    openedAtMs: asOfMs,
    updatedAtMs: asOfMs,
    storm: false,
    mode,
    quietForMs: 0,
    ...(earlier && { recurrenceOf: earlier.id }),
    timeline: [],
  };
  const shortlyBefore = Math.min(first?.startsAtMs ?? asOfMs, asOfMs) - 3_600_000;
  const changes = work.step.changes
    .filter((change) => services.includes(change.service) && change.atMs >= shortlyBefore && change.atMs <= asOfMs)
    .sort((a, b) => a.atMs - b.atMs || compareText(a.id, b.id))
    .slice(-20)
    .map((change) => ({ atMs: change.atMs, kind: 'change', text: sentenceOf(change) }));
  const because = `${service}: ${shown(first?.finding.reason ?? '')}`;
  const back =
    earlier &&
    `It is back: ${earlier.id} of the same services was resolved ${formatDuration(Math.max(0, asOfMs - (earlier.resolvedAtMs ?? asOfMs)))} ago`;
  const lines = [
    say(work, incident, 'opened', because),
    ...(back === undefined ? [] : [say(work, incident, 'told', back)]),
  ];
  return { ...incident, timeline: [...changes, ...lines] };
}

/** The incident that is folded into another: closed, with a pointer, and never a silent loss of its story. */
export function mergedAway(other: Incident, into: Incident, work: Work): Incident {
  const line = say(work, other, 'merged', `Part of ${into.id}, which goes on in its place: ${into.title}`);
  const { asOfMs } = work.step;
  return {
    ...other,
    status: 'resolved',
    mergedInto: into.id,
    resolvedAtMs: asOfMs,
    updatedAtMs: asOfMs,
    timeline: [...other.timeline, line],
  };
}

/** News of the alerts that these incidents already held. */
export function told(base: Incident, others: readonly Incident[], work: Work): readonly TimelineEntry[] {
  const held = new Set([base, ...others].flatMap((incident) => incident.alerts));
  return work.step.transitions
    .filter((news) => held.has(news.fingerprint) && !['pending', 'firing', 'dropped'].includes(news.to))
    .toSorted((a, b) => compareText(a.fingerprint, b.fingerprint) || compareText(a.to, b.to))
    .map((news) => say(work, base, 'told', `${news.service} ${news.to}: ${shown(news.because)}`));
}

/** Sorted by code units, each once. */
export function sorted(names: readonly string[]): readonly string[] {
  return [...new Set(names)].sort(compareText);
}

function sentenceOf(change: Change): string {
  const versions =
    change.to === undefined ? '' : ` ${change.from === undefined ? '' : `${change.from} -> `}${change.to}`;
  return shown(
    `${change.kind} of ${change.service}${versions}${change.actor === undefined ? '' : ` by ${change.actor}`}`,
  );
}

/** Untrusted text as a timeline shows it. */
export function shown(text: string): string {
  return oneLine(text, limits.incidentTitleChars);
}
