import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { amongHosts } from '../../../src/agent/cases/group-health.ts';
import { decide } from '../../../src/policy/index.ts';
import type { Plan } from '../../../src/domain/remediation.ts';
import { input } from '../../policy/world.ts';
import { live, tripwire } from '../../support/crash.ts';
import { groupPlan, makeWorld, type Bend, type World } from '../../support/executor-world.ts';

/** A group of hosts on which a plan does the same one after another, under a real policy, while the world goes its way. */
interface Fleet {
  readonly hosts: number;
  /** Hosts of the plan, in its order, by number. */
  readonly plan: readonly number[];
  /** Ill from the start, and from the first look after so many acts on. */
  readonly ill: readonly number[];
  readonly fallIll: readonly { readonly host: number; readonly afterActs: number }[];
  /** What a look finds on the host that was acted on last; `well` where nothing is said. */
  readonly looks: readonly ('well' | 'ill' | 'unknown' | 'slow')[];
  readonly units: number;
  readonly keepHealthy: number;
  readonly looked: boolean;
  readonly helps: 'passed' | 'failed' | 'inconclusive';
  readonly crashes: readonly number[];
}

const fleets: fc.Arbitrary<Fleet> = fc.integer({ min: 3, max: 10 }).chain((hosts) => {
  const host = fc.integer({ min: 0, max: hosts - 1 });
  return fc.record({
    hosts: fc.constant(hosts),
    plan: fc.uniqueArray(host, { minLength: 1, maxLength: hosts }),
    ill: fc.uniqueArray(host, { maxLength: hosts }),
    fallIll: fc.array(fc.record({ host, afterActs: fc.integer({ min: 1, max: 4 }) }), { maxLength: 3 }),
    looks: fc.array(fc.constantFrom('well', 'ill', 'unknown', 'slow'), { maxLength: hosts }),
    units: fc.integer({ min: 1, max: 4 }),
    keepHealthy: fc.constantFrom(0, 0.25, 0.5, 0.8, 1),
    looked: fc.boolean(),
    helps: fc.constantFrom('passed', 'failed', 'inconclusive'),
    crashes: fc.array(fc.integer({ min: 1, max: 60 }), { maxLength: 3 }),
  });
});

const nameOf = (host: number): string => `web-${host}`;

/** What went past the envelope, as sentences, and how many acts there were. */
async function trial(fleet: Fleet): Promise<{ readonly breaches: readonly string[]; readonly acts: number }> {
  const world = makeWorld();
  const plan = groupPlan(fleet.plan.map(nameOf), { verify: [{ expect: 'lit', withinMs: 1_000 }] }, fleet.looked);
  const ill = new Set(fleet.ill.map(nameOf));
  /** Acted on, and nobody has looked since and found it well. */
  const underWay = new Set<string>();
  const acted: string[] = [];
  const breaches: string[] = [];
  const all = Array.from({ length: fleet.hosts }, (_, host) => nameOf(host));

  const act = (host: string): void => {
    const wasIll = ill.has(host);
    underWay.add(host);
    acted.push(host);
    if (underWay.size > fleet.units) breaches.push(`${underWay.size} of ${fleet.units} under way at ${host}`);
    const down = new Set([...ill, ...underWay]);
    if (!wasIll && fleet.hosts - down.size < fleet.keepHealthy * fleet.hosts)
      breaches.push(`${down.size} of ${fleet.hosts} down at ${host}, and ${fleet.keepHealthy} must stay`);
  };
  const look = (host: string): 'passed' | 'failed' | 'inconclusive' | 'pending' => {
    for (const fall of fleet.fallIll) if (fall.afterActs === acted.length) ill.add(nameOf(fall.host));
    const found = fleet.looks[acted.indexOf(host)] ?? 'well';
    if (found === 'unknown') return 'inconclusive';
    if (found === 'slow') return 'pending';
    if (found === 'ill') ill.add(host);
    else {
      ill.delete(host);
      underWay.delete(host);
    }
    return found === 'ill' ? 'failed' : 'passed';
  };
  const bend: Bend = {
    decide: (index, of) => decided(world, fleet, of, index, { all, ill, underWay }),
    between: ({ plan: { steps } }, index) => look(steps[index]?.target.id ?? ''),
    verify: () => fleet.helps,
  };
  for (const [turn, point] of [...fleet.crashes, Number.POSITIVE_INFINITY].entries()) {
    const wire = tripwire(point);
    const before = world.outside.effects.length;
    const seen = { effects: before };
    const process = world.boot({
      ...bend,
      around: (what, moment) => {
        if (what === 'run' && moment === 'after')
          for (; seen.effects < world.outside.effects.length; seen.effects++) {
            const [way, host = ''] = (world.outside.effects[seen.effects] ?? '').split(' ');
            if (way === 'on') act(host);
          }
        wire.around(what, moment);
      },
      ledger: wire.ledger,
    });
    await world.drive(live(process, plan, turn === 0, world)).catch(() => undefined);
  }
  return { breaches, acts: acted.length };
}

