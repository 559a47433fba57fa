import {
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  chmodSync,
  readFileSync,
  openSync,
  closeSync,
} from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';

import { classOf } from '../../src/actions/http/address.ts';
import { parseUnitShow } from '../../src/actions/host/systemctl.ts';
import { parseProcStat } from '../../src/actions/host/process.ts';
import { actionKinds } from '../../src/actions/index.ts';
import type { ActionKind } from '../../src/domain/ports/action.ts';
import { actionContract } from '../contract/action.ts';
import { contextOf, freshFolder, realHands, serviceAt } from '../support/host-service.ts';

const io = realHands();
const service = serviceAt({});
const kindOf = (name: string): ActionKind => actionKinds[name]!;
const reclaim = kindOf('host.disk-reclaim');
const request = kindOf('http.request');

function aged(file: string, hours: number, size = 10): void {
  writeFileSync(file, 'x'.repeat(size));
  const then = new Date(Date.now() - hours * 3_600_000);
  utimesSync(file, then, then);
}

function cache(): { readonly folder: string; readonly old: string; readonly remove: () => void } {
  const { folder, remove } = freshFolder();
  mkdirSync(path.join(folder, 'cache'));
  const at = (name: string): string => path.join(folder, 'cache', name);
  aged(at('a.tmp'), 30);
  aged(at('b.tmp'), 20);
  aged(at('new.tmp'), 0.5);
  aged(at('keep.txt'), 99);
  aged(path.join(folder, 'outside.tmp'), 99);
  symlinkSync(path.join(folder, 'outside.tmp'), at('link.tmp'));
  mkdirSync(at('folder.tmp'));
  return { folder, old: at('*.tmp'), remove };
}

const bounds = { olderThan: '2h', maxBytes: 1_000, maxFiles: 10 };

actionContract('host.disk-reclaim on real files', {
  kind: reclaim,
  probeTells: true,
  set: () => {
    const { folder, old, remove } = cache();
    const left = (): readonly string[] => readdirSync(path.join(folder, 'cache')).sort();
    return Promise.resolve({
      params: { paths: [old], ...bounds },
      context: (stop, timeoutMs) => contextOf(service, io, timeoutMs ?? 8_000, stop),
      world: () => Promise.resolve([left(), existsSync(path.join(folder, 'outside.tmp'))]),
      effects: () => Promise.resolve(existsSync(path.join(folder, 'cache', 'a.tmp')) ? 0 : 1),
      remove: () => {
        remove();
        return Promise.resolve();
      },
    });
  },
  refused: Object.fromEntries(
    [
      '/*',
      '/etc/*.conf',
      '/usr/lib/*',
      '/var/*',
      '/tmp/../etc/*',
      '/tmp/*/x',
      'relative/*',
      '/tmp/a\0',
      '/tmp/a\n*',
      '/nowhere-at-all/*',
      '-rf',
    ].map((bad) => [JSON.stringify(bad), { paths: [bad], ...bounds }]),
  ),
});

describe('disk-reclaim', () => {
  const state = { remove: (): void => undefined };
  afterEach(() => state.remove());
  const set = (): ReturnType<typeof cache> => {
    const made = cache();
    state.remove = made.remove;
    return made;
  };

  test('takes the oldest first, stops at its bounds, and leaves links, folders, young and other files', async () => {
    const { folder, old } = set();
    const params = { paths: [old], ...bounds, maxFiles: 1 };
    const context = contextOf(service, io);
    const observed = await reclaim.observe(params, context);
    expect(observed.facts).toMatchObject({ files: 1, bytes: 10 });
    expect(await reclaim.run(params, reclaim.before(params, observed), 'k', context)).toMatchObject({
      data: { removed: 1, bytes: 10 },
    });
    expect(readdirSync(path.join(folder, 'cache')).sort()).toEqual([
      'b.tmp',
      'folder.tmp',
      'keep.txt',
      'link.tmp',
      'new.tmp',
    ]);
    expect(existsSync(path.join(folder, 'outside.tmp'))).toBe(true);
  });

  test('a listed folder that this machine lacks holds nothing, and the others are looked at', async () => {
    const { folder, old } = set();
    const observed = await reclaim.observe(
      { paths: [path.join(folder, 'crash', '*'), old], ...bounds },
      contextOf(service, io),
    );
    expect(observed.facts).toMatchObject({ files: 2 });
  });

  test('a file that was replaced or is held open is left alone', async () => {
    const { folder, old } = set();
    const params = { paths: [old], ...bounds };
    const context = contextOf(service, io);
    const before = reclaim.before(params, await reclaim.observe(params, context));
    aged(path.join(folder, 'cache', 'a.tmp'), 30, 11);
    const handle = openSync(path.join(folder, 'cache', 'b.tmp'), 'r');
    try {
      expect(await reclaim.run(params, before, 'k', context)).toMatchObject({ data: { removed: 0, skipped: 2 } });
    } finally {
      closeSync(handle);
    }
  });

  test('a folder that is swapped for a symlink is not followed', async () => {
    const { folder, old } = set();
    const params = { paths: [path.join(folder, 'way', '*.tmp')], ...bounds };
    symlinkSync(path.join(folder, 'cache'), path.join(folder, 'way'));
    await expect(reclaim.observe(params, contextOf(service, io))).rejects.toThrow('symlink');
    linkSync(path.join(folder, 'outside.tmp'), path.join(folder, 'cache', 'hard.tmp'));
    expect(statSync(old.replace('*', 'hard')).nlink).toBe(2);
  });
});

