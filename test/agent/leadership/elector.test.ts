import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { virtualClock } from '../../support/virtual-clock.ts';
import { process, type Shared, type SimProcess, type Way } from './world.ts';

const timing = { leaseMs: 15_000, renewMs: 10_000, retryMs: 2_000 };

function start(shared: Shared = { lease: undefined, epoch: 0 }) {
  const clock = virtualClock();
  const a = process(shared, clock, 'a', timing, 1);
  const b = process(shared, clock, 'b', timing, 2);
  const leads = (one: SimProcess): boolean => one.tenure?.surely(0) === true;
  return { clock, shared, a, b, leads };
}

describe('the lease', () => {
  test('one of two leads, and goes on leading while it renews', async () => {
    const { clock, a, b, leads } = start();
    await clock.advance(5_000);
    expect([leads(a), leads(b)].filter(Boolean)).toHaveLength(1);
    const first = leads(a);
    await clock.advance(3_600_000);
    expect(leads(a)).toBe(first);
    expect(leads(b)).toBe(!first);
    expect(a.leadership.leader()).toBe(b.leadership.leader());
  });

  test('a leader that dies is followed when its lease was not seen to change for its whole length', async () => {
    const { clock, a, b, leads } = start();
    await clock.advance(5_000);
    const [leader, follower] = leads(a) ? [a, b] : [b, a];
    leader.freeze();
    await clock.advance(12_000);
    expect(leads(follower)).toBe(false);
    await clock.advance(8_000);
    expect(leads(follower)).toBe(true);
  });

  test('a stopped leader that goes on knows at once, before anything of it has run, that it leads no more', async () => {
    const { clock, a, b, leads } = start();
    await clock.advance(5_000);
    const [leader, follower] = leads(a) ? [a, b] : [b, a];
    leader.freeze();
    await clock.advance(60_000);
    expect(leads(follower)).toBe(true);
    // No timer of it has run: the clock alone tells.
    expect(leader.tenure?.surely(0)).toBe(false);
    expect(leader.tenure?.lost.aborted).toBe(true);
    leader.thaw();
    await clock.advance(60_000);
    expect(leads(follower)).toBe(true);
    expect(leads(leader)).toBe(false);
  });

  test('a leader that is cut off gives up before anybody may follow', async () => {
    const { clock, a, b, leads } = start();
    await clock.advance(5_000);
    const [leader, follower] = leads(a) ? [a, b] : [b, a];
    leader.way = 'cut';
    await clock.advance(10_100);
    expect(leads(leader)).toBe(false);
    expect(leads(follower)).toBe(false);
    await clock.advance(9_000);
    expect(leads(follower)).toBe(true);
  });

  test('a lease given back is taken at the next look', async () => {
    const { clock, a, b, leads } = start();
    await clock.advance(5_000);
    const [leader, follower] = leads(a) ? [a, b] : [b, a];
    const released = leader.leadership.release();
    await clock.advance(2_500);
    await released;
    expect(leads(leader)).toBe(false);
    expect(leads(follower)).toBe(true);
  });

  test('a jump of the wall clock means nothing to it', async () => {
    const { clock, a, b, leads } = start();
    await clock.advance(5_000);
    const first = leads(a);
    clock.jumpWall(86_400_000);
    await clock.advance(20_000);
    clock.jumpWall(-172_800_000);
    await clock.advance(20_000);
    expect(leads(a)).toBe(first);
    expect(leads(b)).toBe(!first);
  });

  test('a renewal whose answer was lost is not taken for somebody else', async () => {
    const { clock, a, b, leads } = start();
    await clock.advance(5_000);
    const leader = leads(a) ? a : b;
    leader.way = 'deaf';
    await clock.advance(3_000);
    leader.way = 'open';
    await clock.advance(60_000);
    expect(leads(leader)).toBe(true);
  });
});

type Event = { readonly who: 0 | 1 | 2; readonly what: Way | 'freeze' | 'thaw'; readonly afterMs: number };

const event: fc.Arbitrary<Event> = fc.record({
  who: fc.constantFrom(0 as const, 1 as const, 2 as const),
  what: fc.constantFrom('open' as const, 'cut' as const, 'deaf' as const, 'freeze' as const, 'thaw' as const),
  afterMs: fc.integer({ min: 0, max: 25_000 }),
});

test('over any schedule of stops and cuts, at most one of three may act at any moment, and one leads in the end', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(event, { maxLength: 25 }),
      fc.integer({ min: 1, max: 1_000_000 }),
      async (events, seed) => {
        const clock = virtualClock();
        const shared: Shared = { lease: undefined, epoch: 0 };
        const all = ['a', 'b', 'c'].map((name, at) => process(shared, clock, name, timing, seed + at));
        const may = (): number => all.filter((one) => one.tenure?.surely(0) === true).length;
        const pass = async (ms: number): Promise<void> => {
          for (let leftMs = ms; leftMs > 0; leftMs -= 500) {
            await clock.advance(Math.min(500, leftMs));
            expect(may()).toBeLessThanOrEqual(1);
          }
        };
        for (const { who, what, afterMs } of events) {
          await pass(afterMs);
          const one = all[who]!;
          if (what === 'freeze') one.freeze();
          else if (what === 'thaw') one.thaw();
          else one.way = what;
          expect(may()).toBeLessThanOrEqual(1);
        }
        for (const one of all) {
          one.thaw();
          one.way = 'open';
        }
        await pass(60_000);
        // Who was deposed once is over, as its process would be: one of the others leads, if there is one left.
        const fresh = all.filter((one) => one.tenure === undefined || one.tenure.surely(0));
        expect(may()).toBe(fresh.length === 0 ? 0 : 1);
        for (const one of all) one.end();
      },
    ),
    { numRuns: 150 },
  );
});
