import { mkdirSync, readdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { actionKinds } from '../../src/actions/index.ts';
import { parseFacts } from '../../src/actions/host/remote/facts.ts';
import { sudoersLine } from '../../src/actions/host/remote/sudoers.ts';
import type { ActionContext, ActionKind } from '../../src/domain/ports/action.ts';
import type { SshOutcome } from '../../src/domain/ports/ssh.ts';
import type { Service } from '../../src/domain/service.ts';
import { WatchkeeperError } from '../../src/lib/errors.ts';
import { actionContract } from '../contract/action.ts';
import { freshFolder, realHands, serviceAt } from '../support/host-service.ts';
import { shellHosts } from '../support/shell-host.ts';

const elsewhere: Service = {
  ...serviceAt({}),
  runsOn: [{ on: 'ssh', ssh: { source: 'fleet', group: 'web', unit: 'shop.service' } }],
};

function kindOf(name: string): ActionKind {
  const kind = actionKinds[name];
  if (kind === undefined) throw new Error(name);
  return kind;
}

const reclaim = kindOf('host.disk-reclaim');
const hour = 3_600;

// The names in it are ones that a shell, find or stat could stumble over.
const hostile = ["it's", '$(reboot)', '`id`', '-rf', 'a  b', '*', '[x]', 'é', ' ends '];

actionContract('host.disk-reclaim by the shell of a host', {
  kind: reclaim,
  probeTells: true,
  set: () => {
    const { folder, remove } = freshFolder();
    const cache = path.join(folder, 'cache');
    mkdirSync(cache);
    const old = Date.now() / 1_000 - 48 * hour;
    for (const name of hostile.map((one) => `${one}.tmp`).concat('kept.txt')) {
      writeFileSync(path.join(cache, name), 'x'.repeat(100));
      utimesSync(path.join(cache, name), old, old);
    }
    writeFileSync(path.join(cache, 'young.tmp'), 'x');
    symlinkSync('/etc/passwd', path.join(cache, 'link.tmp'));
    symlinkSync(cache, path.join(folder, 'moved'));
    const left = (): readonly string[] => readdirSync(cache).sort();
    const io = { ...realHands(), ssh: shellHosts(['web-1', 'web-2'], ['/bin/sh']) };
    const whole = left().length;
    return Promise.resolve({
      params: { host: 'web-1', paths: [`${cache}/*.tmp`], olderThan: '1d', maxBytes: 10_000 },
      context: (stop, timeoutMs) => contextOn(io, timeoutMs, stop),
      world: () => Promise.resolve(left()),
      effects: () =>
        Promise.resolve(left().length === whole ? 0 : left().join() === 'kept.txt,link.tmp,young.tmp' ? 1 : 99),
      remove: () => {
        remove();
        return Promise.resolve();
      },
    });
  },
  refused: {
    nothing: { host: 'web-1' },
    'a host that is not of the group': { host: 'db-1', paths: ['/srv/x/*'] },
    'a folder of the system': { host: 'web-1', paths: ['/etc/*'] },
    'a path with a NUL': { host: 'web-1', paths: ['/srv/x\0/*'] },
    'a journal that is text': { host: 'web-1', journal: '1G; reboot' },
  },
});

function contextOn(io: ActionContext['io'], timeoutMs = 20_000, stop?: AbortSignal): ActionContext {
  return { service: elsewhere, io, timeoutMs, epoch: 1, signal: stop ?? new AbortController().signal };
}

function answering(outcome: SshOutcome | WatchkeeperError): ActionContext {
  const reply = (): Promise<SshOutcome> =>
    outcome instanceof WatchkeeperError ? Promise.reject(outcome) : Promise.resolve(outcome);
  const hosts = () => Promise.resolve([{ name: 'web-1', groups: ['web'] }]);
  const ssh = { operator: () => ({ user: 'hand', hosts, look: reply, act: reply }), close: () => undefined };
  return contextOn({ ...realHands(), ssh });
}

const ended = (text: string): SshOutcome => ({
  is: 'ended',
  code: 0,
  signalName: null,
  stdout: new TextEncoder().encode(text),
  stderr: '',
});

describe('an answer of a host', () => {
  test.each([
    ['nothing', ''],
    ['half of one', '@ begin\nunit.LoadState=loaded\n'],
    ['another program', '<html>\u001b[2J'],
    ['a megabyte of one line', `@ begin\nunit.LoadState=${'x'.repeat(1_000_000)}\n@ end`],
    ['a unit that is none', '@ begin\nunit.LoadState=not-found\n@ end\n'],
  ])('that is %s is refused before anything is planned', async (_what, text) => {
    const look = kindOf('host.service-restart').observe({ host: 'web-1', force: false }, answering(ended(text)));
    await expect(look).rejects.toBeInstanceOf(WatchkeeperError);
  });

  test('is data: whatever bytes it is, it is read or refused, and every text of it is one plain line', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.string(), fc.string({ unit: 'binary' })), { maxLength: 20 }), (pairs) => {
        const text = `@ begin\n${pairs.map(([name, value]) => `${name}=${value}`).join('\n')}\n@ end\n`;
        const facts = parseFacts(new TextEncoder().encode(text));
        for (const [name] of pairs) {
          expect(facts.text(name)).not.toMatch(/[\p{Cc}\p{Cf}]/u);
          expect(Number.isSafeInteger(facts.count(name))).toBe(true);
        }
      }),
    );
  });
});

describe('a run over SSH', () => {
  const restart = kindOf('host.service-restart');
  const params = { host: 'web-1', force: false };
  const before = { host: 'web-1', identity: 'a'.repeat(32) };

  test('whose end nobody saw is unknown', async () => {
    const lost = answering({ is: 'unknown', reason: 'unreachable', message: 'the connection was cut' });
    expect(await restart.run(params, before, 'k', lost)).toMatchObject({ is: 'unknown' });
  });

  test('that half answers is unknown, and one that was certainly not begun is failed', async () => {
    expect(await restart.run(params, before, 'k', answering(ended('@ begin\ndid=yes\n')))).toMatchObject({
      is: 'unknown',
    });
    const refused = answering(new WatchkeeperError('unauthorized', 'web-1 does not let hand in'));
    expect(await restart.run(params, before, 'k', refused)).toMatchObject({ is: 'failed' });
  });

  test('on another host than was looked at is not begun', async () => {
    await expect(restart.run(params, { ...before, host: 'web-2' }, 'k', answering(ended('')))).rejects.toMatchObject({
      code: 'internal',
    });
  });
});

describe('a line of sudoers', () => {
  test('has each sign that sudoers reads as something else behind a backslash', () => {
    const line = sudoersLine('hand', { argv: ['/usr/bin/x', 'a:b=c,d', '*', '[!x]?', '#', '"'] });
    expect(line).toBe('hand ALL=(root) NOPASSWD: /usr/bin/x a\\:b\\=c\\,d \\* \\[\\!x\\]\\? \\# \\"');
  });

  test('is one line whatever a unit is called', () => {
    fc.assert(
      fc.property(fc.string(), (word) => {
        const kind = kindOf('host.service-restart');
        const needs = kind.onHosts?.({}, { source: 'fleet', host: 'web-1', unit: word });
        const lines = (needs?.commands ?? []).map((command) => sudoersLine('hand', command));
        for (const line of lines)
          expect(line).toMatch(/^hand ALL=\(root\) NOPASSWD: \/usr\/bin\/systemctl restart -- [^\s]+$/);
      }),
    );
  });
});
