import * as z from 'zod';

import { formatDuration } from '../lib/duration.ts';
import { schemaOf } from '../lib/schema.ts';
import type { DetectorKind } from '../domain/ports/detector.ts';
import { foldPerSeries } from './bank.ts';
import type { FoldInput, SeriesFold, Verdict } from './fold.ts';
import { amount, durationMs, where } from './params.ts';
import { trendOf, type Trend } from './trend.ts';
import { changePhrase, formatValue, subject } from './words.ts';

const params = z.strictObject({
  limit: amount.describe('the value that must not be reached: 100%, 0'),
  direction: z.enum(['up', 'down']).default('up').describe('whether the limit lies above or below'),
  within: durationMs.prefault('4h').describe('how far ahead'),
  from: amount.exactOptional().describe('only once the value is beyond this'),
  where,
});

type Params = z.infer<typeof params>;

interface State {
  /** tMs, v, tMs, v ...: thinned to one point per `everyMs`, so that the ring spans as long as it must. */
  points: number[];
  everyMs: number;
  v: number;
  /** How far past falls had risen before they fell: a saw-tooth comes down again from there by itself. */
  peak: number;
  drops: number;
  /** The highest since the last fall. */
  top: number;
  bad: boolean;
}

const pointsKept = 64;
/** How far beyond its own length a trend is believed. */
const reach = 10;

/**
 * The value will reach a limit within a time. The trend is Theil-Sen's over a thinned ring of 64 points, taken at its
 * cautious end; it works at seconds (a disk that fills in minutes) and over hours alike, because points are thinned only
 * when the ring is full. A sudden jump starts the trend anew; a saw-tooth is not forecast beyond its own teeth.
 */
export const forecast: DetectorKind<Params> = {
  kind: 'forecast',
  summary: 'A value will reach a limit within a time',
  params: schemaOf(params),
  stateBytesPerSeries: 5_500,
  warmupMs: (settings) => settings.within / 2,
  create: (rule, settings, saved) =>
    foldPerSeries(rule, forecastFold(settings), saved, { where: settings.where, lessOfMany: true }),
};

function forecastFold(settings: Params): SeriesFold<State> {
  return {
    init: () => ({ points: [], everyMs: 0, v: 0, peak: 0, drops: 0, top: 0, bad: false }),
    add(state, sample) {
      state.v = sample.v;
      const sign = settings.direction === 'up' ? 1 : -1;
      noteTurns(state, sign * sample.v, sign * settings.limit, sign);
      keepPoint(state, sample.tMs, sample.v, settings.within);
    },
    judge(state, input) {
      const verdict = outlook(state, settings, input);
      state.bad = verdict.state === 'bad';
      return [verdict];
    },
  };
}

// A fall of a tenth of the way to the limit ends a tooth; a jump up of as much in one step is no trend either.
function noteTurns(state: State, value: number, limit: number, sign: number): void {
  if (state.points.length === 0) {
    state.top = value;
    return;
  }
  const last = sign * (state.points.at(-1) ?? value);
  const room = Math.max(Math.abs(limit - Math.min(value, last)), 1e-9);
  const fell = state.top - value > 0.1 * Math.max(room, Math.abs(limit) * 0.05);
  const jumped = value - last > 0.25 * room && steadyBefore(state, sign, value - last);
  if (fell) {
    state.peak = state.drops === 0 ? state.top : Math.max(state.top, state.peak);
    state.drops = Math.min(1_000, state.drops + 1);
  }
  if (fell || jumped) {
    state.points = [];
    state.everyMs = 0;
    state.top = value;
  }
  state.top = Math.max(state.top, value);
}

// Whether the rises so far were small beside this one: a steady fast filling is a trend, one leap is not.
function steadyBefore(state: State, sign: number, leap: number): boolean {
  const values = state.points.filter((_, index) => index % 2 === 1).map((v) => sign * v);
  const rises = values.slice(1).map((v, index) => v - (values[index] ?? v));
  const largest = rises.length === 0 ? 0 : Math.max(...rises);
  return leap > 4 * Math.max(0, largest);
}

