import type { Labels } from '../../domain/telemetry.ts';
import type { Exposition } from './exposition.ts';
import type { MetricType } from './metadata.ts';
import type { ExposedSeries } from './table.ts';

/**
 * What one target exposed at one moment, in columns by the id of the series. The columns are used again two scrapes
 * later (`spare`), so that scraping makes no garbage.
 */
export interface Reading {
  readonly atMs: number;
  /** Whether a series is in this reading: `seen[id] === mark`. */
  readonly seen: Uint32Array;
  readonly mark: number;
  readonly values: Float64Array;
  /** The exposition's own timestamp, or that of the scrape. */
  readonly timesMs: Float64Array;
  readonly names: ReadonlySet<string>;
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

/** Indexes an exposition. `spare` is a reading nobody looks at any more: its columns are taken over. */
export function makeReading(exposition: Exposition, atMs: number, spare?: Reading): Reading {
  const { series, values: given, timestampsMs } = exposition;
  let most = -1;
  for (const { id } of series) if (id > most) most = id;
  const roomy = spare !== undefined && spare.values.length > most;
  const capacity = Math.max(64, most + 1 + (most >> 3));
  const values = roomy ? spare.values : new Float64Array(capacity);
  const timesMs = roomy ? spare.timesMs : new Float64Array(capacity);
  const seen = roomy ? spare.seen : new Uint32Array(capacity);
  const mark = roomy ? spare.mark + 1 : 1;
  const created = new Map<string, number>();
  const names = new Set<string>();
  let name = '';
  let creation = false;
  for (let index = 0; index < series.length; index++) {
    const one = series[index];
    if (one === undefined) continue;
    if (one.name !== name) {
      names.add((name = one.name));
      creation = name.endsWith('_created');
    }
    const v = given[index] ?? NaN;
    const stampMs = timestampsMs[index] ?? NaN;
    values[one.id] = v;
    timesMs[one.id] = Number.isNaN(stampMs) ? atMs : stampMs;
    seen[one.id] = mark;
    if (creation) created.set(createdKey(one), v * 1_000);
  }
  const types = new Map<string, MetricType>();
  for (const [family, { type }] of exposition.families) if (type !== undefined) types.set(family, type);
  return { atMs, seen, mark, values, timesMs, names, types, created };
}

/** Whether a reading has a series. */
export function has(reading: Reading, id: number): boolean {
  return reading.seen[id] === reading.mark;
}

/** Growth per second of a counter between the two readings; NaN when there is nothing to compare with. */
export function ratePerSecond(target: TargetReadings, series: ExposedSeries): number {
  const { now, before } = target;
  const { id } = series;
  const value = now.values[id] ?? NaN;
  if (before === undefined || !has(now, id) || !Number.isFinite(value)) return NaN;
  const known = has(before, id);
  const createdMs = now.created.size === 0 ? undefined : now.created.get(createdKey(series));
  const atMs = now.timesMs[id] ?? NaN;
  const fromMs = known ? (before.timesMs[id] ?? NaN) : before.atMs;
  const spanMs = atMs - fromMs;
  if (!(spanMs > 0)) return NaN;
  // Born since the last reading (a restart, or a first error): everything it has counted happened in between.
  if (createdMs !== undefined && createdMs > fromMs && createdMs <= atMs) return (value / spanMs) * 1_000;
  const earlier = known ? (before.values[id] ?? NaN) : NaN;
  if (!Number.isFinite(earlier)) return NaN;
  // A counter that fell has started again from zero, as in PromQL's rate().
  return ((value >= earlier ? value - earlier : value) / spanMs) * 1_000;
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
