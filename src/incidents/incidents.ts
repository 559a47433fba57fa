import type { Alert, DetectorMode, Incident, TimelineEntry } from '../domain/alert.ts';
import { compareText } from '../lib/order.ts';
import { severityRank } from './fingerprint.ts';
import { groupsOf, rootOf } from './grouping.ts';
import type { Group } from './grouping.ts';
import { mergedAway, opened, say, shown, sorted, told } from './opening.ts';
import type { IncidentEvent, IncidentStep, Work } from './opening.ts';
import { incidentSettings } from './settings.ts';
import { isStorm } from './storm.ts';
import { titleOf, withLines } from './story.ts';

/**
 * Folds firing alerts into incidents. One fingerprint is in at most one open incident; active and shadow alerts never
 * share one. Incidents that turn out to be connected are merged into the oldest, and both timelines say so. A resolved
 * incident is never opened again: a new one names it in `recurrenceOf`. Resolved ones stay in the list for
 * `recurrenceMs`, the newest `maxRemembered` of them. Pure; the result is sorted by opening time, then id, and does not depend on the order of the inputs.
 */
export function stepIncidents(
  state: readonly Incident[],
  step: IncidentStep,
): { readonly incidents: readonly Incident[]; readonly events: readonly IncidentEvent[] } {
  const settings = { ...incidentSettings, ...step.settings };
  const open = state.filter((incident) => incident.status !== 'resolved');
  const closed = state.filter((incident) => incident.status === 'resolved');
  const events: IncidentEvent[] = [];
  const next: Incident[] = [];
  const work: Work = {
    step,
    settings,
    closed,
    events,
    alerts: new Map(step.alerts.map((alert) => [alert.fingerprint, alert])),
  };
  for (const mode of ['active', 'shadow'] as const) next.push(...stepMode(open, mode, work));
  const remembered = closed
    .filter((incident) => step.asOfMs - (incident.resolvedAtMs ?? 0) < settings.recurrenceMs)
    .slice(-settings.maxRemembered);
  const incidents = [...remembered, ...next].sort((a, b) => a.openedAtMs - b.openedAtMs || compareText(a.id, b.id));
  return { incidents, events };
}

function stepMode(open: readonly Incident[], mode: DetectorMode, work: Work): readonly Incident[] {
  const ours = open.filter((incident) => incident.mode === mode);
  const held = new Set(ours.flatMap((incident) => incident.alerts));
  const firing = work.step.alerts.filter((alert) => alert.status === 'firing' && alert.mode === mode);
  const fresh = firing.filter((alert) => !held.has(alert.fingerprint));
  const storm = mode === 'active' && isStorm(firing, ours, work.step.graph, work.step.asOfMs, work.settings);
  const apart = groupsOf(ours, fresh, work.step.graph, work.settings.hops, storm);
  // Too many to tell apart is a storm by itself.
  const tooMany = apart.length > work.settings.maxOpen;
  const groups = tooMany ? groupsOf(ours, fresh, work.step.graph, work.settings.hops, true) : apart;
  return groups.flatMap((group) => stepGroup(group, mode, storm || tooMany, work));
}

function stepGroup(group: Group, mode: DetectorMode, storm: boolean, work: Work): readonly Incident[] {
  const [oldest, ...others] = group.incidents;
  const base = oldest ?? opened(group.alerts, mode, work);
  const merged = others.map((other) => mergedAway(other, base, work));
  const lines: TimelineEntry[] = others.map((other) =>
    say(work, base, 'merged', `Turned out to include ${other.id}: ${other.title}`),
  );
  const joining = oldest === undefined ? group.alerts.slice(1) : group.alerts;
  for (const alert of joining)
    lines.push(say(work, base, 'joined', `${alert.service} joined: ${shown(alert.finding.reason)}`));
  lines.push(...told(base, others, work));
  const alerts = sorted([
    ...group.incidents.flatMap((incident) => incident.alerts),
    ...group.alerts.map((alert) => alert.fingerprint),
  ]);
  const services = sorted([
    ...group.incidents.flatMap((incident) => incident.services),
    ...group.alerts.map((alert) => alert.service),
  ]);
  const alight = alerts
    .flatMap((fingerprint) => work.alerts.get(fingerprint) ?? [])
    .filter((alert) => alert.status === 'firing')
    .sort(
      (a, b) =>
        severityRank[b.severity] - severityRank[a.severity] ||
        a.startsAtMs - b.startsAtMs ||
        compareText(a.fingerprint, b.fingerprint),
    );
  const root = (alight.length > 0 ? rootOf(alight, work.step.graph) : undefined) ?? base.service;
  const severity =
    [base, ...others, ...alight].map((one) => one.severity).sort((a, b) => severityRank[b] - severityRank[a])[0] ??
    base.severity;
  if (root !== base.service)
    lines.push(say(work, base, 'moved', `Traced to ${root}, on which ${base.service} depends or which failed first`));
  if (severityRank[severity] > severityRank[base.severity]) lines.push(say(work, base, 'graver', `Now ${severity}`));
  if (storm && !base.storm)
    lines.push(say(work, base, 'storm', 'So many services are unwell at once that this is handled as one storm'));
  const draft = { ...base, service: root, services, alerts, severity, storm: storm || base.storm };
  const grown = joining.length > 0 || others.length > 0 || root !== base.service || draft.storm !== base.storm;
  const title = grown || oldest === undefined ? titleOf(draft, alight, work.step.graph.services.length) : base.title;
  return [...merged, settled({ ...draft, title }, base, alight, lines, work)];
}

function settled(
  draft: Incident,
  base: Incident,
  alight: readonly Alert[],
  lines: readonly TimelineEntry[],
  work: Work,
): Incident {
  const { asOfMs, elapsedMs } = work.step;
  const all = [...lines];
  let { quietForMs, status } = draft;
  const wasQuiet = base.quietForMs > 0;
  if (alight.length > 0) {
    if (wasQuiet) all.push(say(work, base, 'returned', 'An alert fires again'));
    quietForMs = 0;
  } else if (!wasQuiet) {
    all.push(say(work, base, 'quiet', 'No alert is firing any more'));
    quietForMs = 1; // above zero is what tells quiet from alight
  } else quietForMs += elapsedMs;
  const over = alight.length === 0 && quietForMs >= work.settings.graceMs;
  if (over) {
    all.push(say(work, base, 'resolved', 'Resolved: all its alerts are'));
    status = 'resolved';
  }
  return {
    ...draft,
    ...(over && { resolvedAtMs: asOfMs }),
    status,
    quietForMs,
    updatedAtMs: all.length > 0 ? asOfMs : draft.updatedAtMs,
    timeline: withLines(draft.timeline, all, work.settings.maxTimeline),
  };
}
