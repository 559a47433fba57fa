import { appendFileSync, cpSync, existsSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';

import type { PlanView } from '../../src/agent/index.ts';
import { readFiles } from '../../src/io/index.ts';
import { verifyExport } from '../../src/ledger/index.ts';
import { peersRoot, until } from './peers/peers.ts';
import { makeHome, runToEnd, startDaemon, type DaemonProcess, type Home } from './support/daemon.ts';
import { openShop, type Shop } from './support/shop.ts';

const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const undo of cleanup.splice(0).reverse()) await undo();
});

async function shopWith(releases: Readonly<Record<string, string>>): Promise<Shop> {
  const shop = await openShop(releases);
  cleanup.push(() => shop.stop());
  return shop;
}

async function daemonIn(home: Home, options: Parameters<typeof startDaemon>[1] = {}): Promise<DaemonProcess> {
  const daemon = await startDaemon(home, options);
  cleanup.push(() => daemon.kill());
  return daemon;
}

function emptyHome(): Home {
  const home = makeHome();
  cleanup.push(() => home.remove());
  return home;
}

const current = (shop: Shop): string => path.basename(readlinkSync(path.join(shop.host.folder, 'current')));

async function ledgerIsWhole(daemon: DaemonProcess, home: Home): Promise<void> {
  const folder = path.join(home.folder, 'export');
  rmSync(folder, { recursive: true, force: true });
  const answer = await daemon.ask('POST', '/api/v1/ledger/export', { folder });
  expect(answer.status, answer.body).toBe(200);
  const report = await verifyExport({ files: readFiles, folder, signal: new AbortController().signal });
  expect(report).toMatchObject({ ok: true, problems: [] });
}

// Moments: as soon as the incident is known, some while later, and when the link has just been pointed.
const moments: readonly (readonly [string, (daemon: DaemonProcess, shop: Shop) => Promise<void>])[] = [
  ['when the incident is just known', () => Promise.resolve()],
  ['a moment later, while deciding', () => pause(40)],
  ['as soon as the link is pointed', (_daemon, shop) => polled(() => current(shop) === 'v2')],
  ['when the service has just been restarted', (_daemon, shop) => polled(async () => (await shop.host.restarts()) > 0)],
  [
    'while the result is being verified',
    async (_daemon, shop) => {
      await polled(async () => (await shop.host.restarts()) > 0);
      await pause(1_200);
    },
  ],
];

async function polled(is: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + 20_000;
  while (!(await is())) {
    if (performance.now() > end) throw new Error('it never came to that');
    await pause(2);
  }
}

test.each(moments)('kill -9 %s: nothing happens twice, nothing is forgotten', async (_name, moment) => {
  const shop = await shopWith({ v3: 'ill' });
  const first = await daemonIn(shop.home);
  await until('there is an incident', async () => (await first.incidents()).length > 0);
  await moment(first, shop);
  await first.kill();

  const second = await daemonIn(shop.home);
  const executions = async () => {
    const [incident] = await second.incidents();
    return incident === undefined ? [] : (await second.incident(incident.id)).executions;
  };
  await until(
    'the execution is over',
    async () => {
      const made = await executions();
      return made.length > 0 && made.every((execution) => execution.endedAtMs !== undefined);
    },
    40_000,
  );
  const made = await executions();
  expect(made.filter((execution) => execution.status !== 'denied')).toHaveLength(1);
  expect(current(shop)).toBe('v2');
  // Killed between pointing the link and the restart, the world cannot tell: people are called, nothing is touched again.
  const restarts = await shop.host.restarts();
  expect(made.at(-1)?.status).toBe(restarts === 1 ? 'succeeded' : 'unknown');
  expect(restarts).toBeLessThanOrEqual(1);
  if (restarts === 1) {
    await until('the incident resolves', async () =>
      (await second.incidents()).every((one) => one.status === 'resolved'),
    );
    expect(await shop.host.answer()).toMatch(/^v2 /);
  } else {
    expect(second.said()).toContain('act-failed');
  }

  const entries = (await second.ledger()).map(({ entry }) => entry);
  const count = (type: string): number => entries.filter((entry) => entry.type === type).length;
  expect(await second.incidents()).toHaveLength(1);
  expect(count('incident-opened')).toBe(1);
  expect(count('alert-firing')).toBe(1);
  // Killed between the intent and the act, it looks, and goes on with the same attempt: written down again, as resumed.
  const intents = entries.filter((entry) => entry.type === 'step-intent').map(({ body }) => body);
  expect(intents.map((body) => body['resumed'] === true)).toEqual(intents.length === 1 ? [false] : [false, true]);
  expect(new Set(intents.map((body) => body['key'])).size).toBe(1);
  expect(count('daemon-started')).toBe(2);
  await ledgerIsWhole(second, shop.home);
  expect(await second.stop()).toMatchObject({ code: 0, signal: null });
});

