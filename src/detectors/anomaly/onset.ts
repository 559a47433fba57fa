import { field } from './layout.ts';
import type { Tuning } from './tuning.ts';

/**
 * How surprising `evidence` is, as minus the natural logarithm of its chance per sample, in the series whose row begins at `at` and
 * that has `n` samples. One alert an onset: what is weaker than what was just said is its echo, and 0. The chance of an onset this
 * strong is learned from the series' own onsets, with a belief to begin with.
 */
export function onset(f: Float32Array, at: number, evidence: number, n: number, tuned: Tuning): number {
  const left = f[at + field.barrier] ?? 0;
  // What is next to nothing is nothing: powers, and numbers too small for a processor's fast path, are spared.
  const barrier = left < 1e-6 ? 0 : left * 0.5 ** (1 / tuned.refractory);
  f[at + field.barrier] = Math.max(barrier, evidence);
  const over = evidence - tuned.onsetLeast;
  if (evidence <= barrier || over <= 0) return 0;
  const onsets = f[at + field.onsets] ?? 0;
  const excess = f[at + field.excess] ?? 0;
  const weight = onsets + tuned.onsetPrior;
  const mean = (excess + tuned.onsetMean * tuned.onsetPrior) / weight;
  // Records come as 1/n while a series is young.
  const every = (n + tuned.onsetPrior * Math.min(tuned.onsetEvery, 20 + n / tuned.onsetAge)) / weight;
  if (n > 100) {
    f[at + field.onsets] = onsets + 1;
    f[at + field.excess] = excess + Math.min(over, tuned.onsetMost * mean);
  }
  return Math.max(0, Math.log(every) + beyond(over / mean, tuned.onsetShape));
}

// Minus the logarithm of the chance that an onset is so far above the least, in means of what onsets are: a generalised Pareto
// tail (Pickands 1975), for noise is seldom as tame as an exponential one would have it.
function beyond(means: number, shape: number): number {
  return Math.log1p((shape * means) / (1 - shape)) / shape;
}
