import { median } from '../../lib/stats.ts';

/**
 * What is normal for a series, as it runs: its last values, its long-run level, and how far values some distance apart
 * stray from one another (the structure function). Distances tell white noise, which averaging removes, from slow wander,
 * which it does not; so the threshold for the mean of any stretch, any time after its baseline, follows without assuming
 * independence.
 */
export interface Normal {
  /** Values that taught it. */
  n: number;
  /** Values in a row that taught it: pairs over a stretch that did not are no measure of what is normal. */
  clean: number;
  slow: number;
  /** The last values on the even scale, oldest first; `seen` of them are real. */
  readonly ys: Float32Array;
  seen: number;
  /** Mean square of the difference between values `lags[i]` apart. */
  readonly stray: Float32Array;
  /** How often each was updated, up to a bound. */
  readonly known: Uint16Array;
}

/** How many recent values are kept. */
export const ysKept = 64;
const lags = [1, 2, 4, 8, 16, 32, 63] as const;
const memory = 400;
const rare = 25;

/** Nothing seen yet. */
export function emptyNormal(): Normal {
  const ys = new Float32Array(ysKept);
  return {
    n: 0,
    clean: 0,
    slow: 0,
    ys,
    seen: 0,
    stray: new Float32Array(lags.length),
    known: new Uint16Array(lags.length),
  };
}

/** Folds one value in. While `frozen` (a change settles, something is wrong) it is remembered but teaches nothing. */
export function learnNormal(normal: Normal, y: number, frozen: boolean): void {
  const { ys, stray, known } = normal;
  ys.copyWithin(0, 1);
  ys[ysKept - 1] = y;
  normal.seen = Math.min(ysKept, normal.seen + 1);
  if (frozen) {
    normal.clean = 0;
    return;
  }
  if (normal.n === 0) normal.slow = y;
  normal.n++;
  normal.clean++;
  for (let i = 0; i < lags.length; i++) {
    const lag = lags[i] ?? 0;
    if (normal.clean <= lag) break;
    const difference = y - at(ys, ysKept - 1 - lag);
    const count = at(known, i);
    const mean = at(stray, i);
    // One value counts at most as five of its usual size: a spike is not noise.
    const square = count < 12 ? difference * difference : Math.min(difference * difference, rare * mean + 1e-6);
    stray[i] = mean + (square - mean) / (count + 1);
    known[i] = Math.min(memory, count + 1);
  }
  // Steps of bounded size follow the middle of the long run, and no spike moves it far.
  const step = Math.max(1 / 1_000, 1 / normal.n);
  normal.slow += Math.max(-0.2, Math.min(0.2, y - normal.slow)) * step;
}

/** Whether enough was seen to say what is usual. */
export function isReady(normal: Normal): boolean {
  return normal.n >= 20;
}

/** What part of a single value's spread is noise of its own, as a variance. */
export function whiteOf(normal: Normal): number {
  const d1 = at(normal.stray, 0);
  const d2 = at(normal.known, 1) > 0 ? at(normal.stray, 1) : d1;
  return Math.max(0.25 * d1, Math.min(d1, 2 * d1 - d2)) / 2;
}

/** How far the level wanders within `distance` samples, as a variance. */
export function wanderOf(normal: Normal, distance: number): number {
  const white = 2 * whiteOf(normal);
  let before = 0;
  let beforeLag = 0;
  for (let i = 0; i < lags.length && at(normal.known, i) > 0; i++) {
    const lag = lags[i] ?? 0;
    const wander = Math.max(before, at(normal.stray, i) - white);
    if (distance <= lag) return before + ((wander - before) * (distance - beforeLag)) / (lag - beforeLag);
    before = wander;
    beforeLag = lag;
  }
  // Further than was ever seen: it may have gone on as a random walk does, for a while.
  return beforeLag === 0 ? 0 : before * Math.min(3, distance / beforeLag);
}

/** Over how many samples a level is best averaged here: many where there is only noise, few where the level wanders. */
export function windowOf(normal: Normal): number {
  const perSample = wanderOf(normal, 8) / 8;
  return Math.max(6, Math.min(40, Math.round(Math.sqrt((6 * whiteOf(normal)) / (perSample + 1e-12)))));
}

/** The level of the `m` samples that end `back` samples ago. */
export function levelOf(normal: Normal, m: number, back: number): number {
  const until = ysKept - back;
  const from = Math.max(ysKept - normal.seen, until - m);
  return median(Array.from(normal.ys.subarray(from, Math.max(from, until)))) ?? normal.slow;
}

/** How far the mean of `m` samples normally strays from a level `distance` samples away that was taken from `base` samples. */
export function spreadOf(normal: Normal, m: number, distance: number, base: number, floor: number): number {
  // What was estimated from few samples is trusted less.
  const doubt = 1 + 10 / Math.max(1, normal.n);
  const white = whiteOf(normal);
  const middle = distance + base / 2;
  return Math.sqrt((wanderOf(normal, middle) + white / m + (1.6 * white) / base) * doubt + floor * floor);
}

/** The mean of the newest `m` values. */
export function meanOfLast(normal: Normal, m: number): number {
  const from = ysKept - Math.max(1, Math.min(m, normal.seen));
  let sum = 0;
  for (let i = from; i < ysKept; i++) sum += at(normal.ys, i);
  return sum / (ysKept - from);
}

/** An element that is known to be there. */
export function at(values: Float32Array | Uint16Array, index: number): number {
  return values[index] ?? 0;
}
