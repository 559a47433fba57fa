import type { GapReason } from '../../domain/telemetry.ts';
import { newGroups, type Groups, type Taking } from './members.ts';
import { histogramQuantile, type Bucket } from './quantile.ts';
import { baseName, has, isCounter, ratePerSecond, type TargetReadings } from './reading.ts';
import type { ScrapeQuery } from './schema.ts';
import { compileSelection } from './select.ts';

/** A binding's query, ready to be asked again and again. */
export interface CompiledQuery {
  readonly query: ScrapeQuery;
  /** Names of samples it needs to see. */
  readonly names: readonly string[];
  readonly groups: Groups;
  readonly top: Taking;
  readonly bottom: Taking | undefined;
}

/** Why there is no value, or fewer than there should be. */
export interface Lack {
  readonly reason: GapReason;
  readonly message: string;
}

/** Takes the value of a group, by the group's place in `groups.list`. */
export type Emit = (group: number, value: number) => void;

/** A target's readings, or nothing while it has none or is ill; at the place the target has in the configuration. */
export type Readings = readonly (TargetReadings | undefined)[];

/** Prepares a binding's query for many evaluations. Its label expressions are compiled once, with RE2. */
export function compileQuery(query: ScrapeQuery): CompiledQuery {
  const names = new Set<string>();
  for (const { metric } of query.per === undefined ? [query] : [query, query.per]) {
    names.add(metric);
    names.add(`${baseName(metric)}_created`);
  }
  const bucket = query.quantile === undefined ? undefined : bucketName(query.metric);
  if (bucket !== undefined) names.add(bucket);
  const groups = newGroups(query.by ?? []);
  const taking = (selection: ScrapeQuery): Taking => ({
    selection: compileSelection(selection),
    groups,
    targets: [],
  });
  return {
    query,
    names: [...names],
    groups,
    top: taking(bucket === undefined ? query : { ...query, metric: bucket }),
    bottom: query.per === undefined ? undefined : taking(query.per),
  };
}

/** Answers a query from the targets' readings: one value for each combination of the `by` labels. */
export function evaluate(compiled: CompiledQuery, targets: Readings, emit: Emit): Lack | undefined {
  const { query } = compiled;
  if (query.quantile !== undefined) return quantiles(compiled, query.quantile, targets, emit);
  const how = query.per === undefined ? (query.aggregate ?? 'sum') : 'sum';
  const top = gather(compiled.top, query, targets, how);
  if (query.per !== undefined && compiled.bottom !== undefined) {
    const bottom = gather(compiled.bottom, query, targets, 'sum');
    return ratio(query, query.per.metric, top, bottom, emit);
  }
  if (top.matched === 0) return missing(`no series of ${query.metric} matches`);
  let given = 0;
  for (let group = 0; group < top.counts.length; group++) {
    const count = top.counts[group] ?? 0;
    if (count === 0) continue;
    given++;
    const value = top.values[group] ?? NaN;
    emit(group, how === 'avg' ? value / count : value);
  }
  return lackOf(top, given);
}

type Aggregate = 'sum' | 'avg' | 'min' | 'max';

interface Gathered {
  /** By group: how many series gave a value, and those values together. */
  readonly counts: Uint32Array;
  readonly values: Float64Array;
  /** Series that the selection matches, with or without a value yet. */
  readonly matched: number;
  /** Of those, the ones that have no rate yet. */
  readonly waiting: number;
  /** Of those, the ones whose value is NaN or infinite. */
  readonly unusable: number;
  /** Whether any target knows the metric at all. */
  readonly known: boolean;
}

