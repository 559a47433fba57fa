import { canonicalJson } from '../../../lib/canonical.ts';
import { formatDuration } from '../../../lib/duration.ts';
import type { CollectRequest, SignalQuery } from '../../../domain/ports/source.ts';
import { seriesKey, type Gap, type Sample, type Series } from '../../../domain/telemetry.ts';
import type { ReadFault } from '../http-reader.ts';
import { limits } from '../../../lib/limits.ts';
import type { Spend } from './spend.ts';
import { batchesOf } from './batches.ts';

/** What the metrics service said of one signal. Samples bear the end of their period, oldest first. */
export interface SignalAnswer {
  readonly samples: readonly Sample[];
  readonly fault?: ReadFault;
}

/** Several signals of one place, for one stretch. */
export interface Batch<Q, W> {
  readonly where: W;
  readonly queries: readonly Q[];
  readonly fromMs: number;
  readonly untilMs: number;
}

/** Where a signal is, and how it is asked for; `undefined` when it is none of the metrics service. */
export type Located<Q, W> = { readonly query: Q; readonly where: W } | { readonly unreadable: string } | undefined;

/** A metrics service: how it is asked. `Q` is a query of it, with its period in milliseconds; `W` is where it is asked. */
export interface MetricsService<Q extends { readonly period: number }, W> {
  /** As people call it: `CloudWatch`. */
  readonly name: string;
  /** What to check where it has nothing: `namespace, name, dimensions and region`. */
  readonly check: string;
  locate(signal: SignalQuery): Located<Q, W>;
  /** What can be asked for in one call has one name. */
  group(query: Q, where: W): string;
  /** How much of a call one query takes, of `perCall`. */
  weigh(query: Q): number;
  readonly perCall: number;
  /** What a batch costs, in dollars. */
  cost(batch: Batch<Q, W>): number;
  /** One answer for each query, in order; never throws. */
  ask(batch: Batch<Q, W>, signal: AbortSignal): Promise<readonly SignalAnswer[]>;
}

/** How often, in milliseconds: looks, the sweep of everything, and how old a datapoint is that changes no more. */
export interface SweepTimes {
  readonly interval: number;
  readonly sweep: number;
  readonly settle: number;
}

/** What one look at the metrics needs to know beside the request. */
export interface SweepLook<Q extends { readonly period: number }, W> {
  readonly nowMs: number;
  /** Services that a change touches. */
  readonly close: ReadonlySet<string>;
  readonly service: MetricsService<Q, W>;
}

/** Reads signals, each when it is due: seldom and wide, and at every look what a change touches. */
export interface Sweep<Q extends { readonly period: number }, W> {
  read(request: CollectRequest, look: SweepLook<Q, W>, signal: AbortSignal): Promise<Measured>;
}

/** Series, and a gap for each signal that is not known. */
export interface Measured {
  readonly series: readonly Series[];
  readonly gaps: readonly Gap[];
}

/** Where one signal stands. */
interface Standing {
  /** The end of the newest period that was handed out. */
  cursorMs: number;
  askedMs: number;
  firstMs: number;
  /** What it lacked when it was last asked; it stands until it is asked again. */
  fault?: ReadFault | undefined;
}

interface Wanted<Q, W> {
  readonly signal: SignalQuery;
  readonly query: Q;
  readonly where: W;
  readonly standing: Standing;
  readonly fromMs: number;
  readonly close: boolean;
}

// After an outage this much of what was missed is read at most; the rest is history, asked for as such.
const longestCatchUpMs = 3_600_000;

/** Makes it for the source `id`. Nothing is asked yet. */
export function createSweep<Q extends { readonly period: number }, W>(
  id: string,
  times: SweepTimes,
  spend: Spend,
): Sweep<Q, W> {
  const standings = new Map<string, Standing>();
  return {
    read: async (request, look, signal) => {
      const live = request.mode === 'live';
      const { wanted, gaps } = planned(id, times, standings, request, look);
      const untilMs = live ? look.nowMs : Math.min(request.untilMs, look.nowMs);
      const batches = batchesOf(wanted, look.service);
      const read = await Promise.all(batches.map((batch) => readBatch(batch, untilMs, spend, look, signal)));
      const series: Series[] = [];
      for (const { of, answer } of read.flat()) {
        const taken = take(of, answer, live, untilMs - times.settle);
        const fault = faultFor(of, answer, taken, { live, settle: times.settle, ...look });
        if (live) settle(of.standing, taken, fault, look.nowMs);
        if (taken.length > 0) series.push(seriesOf(id, of.signal, taken));
        if (fault !== undefined)
          gaps.push({ source: id, ...named(of.signal), ...fault, fromMs: Math.min(of.fromMs, untilMs), untilMs });
      }
      return { series, gaps };
    },
  };
}

// What is due, and what still lacks what it lacked when it was last asked.
function planned<Q extends { readonly period: number }, W>(
  id: string,
  times: SweepTimes,
  standings: Map<string, Standing>,
  request: CollectRequest,
  look: SweepLook<Q, W>,
): { readonly wanted: readonly Wanted<Q, W>[]; readonly gaps: Gap[] } {
  const live = request.mode === 'live';
  const gaps: Gap[] = [];
  const wanted: Wanted<Q, W>[] = [];
  const known = new Set<string>();
  for (const one of request.signals) {
    const located = look.service.locate(one);
    if (located === undefined) continue;
    const about = { source: id, fromMs: request.fromMs, untilMs: request.untilMs, ...named(one) };
    if ('unreadable' in located) {
      gaps.push({ ...about, reason: 'malformed', message: located.unreadable });
      continue;
    }
    const key = `${one.service}\n${one.signal}\n${canonicalJson(one.binding.query)}`;
    known.add(key);
    const standing = live ? standingOf(standings, key, look.nowMs) : fresh(look.nowMs);
    const close = look.close.has(one.service);
    if (live && !isDue(standing, close ? times.interval : times.sweep, times.interval, look.nowMs)) {
      if (standing.fault !== undefined) gaps.push({ ...about, ...standing.fault });
      continue;
    }
    const fromMs = startOf(request, standing, times.settle, located.query.period);
    wanted.push({ signal: one, ...located, standing, close, fromMs });
  }
  if (live) for (const key of standings.keys()) if (!known.has(key)) standings.delete(key);
  return { wanted, gaps };
}

