import type { DetectorBatch } from '../../domain/ports/detector.ts';
import type { Labels, Sample, Series, SeriesMeta } from '../../domain/telemetry.ts';
import { isAhead } from '../ahead.ts';
import { atOrBefore, behind, besideMs, countSeries } from '../companions.ts';
import type { Family } from './directory.ts';
import { column, rowsPerChunk } from './layout.ts';
import type { State } from './state.ts';

/** What a traffic series told, oldest first: this step's samples and the last before. */
interface Told {
  readonly labels: Labels;
  samples: readonly Sample[];
}

/** The traffic behind one series: samples in order, and of how many such series it is the traffic. */
export interface Behind {
  readonly samples: readonly Sample[];
  readonly parts: number;
}

/** The last traffic of the services that have a ratio: it need not come in the same step. */
export interface TrafficBook {
  /** Begins a step. */
  hear(batch: DetectorBatch): void;
  /** The traffic behind a series of this step; none where there is none, or not clear. */
  behind(series: SeriesMeta, family: Family | undefined): Behind | undefined;
  /** Lets go of the step's batch: kept until the next one, every sample of a whole sweep would be in memory twice. */
  rest(): void;
}

/** So many samples of a traffic series are remembered from one step to the next. */
const kept = 4;
/** Traffic this old says nothing of a sample, unless samples are far apart. */
const goodForMs = 15 * 60_000;
const goodForIntervals = 5;
const countEveryMs = 60_000;

/** An empty book for the series of `state`. */
export function createTrafficBook(state: State): TrafficBook {
  const byService = new Map<string, Map<string, Told>>();
  let batch: DetectorBatch | undefined;
  let index: ReadonlyMap<string, readonly Series[]> | undefined;
  let arrived: ReadonlyMap<string, number> | undefined;
  let live: { readonly atMs: number; readonly counts: ReadonlyMap<Family, number> } | undefined;

  const note = (own: Map<string, Told>, series: Series, asOfMs: number): void => {
    const text = JSON.stringify(series.labels);
    const before = (own.get(text)?.samples ?? []).slice(-kept).filter(({ tMs }) => !isAhead(tMs, asOfMs));
    own.set(text, { labels: series.labels, samples: [...before, ...series.samples] });
  };
  const listOf = (service: string, from: DetectorBatch): readonly Told[] => {
    let own = byService.get(service);
    if (own === undefined) {
      own = new Map<string, Told>();
      byService.set(service, own);
      index ??= trafficIn(from.series);
      for (const series of index.get(service) ?? []) note(own, series, from.asOfMs);
    }
    return [...own.values()];
  };
  const partsOf = ({ service, signal }: SeriesMeta, family: Family | undefined, from: DetectorBatch): number => {
    const age = from.asOfMs - (live?.atMs ?? -Infinity);
    if (live === undefined || age < 0 || age >= countEveryMs)
      live = { atMs: from.asOfMs, counts: liveIn(state, from.asOfMs) };
    arrived ??= countSeries(from.series);
    const known = family === undefined ? 0 : (live.counts.get(family) ?? 0);
    return Math.max(1, known, arrived.get(`${service}\n${signal}`) ?? 0);
  };
  return {
    hear(next) {
      batch = next;
      index = arrived = undefined;
      if (byService.size === 0) return;
      for (const series of next.series) {
        const own = isTraffic(series) ? byService.get(series.service) : undefined;
        if (own !== undefined) note(own, series, next.asOfMs);
      }
      forgetOld(byService, next.asOfMs);
    },
    rest() {
      batch = index = arrived = undefined;
    },
    behind(series, family) {
      if (batch === undefined) return undefined;
      const found = behind(listOf(series.service, batch), series.labels);
      if (found === undefined) return undefined;
      return { samples: found.one.samples, parts: found.shared ? partsOf(series, family, batch) : 1 };
    },
  };
}

/** The requests a second behind a sample at `tMs`: the last known at or before it, or else the first soon after. */
export function trafficAt({ samples, parts }: Behind, tMs: number, intervalMs: number): number | undefined {
  const longestMs = Math.max(goodForMs, goodForIntervals * intervalMs);
  const before = atOrBefore(samples, tMs);
  const one = before !== undefined && tMs - before.tMs <= longestMs ? before : samples.find((next) => next.tMs > tMs);
  return one === undefined || Math.abs(one.tMs - tMs) > longestMs ? undefined : one.v / parts;
}

function isTraffic({ signal, nature }: Series): boolean {
  return signal === 'traffic' && nature === 'rate';
}

function trafficIn(series: readonly Series[]): ReadonlyMap<string, readonly Series[]> {
  return Map.groupBy(series.filter(isTraffic), ({ service }) => service);
}

// A traffic series of an instance that is gone would make it unclear whose traffic is whose.
function forgetOld(byService: ReadonlyMap<string, Map<string, Told>>, asOfMs: number): void {
  for (const own of byService.values())
    for (const [text, { samples }] of own)
      if (asOfMs - (samples.at(-1)?.tMs ?? 0) > Math.max(goodForMs, besideMs) * 4) own.delete(text);
}

// How many series of each family were heard of lately: a walk over all, now and then.
function liveIn({ rows, directory }: State, asOfMs: number): ReadonlyMap<Family, number> {
  const counts = new Map<Family, number>();
  for (let index = 0; index < rows.size; index++) {
    const chunk = rows.chunks[Math.floor(index / rowsPerChunk)];
    const lastMs = chunk?.doubles[column.lastMs * rowsPerChunk + (index % rowsPerChunk)] ?? 0;
    if (asOfMs - lastMs >= besideMs || !rows.inUse(index)) continue;
    const family = directory.family(index);
    if (family?.nature === 'ratio') counts.set(family, (counts.get(family) ?? 0) + 1);
  }
  return counts;
}
