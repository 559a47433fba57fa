import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Node } from 'web-tree-sitter';

import { windowsAct, windowsLook } from '../../src/actions/host/windows/scripts.ts';
import { actionKinds } from '../../src/actions/index.ts';
import type { ActionKind } from '../../src/domain/ports/action.ts';
import type { Json, JsonObject } from '../../src/lib/json.ts';
import { actionContract } from '../contract/action.ts';
import { nodesOf, powershellParser } from '../support/powershell.ts';
import { windowsHands, windowsWorld } from '../support/windows-hands.ts';
import type { WindowsHands, WindowsWorld } from '../support/windows-hands.ts';

function kindOf(name: string): ActionKind {
  const kind = actionKinds[name];
  if (kind === undefined) throw new Error(name);
  return kind;
}

const stage = async (params: Json) => {
  const hands = await windowsHands();
  const { effects, ...rest } = hands.world;
  const state = (): Promise<unknown> => Promise.resolve(structuredClone({ ...rest, ...hands.world, effects }));
  return {
    params,
    context: hands.context,
    world: state,
    effects: () => Promise.resolve(hands.world.effects),
    restorable: () => Promise.resolve(hands.world.site.path),
    remove: hands.remove,
  };
};

const cases: Readonly<Record<string, { readonly params: Json; readonly refused: Readonly<Record<string, Json>> }>> = {
  'windows.service-restart': {
    params: {},
    refused: { 'a service of its own choice': { name: 'W3SVC' }, 'a host that is none': { host: '; rm' } },
  },
  'windows.process-stop': { params: {}, refused: { 'a process of its own choice': { pid: 4 } } },
  'windows.iis-apppool-recycle': { params: {}, refused: { 'another pool': { pool: 'DefaultAppPool' } } },
  'windows.iis-site-rollback': {
    params: {},
    refused: {
      'a path': { to: 'D:\\evil' },
      'a way up': { to: '..' },
      'a share': { to: '\\\\evil\\share' },
      'a release that is not there': { to: '9.9.9' },
      'the present one': { to: '4.10.0' },
    },
  },
  'windows.disk-reclaim': {
    params: { folder: 'D:\\shop\\logs' },
    refused: {
      'a drive': { folder: 'C:\\' },
      'Windows itself': { folder: 'C:\\Windows' },
      'a part of it': { folder: 'c:\\windows\\System32\\config' },
      'a way up': { folder: 'D:\\shop\\..\\..\\Windows' },
      'a share': { folder: '\\\\server\\share\\logs' },
      'a wildcard': { folder: 'D:\\shop\\*' },
      'Windows, by another of its folders': { folder: 'C:\\Windows\\Installer' },
      'all of its files': { folder: 'D:\\shop\\logs', olderThanDays: 0 },
      'files of every ending': { folder: 'D:\\shop\\logs', endings: ['*'] },
    },
  },
  'windows.time-resync': { params: {}, refused: { 'a server of its own choice': { server: 'ntp.evil' } } },
  'windows.host-reboot': { params: {}, refused: { 'a delay': { delay: 0 } } },
};

for (const [name, { params, refused }] of Object.entries(cases))
  actionContract(`${name} over SSH`, { kind: kindOf(name), probeTells: true, set: () => stage(params), refused });