interface Peer {
  readonly url: string;
  readonly host: string;
  readonly seen: { key: string; done: boolean; count: number };
  readonly stop: () => Promise<void>;
}

async function peer(answer = 200): Promise<Peer> {
  const seen = { key: '', done: false, count: 0 };
  const server: Server = createServer((incoming, outgoing) => {
    if (incoming.method === 'POST') {
      seen.count += 1;
      seen.key = incoming.headers['idempotency-key'] as string;
      seen.done = true;
      if (answer === 0) incoming.socket.destroy();
      else outgoing.writeHead(answer, answer === 302 ? { location: 'http://127.0.0.1:1/' } : {}).end();
    } else outgoing.writeHead(seen.done ? 200 : 404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url: `http://${host}/hook`,
    host,
    seen,
    stop: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

actionContract('http.request to a real server', {
  kind: request,
  probeTells: true,
  set: async () => {
    const { url, host, seen, stop } = await peer();
    return {
      params: { host, url, probe: { url, done: [200], notDone: [404] } },
      context: (signal, timeoutMs) => contextOf(service, io, timeoutMs ?? 5_000, signal),
      world: () => Promise.resolve({ ...seen }),
      effects: () => Promise.resolve(seen.count),
      remove: stop,
    };
  },
  refused: Object.fromEntries(
    [
      ['a.example', 'http://b.example/'],
      ['a.example', 'http://a.example:81/'],
      ['a.example', 'http://user:pw@a.example/'],
      ['a.example', 'file:///etc/passwd'],
      ['169.254.169.254', 'http://169.254.169.254/latest/meta-data'],
      ['169.254.169.254', 'http://0xa9fea9fe/'],
      ['[::ffff:a9fe:a9fe]', 'http://[::ffff:169.254.169.254]/'],
      ['0.0.0.0', 'http://0/'],
    ].map(([host = '', url = '']) => [`${host} with ${url}`, { host, url }]),
  ),
});

describe('http.request', () => {
  const run = async (given: Peer, extra: Record<string, string | boolean> = {}): Promise<string> => {
    const params = request.params.parse({ host: given.host, url: given.url, ...extra });
    if (!params.ok) throw new Error(params.issues[0]?.message);
    const result = await request.run(params.value, {}, `k-${Math.random()}`, contextOf(service, io, 4_000));
    await given.stop();
    return result.is;
  };

  test('an answer decides: done, refused, unclear, redirected, cut off', async () => {
    const said: string[] = [];
    for (const answer of [204, 422, 500, 302, 0]) said.push(await run(await peer(answer)));
    expect(said).toEqual(['done', 'failed', 'unknown', 'failed', 'unknown']);
  });

  test('a peer that is not there was certainly not told', async () => {
    const gone = await peer();
    await gone.stop();
    expect(await run({ ...gone, stop: () => Promise.resolve() })).toBe('failed');
  });

  test('a name that resolves to this machine needs leave', async () => {
    const given = await peer();
    const port = given.host.split(':')[1]!;
    const direct = { method: 'GET', url: `http://localhost:${port}/`, signal: new AbortController().signal } as const;
    await expect(io.http.request({ ...direct, admit: () => false })).rejects.toMatchObject({ code: 'forbidden' });
    expect((await io.http.request({ ...direct, admit: () => true })).status).toBe(404);
    await given.stop();
  });

  test('addresses are classed as what they reach', () => {
    expect(['8.8.8.8', '10.1.2.3', '127.0.0.1', '169.254.1.1', '100.100.100.200'].map(classOf)).toEqual([
      'public',
      'private',
      'private',
      'never',
      'never',
    ]);
    expect(
      ['::1', 'fe80::1', 'fd00:ec2::254', '::ffff:10.0.0.1', '64:ff9b::a9fe:a9fe', '2606:4700::1'].map(classOf),
    ).toEqual(['private', 'never', 'never', 'private', 'never', 'public']);
    expect(classOf('db.internal')).toBe('name');
  });
});

// systemd is not PID 1 where tests run: a program of our own stands in for systemctl and keeps the unit's state in a file.
describe('host.service-restart on a systemd unit', () => {
  const fake = (folder: string): void => {
    const file = path.join(folder, 'systemctl');
    writeFileSync(
      file,
      `#!/bin/sh
echo "$@" >> ${folder}/argv
[ -f ${folder}/n ] || echo 1 > ${folder}/n
[ -f ${folder}/refuse ] && [ "$1" = restart ] && { echo "Access denied" >&2; exit 4; }
[ "$1" = restart ] && echo $(( $(cat ${folder}/n) + 1 )) > ${folder}/n
[ "$1" = show ] && printf 'LoadState=loaded\\nActiveState=active\\nSubState=running\\nInvocationID=inv%s\\nActiveEnterTimestampMonotonic=1000\\nMainPID=42\\nJob=0\\n' "$(cat ${folder}/n)"
exit 0
`,
    );
    chmodSync(file, 0o755);
  };

  test('restarts by argv, proves it by the InvocationID, and a repeat does nothing', async () => {
    const { folder, remove } = freshFolder();
    fake(folder);
    const restart = kindOf('host.service-restart');
    const context = contextOf(serviceAt({ unit: 'shop.service' }), realHands(folder));
    const before = restart.before({}, await restart.observe({}, context));
    expect((await restart.probe({}, before, { ...context, timeoutMs: 500 }, 'k')).is).toBe('not-done');
    expect(await restart.run({}, before, 'k', context)).toMatchObject({ is: 'done' });
    expect(await restart.run({}, before, 'k', context)).toMatchObject({ is: 'done' });
    expect((await restart.probe({}, before, context, 'k')).is).toBe('done');
    const argv = readFileSync(path.join(folder, 'argv'), 'utf8').split('\n');
    expect(argv.filter((line) => line === 'restart -- shop.service')).toHaveLength(1);
    writeFileSync(path.join(folder, 'refuse'), '');
    const again = restart.before({}, await restart.observe({}, context));
    expect(await restart.run({}, again, 'k2', context)).toMatchObject({ is: 'failed' });
    remove();
  });

  test('a unit’s name that could be an option or a path is refused', () => {
    for (const unit of ['-H evil.service', '--force', '../x.service', 'a b.service', 'x', 'x.service\n'])
      expect(() => kindOf('host.service-restart').target({}, serviceAt({ unit }))).toThrow('not a systemd unit');
  });

  test('reads what systemctl show prints, jobs and never-started units included', () => {
    const text =
      'LoadState=loaded\nActiveState=inactive\nSubState=dead\nInvocationID=\nActiveEnterTimestampMonotonic=0\nMainPID=0\nJob=1337\n';
    expect(parseUnitShow(text)).toEqual({
      loadState: 'loaded',
      activeState: 'inactive',
      subState: 'dead',
      invocationId: '',
      activeEnterUs: 0,
      mainPid: 0,
      job: 1_337,
    });
    expect(() => parseUnitShow('')).toThrow('did not say');
  });

  test('a process name full of parentheses does not shift the fields', () => {
    const text = `77 (a) S 1) x) R ${Array.from({ length: 18 }, () => '0').join(' ')} 4242 0`;
    expect(parseProcStat(text)).toEqual({ pid: 77, state: 'R', startTicks: 4_242 });
  });
});
