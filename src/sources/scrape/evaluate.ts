import type { GapReason, Labels } from '../../domain/telemetry.ts';
import type { ExposedSeries } from './exposition.ts';
import { histogramQuantile, type Bucket } from './quantile.ts';
import { baseName, isCounter, ratePerSecond, type TargetReadings } from './reading.ts';
import type { ScrapeQuery, Selection } from './schema.ts';
import { compileSelection, type SeriesTest } from './select.ts';

/** A binding's query, ready to be asked again and again. */
export interface CompiledQuery {
  readonly query: ScrapeQuery;
  /** Names of samples it needs to see. */
  readonly names: readonly string[];
  readonly test: SeriesTest;
  readonly perTest: SeriesTest | undefined;
}

/** What a query gave. */
export interface Answer {
  readonly values: readonly { readonly labels: Labels; readonly value: number }[];
  /** Why there is no value, or fewer than there should be. */
  readonly lack?: { readonly reason: GapReason; readonly message: string };
}

/** Prepares a binding's query for many evaluations. Its label expressions are compiled once, with RE2. */
export function compileQuery(query: ScrapeQuery): CompiledQuery {
  const names = new Set<string>();
  for (const { metric } of query.per === undefined ? [query] : [query, query.per]) {
    names.add(metric);
    names.add(`${baseName(metric)}_created`);
  }
  if (query.quantile !== undefined) names.add(bucketName(query.metric));
  return {
    query,
    names: [...names],
    test: compileSelection(query),
    perTest: query.per === undefined ? undefined : compileSelection(query.per),
  };
}

/** Answers a query from the targets' readings: one value for each combination of the `by` labels. */
export function evaluate(compiled: CompiledQuery, targets: readonly TargetReadings[]): Answer {
  const { query } = compiled;
  if (query.quantile !== undefined) return quantiles(compiled, query.quantile, targets);
  const top = gather(query, compiled.test, query, targets);
  if (query.per === undefined || compiled.perTest === undefined) {
    if (top.matched === 0) return nothing(`no series of ${query.metric} matches`);
    return withLack(
      top,
      [...top.groups.values()].flatMap(({ labels, values }) => {
        const value = aggregate(query.aggregate ?? 'sum', values);
        return value === undefined ? [] : [{ labels, value }];
      }),
    );
  }
  return ratio(compiled, query.per, compiled.perTest, top, targets);
}

interface Group {
  readonly labels: Labels;
  readonly values: number[];
}

interface Gathered {
  readonly groups: ReadonlyMap<string, Group>;
  /** Series that the selection matches, with or without a value yet. */
  readonly matched: number;
  /** Of those, the ones that have no rate yet. */
  readonly waiting: number;
  /** Of those, the ones whose value is NaN or infinite. */
  readonly unusable: number;
  /** Whether any target knows the metric at all. */
  readonly known: boolean;
}

function gather(
  selection: Selection,
  test: SeriesTest,
  query: ScrapeQuery,
  targets: readonly TargetReadings[],
): Gathered {
  const groups = new Map<string, Group>();
  let matched = 0;
  let waiting = 0;
  let unusable = 0;
  let known = false;
  for (const target of targets) {
    const asRate = query.rate === true || isCounter(target.now, selection.metric);
    for (const series of target.now.byName.get(selection.metric) ?? []) {
      known = true;
      if (!test(series)) continue;
      matched++;
      const value = asRate ? ratePerSecond(target, series) : target.now.points.get(series)?.v;
      if (value === undefined) waiting++;
      else if (!Number.isFinite(value)) unusable++;
      else groupOf(groups, query.by ?? [], series, target.labels).values.push(value);
    }
  }
  return { groups, matched, waiting, unusable, known };
}

