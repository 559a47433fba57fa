import { describe, expect, test } from 'vitest';

import type { Ledger, RecordBatch } from '../../src/domain/ports/ledger.ts';
import type { ActionTraits } from '../../src/domain/remediation.ts';
import { runWithCrashes, violations, type Shape } from '../support/crash.ts';
import { groupPlan, switchPlan, type Bend } from '../support/executor-world.ts';

const careful: ActionTraits = { reversible: true, idempotent: false, destructive: false, scope: 'process' };

const shapes: readonly Shape[] = [
  { name: 'one step that helps', plan: switchPlan(['a']), helps: 'passed' },
  { name: 'three steps that help', plan: switchPlan(['a', 'b', 'c']), helps: 'passed' },
  { name: 'three steps that do not help and are undone', plan: switchPlan(['a', 'b', 'c']), helps: 'failed' },
  {
    name: 'a step that works at the second attempt',
    plan: switchPlan(['a', 'b'], {}, { retries: 1 }),
    helps: 'passed',
    failures: 1,
  },
  { name: 'a step that never works', plan: switchPlan(['a', 'b'], {}, { retries: 1 }), helps: 'passed', failures: 9 },
  {
    name: 'steps that must not be repeated',
    plan: switchPlan(['a', 'b'], {}, { traits: careful }),
    bend: { traits: careful },
    helps: 'passed',
  },
  {
    name: 'steps that must not be repeated and do not help',
    plan: switchPlan(['a', 'b'], {}, { traits: careful }),
    bend: { traits: careful },
    helps: 'failed',
  },
  { name: 'a world that cannot be looked at afterwards', plan: switchPlan(['a', 'b']), helps: 'passed', blind: true },
  { name: 'nobody can tell whether it helped', plan: switchPlan(['a']), helps: 'inconclusive' },
  { name: 'one after another, with a look between', plan: groupPlan(['a', 'b', 'c']), helps: 'passed' },
  {
    name: 'one after another, and the second is not well',
    plan: groupPlan(['a', 'b', 'c']),
    bend: { between: (_execution, index) => (index === 1 ? 'failed' : 'passed') },
    helps: 'passed',
  },
  {
    name: 'one after another, and nobody can tell how the first is',
    plan: groupPlan(['a', 'b', 'c']),
    bend: { between: () => 'inconclusive' },
    helps: 'passed',
  },
  { name: 'no verification asked for', plan: switchPlan(['a', 'b'], { verify: [] }), helps: 'passed' },
];

describe('a crash at any point, with the write lost or kept', () => {
  for (const shape of shapes) {
    test(`${shape.name}: no effect twice, none forgotten, people told`, async () => {
      const { passed } = await runWithCrashes(shape, []);
      expect(passed).toBeGreaterThan(10);
      const found: string[] = [];
      for (let point = 1; point <= passed; point += 1)
        for (const wrong of violations(shape, await runWithCrashes(shape, [point]))) found.push(`${point}: ${wrong}`);
      expect(found).toEqual([]);
    });
  }

  test('a second crash while recovering from the first', async () => {
    const found: string[] = [];
    for (const shape of [shapes[0]!, shapes[2]!, shapes[6]!]) {
      const { passed } = await runWithCrashes(shape, []);
      for (let point = 1; point <= passed; point += 4)
        for (let again = 1; again <= 25; again += 3)
          for (const wrong of violations(shape, await runWithCrashes(shape, [point, again])))
            found.push(`${shape.name} ${point}/${again}: ${wrong}`);
    }
    expect(found).toEqual([]);
  });
});

// Planted bugs, put in through the ports: a suite that passes with one of them proves nothing.
describe('the suite catches', () => {
  const caught = async (shape: Shape, mutant: () => Bend): Promise<readonly string[]> => {
    const found: string[] = [];
    for (let point = 1; point <= 60; point += 1)
      found.push(...violations(shape, await runWithCrashes(shape, [point], mutant())));
    return [...new Set(found.map((line) => line.replace(/[0-9a-f]{64}/, 'KEY')))];
  };

  test('acting before the intent is durable', async () => {
    const lazy = (real: Ledger): Ledger => {
      const waiting: RecordBatch[] = [];
      return {
        ...real,
        record: async (batch) => {
          waiting.push(batch);
          const oldest = waiting.length > 2 ? waiting.shift() : undefined;
          return oldest === undefined ? [] : real.record(oldest);
        },
      };
    };
    expect(await caught(shapes[0]!, () => ({ ledger: lazy }))).toContain('run WITHOUT DURABLE INTENT KEY');
  });

  test('repeating after a crash without looking', async () => {
    const blind = (): Bend => ({ opaque: true, probe: () => ({ is: 'not-done', because: 'not looked' }) });
    expect(await caught(shapes[0]!, blind)).toContain('a was turned on 2 times');
  });

  test('taking for granted that it happened', async () => {
    const found = await caught(shapes[0]!, () => ({ probe: () => ({ is: 'done', because: 'not looked' }) }));
    expect(found).toContain('turn-a: not done, yet succeeded');
  });

  test('losing the call to people', async () => {
    const silent = await caught({ ...shapes[4]!, helps: 'failed' }, () => ({
      onEvent: (event) => {
        if (event.kind === 'ended') throw new Error('not delivered');
      },
    }));
    expect(silent).toContain('nobody was called');
  });
});
