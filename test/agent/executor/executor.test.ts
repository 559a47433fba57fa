import { describe, expect, test } from 'vitest';

import { planDigest } from '../../../src/agent/executor/index.ts';
import { WatchkeeperError } from '../../../src/lib/errors.ts';
import type { Approval } from '../../../src/domain/authority.ts';
import type { Execution, Plan } from '../../../src/domain/remediation.ts';
import { allow, makeWorld, switchPlan, verdict, type Bend, type World } from '../../support/executor-world.ts';

async function carryOut(
  world: World,
  plan: Plan,
  bend: Bend = {},
  approvals: readonly Approval[] = [],
): Promise<Execution> {
  const { executor } = world.boot(bend);
  await executor.resume(new AbortController().signal);
  const execution = await world.drive(executor.start(plan, allow(plan), approvals));
  await world.drive(executor.tick());
  return executor.find(execution.id) ?? execution;
}

const types = (world: World): readonly string[] => world.disk.entries.map((entry) => entry.type);

describe('the journal', () => {
  test('a plan that helps leaves decision, intent, start, outcome, verification and end, in order', async () => {
    const world = makeWorld();
    const execution = await carryOut(world, switchPlan(['a']));
    expect(execution.status).toBe('succeeded');
    expect(types(world)).toEqual([
      'decision',
      'step-intent',
      'step-started',
      'step-outcome',
      'verification',
      'execution-ended',
    ]);
  });

  test('a plan that does not help is undone in reverse order, and people are called', async () => {
    const world = makeWorld();
    const { executor, events } = world.boot({ verify: () => 'failed' });
    await executor.resume(new AbortController().signal);
    const plan = switchPlan(['a', 'b']);
    await world.drive(executor.start(plan, allow(plan), []));
    await world.drive(executor.tick());
    expect(world.outside.effects.map((line) => line.split(' ').slice(0, 2).join(' '))).toEqual([
      'on a',
      'on b',
      'off b',
      'off a',
    ]);
    expect(events.at(-1)).toMatchObject({ kind: 'ended', escalate: true, execution: { status: 'undone' } });
  });

  test('inconclusive verification calls people and undoes nothing', async () => {
    const world = makeWorld();
    const execution = await carryOut(world, switchPlan(['a']), { verify: () => 'inconclusive' });
    expect(execution.status).toBe('unknown');
    expect(world.outside.on.has('a')).toBe(true);
  });
});

describe('nothing is touched when', () => {
  const refusals: Readonly<Record<string, { readonly plan?: Plan; readonly bend?: Bend; readonly code: string }>> = {
    'policy denies on live state': { bend: { decide: () => ({ outcome: 'deny', code: 'freeze' }) }, code: 'freeze' },
    'policy wants consent that is not there': {
      bend: { decide: () => ({ outcome: 'require-approval' }) },
      code: 'approval-refused',
    },
    'policy throws': {
      bend: {
        decide: () => {
          throw new Error('broken');
        },
      },
      code: 'evaluation-error',
    },
    'a condition does not hold': {
      bend: { conditions: () => ({ ok: false, because: 'one revision' }) },
      code: 'require',
    },
    'the state differs from what was planned': {
      plan: switchPlan(['a'], {}, { stateHash: 'on@7' }),
      code: 'stale-plan',
    },
    'the risk traits differ from the code’s': {
      plan: switchPlan(
        ['a'],
        {},
        { traits: { reversible: true, idempotent: true, destructive: false, scope: 'host' } },
      ),
      code: 'stale-plan',
    },
    'the action is not there any more': { plan: switchPlan(['a'], {}, { action: 'test.gone' }), code: 'stale-plan' },
    'somebody else is acting': { bend: { busy: () => 'a deploy is under way' }, code: 'busy' },
  };
  for (const [what, { plan = switchPlan(['a']), bend, code }] of Object.entries(refusals))
    test(what, async () => {
      const world = makeWorld();
      const execution = await carryOut(world, plan, bend);
      expect(execution.status).toBe('denied');
      expect(world.outside.effects).toEqual([]);
      expect(world.disk.entries.at(-1)).toMatchObject({ type: 'execution-ended', body: { code, escalate: true } });
    });

  test('the plan was edited after it was hashed', async () => {
    const world = makeWorld();
    const { executor } = world.boot();
    await executor.resume(new AbortController().signal);
    const plan = { ...switchPlan(['a']), because: 'trust me' };
    await expect(executor.start(plan, allow(plan), [])).rejects.toThrow('edited');
    expect(planDigest(plan)).not.toBe(plan.id);
  });

  test('it was carried out before, by this process or the last', async () => {
    const world = makeWorld();
    await carryOut(world, switchPlan(['a']));
    await expect(carryOut(world, switchPlan(['a']))).rejects.toThrow('already started');
    expect(world.outside.effects).toHaveLength(1);
  });

  test('the epoch has moved on', async () => {
    const world = makeWorld();
    const { executor, events } = world.boot();
    await executor.resume(new AbortController().signal);
    world.boot();
    const plan = switchPlan(['a']);
    await expect(world.drive(executor.start(plan, allow(plan), []))).rejects.toMatchObject({ code: 'fenced' });
    expect(world.outside.effects).toEqual([]);
    expect(executor.halted()).toBeDefined();
    expect(events.at(-1)?.kind).toBe('halted');
    await expect(executor.tick()).rejects.toThrow();
  });
});