describe('acting on Windows hosts', () => {
  const open: WindowsHands[] = [];
  const hands = async (
    change: (world: WindowsWorld) => void = () => undefined,
    ...more: readonly ['linux'?]
  ): Promise<WindowsHands> => {
    const world = windowsWorld();
    change(world);
    const made = await windowsHands(world, more[0] ?? 'windows');
    open.push(made);
    return made;
  };
  afterEach(async () => {
    for (const one of open.splice(0)) await one.remove();
  });
  const prepared = async (name: string, at: WindowsHands, given: JsonObject = {}) => {
    const kind = kindOf(name);
    const parsed = kind.params.parse(given);
    if (!parsed.ok) throw new Error(parsed.issues[0]?.message);
    const observed = await kind.observe(parsed.value, at.context());
    return { kind, params: parsed.value, observed, before: kind.before(parsed.value, observed) };
  };

  it('when the connection is cut after it began is unknown, and a probe finds out without doing it again', async () => {
    const at = await hands((world) => (world.cutAfterAct = true));
    const { kind, params, before } = await prepared('windows.service-restart', at);
    expect(await kind.run(params, before, 'k', at.context())).toMatchObject({ is: 'unknown' });
    at.world.cutAfterAct = false;
    expect(await kind.probe(params, before, at.context(), 'k')).toMatchObject({ is: 'done' });
    expect([at.acts(), at.world.effects]).toEqual([1, 1]);
  });

  it('that is not allowed is certain not to have happened, and says where the rights are written down', async () => {
    const at = await hands((world) => (world.fault = { kind: 'denied', message: 'Zugriff verweigert' }));
    const { kind, params, before } = await prepared('windows.service-restart', at);
    expect(await kind.run(params, before, 'k', at.context())).toEqual({
      is: 'failed',
      message: expect.stringMatching(/win-1 does not allow it: Zugriff verweigert .*docs\/windows\.md/) as string,
    });
    expect(at.world.effects).toBe(0);
  });

  it('leaves alone what is another than was looked at', async () => {
    const at = await hands();
    const { kind, params, before } = await prepared('windows.iis-site-rollback', at);
    at.world.site.path = 'D:\\sites\\shop\\hotfix';
    expect(await kind.run(params, before, 'k', at.context())).toMatchObject({ is: 'failed' });
    expect(await kind.probe(params, before, at.context(), 'k')).toMatchObject({ is: 'unknown' });
    expect([at.world.site.path, at.world.effects]).toEqual(['D:\\sites\\shop\\hotfix', 0]);
  });

  it('goes to the nearest release before by its numbers, and tells what is touched of how many', async () => {
    const at = await hands();
    const { kind, params, observed } = await prepared('windows.iis-site-rollback', at);
    expect(kind.preview(params, observed).diff).toEqual([
      'win-1/shop: D:\\sites\\shop\\releases\\4.10.0 → D:\\sites\\shop\\releases\\4.9.0',
    ]);
    expect(observed.blast).toMatchObject({ touched: 1, total: 1, targets: ['win-1'] });
    expect(observed.target).toMatchObject({ kind: 'iis-site', id: 'win-1/shop', labels: { host: 'win-1' } });
  });

  it.each([
    ['windows.service-restart', (world: WindowsWorld) => (world.service.dependents = ['Billing']), /Billing/],
    ['windows.service-restart', (world: WindowsWorld) => (world.service.start = 'Disabled'), /disabled/],
    ['windows.service-restart', (world: WindowsWorld) => (world.service.state = 'Stop Pending'), /in between/],
    ['windows.service-restart', (world: WindowsWorld) => (world.service.shares = ['WAS']), /one process with WAS/],
    ['windows.process-stop', (world: WindowsWorld) => (world.service.pid = 0), /no process/],
    ['windows.process-stop', (world: WindowsWorld) => (world.service.shares = ['WAS']), /that of WAS too/],
    ['windows.iis-apppool-recycle', (world: WindowsWorld) => (world.pool.workers = []), /no worker/],
  ])('%s refuses a state it is not for', async (name, change, message) => {
    const at = await hands(change);
    await expect(prepared(name, at)).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringMatching(message) as string,
    });
  });

  it.each(['host.service-restart', 'host.release-rollback', 'host.reboot'])(
    'is not for %s, which says so of a service on Windows before anything is looked at',
    async (name) => {
      const at = await hands();
      const { service } = at.context();
      const onWindows = {
        ...service,
        runsOn: service.runsOn.map((place) =>
          place.on === 'ssh' ? ({ on: 'ssh', ssh: { ...place.ssh, os: 'windows' } } as const) : place,
        ),
      };
      expect(() => kindOf(name).target({}, onWindows)).toThrow(/service shop runs on Windows/);
      expect(at.server.asked).toEqual([]);
    },
  );

  it('is refused on a host that is not said to be Windows, before anything is sent to it', async () => {
    const at = await hands(undefined, 'linux');
    await expect(prepared('windows.host-reboot', at)).rejects.toMatchObject({ code: 'unsupported' });
    expect(at.server.asked).toEqual([]);
  });
});

describe('the scripts of actions on Windows hosts', () => {
  let parse: (script: string) => Node;
  beforeAll(async () => {
    parse = await powershellParser();
  });

  it.each([
    ['looking', windowsLook],
    ['acting', windowsAct],
  ])('for %s are PowerShell without an error, in ASCII, and of 5.1', (_name, script) => {
    const root = parse(script);
    expect(nodesOf(root, 'ERROR').map(({ text }) => text)).toEqual([]);
    expect(root.hasError).toBe(false);
    expect(script).toMatch(/^[\n -~]*$/);
    for (const later of [/\?\?/, /&&/, /\|\|/]) expect(script).not.toMatch(later);
  });

  it('call nothing that evaluates text, and start two programs with words of their own', () => {
    const own = nodesOf(parse(windowsAct), 'function_name').map(({ text }) => text);
    const called = new Set(nodesOf(parse(windowsAct), 'command_name').map(({ text }) => text));
    for (const name of own) called.delete(name);
    expect([...called].sort()).toEqual([
      'ConvertFrom-Json',
      'ConvertTo-Json',
      'ForEach-Object',
      'Get-CimInstance',
      'Get-ItemProperty',
      'New-Object',
      'Select-Object',
      'Sort-Object',
      'Where-Object',
    ]);
    const programs = [...windowsAct.matchAll(/'(\w+\.exe)'\)\)([^\n)]*)/g)].map(([, program, words = '']) => [
      program,
      words.trim(),
    ]);
    expect(programs).toEqual([
      ['w32tm.exe', "'/query' '/status'"],
      ['w32tm.exe', "'/resync' '/rediscover'"],
      ['shutdown.exe', "'/r' '/t' '10' '/d' 'p:2:4' '/c' 'Watchkeeper'"],
    ]);
  });

  it('set no variable of another scope: what functions tell goes through one object', () => {
    expect(windowsAct).not.toMatch(/\$(script|global|local|private):/);
  });

  it('change nothing when they only look', () => {
    for (const verb of [
      '.Stop()',
      '.Start()',
      '.Kill()',
      '.Recycle()',
      '.CommitChanges()',
      '.Delete()',
      'shutdown.exe',
      '/resync',
    ])
      expect(windowsLook).not.toContain(verb);
  });
});
