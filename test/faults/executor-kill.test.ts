import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';

import type { ExecutionRecord } from '../../src/agent/executor/index.ts';
import { openSqliteStore } from '../../src/store/index.ts';
import { freshFolder } from '../support/host-service.ts';
import { seededRandom } from '../support/seeded-random.ts';

const kills = Number(process.env['WATCHKEEPER_KILLS'] ?? '60');
const seed = Number(process.env['WATCHKEEPER_SEED'] ?? '1');
// Two lanes, each a store of its own, so that two cores are used.
const lanes = [freshFolder(), freshFolder()] as const;
afterAll(() => {
  for (const lane of lanes) lane.remove();
});

const script = path.join(import.meta.dirname, '../support/executor-victim.ts');

/** Runs the victim; kills it after so many durable records and a moment more, or lets it end. Gives its exit code. */
function run(
  folder: string,
  mode: 'run' | 'settle',
  after?: { readonly records: number; readonly ms: number },
): Promise<number | null> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [script, folder, mode], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: process.env['PATH'] ?? '', NODE_COMPILE_CACHE: path.join(folder, 'cache') },
    });
    let errors = '';
    child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
    let records = 0;
    child.stdout.on('data', (chunk: Buffer) => {
      const before = records;
      records += chunk.length;
      if (after !== undefined && before < after.records && records >= after.records)
        setTimeout(() => child.kill('SIGKILL'), after.ms);
    });
    child.on('exit', (code, signal) => {
      if (signal === 'SIGKILL' || code === 0) resolve(code);
      else reject(new Error(`the victim died by itself: ${errors}`));
    });
  });
}

const linesOf = (folder: string, name: string): readonly string[] => {
  const file = path.join(folder, name);
  return existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : [];
};

test(`${kills} times kill -9: every effect once, none forgotten, every end told`, { timeout: 600_000 }, async () => {
  await Promise.all(lanes.map(({ folder }, lane) => tryLane(folder, lane)));
});

async function tryLane(folder: string, lane: number): Promise<void> {
  const random = seededRandom(seed + lane);
  for (let turn = 0; turn < kills / lanes.length; turn += 1)
    await run(folder, 'run', { records: 1 + Math.floor(random.uniform() * 40), ms: random.uniform() * 4 });
  await run(folder, 'settle');

  const effects = linesOf(folder, 'effects').map((line) => line.split(' '));
  const count = (way: string, name: string): number =>
    effects.filter(([did, what]) => did === way && what === name).length;
  const ended = linesOf(folder, 'ended');
  const store = await openSqliteStore({ path: path.join(folder, 'store.db') });
  const rows = await store.list('execution', { limit: 5_000 });
  const records = rows.map((row) => row.value as unknown as ExecutionRecord);
  const entries = await store.ledgerEntries(0, 100_000);
  const ledger = entries.map((entry) => new TextDecoder().decode(entry.data)).join('\n');
  await store.close();

  const wrong: string[] = [];
  const known = new Set<string>();
  for (const record of records) {
    if (record.endedAtMs === undefined) wrong.push(`${record.id} never ended`);
    const told = ended.filter((line) => line.startsWith(`${record.id} ${record.status} `));
    if (told.length === 0) wrong.push(`${record.id}: nobody was told that it ${record.status}`);
    if (record.status !== 'succeeded' && !told.some((line) => line.endsWith('true')))
      wrong.push(`${record.id}: no call`);
    for (const [index, step] of record.steps.entries()) {
      const name = record.plan.steps[index]!.target.id;
      known.add(name);
      const [on, off] = [count('on', name), count('off', name)];
      if (on > 1 || off > 1) wrong.push(`${name}: ${on} times on, ${off} times off`);
      if (on === 1 && step.status !== 'succeeded') wrong.push(`${name}: done, yet ${step.status ?? 'open'}`);
      if (on === 0 && step.status === 'succeeded') wrong.push(`${name}: forgotten`);
      if (record.status === 'undone' && on !== off) wrong.push(`${name}: not undone`);
      if (record.status === 'succeeded' && (on !== 1 || off !== 0)) wrong.push(`${name}: on ${on}, off ${off}`);
    }
  }
  for (const [, name, key] of effects) {
    if (!known.has(name ?? '')) wrong.push(`${name ?? ''}: an effect of no execution`);
    if (!ledger.includes(key ?? ' ')) wrong.push(`${name ?? ''}: an effect without an intent`);
  }
  expect(wrong).toEqual([]);
  // The kills must have hit executions in the middle, or this test shows nothing.
  expect(records.length).toBeGreaterThan(kills / lanes.length / 2);
  expect(ledger).toContain('"recovered":true');
}
