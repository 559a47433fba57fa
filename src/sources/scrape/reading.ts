import type { Labels } from '../../domain/telemetry.ts';
import type { ExposedSeries, Exposition } from './exposition.ts';
import type { MetricType } from './metadata.ts';

/** A value with the moment it stands for: the exposition's own timestamp, or that of the scrape. */
interface Point {
  readonly v: number;
  readonly tMs: number;
}

/** What one target exposed at one moment, indexed for evaluation. */
export interface Reading {
  readonly atMs: number;
  readonly points: ReadonlyMap<ExposedSeries, Point>;
  readonly byName: ReadonlyMap<string, readonly ExposedSeries[]>;
  readonly types: ReadonlyMap<string, MetricType>;
  /** Moment of creation by `createdKey`, where the target tells. */
  readonly created: ReadonlyMap<string, number>;
}

/** A target's newest reading and the one before, between which rates are taken. */
export interface TargetReadings {
  readonly labels: Labels;
  readonly now: Reading;
  readonly before: Reading | undefined;
}

/** Indexes an exposition. */
export function makeReading(exposition: Exposition, atMs: number): Reading {
  const points = new Map<ExposedSeries, Point>();
  const byName = new Map<string, ExposedSeries[]>();
  const created = new Map<string, number>();
  for (const [index, series] of exposition.series.entries()) {
    const v = exposition.values[index] ?? NaN;
    const stampMs = exposition.timestampsMs[index] ?? NaN;
    const list = byName.get(series.name);
    if (list === undefined) byName.set(series.name, [series]);
    else list.push(series);
    points.set(series, { v, tMs: Number.isNaN(stampMs) ? atMs : stampMs });
    if (series.name.endsWith('_created')) created.set(createdKey(series), v * 1_000);
  }
  const types = new Map<string, MetricType>();
  for (const [name, family] of exposition.families) if (family.type !== undefined) types.set(name, family.type);
  return { atMs, points, byName, types, created };
}

/** Growth per second of a counter between the two readings, or `undefined` when there is nothing to compare with. */
export function ratePerSecond(target: TargetReadings, series: ExposedSeries): number | undefined {
  const { now, before } = target;
  const point = now.points.get(series);
  if (point === undefined || before === undefined || !Number.isFinite(point.v)) return undefined;
  const earlier = before.points.get(series);
  const createdMs = now.created.size === 0 ? undefined : now.created.get(createdKey(series));
  const fromMs = earlier?.tMs ?? before.atMs;
  const spanMs = point.tMs - fromMs;
  if (spanMs <= 0) return undefined;
  // Born since the last reading (a restart, or a first error): everything it has counted happened in between.
  if (createdMs !== undefined && createdMs > fromMs && createdMs <= point.tMs) return (point.v / spanMs) * 1_000;
  if (earlier === undefined || !Number.isFinite(earlier.v)) return undefined;
  // A counter that fell has started again from zero, as in PromQL's rate().
  const increase = point.v >= earlier.v ? point.v - earlier.v : point.v;
  return (increase / spanMs) * 1_000;
}

/** Whether a name is a counter by what the target says of it, or by its suffix when it says nothing. */
export function isCounter(reading: Reading, name: string): boolean {
  const own = reading.types.get(name);
  if (own !== undefined) return own === 'counter';
  const type = reading.types.get(baseName(name));
  if (type === undefined) return name.endsWith('_total');
  if (type === 'histogram' || type === 'summary') return name !== baseName(name);
  return type === 'counter' && name.endsWith('_total');
}

/** A sample's family name: without the suffixes that counters, histograms and summaries put onto it. */
export function baseName(name: string): string {
  return name.replace(/_(total|bucket|count|sum|created)$/, '');
}

const keys = new WeakMap<ExposedSeries, string>();

// `_created` belongs to the whole metric: of a histogram, to all its buckets alike.
function createdKey(series: ExposedSeries): string {
  let key = keys.get(series);
  if (key === undefined) {
    const isBucket = series.name.endsWith('_bucket');
    const pairs = Object.entries(series.labels).filter(([label]) => !(isBucket && label === 'le'));
    key = JSON.stringify([baseName(series.name), pairs.sort(([a], [b]) => (a < b ? -1 : 1))]);
    keys.set(series, key);
  }
  return key;
}
