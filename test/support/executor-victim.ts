// A real process that carries out plan after plan on a real store until it is killed.
//   node executor-victim.ts FOLDER run|settle
// FOLDER/effects gets a line for each effect on the world, FOLDER/ended one for each ended event.
import { standingTenure } from '../../src/agent/leadership/index.ts';
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

import { createExecutor, type ExecutorDeps } from '../../src/agent/executor/index.ts';
import {
  createScrubber,
  createSecrets,
  makeOperatorIo,
  readFiles,
  systemClock,
  systemRandom,
} from '../../src/io/index.ts';
import { openLedger, signerFromSeed } from '../../src/ledger/index.ts';
import { openSqliteStore } from '../../src/store/index.ts';
import type { JsonObject } from '../../src/lib/json.ts';
import type { ActionKind, ActionResult } from '../../src/domain/ports/action.ts';
import type { ActionTraits } from '../../src/domain/remediation.ts';
import { allow, shop, switchPlan, verdict } from './executor-world.ts';
import { recordingLog } from './quiet-log.ts';

export const origin = 'test.example/ledger';

const [, , folder = '.', mode = 'settle'] = process.argv;
const effects = path.join(folder, 'effects');
const never = new AbortController().signal;
const lines = (): readonly string[] => (existsSync(effects) ? readFileSync(effects, 'utf8').split('\n') : []);
const did = (way: string, name: string): boolean => lines().some((line) => line.startsWith(`${way} ${name} `));

// O_APPEND in one write: a killed process has written the line or has not.
function append(name: string, traits: ActionTraits): ActionKind {
  const nameOf = (params: JsonObject): string => JSON.stringify(params['switch']).slice(1, -1);
  const target = (params: JsonObject) => ({ kind: 'switch', id: nameOf(params), service: 'shop', labels: {} });
  const act = async (way: string, params: JsonObject, key: string): Promise<ActionResult> => {
    await systemClock.sleep(systemRandom.uniform() * 3, never);
    appendFileSync(effects, `${way} ${nameOf(params)} ${key}\n`);
    await systemClock.sleep(systemRandom.uniform() * 3, never);
    return { is: 'done', message: way };
  };
  return {
    kind: name,
    summary: 'Appends a line',
    traits,
    params: { parse: (input) => ({ ok: true, value: input as JsonObject }), jsonSchema: () => ({}) },
    needs: [],
    target,
    observe: (params) =>
      Promise.resolve({
        target: target(params),
        atMs: systemClock.nowMs(),
        facts: {},
        stateHash: 'off@0',
        blast: { touched: 1, total: 1, healthyAfter: 0, targets: [], dependents: [] },
      }),
    preview: () => ({ describe: 'append', diff: [] }),
    before: () => ({}),
    run: (params, _before, key) => act('on', params, key),
    probe: (params) => {
      const on = did('on', nameOf(params)) && !did('off', nameOf(params));
      return Promise.resolve({ is: on ? 'done' : 'not-done', because: 'the file was read' });
    },
    undo: (params, _before, key) => act('off', params, key),
  };
}

const traits: ActionTraits = { reversible: true, idempotent: true, destructive: false, scope: 'process' };
const kinds: Readonly<Record<string, ActionKind>> = {
  'test.append': append('test.append', traits),
  'test.append-once': append('test.append-once', { ...traits, idempotent: false }),
};

const store = await openSqliteStore({ path: path.join(folder, 'store.db') });
const epoch = await store.newEpoch();
const key = signerFromSeed(origin, new Uint8Array(32).fill(7));
const ledger = await openLedger({ store, key, origin, clock: systemClock, random: systemRandom, epoch });
const secrets = createSecrets(readFiles, {}, createScrubber());
const deps: ExecutorDeps = {
  // A mark for each durable record tells the parent how far we are: it kills by progress, not by the clock.
  ledger: {
    ...ledger,
    record: async (batch) => {
      const entries = await ledger.record(batch);
      process.stdout.write('.');
      return entries;
    },
  },
  store,
  actions: (kind) => kinds[kind],
  tenure: standingTenure(),
  operatorIo: makeOperatorIo({ clock: systemClock, random: systemRandom, log: recordingLog(), secrets }, '/bin'),
  clock: systemClock,
  epoch: () => epoch,
  services: () => shop,
  decideLive: (plan, stepIndex) => Promise.resolve({ ...allow(plan), stepId: plan.steps[stepIndex]?.id ?? '' }),
  fresh: () => Promise.resolve(true),
  conditions: () => ({ ok: true, because: '' }),
  verify: ({ plan }, asOfMs) => verdict(plan, plan.createdAtMs % 2 === 0 ? 'passed' : 'failed', asOfMs),
  between: (_execution, _step, asOfMs) => ({ status: 'passed', dueAtMs: asOfMs, rules: [] }),
  baseline: () => ({}),
  onEvent: (event) => {
    if (event.kind !== 'ended') return;
    appendFileSync(path.join(folder, 'ended'), `${event.execution.id} ${event.execution.status} ${event.escalate}\n`);
  },
};
const executor = createExecutor(deps);
await executor.resume(new AbortController().signal);
await executor.tick();

for (let turn = 0; mode === 'run'; turn += 1) {
  const once = turn % 3 === 2;
  const plan = switchPlan(
    ['a', 'b', 'c'].map((name) => `${name}-${epoch}-${turn}`),
    { createdAtMs: epoch * 100_000 + turn, expiresAtMs: Number.MAX_SAFE_INTEGER },
    once ? { action: 'test.append-once', traits: { ...traits, idempotent: false } } : { action: 'test.append', traits },
  );
  await executor.start(plan, allow(plan), []);
  await executor.tick();
}
await ledger.close();
await store.close();