describe('consent', () => {
  const approval = (plan: Plan, change: Partial<Approval> = {}): Approval => ({
    id: 'a1',
    planId: plan.id,
    by: { id: 'cli:ana', groups: [] },
    verdict: 'approve',
    atMs: 0,
    expiresAtMs: Number.MAX_SAFE_INTEGER,
    stateHash: 'off@0',
    policyDigest: 'policy-1',
    epoch: 1,
    via: 'cli',
    ...change,
  });
  const plan = switchPlan(['a']);

  test('one veto stops it', async () => {
    const execution = await carryOut(makeWorld(), plan, {}, [
      approval(plan),
      approval(plan, { id: 'a2', verdict: 'deny' }),
    ]);
    expect(execution).toMatchObject({ status: 'denied', because: 'cli:ana refused it' });
  });

  test('given under another policy is worth nothing', async () => {
    const execution = await carryOut(makeWorld(), plan, {}, [approval(plan, { policyDigest: 'policy-0' })]);
    expect(execution.status).toBe('denied');
  });

  test('expired, or of another epoch, is not even shown to policy', async () => {
    for (const change of [{ expiresAtMs: 1 }, { epoch: 9 }]) {
      const world = makeWorld();
      const { deps } = world.boot();
      const seen: number[] = [];
      Object.assign(deps, {
        decideLive: (asked: Plan, index: number, _seen: unknown, approvals: readonly Approval[]) => {
          seen.push(approvals.length);
          return Promise.resolve({ ...allow(asked), stepId: asked.steps[index]!.id });
        },
      });
      const { createExecutor } = await import('../../../src/agent/executor/index.ts');
      const executor = createExecutor(deps);
      await executor.resume(new AbortController().signal);
      await world.drive(executor.start(plan, allow(plan), [approval(plan, change)]));
      expect(seen).toEqual([0]);
    }
  });
});

