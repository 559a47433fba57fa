import { execFile } from 'node:child_process';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';

import { expect } from 'vitest';

import type { LedgerEntry } from '../../../src/domain/ledger.ts';
import type { Execution } from '../../../src/domain/remediation.ts';
import { until } from '../peers/peers.ts';
import type { DaemonProcess } from './daemon.ts';
import type { Held } from './gate.ts';
import type { Pair } from './replicas.ts';
import type { Target } from './target.ts';

/** The one execution about a service, as a replica knows it. */
export async function executionOf(daemon: DaemonProcess, service: number): Promise<Execution | undefined> {
  const incidents = await daemon.incidents();
  const ours = incidents.filter((one) => one.services.includes(`shop-${service}`));
  const views = await Promise.all(ours.map((one) => daemon.incident(one.id)));
  return views.flatMap((view) => view.executions).find((one) => one.plan.service === `shop-${service}`);
}

/** Whether the step of it is over. */
export const settled = (execution: Execution | undefined): boolean =>
  execution !== undefined && (execution.endedAtMs !== undefined || execution.status === 'verifying');

/** Where in a step the leader is stopped. */
export interface Moment {
  readonly name: string;
  /** Makes whoever leads wait there. */
  readonly hold: (pair: Pair, target: Target) => Promise<Held> | Held;
  /** What the ledger holds of the step by then: of the leader that is stopped, and of no other. */
  readonly written: readonly string[];
  /** Whether the effect was had by then. */
  readonly had: boolean;
}

const [intent, started, outcome] = ['step-intent', 'step-started', 'step-outcome'];
const begun = [intent, started];

/** Before the intent is durable: a successor begins anew. */
export const beforeIntent: readonly Moment[] = [
  {
    name: 'while it looks, before the intent',
    hold: (_pair, target) => target.holdNext('probe'),
    ...{ written: [], had: false },
  },
  {
    name: 'with its intent written and not committed, and the row of the epoch under lock',
    hold: async (pair) => (await pair.gate()).hold(intent, 'before COMMIT'),
    ...{ written: [], had: false },
  },
];

/** Between the intent and the outcome of a step: a successor has to look what became of it. */
export const midStep: readonly Moment[] = [
  {
    name: 'when its intent is durable, and nothing was sent',
    hold: async (pair) => (await pair.gate()).hold(intent, 'in COMMIT'),
    ...{ written: [intent], had: false },
  },
  {
    name: 'when it has said that it begins, and nothing was sent',
    hold: async (pair) => (await pair.gate()).hold(started, 'in COMMIT'),
    ...{ written: begun, had: false },
  },
  {
    name: 'when the effect was had, before it heard of it',
    hold: (_pair, target) => target.holdNext('act'),
    ...{ written: begun, had: true },
  },
  {
    name: 'when it has heard of the effect, and its outcome is not committed',
    hold: async (pair) => (await pair.gate()).hold(outcome, 'before COMMIT'),
    ...{ written: begun, had: true },
  },
  {
    name: 'when its outcome is durable, and it does not know yet',
    hold: async (pair) => (await pair.gate()).hold(outcome, 'in COMMIT'),
    ...{ written: [...begun, outcome], had: true },
  },
];

/** The run could not be made: the leader lost its lease before it was stopped. */
export class Disturbed extends Error {}

/** One leader is stopped at a moment of a step, followed, and continued. Answers after how long it was followed, milliseconds. */
export async function stoppedAt(
  moment: Moment,
  pair: Pair,
  target: Target,
  service: number,
  stoppedMs = 0,
): Promise<number> {
  const { leader } = await pair.both();
  const epoch = (await leader.status()).replica?.epoch ?? 0;
  const { come, letGo } = await moment.hold(pair, target);
  target.setIll(service, true);
  await come;
  // A busy machine may have kept it from renewing: then there is nobody to stop.
  if (!pair.running().includes(leader)) {
    await letGo();
    target.setIll(service, false);
    throw new Disturbed(`the leader ended by itself: ${leader.said()}`);
  }
  process.kill(leader.pid, 'SIGSTOP');
  const stoppedAtMs = performance.now();
  const effects = (): Target['effects'] => target.effects.filter((one) => one.service === service);
  // What it has asked is answered while it is stopped: when it goes on, the answer is there.
  await pause(50);
  await letGo();
  expect(effects().length, moment.name).toBe(moment.had ? 1 : 0);
  await pair.successor(leader);
  const takeoverMs = performance.now() - stoppedAtMs;
  await until(
    'the new leader has settled it',
    async () => {
      await pause(500);
      return settled(await executionOf(await pair.successor(leader), service));
    },
    120_000,
  );
  await pause(Math.max(0, stoppedMs - (performance.now() - stoppedAtMs)));
  const known = target.effects.length;
  process.kill(leader.pid, 'SIGCONT');
  const ended = await leader.ended;
  // It knows by itself, says so, and is gone.
  expect(ended.code, ended.said).toBe(7);
  await pause(100);
  // None after it went on, and none under its epoch since it was stopped.
  expect(target.effects.slice(known)).toEqual([]);
  for (const effect of effects()) if (effect.atMs > stoppedAtMs + 50) expect(effect.epoch).toBeGreaterThan(epoch);
  const id = await settledByLooking(moment, await pair.successor(leader), {
    service,
    epoch,
    effects: effects().length,
  });
  target.setIll(service, false);
  // What is on its way to people when a leader is stopped is told again, under the same id: let nothing be.
  await until(
    'it is over, and people know',
    async () => {
      await pause(250);
      const { incident, executions, file } = await (await pair.successor(leader)).incident(id);
      const known = new Set(target.told.map((one) => one.id));
      const ended = incident.status === 'resolved' && executions.every((one) => one.endedAtMs !== undefined);
      return ended && file !== undefined && file.noticed.length > 0 && file.noticed.every((one) => known.has(one));
    },
    120_000,
  );
  return takeoverMs;
}

