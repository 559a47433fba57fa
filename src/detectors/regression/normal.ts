/**
 * What is normal for a series, as it runs: its level now and a while ago, its long-run level, and how far single
 * values and means of sixteen stray from the level a while ago. The two strays tell white noise from slow wander, and
 * only wander stays when one averages; so the threshold for any mean is known without assuming independence.
 */
export interface Normal {
  n: number;
  level: number;
  slow: number;
  /** The level every `every` samples, oldest first. */
  levels: number[];
  /** The last values on the even scale, oldest first. */
  ys: number[];
  var1: number;
  var16: number;
}

const every = 4;
const levelsKept = 7;
/** How many recent values are kept for the spread. */
export const ysKept = 24;

/** Nothing seen yet. */
export function emptyNormal(): Normal {
  return { n: 0, level: 0, slow: 0, levels: [], ys: [], var1: 0, var16: 0 };
}

/** Folds one value in. While `frozen` (a change settles, something is wrong) it is remembered but teaches nothing. */
export function learnNormal(normal: Normal, y: number, frozen: boolean): void {
  normal.ys.push(y);
  if (normal.ys.length > ysKept) normal.ys.shift();
  if (frozen) return;
  if (normal.n === 0) Object.assign(normal, { level: y, slow: y });
  normal.n++;
  if (normal.n > 4) {
    const lag = lagged(normal);
    const rate = Math.max(1 / 200, 1 / (normal.n - 4));
    normal.var1 = stray(normal.var1, y - lag, rate, normal.n < 12);
    // Until there are sixteen values after the oldest level, the mean of those there are stands for them.
    normal.var16 = stray(normal.var16, meanOfLast(normal.ys, 16) - lag, rate, normal.n < 12);
  }
  normal.level += (y - normal.level) * Math.max(1 / 12, 1 / normal.n);
  // Steps of bounded size follow the middle of the long run, and no spike moves it far.
  const step = Math.max(1 / 1_000, 1 / normal.n);
  normal.slow += Math.max(-0.2, Math.min(0.2, y - normal.slow)) * step;
  if (normal.n % every === 0) {
    normal.levels.push(normal.level);
    if (normal.levels.length > levelsKept) normal.levels.shift();
  }
}

// A mean of squares in which one value counts at most as three of its usual size.
function stray(variance: number, residual: number, rate: number, early: boolean): number {
  const square = early ? residual * residual : Math.min(residual * residual, 9 * variance + 1e-6);
  return variance + (square - variance) * rate;
}

/** The level some 24 to 28 samples ago. */
export function lagged(normal: Normal): number {
  return normal.levels[0] ?? normal.level;
}

/** Whether enough was seen to say what is usual. */
export function isReady(normal: Normal): boolean {
  return normal.n >= 20;
}

/** How far a mean of `m` samples normally strays, `age` samples after its baseline was taken. */
export function spreadOf(normal: Normal, m: number, age: number, floor: number): number {
  const white = Math.max(0, ((normal.var1 - normal.var16) * 16) / 15);
  const wander = Math.max(0, normal.var1 - white);
  // What was estimated from few samples is trusted less.
  const doubt = 1 + 10 / Math.max(1, normal.n);
  return Math.sqrt((wander * (1 + age / 48) + white / m) * doubt + floor * floor);
}

/** The mean of the last `m` values (of all, when there are fewer). */
export function meanOfLast(values: readonly number[], m: number): number {
  const from = Math.max(0, values.length - m);
  let sum = 0;
  for (let i = from; i < values.length; i++) sum += values[i] ?? 0;
  return sum / Math.max(1, values.length - from);
}
