import { existsSync, mkdirSync, readFileSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';

import { actionKinds } from '../../src/actions/index.ts';
import type { ActionKind } from '../../src/domain/ports/action.ts';
import { actionContract, type Stage } from '../contract/action.ts';
import {
  answers,
  contextOf,
  eventually,
  realHands,
  startHostService,
  type HostService,
} from '../support/host-service.ts';

const io = realHands();
const rollback = kindOf('host.release-rollback');
const restart = kindOf('host.service-restart');
const signal = kindOf('host.process-signal');

function kindOf(name: string): ActionKind {
  const kind = actionKinds[name];
  if (kind === undefined) throw new Error(name);
  return kind;
}

async function stageOf(host: HostService, params: Stage['params'], effects: Stage['effects']): Promise<Stage> {
  await answers(host);
  const link = (): string => readlinkSync(path.join(host.folder, 'current'));
  return {
    params,
    context: (stop, timeoutMs) => contextOf(host.service, io, timeoutMs ?? 8_000, stop),
    world: () => Promise.resolve({ link: link(), pid: host.pid() }),
    restorable: async () => {
      await answers(host);
      return { link: link(), release: (await host.answer()).split(' ')[0] };
    },
    effects,
    remove: () => host.stop(),
  };
}

actionContract('host.service-restart on a supervised process', {
  kind: restart,
  probeTells: true,
  set: async () => {
    const host = await startHostService();
    return stageOf(host, {}, host.restarts);
  },
  refused: { 'an unknown parameter': { unit: 'x.service' }, 'a wrong type': { force: 'yes' } },
});

actionContract('host.release-rollback on real folders', {
  kind: rollback,
  probeTells: true,
  set: async () => {
    const host = await startHostService();
    mkdirSync(path.join(host.folder, 'outside'));
    symlinkSync('/etc', path.join(host.folder, 'releases', 'escape'));
    return stageOf(host, {}, host.restarts);
  },
  refused: {
    'a path that climbs out of the root': { to: '../outside' },
    'a path elsewhere': { to: '/etc' },
    'a symlink among the releases': { to: 'escape' },
    'a release that is not there': { to: 'v9' },
    'the release that runs already': { to: 'v3' },
    'a NUL': { to: 'v1\0' },
    'a newline': { to: 'v1\nv2' },
    'a leading dash': { to: '-v1' },
    'the current folder': { to: '.' },
  },
});

actionContract('host.process-signal on a supervised process', {
  kind: signal,
  probeTells: false,
  set: async () => {
    const host = await startHostService();
    const file = path.join(host.folder, 'signals');
    const count = (): number => (existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n').length : 0);
    return stageOf(host, { signal: 'SIGHUP' }, async () => {
      await new Promise((resolve) => setTimeout(resolve, 100));
      return count();
    });
  },
  refused: { SIGKILL: { signal: 'SIGKILL' }, 'a number': { signal: 9 }, 'no signal': {} },
});

describe('on a real supervised service', () => {
  let host: HostService | undefined;
  afterEach(async () => {
    await host?.stop();
    host = undefined;
  });
  const start = async (behaviour = '', releases: Readonly<Record<string, string>> = {}): Promise<HostService> => {
    const begun = (host = await startHostService(behaviour, releases));
    await answers(begun);
    return begun;
  };

  test('a rollback brings the previous release back to life', async () => {
    const { service, answer } = await start('', { v3: 'ill' });
    const context = contextOf(service, io);
    const observed = await rollback.observe({}, context);
    expect(observed.facts).toMatchObject({
      revisions: 3,
      current: 'v3',
      previous: 'v2',
      candidates: ['v1', 'v2'],
      healthy: false,
    });
    expect(rollback.preview({}, observed).describe).toContain('from v3 back to v2');
    expect(await rollback.run({}, rollback.before({}, observed), 'k', context)).toMatchObject({ is: 'done' });
    expect(await answer()).toMatch(/^v2 /);
    expect((await rollback.observe({}, context)).facts).toMatchObject({ current: 'v2', healthy: true });
  });

  test('a named release is taken, by name or by path', async () => {
    const { service, folder } = await start();
    const context = contextOf(service, io);
    for (const to of ['v1', path.join(folder, 'releases', 'v1')])
      expect((await rollback.observe({ to }, context)).facts).toMatchObject({ to: 'v1', newLink: 'releases/v1' });
  });

  test('a link that was pointed without a restart is told apart, and a repeat only restarts', async () => {
    const { service, folder, pid, answer } = await start();
    const context = contextOf(service, io);
    const before = rollback.before({}, await rollback.observe({}, context));
    await new Promise((resolve) => setTimeout(resolve, 200));
    await io.files.replaceSymlink(path.join(folder, 'current'), 'releases/v2', context.signal);
    const half = await rollback.probe({}, before, context, 'k');
    expect(half.is).toBe('unknown');
    expect(half.because).toContain('half done');
    const old = pid();
    expect(await rollback.run({}, before, 'k', context)).toMatchObject({ is: 'done' });
    expect(pid()).not.toBe(old);
    expect(await answer()).toMatch(/^v2 /);
  });

  test('undo refuses when somebody has deployed since', async () => {
    const { service, folder } = await start();
    const context = contextOf(service, io);
    const before = rollback.before({}, await rollback.observe({}, context));
    await rollback.run({}, before, 'k', context);
    await io.files.replaceSymlink(path.join(folder, 'current'), 'releases/v1', context.signal);
    expect(await rollback.undo({}, before, 'u', context)).toMatchObject({ is: 'failed' });
    expect(readlinkSync(path.join(folder, 'current'))).toBe('releases/v1');
  });

  test('a release that comes up ill is a failure, not a success', async () => {
    const { service } = await start('', { v2: 'ill' });
    const context = contextOf(service, io, 2_500);
    const before = rollback.before({}, await rollback.observe({}, context));
    expect(await rollback.run({}, before, 'k', context)).toMatchObject({ is: 'failed' });
  });

  test('a current that leads out of the root is refused', async () => {
    const { service, folder } = await start();
    const context = contextOf(service, io);
    mkdirSync(path.join(folder, 'elsewhere'));
    await io.files.replaceSymlink(path.join(folder, 'current'), 'elsewhere', context.signal);
    await expect(rollback.observe({}, context)).rejects.toThrow('not a release');
  });

  test('a process that ignores SIGTERM is left alone, and the outcome is unknown', async () => {
    const { service, pid } = await start('deaf');
    const context = contextOf(service, io, 1_500);
    const before = restart.before({}, await restart.observe({}, context));
    const old = pid();
    expect(await restart.run({}, before, 'k', context)).toMatchObject({ is: 'unknown' });
    expect(pid()).toBe(old);
    expect(await restart.probe({}, before, context, 'k')).toMatchObject({ is: 'not-done' });
  });

  test('with force it is killed after half the time', async () => {
    const { service, pid } = await start('deaf');
    const context = contextOf(service, io, 6_000);
    const before = restart.before({}, await restart.observe({}, context));
    const old = pid();
    expect(await restart.run({ force: true }, before, 'k', context)).toMatchObject({ is: 'done' });
    expect(pid()).not.toBe(old);
  });

  test('a recycled pid is never signalled', async () => {
    const { service, pid, folder } = await start();
    const context = contextOf(service, io);
    const old = pid();
    const before = { pid: old, identity: `${old}@1` };
    expect(await signal.run({ signal: 'SIGHUP' }, before, 'recycled', context)).toMatchObject({ is: 'failed' });
    expect(await restart.run({}, { identity: `${old}@1` }, 'k', context)).toMatchObject({ is: 'done' });
    expect(pid()).toBe(old);
    expect(existsSync(path.join(folder, 'signals'))).toBe(false);
  });

  test('a pid file that names init, a group, or nonsense names nothing', async () => {
    const { service, folder } = await start();
    const context = contextOf(service, io);
    for (const text of ['1', '-1', '0', 'x', '', '12 34', '99999999999']) {
      writeFileSync(path.join(folder, 'service.pid'), text);
      const observed = await restart.observe({}, context);
      expect(observed.facts).toMatchObject({ running: false });
      expect(() => restart.preview({}, observed)).toThrow('not running');
    }
  });

  test('SIGTERM to a process is proved by its end', async () => {
    const { service } = await start();
    const context = contextOf(service, io);
    const before = signal.before({ signal: 'SIGTERM' }, await signal.observe({ signal: 'SIGTERM' }, context));
    await signal.run({ signal: 'SIGTERM' }, before, 'term', context);
    await eventually(async () => (await signal.probe({ signal: 'SIGTERM' }, before, context, 'k')).is === 'done');
  });
});