function keepPoint(state: State, tMs: number, v: number, withinMs: number): void {
  // Points of a time that has not come are of a clock that was wrong: none would be taken until it comes.
  while ((state.points.at(-2) ?? 0) > tMs) state.points.length -= 2;
  const lastMs = state.points.at(-2);
  if (lastMs !== undefined && tMs - lastMs < state.everyMs) return;
  state.points.push(tMs, v);
  if (state.points.length <= 2 * pointsKept) return;
  const spanMs = tMs - (state.points[0] ?? tMs);
  if (spanMs >= withinMs) {
    state.points.splice(0, 2);
    return;
  }
  // Full, and still shorter than what it should span: every second point goes.
  state.points = state.points.filter((_, index) => Math.floor(index / 2) % 2 === 0);
  state.everyMs = (spanMs / pointsKept) * 2;
}

// The whole ring, its newer half, its newest quarter: a filling that has just begun shows in the newest first.
function bestTrend(state: State, settings: Params, room: number, sign: number): Trend | undefined {
  let best: Trend | undefined;
  for (const part of [1, 2, 4]) {
    const count = state.points.length / 2;
    const points = state.points.slice(2 * (count - Math.max(8, Math.ceil(count / part))));
    const trend = part === 1 ? trendOf(state.points, sign) : trendOf(points, sign);
    if (trend === undefined || !trustworthy(state, trend, room, settings, sign)) continue;
    if (best === undefined || trend.slow > best.slow) best = trend;
  }
  return best;
}

function outlook(state: State, settings: Params, input: FoldInput<State>): Verdict {
  const what = `${subject(input.meta)} is ${formatValue(state.v, input.meta.unit)}`;
  const limit = formatValue(settings.limit, input.meta.unit);
  const sign = settings.direction === 'up' ? 1 : -1;
  const room = sign * (settings.limit - state.v);
  const numbers: Record<string, number> = { value: state.v, limit: settings.limit, points: state.points.length / 2 };
  if (room <= 0)
    return {
      state: 'bad',
      reason: `${what} and has reached ${limit}`,
      numbers,
      confidence: 0.95,
      ...shown(input, settings),
    };
  if (trendOf(state.points, sign) === undefined)
    return { state: 'unknown', reason: `${what}: too few samples for a trend`, numbers, confidence: 0 };
  const trend = bestTrend(state, settings, room, sign);
  // Once bad, it must look clearly better before it is good again.
  const horizonMs = settings.within * (state.bad ? 1.5 : 1);
  if (trend === undefined || room / trend.slow > horizonMs)
    return {
      state: 'good',
      reason: `${what} and is not on its way to ${limit} within ${formatDuration(settings.within)}`,
      numbers,
      confidence: 0.5,
    };
  const etaMs = room / trend.slow;
  const likelyMs = room / trend.middle;
  const rate = `${formatValue(trend.middle * 60_000, input.meta.unit)} a minute over ${formatDuration(trend.spanMs)}`;
  return {
    state: 'bad',
    reason: `${what} and will reach ${limit} in about ${formatDuration(likelyMs)} (at the latest in ${formatDuration(etaMs)}) at ${rate}${changePhrase(input.changes, input.lastMs - trend.spanMs)}`,
    numbers: {
      ...numbers,
      likely_s: likelyMs / 1_000,
      eta_s: etaMs / 1_000,
      per_hour: trend.middle * sign * 3_600_000,
    },
    confidence: Math.min(0.95, 0.6 + 0.35 * (1 - etaMs / horizonMs)),
    ...shown(input, settings),
  };
}

// Beyond noise, still going on, not extrapolated absurdly far, and not the next tooth of a saw.
function trustworthy(state: State, trend: Trend, room: number, settings: Params, sign: number): boolean {
  if (trend.slow <= 0) return false;
  const etaMs = room / trend.slow;
  if (settings.from !== undefined && sign * (state.v - settings.from) < 0) return false;
  const risen = trend.middle * trend.spanMs;
  if (risen < 3 * trend.noise || risen < 0.01 * room) return false;
  if (trend.recent < 0.3 * trend.middle || etaMs > reach * trend.spanMs) return false;
  const margin = 0.05 * Math.abs(settings.limit - sign * state.peak);
  return state.drops < 2 || sign * state.v > state.peak + margin;
}

function shown(input: FoldInput<State>, settings: Params): Pick<Verdict, 'chart'> {
  const edges =
    settings.direction === 'up'
      ? { low: 0, high: settings.limit }
      : { low: settings.limit, high: Math.max(...input.recent.map((one) => one.v), settings.limit) };
  return { chart: { seen: input.recent, expected: input.recent.map(({ tMs }) => ({ tMs, ...edges })) } };
}
