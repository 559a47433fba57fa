import { setTimeout as pause } from 'node:timers/promises';

import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';

import { until } from './peers/peers.ts';
import { startPostgres, type Postgres } from './peers/postgres.ts';
import { beforeIntent, Disturbed, executionOf, ledgerIsOne, midStep, settled, stoppedAt } from './support/failover.ts';
import { openPair, shippedLease, shortLease, type Pair } from './support/replicas.ts';
import { startTarget, type Target } from './support/target.ts';

const runs = Number(process.env['WATCHKEEPER_E2E_RUNS'] ?? 50);
// A run is a minute of waiting: many pairs wait beside one another, each on a store of its own.
const pairsAtOnce = Math.ceil(runs / midStep.length);
// More services than runs, for runs that could not be made.
const spare = 3;

let server: Postgres;
let schemas = 0;
beforeAll(async () => {
  server = await startPostgres({ max_connections: '300' });
});
afterAll(() => server.stop());

const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const undo of cleanup.splice(0).reverse()) await undo();
});

interface Opened {
  readonly pair: Pair;
  readonly target: Target;
}

async function open(services: number, times = shortLease): Promise<Opened> {
  const target = await startTarget(services + 1);
  cleanup.push(() => target.close());
  schemas += 1;
  const pair = await openPair(server, `replicas_${schemas}`, target, services, times);
  cleanup.push(() => pair.stop());
  return { pair, target };
}

test(
  `with the times it is shipped with, ${runs} times: a leader stopped for 60 seconds in the middle of a step and continued has no effect, and nobody is told twice`,
  { timeout: 1_800_000 },
  async () => {
    const takeovers: number[] = [];
    let disturbed = 0;
    const onePair = async ({ pair, target }: Opened): Promise<void> => {
      const lasting = midStep.length + spare;
      target.setIll(lasting, true);
      await until('people know what cannot be fixed', () => target.told.length > 0, 120_000);
      let service = 0;
      for (const moment of midStep)
        for (let made = false; !made; service += 1)
          made = await stoppedAt(moment, pair, target, service, 60_000).then(
            (takeoverMs) => takeovers.push(takeoverMs) > 0,
            (thrown: unknown) => {
              if (!(thrown instanceof Disturbed) || service >= midStep.length + spare - 1) throw thrown;
              disturbed += 1;
              return false;
            },
          );
      await ledgerIsOne(pair, target);
      // One failover after the other, and still the one incident that people know of.
      const open = (await (await pair.leader()).incidents()).filter((one) => one.services.includes(`shop-${lasting}`));
      expect(open).toMatchObject([{ status: expect.not.stringMatching('resolved') as string }]);
      expect(target.told.filter(({ incident }) => incident === open[0]?.id)).toHaveLength(1);
      await pair.stop();
    };
    const working: Promise<void>[] = [];
    for (let count = 0; count < pairsAtOnce; count += 1) {
      const opened = await open(midStep.length + spare, shippedLease);
      // One after the other comes up, so that two processors do.
      await opened.pair.both();
      working.push(onePair(opened));
    }
    await Promise.all(working);
    takeovers.sort((a, b) => a - b);
    process.stdout.write(
      `${takeovers.length} times stopped for 60 s, takeover: median ${Math.round(takeovers[takeovers.length >> 1] ?? 0)} ms, ` +
        `longest ${Math.round(takeovers.at(-1) ?? 0)} ms; ${disturbed} runs were made again, since the leader had lost its lease by itself\n`,
    );
    expect(takeovers.length).toBeGreaterThanOrEqual(runs);
  },
);

test.each(beforeIntent)('a leader stopped $name: its successor begins anew, and it does nothing', async (moment) => {
  const { pair, target } = await open(1);
  await stoppedAt(moment, pair, target, 0);
  await ledgerIsOne(pair, target);
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
  await ledgerIsOne(pair, target);
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
  await ledgerIsOne(pair, target);
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
  await ledgerIsOne(pair, target);
});
