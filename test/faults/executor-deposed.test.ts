import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { actedAtMs, type ExecutionEvent, type ExecutionRecord } from '../../src/agent/executor/index.ts';
import { WatchkeeperError } from '../../src/lib/errors.ts';
import type { Tenure } from '../../src/domain/ports/leadership.ts';
import type { ActionTraits } from '../../src/domain/remediation.ts';
import { live, violations, type Shape } from '../support/crash.ts';
import { makeWorld, switchPlan, type Bend, type World } from '../support/executor-world.ts';

/** Deposes a process at one of its points and lets it go on, as SIGSTOP, a takeover and SIGCONT do. */
interface Deposing {
  readonly bend: Bend;
  readonly deposed: () => boolean;
  /** How many effects there were when it was deposed. */
  readonly effectsThen: () => number;
  readonly passed: () => number;
}

function deposing(world: World, at: number, how: 'lease and epoch' | 'epoch only' | 'lease only'): Deposing {
  const lost = new AbortController();
  let passed = 0;
  let then: number | undefined;
  const point = (): void => {
    passed += 1;
    if (passed !== at) return;
    then = world.outside.effects.length;
    if (how !== 'lease only') world.disk.epoch += 1;
  };
  const tenure: Tenure = {
    lost: lost.signal,
    marginMs: 0,
    // No timer of a stopped process has run: it learns of it by asking.
    surely: () => {
      if (then !== undefined && how !== 'epoch only') lost.abort(new WatchkeeperError('fenced', 'deposed'));
      return !lost.signal.aborted;
    },
    resign: () => undefined,
  };
  return {
    deposed: () => then !== undefined,
    effectsThen: () => then ?? 0,
    passed: () => passed,
    bend: {
      tenure,
      // Inside of `run` the target's own ports are what is asked: see guarded.test.ts.
      around: (what, moment) => {
        if ((what !== 'run' && what !== 'undo') || moment === 'after') point();
      },
      ledger: (real) => ({
        ...real,
        record: async (batch) => {
          point();
          const entries = await real.record(batch);
          point();
          return entries;
        },
      }),
    },
  };
}

const careful: ActionTraits = { reversible: true, idempotent: false, destructive: false, scope: 'process' };

const shapes: readonly Shape[] = [
  { name: 'three steps that help', plan: switchPlan(['a', 'b', 'c']), helps: 'passed' },
  { name: 'three steps that are undone', plan: switchPlan(['a', 'b', 'c']), helps: 'failed' },
  {
    name: 'steps that must not be repeated',
    plan: switchPlan(['a', 'b'], {}, { traits: careful }),
    bend: { traits: careful },
    helps: 'passed',
  },
];

/** One leader after the other, each deposed at a point of its own; the last one in peace. Sentences about what is wrong. */
async function reigns(
  shape: Shape,
  points: readonly number[],
  how: Parameters<typeof deposing>[2],
): Promise<{ readonly wrong: readonly string[]; readonly passed: number }> {
  const world = makeWorld();
  const wrong: string[] = [];
  const verify: Bend['verify'] = (execution, asOfMs) =>
    asOfMs >= (actedAtMs(execution) ?? asOfMs) + 1_000 ? shape.helps : 'pending';
  const events: ExecutionEvent[] = [];
  let passed = 0;
  for (const [turn, at] of points.entries()) {
    const reign = deposing(world, at, how);
    const process = world.boot({ ...shape.bend, ...reign.bend, verify });
    await world.drive(live(process, shape.plan, turn === 0, world)).catch(() => undefined);
    if (turn === 0) passed = reign.passed();
    events.push(...process.events);
    if (reign.deposed() && world.outside.effects.length > reign.effectsThen())
      wrong.push(`the deposed one did ${world.outside.effects.slice(reign.effectsThen()).join(', ')} (point ${at})`);
  }
  const last = world.boot({ ...shape.bend, verify });
  const started = [...world.disk.rows.values()].some((row) => row.space === 'execution');
  await world.drive(live(last, shape.plan, !started, world)).catch(() => undefined);
  const row = [...world.disk.rows.values()].find((each) => each.space === 'execution');
  const record = row?.value as ExecutionRecord | undefined;
  wrong.push(
    ...violations(shape, {
      world,
      record,
      events: [...events, ...last.events],
      halted: last.executor.halted(),
      passed,
    }),
  );
  return { wrong, passed };
}

describe('a leader deposed at any point that goes on', () => {
  for (const shape of shapes)
    test(`${shape.name}: it does nothing more, and its successor doubles nothing and forgets nothing`, async () => {
      const { passed } = await reigns(shape, [Number.POSITIVE_INFINITY], 'lease and epoch');
      expect(passed).toBeGreaterThan(10);
      const found: string[] = [];
      for (let at = 1; at <= passed; at += 1) found.push(...(await reigns(shape, [at], 'lease and epoch')).wrong);
      expect(found).toEqual([]);
    });

  test('any number of them, each at any point', async () => {
    const points = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...shapes), points, async (shape, at) => {
        expect((await reigns(shape, at, 'lease and epoch')).wrong).toEqual([]);
      }),
      { numRuns: 200 },
    );
  });

  test('the lease alone stops it, where nobody has raised the epoch yet', async () => {
    const [shape] = shapes;
    const found: string[] = [];
    for (let at = 1; at <= 20; at += 1) found.push(...(await reigns(shape!, [at], 'lease only')).wrong);
    expect(found.filter((one) => one.startsWith('the deposed one'))).toEqual([]);
  });
});

test('the suite would notice: with the epoch alone, a leader stopped after its last commit acts once more', async () => {
  const [shape] = shapes;
  const found: string[] = [];
  for (let at = 1; at <= 20; at += 1) found.push(...(await reigns(shape!, [at], 'epoch only')).wrong);
  expect(found.some((one) => one.startsWith('the deposed one did on'))).toBe(true);
});
