import { describe, expect, test } from 'vitest';

import type { Execution, Verification } from '../../../src/domain/remediation.ts';
import { allow, groupPlan, makeWorld, switchPlan, type Bend, type World } from '../../support/executor-world.ts';

const plan = groupPlan(['a', 'b', 'c']);

async function carriedOut(bend: Bend, of = plan): Promise<{ readonly world: World; readonly execution: Execution }> {
  const world = makeWorld();
  const process = world.boot(bend);
  await process.executor.load();
  const execution = await world.drive(process.executor.start(of, allow(of), []));
  return { world, execution };
}

const turnedOn = (world: World): readonly string[] =>
  world.outside.effects.filter((line) => line.startsWith('on ')).map((line) => line.split(' ')[1] ?? '');

describe('between two steps', () => {
  test('the next waits until what must hold after the one before holds', async () => {
    const seen: string[] = [];
    const world = makeWorld();
    const between: Bend['between'] = ({ steps }, index, asOfMs) => {
      const waitedMs = asOfMs - (steps[index]?.endedAtMs ?? 0);
      if (waitedMs < 30_000) return 'pending';
      seen.push(`${index}: ${turnedOn(world).join('')}`);
      return 'passed';
    };
    const { executor, events } = world.boot({ between });
    await executor.load();
    const execution = await world.drive(executor.start(plan, allow(plan), []));
    expect(execution.status).toBe('verifying');
    expect(seen).toEqual(['0: a', '1: ab']);
    expect(execution.steps.map((step) => [step.phase, step.between?.status])).toEqual([
      ['verified', 'passed'],
      ['verified', 'passed'],
      ['outcome', undefined],
    ]);
    expect(events.map((event) => event.kind).filter((kind) => kind === 'step-verified')).toHaveLength(2);
    const told = world.disk.entries.filter((entry) => entry.type === 'verification');
    expect(told.map((entry) => [entry.subject.step, entry.body['status']])).toEqual([
      ['turn[a]', 'passed'],
      ['turn[b]', 'passed'],
    ]);
  });

  test('what is not well afterwards stops it and is taken back; what was looked at before and is well stays', async () => {
    const { world, execution } = await carriedOut({ between: (_of, index) => (index === 1 ? 'failed' : 'passed') });
    expect(execution).toMatchObject({
      status: 'undone',
      because: expect.stringContaining('after turn[b]: lit') as string,
    });
    expect(execution.because).toContain('; turn[a] stays: it is well');
    expect(world.outside.effects.map((line) => line.slice(0, 5).trim())).toEqual(['on a', 'on b', 'off b']);
  });

  test('what nobody can tell stops it, and nothing more is touched, not even to go back', async () => {
    const { world, execution } = await carriedOut({ between: () => 'inconclusive' });
    expect(execution.status).toBe('unknown');
    expect(turnedOn(world)).toEqual(['a']);
    expect(world.outside.on).toEqual(new Set(['a']));
  });

  test('a look that never comes to an end is none: it stops when it is overdue', async () => {
    const { world, execution } = await carriedOut({ between: () => 'pending' });
    expect(execution).toMatchObject({ status: 'unknown', because: expect.stringContaining('overdue') as string });
    expect(turnedOn(world)).toEqual(['a']);
  });

  test('a look that throws is asked again', async () => {
    let asked = 0;
    const between = (): Verification['status'] => {
      if (++asked < 4) throw new Error('no samples');
      return 'passed';
    };
    const { world } = await carriedOut({ between });
    expect(turnedOn(world)).toEqual(['a', 'b', 'c']);
  });

  test('when policy refuses the next, what was looked at and is well stays', async () => {
    const decide: Bend['decide'] = (index) =>
      index < 2 ? {} : { outcome: 'deny', code: 'bounds', reasons: ['too many are unwell'] };
    const { world, execution } = await carriedOut({ decide });
    expect(execution).toMatchObject({
      status: 'failed',
      because: expect.stringContaining('turn[a], turn[b] stay: they are well') as string,
    });
    expect(world.outside.on).toEqual(new Set(['a', 'b']));
    expect(world.outside.effects.filter((line) => line.startsWith('off'))).toEqual([]);
  });

  test('when policy refuses the next and nobody looked between, it is taken back as ever', async () => {
    const decide: Bend['decide'] = (index) => (index < 2 ? {} : { outcome: 'deny', code: 'bounds' });
    const { world, execution } = await carriedOut({ decide }, groupPlan(['a', 'b', 'c'], {}, false));
    expect(execution.status).toBe('undone');
    expect(world.outside.on.size).toBe(0);
  });

  test('a person stops it while it looks', async () => {
    const world = makeWorld();
    const { executor } = world.boot({ between: () => 'pending' });
    await executor.load();
    const started = executor.start(plan, allow(plan), []);
    await world.clock.advance(10_000);
    const [running] = executor.active();
    await world.drive(executor.cancel(running?.id ?? '', 'cli:ana'));
    expect((await world.drive(started)).status).toBe('cancelled');
    expect(turnedOn(world)).toEqual(['a']);
  });

  test('a process that comes after one that died looks on, and does nothing twice', async () => {
    const world = makeWorld();
    const first = world.boot({
      between: () => {
        throw new Error('never');
      },
    });
    await first.executor.load();
    void first.executor.start(plan, allow(plan), []).catch(() => undefined);
    await world.clock.advance(20_000);
    const second = world.boot({ between: () => 'passed' });
    await world.drive(second.executor.resume(new AbortController().signal));
    expect(turnedOn(world)).toEqual(['a', 'b', 'c']);
    expect(second.executor.active()[0]?.steps[0]).toMatchObject({ attempt: 1, between: { status: 'passed' } });
  });

  test('a step of no group may be looked at as well, and is part of one whole that is taken back', async () => {
    const one = switchPlan(['a', 'b', 'c'], {}, { between: [{ expect: 'lit', withinMs: 1_000 }] });
    const { world, execution } = await carriedOut(
      { between: (_of, index) => (index === 1 ? 'failed' : 'passed') },
      one,
    );
    expect(execution.status).toBe('undone');
    expect(turnedOn(world)).toEqual(['a', 'b']);
    expect(world.outside.on.size).toBe(0);
  });

  test('when the whole did not help, only what nobody looked at since is taken back', async () => {
    const world = makeWorld();
    const { executor } = world.boot({ between: () => 'passed', verify: () => 'failed' });
    await executor.load();
    const { id } = await world.drive(executor.start(plan, allow(plan), []));
    await world.drive(executor.tick());
    expect(executor.find(id)).toMatchObject({ status: 'undone' });
    expect(world.outside.on).toEqual(new Set(['a', 'b']));
  });
});