describe('limits', () => {
  test('attempts are counted over restarts, and the third is refused', async () => {
    const world = makeWorld();
    for (const turn of [1, 2]) {
      world.outside.on.clear();
      await carryOut(world, switchPlan(['a'], { createdAtMs: 1_767_225_600_000 + turn }));
    }
    world.outside.on.clear();
    const third = await carryOut(world, switchPlan(['a'], { createdAtMs: 1_767_225_600_003 }));
    expect(third.status).toBe('denied');
    expect(third.because).toContain('already tried 2 times');
  });

  test('a second plan on the same target is refused while the first holds it, also after a restart', async () => {
    const world = makeWorld();
    const pending: Bend = { verify: () => 'pending' };
    await carryOut(world, switchPlan(['a']), pending);
    const second = await carryOut(
      world,
      switchPlan(['a'], { createdAtMs: 1_767_225_600_009 }, { stateHash: 'on@0' }),
      pending,
    );
    expect(second).toMatchObject({ status: 'denied' });
    expect(second.because).toContain('acting on the same target');
  });

  test('what a crash cut off holds its target while it is still being looked at; others may be acted on', async () => {
    const world = makeWorld();
    const death: Bend = {
      around: (what) => {
        if (what === 'run') throw new WatchkeeperError('store-failed', 'the process dies here');
      },
      ledger: (real) => ({
        ...real,
        record: (batch) =>
          batch.drafts.some(({ type }) => type === 'step-outcome')
            ? Promise.reject(new WatchkeeperError('store-failed', 'the process is dead'))
            : real.record(batch),
      }),
    };
    await expect(carryOut(world, switchPlan(['a']), death)).rejects.toThrow();
    const { executor } = world.boot({ probe: () => new Promise(() => undefined) });
    await executor.load();
    const resuming = executor.resume(new AbortController().signal);
    const same = switchPlan(['a'], { createdAtMs: 1_767_225_600_007 });
    const refused = await world.drive(executor.start(same, allow(same), []));
    expect(refused).toMatchObject({ status: 'denied' });
    expect(refused.because).toContain('acting on the same target');
    const other = switchPlan(['b']);
    expect(await world.drive(executor.start(other, allow(other), []))).toMatchObject({ status: 'verifying' });
    expect(executor.active().map(({ plan }) => plan.steps[0]?.target.id)).toEqual(['a', 'b']);
    await world.drive(resuming);
    expect(executor.active()).toHaveLength(1);
  });

  test('a step that does not stop in time is unknown, and nothing of it is repeated', async () => {
    const world = makeWorld();
    const hang: Bend = { run: () => new Promise(() => undefined) };
    const execution = await carryOut(world, switchPlan(['a'], {}, { retries: 5, timeoutMs: 1_000 }), hang);
    expect(execution.status).toBe('unknown');
    expect(types(world).filter((type) => type === 'step-intent')).toHaveLength(1);
  });

  test('abortIf stops a running step, and what it left is undone', async () => {
    const world = makeWorld();
    const execution = await carryOut(world, switchPlan(['a'], {}, { abortIf: ['burn > 20'] }), {
      conditions: ({ when }) => (when === 'during' ? { ok: false, because: 'burning' } : { ok: true, because: '' }),
      run: async (honest, signal) => {
        const result = honest();
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
        return result;
      },
    });
    expect(execution).toMatchObject({ status: 'undone', because: 'burning' });
    expect(world.outside.on.has('a')).toBe(false);
  });

  test('a verification that stays pending long after it was due is inconclusive', async () => {
    const world = makeWorld();
    const { executor } = world.boot({ verify: () => 'pending' });
    await executor.resume(new AbortController().signal);
    const plan = switchPlan(['a']);
    const { id } = await world.drive(executor.start(plan, allow(plan), []));
    await world.clock.advance(20 * 60_000);
    await world.drive(executor.tick());
    expect(executor.find(id)?.status).toBe('unknown');
  });

  test('a write that fails before the act ends all acting', async () => {
    const world = makeWorld();
    const { executor } = world.boot({
      ledger: (real) => ({ ...real, record: () => Promise.reject(new WatchkeeperError('store-failed', 'disk full')) }),
    });
    await executor.resume(new AbortController().signal);
    const plan = switchPlan(['a']);
    await expect(world.drive(executor.start(plan, allow(plan), []))).rejects.toThrow('disk full');
    expect(executor.halted()).toBe('disk full');
    expect(world.outside.effects).toEqual([]);
  });
});

describe('late checks', () => {
  const plan = switchPlan(['a'], {
    verify: [
      { expect: 'lit', withinMs: 60_000 },
      { expect: 'no restart', atMs: 3_600_000 },
    ],
  });
  const late = (said: 'passed' | 'failed'): Bend => ({
    verify: (execution, asOfMs) => {
      const over = asOfMs >= execution.startedAtMs + 3_600_000;
      const base = verdict(execution.plan, over ? said : 'pending', asOfMs);
      return {
        ...base,
        rules: base.rules.map((rule, index) => (index === 0 ? { ...rule, status: 'passed' as const } : rule)),
      };
    },
  });

  test('free the target meanwhile, and go back an hour later, after a restart, when they fail', async () => {
    const world = makeWorld();
    const waiting = await carryOut(world, plan, late('failed'));
    expect(waiting.status).toBe('verifying');
    const { executor } = world.boot(late('failed'));
    await executor.resume(new AbortController().signal);
    expect(executor.inFlight()).toEqual([]);
    await world.clock.advance(3_700_000);
    await world.drive(executor.tick());
    expect(executor.find(waiting.id)?.status).toBe('undone');
    expect(world.outside.on.has('a')).toBe(false);
  });

  test('a person can cancel while waiting', async () => {
    const world = makeWorld();
    const { executor } = world.boot({ verify: () => 'pending' });
    await executor.resume(new AbortController().signal);
    const { id } = await world.drive(executor.start(plan, allow(plan), []));
    expect(await world.drive(executor.cancel(id, 'cli:ana'))).toMatchObject({ status: 'cancelled' });
    expect(world.outside.on.has('a')).toBe(true);
  });
});
