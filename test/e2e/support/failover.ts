import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

import { expect } from 'vitest';

import type { Execution } from '../../../src/domain/remediation.ts';
import { until } from '../peers/peers.ts';
import type { DaemonProcess } from './daemon.ts';
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

/** Where in the step the leader is stopped. */
const moments = [
  'while it looks, before the intent',
  'when the effect was had, before the outcome',
  'anywhere',
] as const;

export interface Run {
  readonly moment: (typeof moments)[number];
  readonly takeoverMs: number;
  readonly before: boolean;
}

/** The run could not be made: the leader lost its lease before it was stopped. */
export class Disturbed extends Error {}

/** One leader is stopped in the middle of a step, followed, and continued. */
export async function stoppedMidStep(pair: Pair, target: Target, service: number, stoppedMs = 0): Promise<Run> {
  const { leader } = await pair.both();
  const epoch = (await leader.status()).replica?.epoch ?? 0;
  const moment = moments[service % moments.length] ?? moments[0];
  const held = moment === 'anywhere' ? undefined : target.holdNext(moment.startsWith('while') ? 'probe' : 'act');
  target.setIll(service, true);
  const letGo = held === undefined ? undefined : await held;
  if (letGo === undefined) {
    await until(
      'there is an incident',
      async () => (await leader.incidents()).some((one) => one.services.includes(`shop-${service}`)),
      60_000,
    );
    await pause(Math.random() * 150);
  }
  // A busy machine may have kept it from renewing: then there is nobody to stop.
  if (!pair.running().includes(leader)) {
    letGo?.();
    target.setIll(service, false);
    throw new Disturbed(`the leader ended by itself: ${leader.said()}`);
  }
  process.kill(leader.pid, 'SIGSTOP');
  const stoppedAtMs = performance.now();
  // What it has asked is answered while it is stopped: when it goes on, the answer is there.
  await pause(50);
  letGo?.();
  const before = target.effects.filter((one) => one.service === service).length;
  await pair.successor(leader);
  const takeoverMs = performance.now() - stoppedAtMs;
  await until(
    'the new leader has settled it',
    async () => settled(await executionOf(await pair.successor(leader), service)),
    60_000,
  );
  await pause(Math.max(0, stoppedMs - (performance.now() - stoppedAtMs)));
  const known = target.effects.length;
  process.kill(leader.pid, 'SIGCONT');
  const ended = await leader.ended;
  // It knows by itself, says so, and is gone.
  expect(ended.code, ended.said).toBe(7);
  await pause(100);

  const effects = target.effects.filter((one) => one.service === service);
  expect(effects.length, `${moment}: ${JSON.stringify(effects)}`).toBeLessThanOrEqual(1);
  // None after it went on, and none under its epoch since it was stopped.
  expect(target.effects.slice(known)).toEqual([]);
  for (const effect of effects) if (effect.atMs > stoppedAtMs + 50) expect(effect.epoch).toBeGreaterThan(epoch);
  const execution = await executionOf(await pair.successor(leader), service);
  const done = execution?.steps[0]?.status === 'succeeded';
  expect(effects.length, `${moment}: ${JSON.stringify(execution?.steps)}`).toBe(done ? 1 : 0);
  target.setIll(service, false);
  return { moment, takeoverMs, before: before > 0 };
}

/** What must be so of a ledger after any number of failovers. */
export async function ledgerIsOne(pair: Pair): Promise<void> {
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
  const root = path.resolve(import.meta.dirname, '../../..');
  const said = execFileSync(
    process.execPath,
    [path.join(root, 'dist/main.js'), 'ledger', 'verify', '--output', 'json'],
    {
      cwd: pair.home.folder,
      encoding: 'utf8',
      env: { PATH: process.env['PATH'] ?? '', HOME: pair.home.folder },
    },
  );
  expect(JSON.parse(said)).toMatchObject({ ok: true, size: expect.any(Number) as number });
}
