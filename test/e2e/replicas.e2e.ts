import { setTimeout as pause } from 'node:timers/promises';

import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';

import { until } from './peers/peers.ts';
import { startPostgres, type Postgres } from './peers/postgres.ts';
import { Disturbed, executionOf, ledgerIsOne, settled, stoppedMidStep, type Run } from './support/failover.ts';
import { openPair, shortLease, type Pair } from './support/replicas.ts';
import { startTarget, type Target } from './support/target.ts';

const runs = Number(process.env['WATCHKEEPER_E2E_RUNS'] ?? 50);
// A day's caps on acts are real: a runbook may act 20 times, everything together 50 times.
const runsOnOneStore = 10;
// A run is mostly waiting for a lease to end: several pairs wait beside one another, each on a store of its own.
const pairsAtOnce = 4;

let server: Postgres;
let schemas = 0;
beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server.stop());

const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const undo of cleanup.splice(0).reverse()) await undo();
});

async function open(services: number, times = shortLease): Promise<{ readonly pair: Pair; readonly target: Target }> {
  const target = await startTarget(services);
  cleanup.push(() => target.close());
  schemas += 1;
  const pair = await openPair(server, `replicas_${schemas}`, target, services, times);
  cleanup.push(() => pair.stop());
  return { pair, target };
}

test(
  `a leader stopped in the middle of a step and continued, ${runs} times: no effect by the deposed one`,
  { timeout: 1_800_000 },
  async () => {
    const all: Run[] = [];
    let disturbed = 0;
    const onePair = async (): Promise<void> => {
      while (all.length < runs) {
        const { pair, target } = await open(runsOnOneStore);
        for (let service = 0; service < runsOnOneStore && all.length < runs; service += 1)
          await stoppedMidStep(pair, target, service).then(
            (run) => all.push(run),
            (thrown: unknown) => {
              if (!(thrown instanceof Disturbed) || (disturbed += 1) > runs) throw thrown;
            },
          );
        await ledgerIsOne(pair);
        await pair.stop();
      }
    };
    await Promise.all(Array.from({ length: pairsAtOnce }, onePair));
    const takeovers = all.map((one) => one.takeoverMs).sort((a, b) => a - b);
    const middle = takeovers[Math.floor(takeovers.length / 2)] ?? 0;
    process.stdout.write(
      `takeover after SIGSTOP, lease ${shortLease.lease}: median ${Math.round(middle)} ms, longest ${Math.round(takeovers.at(-1) ?? 0)} ms; ` +
        `stopped after the effect ${all.filter((one) => one.before).length}, before it ${all.filter((one) => !one.before).length}; ` +
        `${disturbed} runs could not be made, since the leader lost its lease by itself\n`,
    );
    expect(all.some((one) => one.before)).toBe(true);
    expect(all.some((one) => !one.before)).toBe(true);
  },
);

test('with the times it is shipped with, stopped for 60 seconds', { timeout: 240_000 }, async () => {
  const { pair, target } = await open(1, { lease: '15s', renew: '10s', retry: '2s' });
  const { takeoverMs } = await stoppedMidStep(pair, target, 0, 60_000);
  expect(takeoverMs).toBeLessThan(30_000);
  await ledgerIsOne(pair);
});

test('kill -9 and SIGTERM: the other takes over, goes on with the same incident, and tells nobody twice', async () => {
  const { pair, target } = await open(2);
  const first = await pair.both();
  target.setIll(0, true);
  await until('it is mended', () => target.effects.length === 1, 30_000);
  await first.leader.kill();
  await pair.leader([first.follower]);
  await until('it is settled', async () => settled(await executionOf(first.follower, 0)), 60_000);
  expect(target.effects).toHaveLength(1);

  const second = await pair.both();
  expect(second.leader).toBe(first.follower);
  const askedMs = performance.now();
  const ended = second.leader.stop();
  await pair.leader([second.follower]);
  const tookMs = performance.now() - askedMs;
  expect(await ended).toMatchObject({ code: 0, signal: null });
  process.stdout.write(`takeover after SIGTERM: ${Math.round(tookMs)} ms\n`);
  target.setIll(1, true);
  await until('the next one is mended as well', () => target.effects.length === 2, 30_000);
  await until('it is settled', async () => settled(await executionOf(second.follower, 1)), 60_000);
  await ledgerIsOne(pair);
});

test('a follower answers, refuses what needs the leader, and names it', async () => {
  const { pair } = await open(1);
  const { leader, follower } = await pair.both();
  const status = await follower.status();
  const name = (await leader.status()).replica?.name;
  expect(status.replica).toMatchObject({ role: 'follower', leader: name });
  expect(await follower.readiness()).toMatchObject({ ready: true, reasons: [] });
  await until('it sees the ledger', async () => (await follower.status()).ledger.size > 0);
  expect((await follower.ledger()).map(({ entry }) => entry.type)).toContain('daemon-started');
  for (const [where, body] of [
    ['/api/v1/pause', { reason: 'a test' }],
    ['/api/v1/changes', {}],
    ['/api/v1/webhooks/alertmanager', {}],
    ['/api/v1/reload', {}],
  ] as const) {
    const answer = await follower.ask('POST', where, body);
    expect(answer.status, where).toBe(503);
    expect(answer.body, where).toContain(`${name ?? ''} leads`);
  }
  expect((await leader.ask('POST', '/api/v1/pause', { reason: 'a test' })).status).toBe(200);
  await until('the follower knows', async () => (await follower.status()).paused?.reason === 'a test');
});

test('PostgreSQL killed and started again, and hanging for a while: the leader goes on, and nothing is lost', async () => {
  const { pair, target } = await open(3, { lease: '15s', renew: '10s', retry: '1s' });
  const { leader } = await pair.both();
  target.setIll(0, true);
  await until('it is mended', () => target.effects.length === 1, 30_000);
  await server.crash();
  await server.start();
  target.setIll(1, true);
  await until('it acts again', () => target.effects.length === 2, 30_000);
  server.freeze();
  await pause(3_000);
  server.resume();
  target.setIll(2, true);
  await until('it acts again', () => target.effects.length === 3, 30_000);
  expect(await pair.leader()).toBe(leader);
  await until('it is settled', async () => settled(await executionOf(leader, 2)), 60_000);
  await ledgerIsOne(pair);
});

test('PostgreSQL away for longer than the lease: nobody acts meanwhile, and one leads afterwards', async () => {
  const { pair, target } = await open(1);
  const { leader } = await pair.both();
  await server.crash();
  target.setIll(0, true);
  expect((await leader.ended).code).toBe(7);
  await pause(2_000);
  expect(target.effects).toEqual([]);
  await server.start();
  const next = await pair.both();
  await until('it acts again', () => target.effects.length === 1, 30_000);
  await until('it is settled', async () => settled(await executionOf(next.leader, 0)), 60_000);
  await ledgerIsOne(pair);
});
