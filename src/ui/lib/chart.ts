import { labelText } from './words.ts';
import type { Curve, Mark, ServiceNow, Signal } from '../wire.ts';

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

const mostMarks = 40;

/** One curve with what was expected of it, over one axis of time. */
export function chartOf(curve: Curve, marks: readonly Mark[]): ChartData {
  const seen = new Map(curve.samples.filter(({ v }) => Number.isFinite(v)).map(({ tMs, v }) => [tMs, v]));
  const band = new Map(curve.expected.map(({ tMs, low, high }) => [tMs, { low, high }]));
  const times = [...new Set([...seen.keys(), ...band.keys()])].sort((a, b) => a - b);
  const [first = 0, last = 0] = [times[0], times.at(-1)];
  const labels = labelText(curve.labels);
  return {
    key: curve.seriesKey,
    title: labels === '' ? curve.signal : `${curve.signal} (${labels})`,
    unit: curve.unit,
    xs: times.map((tMs) => tMs / 1_000),
    seen: times.map((tMs) => seen.get(tMs) ?? null),
    low: times.map((tMs) => band.get(tMs)?.low ?? null),
    high: times.map((tMs) => band.get(tMs)?.high ?? null),
    hasBand: band.size > 0,
    marks: marks.filter(({ atMs }) => atMs >= first && atMs <= last).slice(-mostMarks),
  };
}

/**
 * The values a chart has to show. An envelope may be wide open for a moment, right after a deploy: what was seen is to stay
 * readable, so that at most three times its height is given to what was expected.
 */
export function valuesShown({ seen, low, high }: ChartData): readonly [low: number, high: number] {
  const measured = seen.filter((value) => value !== null);
  const bounds = [...low, ...high].filter((value) => value !== null);
  const all = measured.length > 0 ? measured : bounds;
  const top = all.reduce((a, b) => Math.max(a, b), all[0] ?? 0);
  const bottom = all.reduce((a, b) => Math.min(a, b), all[0] ?? 0);
  const room = 2 * (top - bottom || Math.abs(top));
  const within = bounds.filter((value) => value <= top + room && value >= bottom - room);
  const cut = within.length < bounds.length;
  const highest = within.reduce((a, b) => Math.max(a, b), top);
  const lowest = within.reduce((a, b) => Math.min(a, b), bottom);
  return cut ? [lowest, Math.max(highest, top + room / 4)] : [lowest, highest];
}

/** Whether there is a course to draw. */
export function isDrawn({ xs }: ChartData): boolean {
  return xs.length > 1;
}

/** The signals of a service as charts, with what its newest finding expected of them, and its changes as marks. */
export function serviceCharts(service: ServiceNow): readonly ChartData[] {
  const marks = service.changes.map(({ atMs, kind, to, what }): Mark => ({
    atMs,
    kind: 'change',
    text: `${kind} ${to ?? what}`,
  }));
  return service.signals.map((signal) => chartOf(curveOf(signal, service), marks)).filter(isDrawn);
}

function curveOf({ recent, ...signal }: Signal, { name, alerts }: ServiceNow): Curve {
  const chart = alerts.map(({ finding }) => finding.chart).find((one) => one?.seriesKey === signal.seriesKey);
  const seen = new Map([...(chart?.seen ?? []), ...recent].map((sample) => [sample.tMs, sample]));
  return { ...signal, service: name, samples: [...seen.values()], expected: chart?.expected ?? [] };
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
