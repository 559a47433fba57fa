import type { Alert } from '../../domain/alert.ts';
import type { Change } from '../../domain/change.ts';
import type { Sample } from '../../domain/telemetry.ts';
import type { IncidentView } from '../../agent/index.ts';
import { renderDecision, renderMatches, renderPlan } from './decision.ts';
import { renderDiagnosis } from './diagnosis.ts';
import { renderApproval, renderExecution } from './execution.ts';
import { clean } from './safe.ts';
import { sparkline, sparkWords, type Mark } from './sparkline.ts';
import { paint, type Style } from './style.ts';
import { clockTime, graveness, heading, measured, relative, when, wrap } from './words.ts';

const mostTimeline = 40;
const mostAlerts = 8;

/** Why the watch did, or did not: the whole story of one incident, its end first. */
export function renderExplain(view: IncidentView, ledgerSeqs: readonly number[], style: Style): string {
  const { incident, file } = view;
  return [
    ...head(view, style),
    ...findings(view, style),
    ...(file?.diagnosis ? renderDiagnosis(file.diagnosis, style) : []),
    ...section(style, 'Runbooks', file && file.matches.length > 0 ? [renderMatches(file.matches, style)] : []),
    ...section(
      style,
      'Plan',
      (file?.plans.slice(-1) ?? []).flatMap((plan) => renderPlan(plan, style)),
    ),
    ...section(
      style,
      'Decision',
      (file?.decisions.slice(-1) ?? []).flatMap((one) => renderDecision(one, style)),
    ),
    ...section(
      style,
      'Consent',
      view.approvals.flatMap((one) => renderApproval(one, style)),
    ),
    ...section(
      style,
      'What was done',
      view.executions.flatMap((one) => renderExecution(one, style)),
    ),
    ...section(
      style,
      'What you can do',
      (file?.suggestions ?? []).map((one) => wrap(style, clean(one), '    ', '  - ')),
    ),
    ...timeline(view, style),
    ...ledger(
      incident.timeline.flatMap((line) => line.ledgerSeq ?? []),
      ledgerSeqs,
    ),
    '',
    paint(style, `incident ${clean(incident.id, 80)}`, 'dim'),
  ].join('\n');
}

function section(style: Style, title: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : ['', heading(style, title), ...lines];
}

function head({ incident, file }: IncidentView, style: Style): readonly string[] {
  const ended = incident.resolvedAtMs === undefined ? '' : `, resolved ${when(style, incident.resolvedAtMs)}`;
  const others = incident.services.filter((name) => name !== incident.service);
  const marks = [
    ...(incident.mode === 'shadow' ? ['shadow: recorded, and nobody is paged'] : []),
    ...(incident.storm ? ['part of a storm'] : []),
    ...(incident.recurrenceOf === undefined ? [] : [`it came back: before it was ${clean(incident.recurrenceOf, 40)}`]),
    ...(incident.mergedInto === undefined ? [] : [`goes on as ${clean(incident.mergedInto, 40)}`]),
  ];
  return [
    wrap(style, `${graveness(style, incident.severity)} ${paint(style, clean(incident.title, 400), 'bold')}`, '  ', ''),
    `${incident.status} since ${when(style, incident.openedAtMs)}${ended}`,
    ...(others.length === 0
      ? []
      : [wrap(style, `also: ${others.map((name) => clean(name, 80)).join(', ')}`, '  ', '')]),
    ...marks,
    ...(file === undefined
      ? []
      : [wrap(style, `${paint(style, 'now:', 'cyan')} ${clean(file.standing, 600)}`, '  ', '')]),
    ...(file?.snooze === undefined || incident.status === 'resolved'
      ? []
      : [`put off by ${clean(file.snooze.by, 100)} until ${when(style, file.snooze.untilMs)}`]),
  ];
}

function findings(view: IncidentView, style: Style): readonly string[] {
  if (view.alerts.length === 0) return [];
  return [
    '',
    heading(style, 'What was found'),
    ...view.alerts.slice(0, mostAlerts).flatMap((alert) => finding(alert, view, style)),
    ...(view.alerts.length > mostAlerts ? [`  ... and ${view.alerts.length - mostAlerts} more alerts`] : []),
  ];
}

