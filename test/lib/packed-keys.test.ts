import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { PackedKeys } from '../../src/lib/packed-keys.ts';

const text = fc.oneof(
  fc.string({ maxLength: 12 }),
  fc.string({ unit: 'grapheme', maxLength: 12 }),
  fc.stringMatching(/^a\/b\{[ab]{0,3}\}$/),
  fc.constantFrom('', '\ud800', '\u0000', '\u00ff', '\u0100'),
);

describe('packed keys', () => {
  it('find what a map would find, whatever is added and removed, with and without shared beginnings', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.boolean(), text), { maxLength: 400 }),
        fc.constantFrom('', 'a/b{', 'ä'),
        (acts, head) => {
          const keys = new PackedKeys(() => head);
          const map = new Map<string, number>();
          const free: number[] = [];
          let next = 0;
          for (const [add, key] of acts) {
            const known = map.get(key);
            expect(keys.find(key)).toBe(known ?? -1);
            if (add && known === undefined) {
              const index = free.pop() ?? next++;
              keys.add(key, index);
              map.set(key, index);
            } else if (!add && known !== undefined) {
              keys.remove(known);
              map.delete(key);
              free.push(known);
              expect(keys.keyAt(known)).toBeUndefined();
            }
          }
          expect(keys.size).toBe(map.size);
          for (const [key, index] of map) {
            expect(keys.find(key)).toBe(index);
            expect(keys.keyAt(index)).toBe(key);
          }
        },
      ),
      { numRuns: 200 },
    );
  });

  it('keep a text longer than a page, and those around it', () => {
    const keys = new PackedKeys();
    const long = 'x'.repeat(70_000);
    const wide = '€'.repeat(70_000);
    for (const [index, key] of ['before', long, 'between', wide, 'after'].entries()) keys.add(key, index);
    expect([keys.keyAt(1), keys.keyAt(3)]).toEqual([long, wide]);
    expect(['before', long, 'between', wide, 'after', long.slice(1)].map((key) => keys.find(key))).toEqual([
      0, 1, 2, 3, 4, -1,
    ]);
  });

  it('give back the room of texts that come and go: a hundred thousand fit where a thousand live', () => {
    const keys = new PackedKeys();
    const alive = 1_000;
    for (let n = 0; n < 100_000; n++) {
      if (n >= alive) keys.remove(n % alive);
      keys.add(`checkout/load{pod="checkout-${n}"}`, n % alive);
    }
    // What the process holds beside it waits for the garbage collector; without giving back it would be 3.5 million.
    expect(keys.bytes).toBeLessThan(500_000);
    expect(keys.find('checkout/load{pod="checkout-99999"}')).toBe(999);
    expect(keys.find('checkout/load{pod="checkout-0"}')).toBe(-1);
    expect(keys.size).toBe(alive);
  });
});
