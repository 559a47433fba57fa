import { describe, expect, it } from 'vitest';

import { boundary } from '../../src/detectors/regression/evidence.ts';
import { seededRandom } from '../support/seeded-random.ts';

/** In what share of watches the mean of the last `m` samples of nothing but noise ever crosses the boundary. */
function crossing(m: number, looks: number, watches: number): number {
  const random = seededRandom(m * looks);
  let crossed = 0;
  for (let watch = 0; watch < watches; watch++) {
    const last = new Float64Array(m);
    let sum = 0;
    for (let k = 1; k <= looks; k++) {
      const x = Math.sqrt(-2 * Math.log(1 - random.uniform())) * Math.cos(2 * Math.PI * random.uniform());
      sum += x - (last[k % m] ?? 0);
      last[k % m] = x;
      if (k < m || sum / Math.sqrt(m) <= boundary(k / m)) continue;
      crossed++;
      break;
    }
  }
  return crossed / watches;
}

describe('the boundary that evidence must cross', () => {
  it.each([
    [3, 150, 8_000],
    [3, 1_000, 3_000],
    [3, 10_000, 400],
    [8, 150, 8_000],
    [8, 1_000, 3_000],
    [24, 1_000, 3_000],
    [48, 10_000, 400],
  ])('is crossed by noise in at most three watches of a hundred, at %i samples and %i looks', (m, looks, watches) => {
    expect(crossing(m, looks, watches)).toBeLessThanOrEqual(0.03);
  });

  it('is not so high that an effect of five deviations is missed at the twentieth look', () => {
    expect(boundary(20)).toBeLessThan(5);
  });
});
