import { spawn } from 'node:child_process';
import { readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';

import { describe, expect, test } from 'vitest';

import { openSqliteStore } from '../../src/store/index.ts';
import { verifyStore } from '../../src/ledger/index.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { testFolder } from './support/folder.ts';
import { ledgerIn } from './support/ledgers.ts';

interface Ack {
  readonly size: number;
  readonly walBytes: number;
}

/** Runs a writer in a process of its own and kills it after so many acknowledgements. Gives what was acknowledged. */
async function writeAndDie(folder: string, acks: number, fileBlocks?: number): Promise<readonly Ack[]> {
  const writer = path.join(import.meta.dirname, 'support', 'writer.ts');
  const argv = [process.execPath, writer, folder];
  const [program, ...rest] =
    fileBlocks === undefined ? argv : ['/bin/sh', '-c', `ulimit -f ${fileBlocks}; exec "$@"`, 'sh', ...argv];
  const child = spawn(program!, rest, { stdio: ['ignore', 'pipe', 'ignore'] });
  const seen: Ack[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    seen.push(JSON.parse(line) as Ack);
    if (seen.length >= acks) child.kill('SIGKILL');
  }
  return seen;
}

describe('a writer that is killed', () => {
  test('loses nothing that was acknowledged, at any of many moments, and the next one continues', async () => {
    const random = seededRandom(7);
    const folder = testFolder();
    let least = 0;
    for (let round = 0; round < 6; round++) {
      const acks = await writeAndDie(folder, 1 + Math.floor(random.uniform() * 60));
      least = acks.at(-1)!.size;
      // The lock died with the process: no waiting, no cleaning up.
      const { ledger, store } = await ledgerIn(folder);
      expect(ledger.size()).toBeGreaterThanOrEqual(least);
      expect(await verifyStore(store)).toMatchObject({ ok: true, problems: [] });
      await store.close();
    }
    expect(least).toBeGreaterThan(6);
  });
});

describe('a write-ahead log that is torn', () => {
  test('by cutting it off or flipping a bit gives back whole commits, all those before the damage', async () => {
    const random = seededRandom(11);
    const folder = testFolder();
    const acks = await writeAndDie(folder, 30);
    const db = path.join(folder, 'store.db');
    const [main, wal] = [readFileSync(db), readFileSync(`${db}-wal`)];
    for (let round = 0; round < 60; round++) {
      const at = Math.floor(random.uniform() * wal.length);
      const torn = testFolder();
      const copy = path.join(torn, 'store.db');
      writeFileSync(copy, main);
      const damaged = Buffer.from(wal);
      damaged[at] = damaged[at]! ^ (1 << (round % 8));
      writeFileSync(`${copy}-wal`, damaged);
      if (round % 2 === 0) truncateSync(`${copy}-wal`, at);
      const safe = acks.findLast((ack) => ack.walBytes <= at)?.size ?? 0;
      const store = await openSqliteStore({ path: copy });
      const size = await store.ledgerSize();
      expect(size).toBeGreaterThanOrEqual(safe);
      if ((await store.ledgerCheckpoint()) !== undefined && (await store.get('meta', 'ledger')) !== undefined)
        expect(await verifyStore(store)).toMatchObject({ ok: true, size });
      else expect(size).toBe(0);
      await store.close();
    }
  });
});

describe('a disk that is full', () => {
  test('stops the writer; what was acknowledged before is there, and verifies', async () => {
    const folder = testFolder();
    const acks = await writeAndDie(folder, 1_000_000, 2_000);
    expect(statSync(path.join(folder, 'store.db-wal')).size).toBeGreaterThan(0);
    const { ledger, store } = await ledgerIn(folder);
    expect(acks.length).toBeGreaterThan(10);
    expect(ledger.size()).toBeGreaterThanOrEqual(acks.at(-1)!.size);
    expect(await verifyStore(store)).toMatchObject({ ok: true, problems: [] });
  });
});
