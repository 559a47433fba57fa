import { at, lags, type Normal } from './normal.ts';

/**
 * How far the mean of one stretch of samples strays from the mean of an earlier one by nothing but what the series always
 * does: the exact variance of that difference, from the structure function. No independence is assumed, and none is
 * wasted: noise with a short memory averages out over a long stretch, slow wander does not, and both follow.
 */

// Beyond the longest distance that is measured, it goes on as it did there.
const knots = [...lags, 126, 252, 504] as const;
const strayAt = new Float64Array(knots.length);
const sumAt = new Float64Array(knots.length);
const momentAt = new Float64Array(knots.length);

/** How far the mean of `m` samples normally strays from that of `base` samples, with `gap` samples between the two. */
export function spreadOf(normal: Normal, m: number, gap: number, base: number, floor: number): number {
  const apart = Math.max(0, Math.round(gap));
  // What was estimated from few samples is trusted less, and so is what lies far apart, of which there are few pairs.
  const doubt = 1 + 10 / Math.max(1, normal.n) + 0.3 * Math.min(1, apart / 60);
  return Math.sqrt(contrastVariance(normal, m, apart, base) * doubt + floor * floor);
}

function contrastVariance(normal: Normal, m: number, gap: number, base: number): number {
  tabulate(normal);
  const across = pairs(m + base + gap) - pairs(m + gap) - pairs(base + gap) + pairs(gap);
  // Means of squares of differences within a stretch count half: each pair is met twice.
  return Math.max(0, across / (m * base) - pairs(m) / (m * m) - pairs(base) / (base * base));
}

/** Over how many samples a level is best taken that the mean of `m` samples, `gap` later, is compared with; `most` at the most. */
export function bestBase(normal: Normal, most: number, m = 6, gap = 4): number {
  let best = 6;
  let least = Number.POSITIVE_INFINITY;
  for (const base of [6, 9, 14, 22, 36, 60]) {
    if (base > Math.max(6, most)) break;
    const variance = contrastVariance(normal, m, gap, base);
    if (variance >= least) continue;
    least = variance;
    best = base;
  }
  return best;
}

// The structure function at the knots, and its running sums (plain, and weighted by distance) up to each.
function tabulate({ stray, known }: Normal): void {
  let value = at(stray, 0);
  // By how much it grows from one knot to the next, where nothing is measured: as a random walk, until it is known better.
  let growth = 2;
  let unseen = 1;
  for (let i = 0; i < knots.length; i++) {
    const lag = knots[i] ?? 1;
    if (i > 0 && i < lags.length && at(known, i) > 0) {
      const here = Math.max(value, at(stray, i));
      growth = Math.min(2, value > 0 ? here / value : 1);
      value = here;
    } else if (i > 0) {
      growth = Math.min(growth, 3 / unseen);
      unseen *= growth;
      value *= growth;
    }
    strayAt[i] = value;
    const sums = i === 0 ? { sum: value, moment: value } : upTo(i, lag);
    sumAt[i] = sums.sum;
    momentAt[i] = sums.moment;
  }
}

// Sums over the distances 1..x, of which x lies between the knots `i - 1` and `i`; straight lines between knots.
function upTo(i: number, x: number): { readonly sum: number; readonly moment: number } {
  const from = knots[i - 1] ?? 1;
  const first = strayAt[i - 1] ?? 0;
  const slope = ((strayAt[i] ?? 0) - first) / ((knots[i] ?? 2) - from);
  const steps = x - from;
  const triangle = (steps * (steps + 1)) / 2;
  const sum = (sumAt[i - 1] ?? 0) + first * steps + slope * triangle;
  const moment =
    (momentAt[i - 1] ?? 0) +
    from * first * steps +
    (from * slope + first) * triangle +
    (slope * steps * (steps + 1) * (2 * steps + 1)) / 6;
  return { sum, moment };
}

// The sum of squared differences over all pairs among `n` samples in a row.
function pairs(n: number): number {
  if (n <= 1) return 0;
  const x = Math.min(n - 1, knots.at(-1) ?? 504);
  let i = 1;
  while (i < knots.length - 1 && x > (knots[i] ?? 0)) i++;
  const { sum, moment } = upTo(i, x);
  return n * sum - moment;
}