test('SIGTERM ends it in order, and the next start goes on where it was', async () => {
  const home = emptyHome();
  const first = await daemonIn(home);
  await until('it watches', async () => (await first.status()).services.length > 0);
  expect(await first.stop()).toMatchObject({ code: 0, signal: null });
  expect(existsSync(path.join(home.dataDir, 'daemon.json'))).toBe(false);
  const second = await daemonIn(home);
  const types = (await second.ledger()).map(({ entry }) => entry.type);
  expect(types.filter((type) => type.startsWith('daemon-'))).toEqual([
    'daemon-started',
    'daemon-stopped',
    'daemon-started',
  ]);
  await ledgerIsWhole(second, home);
});

test('a second daemon on the same data folder is refused, and the first is not disturbed', async () => {
  const home = emptyHome();
  const first = await daemonIn(home);
  const second = await runToEnd(home);
  expect(second.code).toBe(1);
  expect(second.said).toContain(`the store is in use by process ${first.pid}`);
  expect(second.said).toContain('data folder of its own');
  expect(await first.readiness()).toMatchObject({ ready: true, reasons: [] });
});

test('a taken port is named, with what to do', async () => {
  const home = emptyHome();
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
  cleanup.push(() => taken.close());
  const { port } = taken.address() as { port: number };
  const ended = await runToEnd(home, { environment: { WATCHKEEPER_HTTP_LISTEN: `127.0.0.1:${port}` } });
  expect(ended.code).toBe(1);
  expect(ended.said).toContain(`cannot listen on 127.0.0.1:${port}`);
  expect(ended.said).toContain('choose another port');
});

test('without the right token nothing is told and nothing is steered', async () => {
  const daemon = await daemonIn(emptyHome());
  for (const authorization of [undefined, 'Bearer wrong', `Basic ${daemon.token}`, `Bearer ${daemon.token}x`])
    for (const [method, where] of [
      ['GET', '/api/v1/status'],
      ['POST', '/api/v1/pause'],
      ['POST', '/api/v1/webhooks/alertmanager'],
    ] as const) {
      const answer = await fetch(`${daemon.url}${where}`, {
        method,
        headers: authorization === undefined ? {} : { authorization },
      });
      expect(answer.status).toBe(401);
      expect(await answer.text()).not.toContain(daemon.token);
    }
  expect((await daemon.status()).paused).toBeUndefined();
});

test('an older copy of the store is refused: acts that it forgot could be done again', async () => {
  const home = emptyHome();
  const first = await daemonIn(home);
  await first.stop();
  const copy = path.join(home.folder, 'copy');
  cpSync(home.dataDir, copy, { recursive: true });
  const second = await daemonIn(home);
  await second.stop();
  for (const name of ['watchkeeper.db', 'watchkeeper.db-wal', 'watchkeeper.db-shm']) {
    rmSync(path.join(home.dataDir, name), { force: true });
    if (existsSync(path.join(copy, name))) cpSync(path.join(copy, name), path.join(home.dataDir, name));
  }
  const third = await runToEnd(home);
  expect(third.code).not.toBe(0);
  expect(third.said).toMatch(/older|behind|rolled back/);
});

const root = process.getuid?.() === 0;