function finding(alert: Alert, view: IncidentView, style: Style): readonly string[] {
  const unknown =
    alert.unknownSinceMs === undefined ? '' : `; nothing certain since ${clockTime(style, alert.unknownSinceMs)}`;
  return [
    wrap(style, clean(alert.finding.reason, 600), '    ', '  '),
    `    ${paint(style, `${alert.status}, ${clean(alert.detector, 60)}, since ${when(style, alert.finding.sinceMs)}${unknown}`, 'dim')}`,
    ...chart(alert, view, style),
  ];
}

// The finding's own chart, else the series it is about as it is now.
function chart(alert: Alert, view: IncidentView, style: Style): readonly string[] {
  const shown = alert.finding.chart;
  const series =
    view.series.find((one) => one.seriesKey === shown?.seriesKey) ??
    view.series.find((one) => one.signal === alert.signal && sameLabels(one.labels, alert.labels));
  const samples = ordered([...(shown?.seen ?? []), ...(series?.recent ?? [])]);
  const [first] = samples;
  const last = samples.at(-1);
  if (!first || !last || samples.length < 2) return [];
  const options = {
    samples,
    marks: marksOf(view.changes, alert.service),
    width: Math.max(20, Math.min(style.width - 30, 80)),
    fromMs: first.tMs,
    untilMs: last.tMs,
  };
  const unit = series?.unit ?? '1';
  if (!style.rich)
    return [wrap(style, `${clean(alert.signal, 60)}: ${sparkWords(style, inside(options), unit)}`, '      ', '    ')];
  const most = Math.max(...samples.map((sample) => sample.v));
  const [line = '', marks] = sparkline(style, options);
  return [
    `    ${paint(style, line, alert.status === 'resolved' ? 'green' : 'red')}  ${clean(alert.signal, 30)} ${measured(last.v, unit)} (highest ${measured(most, unit)})`,
    ...(marks === undefined ? [] : [`    ${marks}`]),
    `    ${paint(style, `${clockTime(style, first.tMs)} to ${clockTime(style, last.tMs)}`, 'dim')}`,
  ];
}

function inside<T extends { readonly marks: readonly Mark[]; readonly fromMs: number; readonly untilMs: number }>(
  options: T,
): T {
  return { ...options, marks: options.marks.filter(({ atMs }) => atMs >= options.fromMs && atMs <= options.untilMs) };
}

function ordered(samples: readonly Sample[]): readonly Sample[] {
  const byTime = new Map(samples.map((sample) => [sample.tMs, sample]));
  return [...byTime.values()].sort((a, b) => a.tMs - b.tMs);
}

function sameLabels(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  return Object.entries(b).every(([name, value]) => a[name] === undefined || a[name] === value);
}

function marksOf(changes: readonly Change[], service: string): readonly Mark[] {
  return changes
    .filter((change) => change.service === service)
    .map((change) => ({ atMs: change.atMs, label: change.to ?? `${change.kind} ${change.what}` }));
}

function timeline({ incident }: IncidentView, style: Style): readonly string[] {
  const { timeline: all } = incident;
  if (all.length === 0) return [];
  const shown = all.slice(-mostTimeline);
  return [
    '',
    heading(style, 'Timeline'),
    ...(all.length > shown.length ? [`  ... ${all.length - shown.length} earlier lines (--output json has all)`] : []),
    ...shown.map((line) => {
      const seq = line.ledgerSeq === undefined ? '' : paint(style, `  [${line.ledgerSeq}]`, 'dim');
      const time = clockTime(style, line.atMs);
      return wrap(
        style,
        `${clean(line.text, 600)}${seq}`,
        ' '.repeat(time.length + 4),
        `  ${paint(style, time, 'dim')}  `,
      );
    }),
    `  ${paint(style, `(now ${clockTime(style, style.nowMs)}, opened ${relative(style, incident.openedAtMs)})`, 'dim')}`,
  ];
}

function ledger(told: readonly number[], found: readonly number[]): readonly string[] {
  const all = [...new Set([...told, ...found])].sort((a, b) => a - b);
  if (all.length === 0) return [];
  return ['', `In the ledger: ${ranges(all)}. One of them, provable: watchkeeper ledger proof ${all.at(-1) ?? 0}`];
}

/** Sorted numbers, runs joined: `3, 5-9, 12`. */
export function ranges(numbers: readonly number[]): string {
  const runs: [number, number][] = [];
  for (const each of numbers) {
    const last = runs.at(-1);
    if (last && each === last[1] + 1) last[1] = each;
    else runs.push([each, each]);
  }
  return runs.map(([from, to]) => (from === to ? String(from) : `${from}-${to}`)).join(', ');
}