// What the ledger says of it: what the one wrote that was stopped, and what the other made of it. Answers which incident.
async function settledByLooking(
  moment: Moment,
  successor: DaemonProcess,
  { service, epoch, effects }: { readonly service: number; readonly epoch: number; readonly effects: number },
): Promise<string> {
  const execution = await executionOf(successor, service);
  const story = `${moment.name}: ${JSON.stringify(execution?.steps)}`;
  expect(effects, story).toBe(execution?.steps[0]?.status === 'succeeded' ? 1 : 0);
  const entries = (await successor.ledger())
    .map(({ entry }) => entry)
    .filter(({ subject, type }) => subject.execution === execution?.id && type.startsWith('step-'));
  const by = (whose: (entry: LedgerEntry) => boolean): readonly string[] =>
    entries.filter(whose).map(({ type }) => type);
  expect(
    by((entry) => entry.epoch <= epoch),
    story,
  ).toEqual(moment.written);
  const after = by((entry) => entry.epoch > epoch);
  if (moment.written.length === 0) expect(after, story).toEqual([...begun, outcome]);
  else if (moment.written.includes(outcome)) expect(after, story).toEqual([]);
  else {
    // Neither done again nor believed: asked.
    expect(after, story).toEqual([outcome]);
    expect(entries.at(-1)?.body, story).toMatchObject({
      recovered: true,
      status: moment.had ? 'succeeded' : 'failed',
    });
    expect(execution?.steps[0]?.message).toContain(
      `looked again: http://${execution?.plan.steps[0]?.blast.targets[0] ?? ''}/done/${service} answered ${moment.had ? 200 : 404}`,
    );
  }
  return execution?.plan.incidentId ?? '';
}

/** What must be so of a ledger, and of people, after any number of failovers. */
export async function ledgerIsOne(pair: Pair, target: Target): Promise<void> {
  await until('people have heard', () => target.told.length > 0, 120_000);
  const leader = await pair.leader();
  const entries = (await leader.ledger()).map(({ entry }) => entry);
  const epochs = entries.map(({ epoch }) => epoch);
  // One after the other, never back: no entry of a deposed leader stands behind one of its successor.
  expect(epochs).toEqual([...epochs].sort((a, b) => a - b));
  const of = (type: string): readonly string[] =>
    entries.filter((entry) => entry.type === type).map((entry) => JSON.stringify(entry.subject));
  for (const type of ['incident-opened', 'execution-ended']) expect(new Set(of(type)).size, type).toBe(of(type).length);
  const delivered = entries
    .filter((entry) => entry.type === 'delivery' && entry.body['outcome'] === 'accepted')
    .map(({ body }) => JSON.stringify([body['notice'], body['channel'], body['rung']]));
  expect(new Set(delivered).size).toBe(delivered.length);
  // Counted where people are: nothing came twice, nor the same news under another name.
  const news = target.told.map(({ kind, incident }) => `${kind} ${incident}`);
  expect(news.toSorted()).toEqual([...new Set(news)].toSorted());
  const root = path.resolve(import.meta.dirname, '../../..');
  const argv = [path.join(root, 'dist/main.js'), 'ledger', 'verify', '--output', 'json'];
  const { stdout } = await promisify(execFile)(process.execPath, argv, {
    cwd: pair.home.folder,
    env: { PATH: process.env['PATH'] ?? '', HOME: pair.home.folder },
  });
  expect(JSON.parse(stdout)).toMatchObject({ ok: true, size: expect.any(Number) as number });
}