function ratio(
  { query }: CompiledQuery,
  per: Selection,
  perTest: SeriesTest,
  top: Gathered,
  targets: readonly TargetReadings[],
): Answer {
  const bottom = gather(per, perTest, query, targets);
  if (bottom.matched === 0) return nothing(`no series of ${per.metric} matches`);
  // A client library shows a labelled series only once it has counted: no error yet is zero errors, as long as the
  // denominator is there. A metric that no target knows is another matter.
  const mayBeZero = top.known || query.metric === per.metric;
  if (top.matched === 0 && !mayBeZero) return nothing(`no series of ${query.metric} matches`);
  const values: { labels: Labels; value: number }[] = [];
  let idle = 0;
  for (const [key, group] of bottom.groups) {
    const below = sum(group.values);
    const above = sum(top.groups.get(key)?.values ?? []);
    if (below > 0) values.push({ labels: group.labels, value: above / below });
    else idle++;
  }
  if (values.length === 0 && idle > 0)
    return nothing(`${per.metric} did not move between two scrapes: 0/0 says nothing`);
  return withLack(bottom, values);
}

function quantiles({ query, test }: CompiledQuery, q: number, targets: readonly TargetReadings[]): Answer {
  const name = bucketName(query.metric);
  const groups = new Map<string, { readonly labels: Labels; readonly buckets: Bucket[] }>();
  let matched = 0;
  let waiting = 0;
  for (const target of targets) {
    for (const series of target.now.byName.get(name) ?? []) {
      if (!test(series)) continue;
      matched++;
      const count = ratePerSecond(target, series);
      if (count === undefined) {
        waiting++;
        continue;
      }
      const { key, labels } = identity(query.by ?? [], series, target.labels);
      let group = groups.get(key);
      if (group === undefined) groups.set(key, (group = { labels, buckets: [] }));
      group.buckets.push({ le: Number((series.labels['le'] ?? '').replace(/^\+?Inf$/, 'Infinity')), count });
    }
  }
  if (matched === 0) return nothing(`no buckets of ${name} match`);
  const values = [...groups.values()].flatMap(({ labels, buckets }) => {
    const value = histogramQuantile(q, buckets);
    return value === undefined ? [] : [{ labels, value }];
  });
  if (values.length === 0 && groups.size > 0) return nothing(`${query.metric} observed nothing between two scrapes`);
  return withLack({ waiting, matched, unusable: 0 }, values);
}

function withLack(
  { waiting, matched, unusable }: Pick<Gathered, 'waiting' | 'matched' | 'unusable'>,
  values: Answer['values'],
): Answer {
  if (unusable > 0)
    return { values, lack: { reason: 'partial', message: `${unusable} of ${matched} values are NaN or infinite` } };
  if (values.length > 0) return { values };
  return waiting > 0 ? nothing('a rate needs two scrapes, and there has been one') : nothing('there is no value');
}

function nothing(message: string): Answer {
  return { values: [], lack: { reason: 'missing', message } };
}

function identity(
  by: readonly string[],
  series: ExposedSeries,
  target: Labels,
): { readonly key: string; readonly labels: Labels } {
  if (by.length === 0) return { key: '', labels: {} };
  const pairs = by.map((label) => [label, target[label] ?? series.labels[label] ?? ''] as const);
  const labels = Object.fromEntries(pairs.filter(([, value]) => value !== ''));
  return { key: JSON.stringify(pairs.map(([, value]) => value)), labels };
}

function groupOf(groups: Map<string, Group>, by: readonly string[], series: ExposedSeries, target: Labels): Group {
  const { key, labels } = identity(by, series, target);
  let group = groups.get(key);
  if (group === undefined) groups.set(key, (group = { labels, values: [] }));
  return group;
}

function aggregate(how: 'sum' | 'avg' | 'min' | 'max', values: readonly number[]): number | undefined {
  if (values.length === 0) return undefined;
  if (how === 'sum') return sum(values);
  if (how === 'avg') return sum(values) / values.length;
  const better = how === 'min' ? Math.min : Math.max;
  return values.reduce((best, value) => better(best, value));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function bucketName(metric: string): string {
  return metric.endsWith('_bucket') ? metric : `${metric}_bucket`;
}
