import { describe, expect, test } from 'vitest';

import { amongHosts } from '../../../src/agent/cases/group-health.ts';

const hand = { touched: 1, total: 10, healthyAfter: 9, targets: ['web-1'], dependents: [] };
const hosts = (...numbers: readonly number[]) => new Set(numbers.map((number) => `web-${number}`));
const all = hosts(1, 2, 3, 4, 5, 6, 7, 8, 9, 10);

describe('the blast radius on one host of a group', () => {
  test.each([
    ['a well host of ten well ones', 'web-1', { heard: all, ill: hosts() }, 10, 9],
    ['an ill host takes none of the healthy away', 'web-1', { heard: all, ill: hosts(1, 2) }, 8, 8],
    ['a well host beside two ill ones', 'web-3', { heard: all, ill: hosts(1, 2) }, 8, 7],
    ['hosts that are not heard of are not known to be well', 'web-1', { heard: hosts(1, 2, 3), ill: hosts() }, 3, 2],
    ['a host that is not heard of itself', 'web-9', { heard: hosts(1, 2, 3), ill: hosts(2) }, 2, 2],
    ['nothing is heard of any', 'web-1', { heard: hosts(), ill: hosts() }, 0, 0],
  ])('%s', (_what, host, known, healthyNow, healthyAfter) => {
    expect(amongHosts(hand, host, known)).toEqual({ ...hand, healthyNow, healthyAfter });
  });

  test('a hand that knows that fewer stay is believed', () => {
    expect(amongHosts({ ...hand, healthyAfter: 3 }, 'web-1', { heard: all, ill: hosts() }).healthyAfter).toBe(3);
  });
});
