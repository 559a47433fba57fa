import fc from 'fast-check';
import { expect, it } from 'vitest';

import { RingPool } from '../../src/lib/rings.ts';

type Step =
  | { readonly do: 'push'; readonly ring: number; readonly gapMs: number; readonly v: number; readonly most: number }
  | { readonly do: 'drop' | 'renew'; readonly ring: number };

const ring = fc.nat(3);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 20,
    arbitrary: fc.record({
      do: fc.constant('push'),
      ring,
      gapMs: fc.oneof(fc.nat(100_000), fc.constant(3_000_000_000)),
      v: fc.double(),
      most: fc.constantFrom(1, 2, 7, 8, 9, 17, 24),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('drop', 'renew'), ring }) },
);

it('holds for each ring what a list cut to its newest would hold, whatever its neighbours do', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const pool = new RingPool();
      const handles = [0, 1, 2, 3].map(() => pool.take());
      const model: { tMs: number; v: number }[][] = [[], [], [], []];
      const clocks = [0, 0, 0, 0].map(() => 1_767_225_600_000);
      for (const one of steps) {
        const list = model[one.ring] ?? [];
        const handle = handles[one.ring] ?? 0;
        if (one.do === 'push') {
          const tMs = (clocks[one.ring] ?? 0) + one.gapMs;
          clocks[one.ring] = tMs;
          pool.push(handle, tMs, one.v, one.most);
          list.push({ tMs, v: one.v });
          while (list.length > one.most) list.shift();
          // Longer ago than a ring can tell: still in order, and no newer than it was.
          for (const kept of list) kept.tMs = Math.max(kept.tMs, tMs - 0xffff_ffff);
        } else if (one.do === 'drop') {
          pool.dropNewest(handle);
          list.pop();
        } else {
          pool.release(handle);
          handles[one.ring] = pool.take();
          list.length = 0;
        }
        for (const [index, wanted] of model.entries()) {
          const held = handles[index] ?? 0;
          expect([pool.count(held), [...pool.read(held)], pool.last(held)]).toEqual([
            wanted.length,
            wanted,
            wanted.at(-1),
          ]);
          expect([...pool.read(held, 3)]).toEqual(wanted.slice(3));
          expect(pool.newest(held)).toBe(wanted.at(-1)?.tMs ?? -Infinity);
        }
      }
    }),
    { numRuns: 300 },
  );
});
