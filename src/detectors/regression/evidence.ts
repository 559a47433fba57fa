import { expectedAt, type Envelope } from './envelope.ts';
import type { Nature } from './nature.ts';
import { meanOfLast, spreadOf, type Normal } from './normal.ts';
import type { Watch } from './state.ts';

/** What speaks against a change, when something does. `effect` is on the even scale, `z` in its normal strays. */
export interface Evidence {
  readonly why: 'beyond-envelope' | 'not-shrinking';
  readonly z: number;
  readonly effect: number;
}

/** The false-alarm chance one watch of one series may spend, however often it is looked at. */
const alpha = 1e-3;
const windows = [3, 8, 24] as const;

/**
 * The boundary the evidence must cross at the `k`-th look, in standard deviations. It grows with the iterated
 * logarithm, so that the chance of ever crossing it by luck stays below `alpha` however long one looks (a stitched
 * confidence sequence; Howard, Ramdas, McAuliffe, Sekhon 2021, arXiv:1810.08240, eq. 1 in its simplest form).
 */
export function boundary(k: number): number {
  return Math.sqrt(2 * (Math.log(1 / alpha) + 1.4 * Math.log(1 + Math.log2(2 + k))));
}

/** Judges a watch after its newest sample. `undefined`: nothing speaks against the change (yet). */
export function evidenceAgainst(
  watch: Watch,
  envelope: Envelope,
  normal: Normal,
  nature: Nature,
): Evidence | undefined {
  const residuals = residualsOf(watch, envelope, nature);
  return beyondEnvelope(watch, envelope, normal, nature, residuals) ?? notShrinking(watch, normal, nature, residuals);
}

interface Residuals {
  /** Excess beyond the expected mean, of the last samples, oldest first. */
  readonly over: readonly number[];
  /** The same on the linear scale (in units of the base): what a warm-up's decay is judged on. */
  readonly linear: readonly number[];
  readonly learned: readonly number[];
  readonly spread: readonly number[];
}

function residualsOf(watch: Watch, envelope: Envelope, nature: Nature): Residuals {
  const firstK = watch.k - watch.excess.length;
  const expected = watch.excess.map((_, index) => expectedAt(envelope, firstK + index, nature.prior));
  const linear = watch.excess.map((excess, index) => {
    const mean = expected[index]?.mean ?? 0;
    return nature.sign === 1 ? Math.exp(Math.min(8, excess)) - Math.exp(Math.min(8, mean)) : excess - mean;
  });
  return {
    over: watch.excess.map((excess, index) => excess - (expected[index]?.mean ?? 0)),
    linear,
    learned: expected.map((one) => one.learned),
    spread: expected.map((one) => one.spread),
  };
}

// More than this service's changes do, by more than chance, at any of three time scales, and it is not passing.
function beyondEnvelope(
  watch: Watch,
  envelope: Envelope,
  normal: Normal,
  nature: Nature,
  residuals: Residuals,
): Evidence | undefined {
  const wall = boundary(watch.k);
  let best: Evidence | undefined;
  for (const m of windows) {
    if (watch.k < m) break;
    const effect = meanOfLast(residuals.over, m);
    if (effect < nature.effect || meanOfLast(residuals.over, 2) < 0.6 * nature.effect) continue;
    const z = effect / Math.hypot(spreadOf(normal, m, watch.k, nature.floor), meanOfLast(residuals.spread, m));
    if (z > wall && z > (best?.z ?? 0)) best = { why: 'beyond-envelope', z, effect };
  }
  if (best === undefined) return undefined;
  // A transient larger than those before still passes: wait while it shrinks, unless it is far beyond all of them.
  const known = envelope.n >= 3;
  const passing = shrink(residuals.linear, Math.max(3, Math.floor(watch.sinceOnset / 4))) < 0.75;
  if (passing && watch.k < 40 && !(known && best.z > 2.5 * wall)) return undefined;
  return best;
}

// With little or no history the envelope is wide at first. What tells a warm-up from a fault then is that it shrinks.
function notShrinking(watch: Watch, normal: Normal, nature: Nature, residuals: Residuals): Evidence | undefined {
  const effect = meanOfLast(residuals.over, 3);
  const least = Math.max(2 * nature.effect, 1.5 * meanOfLast(residuals.learned, 3));
  const patience = effect >= nature.huge ? 7 : 20;
  if (watch.sinceOnset < patience || effect < least) return undefined;
  const z = effect / spreadOf(normal, 3, watch.k, nature.floor);
  if (z < boundary(watch.k) + 1) return undefined;
  if (Math.min(...residuals.over.slice(-3)) < 0.6 * effect) return undefined;
  if (shrink(residuals.linear, Math.max(3, Math.floor(watch.sinceOnset / 3))) < 0.85) return undefined;
  return { why: 'not-shrinking', z, effect };
}

/** How the mean of the last `w` values compares with that of the `w` before: 1 stands still, below 1 shrinks. */
function shrink(values: readonly number[], w: number): number {
  const width = Math.min(w, Math.floor(values.length / 2));
  if (width === 0) return 1;
  const last = meanOfLast(values, width);
  const before = meanOfLast(values.slice(0, values.length - width), width);
  return before <= 0 ? 2 : last / before;
}