interface Seen {
  readonly all: readonly string[];
  readonly ill: ReadonlySet<string>;
  readonly underWay: ReadonlySet<string>;
}

function decided(world: World, fleet: Fleet, plan: Plan, index: number, { all, ill }: Seen) {
  const step = plan.steps[index]!;
  const spec = {
    allow: [
      { actions: ['*'], autonomy: 'act', bounds: { units: fleet.units, keepHealthy: `${fleet.keepHealthy * 100}%` } },
    ],
  };
  const hand = { touched: 1, total: fleet.hosts, healthyAfter: fleet.hosts - 1, targets: [], dependents: [] };
  const blast = amongHosts(hand, step.target.id, { heard: new Set(all), ill });
  const atMs = world.clock.nowMs();
  const observation = { target: step.target, atMs, facts: {}, stateHash: step.stateHash, blast };
  const { outcome, code, reasons } = decide(
    input([spec], { plan, stepId: step.id, asOfMs: atMs, observations: { [step.id]: observation } }),
  );
  return { outcome, ...(code === undefined ? {} : { code }), reasons };
}

describe('the envelope of a group', () => {
  test('holds in any order, through crashes, failures and a world that gets worse meanwhile', async () => {
    let acts = 0;
    await fc.assert(
      fc.asyncProperty(fleets, async (fleet) => {
        const { breaches, acts: done } = await trial(fleet);
        acts += done;
        expect(breaches).toEqual([]);
      }),
      { numRuns: 300, seed: 20_261_128 },
    );
    // It would hold as well if nothing were ever done.
    expect(acts).toBeGreaterThan(300);
  });

  const calm: Fleet = {
    ...{ hosts: 10, plan: [0, 1], ill: [0, 1], fallIll: [], looks: [], units: 1, keepHealthy: 0.8 },
    ...{ looked: true, helps: 'passed', crashes: [] },
  };
  test('lets the two ill hosts of ten be helped, one after the other', async () => {
    expect(await trial(calm)).toEqual({ breaches: [], acts: 2 });
  });
  test('lets no second host be touched where nobody would look between and one at a time is allowed', async () => {
    expect(await trial({ ...calm, looked: false })).toEqual({ breaches: [], acts: 1 });
  });
  test('lets no well host be touched while as many are ill as may be', async () => {
    expect(await trial({ ...calm, plan: [5, 6], ill: [0, 1] })).toEqual({ breaches: [], acts: 0 });
  });
  test('stops when others fall ill on the way', async () => {
    const worse = { ...calm, plan: [0, 1, 2], ill: [], fallIll: [3, 4].map((host) => ({ host, afterActs: 1 })) };
    expect(await trial(worse)).toEqual({ breaches: [], acts: 1 });
  });
});