function named({ service, signal, binding: { labels } }: SignalQuery): Pick<Gap, 'service' | 'signal' | 'labels'> {
  return { service, signal, ...(labels === undefined ? {} : { labels }) };
}

function fresh(nowMs: number): Standing {
  return { cursorMs: -Infinity, askedMs: -Infinity, firstMs: nowMs };
}

function standingOf(standings: Map<string, Standing>, key: string, nowMs: number): Standing {
  const known = standings.get(key);
  if (known !== undefined) return known;
  const made = fresh(nowMs);
  standings.set(key, made);
  return made;
}

// A little early counts: looks come with jitter.
function isDue({ askedMs }: Standing, everyMs: number, intervalMs: number, nowMs: number): boolean {
  return nowMs - askedMs >= everyMs - intervalMs / 4;
}

function startOf(request: CollectRequest, { cursorMs }: Standing, settleMs: number, period: number): number {
  if (request.mode === 'history') {
    const longest = limits.samplesPerSeries * period;
    return floored(Math.max(request.fromMs, request.untilMs - longest), period);
  }
  // The first look takes in what a new signal needs to be judged at all; later ones go on where they stand.
  const since = Number.isFinite(cursorMs) ? cursorMs : request.fromMs - settleMs - 2 * period;
  return floored(Math.max(since, request.untilMs - longestCatchUpMs), period);
}

function floored(ms: number, step: number): number {
  return Math.floor(ms / step) * step;
}

async function readBatch<Q extends { readonly period: number }, W>(
  wanted: readonly Wanted<Q, W>[],
  untilMs: number,
  spend: Spend,
  { service, nowMs }: SweepLook<Q, W>,
  signal: AbortSignal,
): Promise<readonly { readonly of: Wanted<Q, W>; readonly answer: SignalAnswer }[]> {
  const [first] = wanted;
  if (first === undefined) return [];
  const batch: Batch<Q, W> = {
    where: first.where,
    queries: wanted.map(({ query }) => query),
    fromMs: Math.min(...wanted.map(({ fromMs }) => fromMs)),
    untilMs,
  };
  if (!spend.allows(service.cost(batch), first.close, nowMs)) {
    const message = `the day's money for ${service.name} is spent ($${spend.today(nowMs).toFixed(2)}); it is asked again tomorrow (UTC), or when dollarsPerDay is raised`;
    return wanted.map((of) => ({ of, answer: { samples: [], fault: { reason: 'rate-limited', message } } }));
  }
  const answers = await service.ask(batch, signal);
  return wanted.map((of, index) => ({ of, answer: answers[index] ?? { samples: [] } }));
}

// What is younger than settled may still grow: a sum of half a minute reads like a drop.
function take<Q, W>(of: Wanted<Q, W>, { samples }: SignalAnswer, live: boolean, settledMs: number): readonly Sample[] {
  const after = live ? of.standing.cursorMs : -Infinity;
  return samples
    .filter(({ tMs }) => tMs > after && tMs <= settledMs && tMs > of.fromMs)
    .slice(-limits.samplesPerSeries);
}

function faultFor<Q extends { readonly period: number }, W>(
  of: Wanted<Q, W>,
  answer: SignalAnswer,
  taken: readonly Sample[],
  { live, settle: settleMs, nowMs, service }: SweepLook<Q, W> & { readonly live: boolean; readonly settle: number },
): ReadFault | undefined {
  if (answer.fault !== undefined) return answer.fault;
  if (taken.length > 0) return undefined;
  if (!live) return { reason: 'missing', message: `${service.name} has no datapoint of it in this stretch` };
  const { cursorMs, firstMs } = of.standing;
  // A datapoint is due when its period is over and settled; three more periods it is waited for.
  const patienceMs = settleMs + 4 * of.query.period;
  if (Number.isFinite(cursorMs)) {
    if (nowMs - cursorMs <= patienceMs) return undefined;
    const old = formatDuration(floored(nowMs - cursorMs, 1_000));
    return { reason: 'late', message: `${service.name}'s newest datapoint is ${old} old` };
  }
  return nowMs - firstMs > patienceMs || answer.samples.length === 0
    ? { reason: 'missing', message: `${service.name} has no datapoint of it: check ${service.check}` }
    : undefined;
}

function settle(standing: Standing, taken: readonly Sample[], fault: ReadFault | undefined, nowMs: number): void {
  standing.askedMs = nowMs;
  standing.fault = fault;
  standing.cursorMs = Math.max(standing.cursorMs, taken.at(-1)?.tMs ?? -Infinity);
}

function seriesOf(source: string, { service, signal, binding }: SignalQuery, samples: readonly Sample[]): Series {
  const { unit, nature, labels = {} } = binding;
  return { key: seriesKey(service, signal, labels), source, service, signal, labels, unit, nature, samples };
}
