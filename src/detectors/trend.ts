import { quantile, robustSpread } from '../lib/stats.ts';

/** A trend; slopes are in value per millisecond, positive towards the limit. */
export interface Trend {
  /** Theil-Sen: the middle of all pairwise slopes. */
  readonly middle: number;
  /** The lower end of what the slope may be: it reaches the limit at the latest. */
  readonly slow: number;
  /** The slope of the newest third. */
  readonly recent: number;
  /** Robust spread of the points around the line. */
  readonly noise: number;
  readonly spanMs: number;
}

const fewest = 5;

/** The trend of `tMs, v` pairs, with `sign` -1 for a limit below; `undefined` with fewer than five points. */
export function trendOf(points: readonly number[], sign: number): Trend | undefined {
  const count = points.length / 2;
  if (count < fewest) return undefined;
  const slopes = slopesOf(points, 0, count, sign);
  const middle = quantile(slopes, 0.5) ?? 0;
  const originMs = points[0] ?? 0;
  const rests: number[] = [];
  for (let i = 0; i < count; i++)
    rests.push(sign * (points[2 * i + 1] ?? 0) - middle * ((points[2 * i] ?? 0) - originMs));
  return {
    middle,
    slow: quantile(slopes, senQuantile(count)) ?? 0,
    recent: quantile(slopesOf(points, Math.floor((count * 2) / 3) - 1, count, sign), 0.5) ?? 0,
    noise: robustSpread(rests) ?? 0,
    spanMs: (points.at(-2) ?? 0) - originMs,
  };
}

function slopesOf(points: readonly number[], from: number, to: number, sign: number): readonly number[] {
  const slopes: number[] = [];
  for (let i = from; i < to; i++)
    for (let j = i + 1; j < to; j++) {
      const spanMs = (points[2 * j] ?? 0) - (points[2 * i] ?? 0);
      if (spanMs > 0) slopes.push((sign * ((points[2 * j + 1] ?? 0) - (points[2 * i + 1] ?? 0))) / spanMs);
    }
  return slopes;
}

// Sen (1968): the interval's lower rank among N slopes lies z·sqrt(n(n-1)(2n+5)/18)/2 below the middle; z for 95 %.
function senQuantile(count: number): number {
  const pairs = (count * (count - 1)) / 2;
  const below = (1.96 * Math.sqrt((count * (count - 1) * (2 * count + 5)) / 18)) / 2;
  return Math.max(0, 0.5 - below / pairs);
}
