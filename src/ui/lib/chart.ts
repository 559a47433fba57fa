import type { Alert, Incident } from '../../domain/alert.ts';
import type { Change } from '../../domain/change.ts';
import type { Execution } from '../../domain/remediation.ts';
import type { IncidentWhole, Signal } from '../wire.ts';

/** Something that happened, as a line across a chart. */
export interface Mark {
  readonly atMs: number;
  readonly kind: 'change' | 'action';
  readonly text: string;
}

/** A chart, ready to be drawn: columns of one length over `xs` (epoch seconds); `null` where nothing was measured. */
export interface ChartData {
  readonly key: string;
  readonly title: string;
  readonly unit: string;
  readonly xs: readonly number[];
  readonly seen: readonly (number | null)[];
  readonly low: readonly (number | null)[];
  readonly high: readonly (number | null)[];
  readonly hasBand: boolean;
  readonly marks: readonly Mark[];
}

const mostCharts = 6;
const mostMarks = 12;

/**
 * The charts of an incident: one a series that an alert is about, then the other signals of its service. What a detector
 * saw and expected is laid under what was measured since. Of one that is over, what came long after is left out.
 */
export function incidentCharts(
  whole: Pick<IncidentWhole, 'incident' | 'series' | 'alerts' | 'changes' | 'executions'>,
): readonly ChartData[] {
  const { alerts, changes, executions } = whole;
  const untilMs = lastOf(whole.incident);
  const series = whole.series.map((one) => ({ ...one, recent: one.recent.filter(({ tMs }) => tMs <= untilMs) }));
  const marks = marksOf(changes, executions);
  const about = (one: Signal): Alert | undefined =>
    alerts.find(({ finding }) => finding.chart?.seriesKey === one.seriesKey) ??
    alerts.find((alert) => alert.signal === one.signal && sameLabels(alert.labels, one.labels));
  const ranked = series
    .map((one) => ({ one, alert: about(one) }))
    .sort((a, b) => Number(b.alert !== undefined) - Number(a.alert !== undefined));
  return ranked
    .map(({ one, alert }) => chartOf(one, alert, marks))
    .filter(({ xs }) => xs.length > 1)
    .slice(0, mostCharts);
}

function lastOf({ openedAtMs, resolvedAtMs }: Incident): number {
  return resolvedAtMs === undefined ? Infinity : resolvedAtMs + Math.max(60_000, (resolvedAtMs - openedAtMs) / 4);
}

/** One signal with what was expected of it. */
export function chartOf(signal: Signal, alert: Alert | undefined, marks: readonly Mark[]): ChartData {
  const chart = alert?.finding.chart?.seriesKey === signal.seriesKey ? alert.finding.chart : undefined;
  const seen = new Map<number, number>();
  for (const { tMs, v } of [...(chart?.seen ?? []), ...signal.recent]) if (Number.isFinite(v)) seen.set(tMs, v);
  const band = new Map(chart?.expected.map(({ tMs, low, high }) => [tMs, { low, high }]));
  const times = [...new Set([...seen.keys(), ...band.keys()])].sort((a, b) => a - b);
  const [first = 0, last = 0] = [times[0], times.at(-1)];
  return {
    key: signal.seriesKey,
    title: titleOf(signal),
    unit: signal.unit,
    xs: times.map((tMs) => tMs / 1_000),
    seen: times.map((tMs) => seen.get(tMs) ?? null),
    low: times.map((tMs) => band.get(tMs)?.low ?? null),
    high: times.map((tMs) => band.get(tMs)?.high ?? null),
    hasBand: band.size > 0,
    marks: marks.filter(({ atMs }) => atMs >= first && atMs <= last).slice(-mostMarks),
  };
}

/** What was changed and what we did, in order. */
export function marksOf(changes: readonly Change[], executions: readonly Execution[]): readonly Mark[] {
  const deploys = changes.map((change): Mark => ({
    atMs: change.atMs,
    kind: 'change',
    text: `${change.kind} ${change.to ?? change.what}`,
  }));
  const acts = executions.flatMap(({ plan, steps }) =>
    steps.flatMap(({ intentAtMs }): readonly Mark[] =>
      intentAtMs === undefined ? [] : [{ atMs: intentAtMs, kind: 'action', text: `action ${plan.runbook.name}` }],
    ),
  );
  return [...deploys, ...acts].sort((a, b) => a.atMs - b.atMs);
}

/** A line of text for whoever cannot see the chart: from, to, lowest, highest. */
export function chartWords(data: ChartData, write: (value: number) => string): string {
  const values = data.seen.filter((value) => value !== null);
  const [first, last] = [values[0], values.at(-1)];
  if (first === undefined || last === undefined) return `${data.title}: nothing was measured`;
  const [low, high] = [values.reduce((a, b) => Math.min(a, b)), values.reduce((a, b) => Math.max(a, b))];
  const marks = data.marks.length === 0 ? '' : `; marked: ${data.marks.map(({ text }) => text).join(', ')}`;
  return `${data.title}: from ${write(first)} to ${write(last)}, between ${write(low)} and ${write(high)}${marks}`;
}

/** The points of a sparkline in a box of this size, gaps in time left as they are long. Empty below two samples. */
export function sparkPoints(recent: Signal['recent'], width: number, height: number): string {
  const samples = recent.filter(({ v }) => Number.isFinite(v));
  const [first, last] = [samples[0], samples.at(-1)];
  if (first === undefined || last === undefined || last.tMs <= first.tMs) return '';
  const values = samples.map(({ v }) => v);
  const low = values.reduce((a, b) => Math.min(a, b));
  const span = values.reduce((a, b) => Math.max(a, b)) - low;
  return samples
    .map(({ tMs, v }) => {
      const x = ((tMs - first.tMs) / (last.tMs - first.tMs)) * width;
      const y = span === 0 ? height / 2 : height - 2 - ((v - low) / span) * (height - 4);
      return `${x.toFixed(1)},${y.toFixed(1)}`;
    })
    .join(' ');
}

function titleOf({ signal, labels }: Signal): string {
  const rest = Object.entries(labels).map(([name, value]) => `${name}=${value}`);
  return rest.length === 0 ? signal : `${signal} (${rest.join(', ')})`;
}

function sameLabels(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name]);
}
