import { seededRandom } from '../seeded-random.ts';

/** Draws that a seed repeats exactly. */
export interface Draw {
  readonly unit: () => number;
  readonly between: (low: number, high: number) => number;
  /** Evenly on a logarithm: as often from 1 to 10 as from 10 to 100. */
  readonly logBetween: (low: number, high: number) => number;
  /** An integer of `low` to `high`, both included. */
  readonly whole: (low: number, high: number) => number;
  readonly chance: (p: number) => boolean;
  readonly normal: () => number;
  /** How many of many rare things happened. */
  readonly poisson: (mean: number) => number;
}

/** Draws from a seed. */
export function drawFrom(seed: number): Draw {
  const random = seededRandom(Math.imul(seed, 2_654_435_761) ^ 0x5bd1e995);
  const uniform = (): number => random.uniform();
  const normal = (): number => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
  return {
    unit: uniform,
    between: (low, high) => low + (high - low) * uniform(),
    logBetween: (low, high) => low * (high / low) ** uniform(),
    whole: (low, high) => low + Math.floor((high - low + 1) * uniform()),
    chance: (p) => uniform() < p,
    normal,
    poisson: (mean) =>
      mean > 40 ? Math.max(0, Math.round(mean + normal() * Math.sqrt(mean))) : smallPoisson(mean, uniform),
  };
}

function smallPoisson(mean: number, uniform: () => number): number {
  const floor = Math.exp(-mean);
  let count = 0;
  for (let product = uniform(); product > floor; product *= uniform()) count++;
  return count;
}
