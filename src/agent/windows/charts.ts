import type { Alert } from '../../domain/alert.ts';
import type { Change } from '../../domain/change.ts';
import type { Execution } from '../../domain/remediation.ts';
import type { Sample, Series } from '../../domain/telemetry.ts';
import type { TelemetryWindow } from '../window.ts';
import type { IncidentView } from '../views.ts';
import type { Chart, Charts, Mark } from './views.ts';

const beforeMs = 30 * 60_000;
const afterMs = 15 * 60_000;
const mostCharts = 24;
const mostPoints = 240;
const mostMarks = 100;

/**
 * The charts of an incident. Curves come from the samples in memory; what is no longer, or not yet, in memory comes from
 * what its alerts kept of it. Marks are its changes, what was done, and when it began and ended.
 */
export function chartsOf(view: IncidentView, window: TelemetryWindow | undefined, nowMs: number): Charts {
  const { incident } = view;
  const fromMs = incident.openedAtMs - beforeMs;
  const untilMs = Math.min(nowMs, (incident.resolvedAtMs ?? nowMs) + afterMs);
  const live = window?.read({ fromMs, untilMs, services: new Set(incident.services) }) ?? [];
  const alerting = newestByChart(view.alerts);
  const charts = [
    ...[...alerting.values()].map((alert) => alertChart(alert, live, fromMs, untilMs)).filter(isSome),
    ...live.filter(({ key }) => !alerting.has(key)).map((series) => liveChart(series, false)),
  ];
  const marks = [...incidentMarks(view), ...view.changes.map(changeMark), ...view.executions.map(actionMark)]
    .filter(({ atMs }) => atMs >= fromMs && atMs <= untilMs)
    .sort((a, b) => a.atMs - b.atMs);
  return { fromMs, untilMs, charts: charts.slice(0, mostCharts), marks: marks.slice(-mostMarks) };
}

function isSome<T>(value: T | undefined): value is T {
  return value !== undefined;
}

// Several alerts may be about one series; the envelope of the newest finding that has one is shown.
function newestByChart(alerts: readonly Alert[]): ReadonlyMap<string, Alert> {
  const found = new Map<string, Alert>();
  const newestFirst = [...alerts].sort((a, b) => b.finding.atMs - a.finding.atMs);
  for (const alert of newestFirst) {
    const key = alert.finding.chart?.seriesKey ?? `${alert.service}/${alert.signal}`;
    const held = found.get(key);
    if (held === undefined || (held.finding.chart === undefined && alert.finding.chart !== undefined))
      found.set(key, alert);
  }
  return found;
}

function alertChart(
  { service, signal, labels, finding }: Alert,
  live: readonly Series[],
  fromMs: number,
  untilMs: number,
): Chart | undefined {
  const { chart } = finding;
  const series = live.find((one) =>
    chart === undefined ? one.service === service && one.signal === signal : one.key === chart.seriesKey,
  );
  const within = (tMs: number): boolean => tMs >= fromMs && tMs <= untilMs;
  const expected = (chart?.expected ?? []).filter(({ tMs }) => within(tMs));
  if (series !== undefined) return { ...liveChart(series, true), expected: every(expected) };
  if (chart === undefined) return undefined;
  const samples = thin(chart.seen.filter(({ tMs }) => within(tMs)));
  return {
    service,
    signal,
    unit: '',
    labels,
    seriesKey: chart.seriesKey,
    samples,
    expected: every(expected),
    alerting: true,
  };
}

function liveChart({ service, signal, unit, labels, key, samples }: Series, alerting: boolean): Chart {
  return { service, signal, unit, labels, seriesKey: key, samples: thin(samples), expected: [], alerting };
}

function incidentMarks({ incident: { id, title, openedAtMs, resolvedAtMs } }: IncidentView): readonly Mark[] {
  const opened: Mark = { atMs: openedAtMs, kind: 'incident', text: `opened: ${title}`, id };
  return resolvedAtMs === undefined
    ? [opened]
    : [opened, { atMs: resolvedAtMs, kind: 'incident', text: 'resolved', id }];
}

function changeMark({ id, kind, service, what, from, to, atMs }: Change): Mark {
  const moved = to === undefined ? what : `${from === undefined ? '' : `${from} → `}${to}`;
  return { atMs, kind: 'change', text: `${kind} of ${service}: ${moved}`, id };
}

function actionMark({ id, plan, status, startedAtMs, endedAtMs }: Execution): Mark {
  const text = `${plan.runbook.name} on ${plan.service}: ${status}`;
  return { atMs: startedAtMs, ...(endedAtMs !== undefined && { untilMs: endedAtMs }), kind: 'action', text, id };
}

function every<T>(points: readonly T[]): readonly T[] {
  const step = Math.ceil(points.length / mostPoints);
  return step <= 1 ? points : points.filter((_, index) => index % step === 0 || index === points.length - 1);
}

// Of each stretch the lowest and the highest, so that neither a spike nor a hole is lost.
function thin(samples: readonly Sample[]): readonly Sample[] {
  if (samples.length <= mostPoints) return samples;
  const width = samples.length / (mostPoints / 2);
  return Array.from({ length: mostPoints / 2 }, (_, index) => {
    const part = samples.slice(Math.floor(index * width), Math.floor((index + 1) * width));
    const low = part.reduce((least, sample) => (sample.v < least.v ? sample : least));
    const high = part.reduce((most, sample) => (sample.v > most.v ? sample : most));
    return low === high ? [low] : [low, high].sort((a, b) => a.tMs - b.tMs);
  }).flat();
}