test.skipIf(!root)('on a full disk it stops acting and says so; with space again, nothing is lost', async () => {
  const shop = await shopWith({});
  const { home } = shop;
  // A disk of its own for the data, seen by nobody but this daemon; what is on it outlives the daemon in a copy.
  const mount = `mount -t tmpfs -o size=6m small ${home.dataDir} && exec "$@"`;
  const through = ['unshare', '--mount', '--propagation', 'private', 'sh', '-c', mount, 'sh'];
  const daemon = await daemonIn(home, { through });
  await until('it may act', async () => (await planned(daemon)).decision?.outcome === 'allow');
  const dataDir = `/proc/${daemon.pid}/root${home.dataDir}`;
  fillUp(path.join(dataDir, 'filler'));
  const announce = (n: number) =>
    daemon.ask('POST', '/api/v1/changes', { service: 'shop', kind: 'config', version: `${n}`, id: `${n}` });
  let sent = 0;
  await until('it is not ready any more', async () => {
    await announce((sent += 1));
    return !(await daemon.readiness()).ready;
  });
  expect((await daemon.ask('GET', '/readyz')).status).toBe(503);
  expect((await daemon.readiness()).reasons.join()).toMatch(/disk is full|cannot be written/);
  expect((await planned(daemon)).decision).toMatchObject({ outcome: 'deny', code: 'unwell' });
  expect(daemon.said()).toMatch(/it observes and does not act|store failed/);
  expect((await daemon.ask('GET', '/healthz')).status).toBe(200);

  const kept = path.join(home.folder, 'kept');
  rmSync(path.join(dataDir, 'filler'));
  cpSync(dataDir, kept, { recursive: true });
  await daemon.kill();
  const again = await daemonIn(home, { dataDir: kept });
  await until('it may act again', async () => (await planned(again)).decision?.outcome === 'allow');
  await ledgerIsWhole(again, home);
});

test('a clock that jumps an hour, forward and back: nothing fires, nothing is acted on, and it comes to rest', async () => {
  const shop = await shopWith({});
  const offset = shop.home.write('clock', '+0');
  const lib = path.join(peersRoot(), 'usr/lib');
  const faketime = readdirSync(lib)
    .map((name) => path.join(lib, name, 'faketime/libfaketime.so.1'))
    .find((file) => existsSync(file));
  const environment = {
    LD_PRELOAD: faketime ?? 'libfaketime is not there',
    FAKETIME_TIMESTAMP_FILE: offset,
    FAKETIME_NO_CACHE: '1',
    DONT_FAKE_MONOTONIC: '1',
  };
  const daemon = await daemonIn(shop.home, { environment });
  await until('it may act', async () => (await planned(daemon)).decision?.outcome === 'allow');
  for (const [written, says] of [
    ['+3600', 'forward by 1h'],
    ['+0', 'back by 1h'],
  ] as const) {
    shop.home.write('clock', written);
    await until(`it notices: ${says}`, async () => (await daemon.status()).unwell.join().includes(says));
    expect((await planned(daemon)).decision).toMatchObject({ outcome: 'deny', code: 'unwell' });
    await until('it reads its sources again', async () => {
      const { asOfMs, sources } = await daemon.status();
      return (
        (await daemon.readiness()).ready &&
        sources.every(({ lastAnswerMs }) => Math.abs(asOfMs - (lastAnswerMs ?? 0)) < 10_000)
      );
    });
  }
  await until('it may act again', async () => (await planned(daemon)).decision?.outcome === 'allow', 90_000);
  expect(await daemon.incidents()).toEqual([]);
  await ledgerIsWhole(daemon, shop.home);
});

async function planned(daemon: DaemonProcess): Promise<PlanView> {
  const answer = await daemon.ask('POST', '/api/v1/plan', { runbook: 'roll-back', service: 'shop' });
  return JSON.parse(answer.body) as PlanView;
}

function fillUp(file: string): void {
  for (const size of [65_536, 4_096])
    for (;;)
      try {
        appendFileSync(file, Buffer.alloc(size));
      } catch (thrown) {
        if ((thrown as NodeJS.ErrnoException).code !== 'ENOSPC') throw thrown;
        break;
      }
}