function gather(taking: Taking, query: ScrapeQuery, targets: Readings, how: Aggregate): Gathered {
  const { metric } = taking.selection;
  const counts = new Uint32Array(taking.groups.list.length);
  const values = new Float64Array(taking.groups.list.length);
  let matched = 0;
  let waiting = 0;
  let unusable = 0;
  let known = false;
  for (const [place, target] of targets.entries()) {
    if (target === undefined) continue;
    known ||= target.now.names.has(metric);
    const members = taking.targets[place];
    if (members === undefined) continue;
    const asRate = query.rate === true || isCounter(target.now, metric);
    for (let at = 0; at < members.series.length; at++) {
      const series = members.series[at];
      if (series === undefined || !has(target.now, series.id)) continue;
      matched++;
      const value = asRate ? ratePerSecond(target, series) : (target.now.values[series.id] ?? NaN);
      if (!Number.isFinite(value)) {
        if (asRate) waiting++;
        else unusable++;
        continue;
      }
      const group = members.groups[at] ?? 0;
      values[group] = (counts[group] ?? 0) === 0 ? value : joined(how, values[group] ?? 0, value);
      counts[group] = (counts[group] ?? 0) + 1;
    }
  }
  return { counts, values, matched, waiting, unusable, known };
}

function joined(how: Aggregate, before: number, value: number): number {
  if (how === 'min') return Math.min(before, value);
  return how === 'max' ? Math.max(before, value) : before + value;
}

function ratio(query: ScrapeQuery, per: string, top: Gathered, bottom: Gathered, emit: Emit): Lack | undefined {
  if (bottom.matched === 0) return missing(`no series of ${per} matches`);
  // A client library shows a labelled series only once it has counted: no error yet is zero errors, as long as the
  // denominator is there. A metric that no target knows is another matter.
  const mayBeZero = top.known || query.metric === per;
  if (top.matched === 0 && !mayBeZero) return missing(`no series of ${query.metric} matches`);
  let given = 0;
  let idle = 0;
  for (let group = 0; group < bottom.counts.length; group++) {
    if ((bottom.counts[group] ?? 0) === 0) continue;
    const below = bottom.values[group] ?? 0;
    if (below > 0) {
      given++;
      emit(group, (top.values[group] ?? 0) / below);
    } else idle++;
  }
  if (given === 0 && idle > 0) return missing(`${per} did not move between two scrapes: 0/0 says nothing`);
  return lackOf(bottom, given);
}

function quantiles({ query, top, groups }: CompiledQuery, q: number, targets: Readings, emit: Emit): Lack | undefined {
  const buckets = new Map<number, Bucket[]>();
  let matched = 0;
  let waiting = 0;
  for (const [place, target] of targets.entries()) {
    const members = target === undefined ? undefined : top.targets[place];
    if (target === undefined || members === undefined) continue;
    for (const [at, series] of members.series.entries()) {
      if (!has(target.now, series.id)) continue;
      matched++;
      const count = ratePerSecond(target, series);
      if (Number.isNaN(count)) {
        waiting++;
        continue;
      }
      const group = members.groups[at] ?? 0;
      const le = Number((series.labels['le'] ?? '').replace(/^\+?Inf$/, 'Infinity'));
      const list = buckets.get(group);
      if (list === undefined) buckets.set(group, [{ le, count }]);
      else list.push({ le, count });
    }
  }
  if (matched === 0) return missing(`no buckets of ${top.selection.metric} match`);
  let given = 0;
  for (let group = 0; group < groups.list.length; group++) {
    const value = histogramQuantile(q, buckets.get(group) ?? []);
    if (value === undefined) continue;
    given++;
    emit(group, value);
  }
  if (given === 0 && buckets.size > 0) return missing(`${query.metric} observed nothing between two scrapes`);
  return lackOf({ waiting, matched, unusable: 0 }, given);
}

function lackOf(
  { waiting, matched, unusable }: Pick<Gathered, 'waiting' | 'matched' | 'unusable'>,
  given: number,
): Lack | undefined {
  if (unusable > 0) return { reason: 'partial', message: `${unusable} of ${matched} values are NaN or infinite` };
  if (given > 0) return undefined;
  return missing(waiting > 0 ? 'a rate needs two scrapes, and there has been one' : 'there is no value');
}

function missing(message: string): Lack {
  return { reason: 'missing', message };
}

function bucketName(metric: string): string {
  return metric.endsWith('_bucket') ? metric : `${metric}_bucket`;
}
