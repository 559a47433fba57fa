import { describe, expect, test } from 'vitest';

import { guardedChannel, guardedIo, guardedLedger } from '../../../src/agent/leadership/index.ts';
import { WatchkeeperError } from '../../../src/lib/errors.ts';
import type { Channel } from '../../../src/domain/ports/channel.ts';
import type { HttpRequest, OperatorIo } from '../../../src/domain/ports/io.ts';
import type { KubernetesOperator } from '../../../src/domain/ports/kubernetes.ts';
import type { Tenure } from '../../../src/domain/ports/leadership.ts';
import type { Ledger } from '../../../src/domain/ports/ledger.ts';

function tenureOf(): Tenure & { leads: boolean; readonly resigned: string[] } {
  const lost = new AbortController();
  const resigned: string[] = [];
  return {
    lost: lost.signal,
    marginMs: 0,
    leads: true,
    resigned,
    resign: (because) => void resigned.push(because),
    surely(this: { leads: boolean }) {
      return this.leads;
    },
  };
}

const { signal } = new AbortController();

/** An operator's ports that write down what was done. */
function ports(done: string[]): OperatorIo {
  const note =
    (what: string) =>
    (...args: readonly unknown[]): Promise<never> => {
      done.push(`${what} ${String(args[0])}`);
      return Promise.resolve(undefined as never);
    };
  const operator = {
    cluster: 'c',
    create: note('create'),
    patch: note('patch'),
    replace: note('replace'),
    remove: note('remove'),
  };
  return {
    http: { request: (request: HttpRequest) => note('http')(request.url) },
    files: {
      writeAtomic: note('write'),
      replaceSymlink: note('link'),
      unlink: note('unlink'),
      makeFolder: note('folder'),
    },
    exec: { run: note('exec') },
    processes: { kill: (pid: number) => void note('kill')(pid) },
    kubernetes: { operator: () => operator as unknown as KubernetesOperator },
    ssh: { operator: () => ({ user: 'op', hosts: note('hosts'), look: note('look'), act: note('act on') }) },
  } as unknown as OperatorIo;
}

describe('every port by which the world is changed', () => {
  const acts: readonly (readonly [string, (io: OperatorIo) => unknown])[] = [
    ['http', (io) => io.http.request({ method: 'POST', url: 'http://x/', signal })],
    ['write', (io) => io.files.writeAtomic('/x', '', 0o600, signal)],
    ['link', (io) => io.files.replaceSymlink('/x', '/y', signal)],
    ['unlink', (io) => io.files.unlink('/x', signal)],
    ['folder', (io) => io.files.makeFolder('/x', 0o700, signal)],
    ['exec', (io) => io.exec.run(['x'], { timeoutMs: 1, signal })],
    ['kill', (io) => io.processes.kill(1, 'SIGTERM')],
    ['create', (io) => io.kubernetes.operator('c').create({} as never, {}, {}, {}, signal)],
    ['patch', (io) => io.kubernetes.operator('c').patch({} as never, { name: 'x' }, {} as never, {}, signal)],
    ['replace', (io) => io.kubernetes.operator('c').replace({} as never, { name: 'x' }, {}, {}, signal)],
    ['act on', (io) => io.ssh.operator('fleet').act('web-1', {} as never)],
    ['remove', (io) => io.kubernetes.operator('c').remove({} as never, { name: 'x' }, 'u', {}, signal)],
  ];

  test.each(acts)('%s is done by the leader and refused to the deposed', async (what, act) => {
    const done: string[] = [];
    const tenure = tenureOf();
    const io = guardedIo(ports(done), tenure);
    await act(io);
    expect(done).toHaveLength(1);
    expect(done[0]).toContain(what);
    tenure.leads = false;
    await expect(Promise.resolve().then(() => act(io))).rejects.toMatchObject({ code: 'fenced' });
    expect(done).toHaveLength(1);
  });

  test('a request is asked about once more when its connection stands', async () => {
    const tenure = tenureOf();
    let admitted: boolean | undefined;
    const io = guardedIo(
      {
        ...ports([]),
        http: {
          request: (request) => {
            tenure.leads = false;
            admitted = request.admit?.('127.0.0.1');
            return Promise.reject(new WatchkeeperError('forbidden', 'not admitted'));
          },
        },
      },
      tenure,
    );
    await io.http.request({ method: 'POST', url: 'http://x/', signal }).catch(() => undefined);
    expect(admitted).toBe(false);
  });
});

test('a channel of a deposed leader tells nobody anything, and says that it may be told again', async () => {
  const tenure = tenureOf();
  const posted: string[] = [];
  const channel = {
    id: 'c',
    kind: 'log',
    traits: {},
    post: () => Promise.resolve({ is: 'accepted' }).finally(() => posted.push('told')),
  };
  const guarded = guardedChannel(channel as unknown as Channel, tenure);
  await guarded.post({} as never, '', signal);
  tenure.leads = false;
  expect(await guarded.post({} as never, '', signal)).toMatchObject({ is: 'failed', retryable: true });
  expect(posted).toEqual(['told']);
});

test.each([
  ['fenced', true],
  ['store-failed', true],
  ['ledger-invalid', true],
  ['unreachable', true],
  ['conflict', false],
  ['rate-limited', false],
] as const)('a commit that ends as %s ends the tenure: %s', async (code, ends) => {
  const tenure = tenureOf();
  const ledger = { record: () => Promise.reject(new WatchkeeperError(code, 'no')) } as unknown as Ledger;
  await expect(guardedLedger(ledger, tenure).record({ drafts: [] })).rejects.toMatchObject({ code });
  expect(tenure.resigned).toEqual(ends ? ['no'] : []);
});
