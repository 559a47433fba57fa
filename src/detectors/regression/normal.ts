/**
 * What is normal for a series, as it runs: its last values, its long-run level, and how far values some distance apart
 * stray from one another (the structure function). From that follows how far any stretch strays from any other (`contrast.ts`).
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
/** The distances at which straying is measured. */
export const lags = [1, 2, 4, 8, 16, 32, 63] as const;
/** Far apart, few pairs are independent: those need a longer memory to be as well known. */
const memory = 400;
const memoryPerLag = 25;
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
    known[i] = Math.min(Math.max(memory, memoryPerLag * lag), count + 1);
  }
  // Steps of bounded size follow the middle of the long run, and no spike moves it far.
  const step = Math.max(1 / 1_000, 1 / normal.n);
  normal.slow += Math.max(-0.2, Math.min(0.2, y - normal.slow)) * step;
}

/** Whether enough was seen to say what is usual. */
export function isReady(normal: Normal): boolean {
  return normal.n >= 20;
}

/** The level of the `m` samples that end `back` samples ago: their mean without the outermost fifths. */
export function levelOf(normal: Normal, m: number, back: number): number {
  const until = ysKept - back;
  const from = Math.max(ysKept - normal.seen, until - m);
  const sorted = normal.ys.slice(from, Math.max(from, until)).sort();
  const n = sorted.length;
  if (n === 0) return normal.slow;
  const out = Math.floor(n / 5);
  let sum = 0;
  for (let i = out; i < n - out; i++) sum += at(sorted, i);
  return sum / (n - 2 * out);
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
