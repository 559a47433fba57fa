import { chmodSync, existsSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';

import { describe, expect, onTestFinished, test } from 'vitest';

import { openSqliteStore } from '../../src/store/index.ts';
import { assertSafeEngine } from '../../src/store/sqlite/open.ts';
import { storeFormat } from '../../src/store/sqlite/schema.ts';
import { rowsFrom, storeContract } from '../contract/store.ts';
import { testFolder } from '../ledger/support/folder.ts';

storeContract('sqlite', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'watchkeeper-store-'));
  return {
    open: () => openSqliteStore({ path: path.join(folder, 'data', 'store.db') }),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
});

async function filledStore(): Promise<{ readonly file: string; readonly epoch: number }> {
  const file = path.join(testFolder(), 'store.db');
  const store = await openSqliteStore({ path: file });
  const epoch = await store.newEpoch();
  const tile = { level: 0, index: 0, data: Buffer.alloc(8192) };
  await store.commit({ puts: [], expects: [], epoch, ledger: { ...rowsFrom(0, 3), tiles: [tile] } });
  await store.close();
  return { file, epoch };
}

describe('opening', () => {
  test('the file is for its owner only, and so is a folder that had to be made', async () => {
    const folder = path.join(testFolder(), 'made', 'here');
    const file = path.join(folder, 'store.db');
    const store = await openSqliteStore({ path: file });
    onTestFinished(() => store.close());
    await store.newEpoch();
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    for (const name of [file, `${file}-wal`, `${file}.lock`]) expect(statSync(name).mode & 0o777, name).toBe(0o600);
  });

  test('a place where no folder can be is refused at once', async () => {
    const attempt = openSqliteStore({ path: '/proc/watchkeeper/data/store.db' });
    await expect(attempt).rejects.toMatchObject({ code: 'store-failed', fix: expect.stringContaining('folder') });
  });

  test('a file that others could read is closed to them', async () => {
    const { file } = await filledStore();
    chmodSync(file, 0o644);
    await (await openSqliteStore({ path: file })).close();
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  test.each(['3.7.0', '3.45.1', '3.51.2'])('SQLite %s is refused, for it can corrupt the log', (version) => {
    expect(() => assertSafeEngine(version)).toThrow(/3\.51\.3 or newer/);
  });

  test.each(['3.51.3', '3.53.4', '4.0.0'])('SQLite %s is accepted', (version) => {
    expect(() => assertSafeEngine(version)).not.toThrow();
  });

  test('a second writer is refused and told who the first is', async () => {
    const { file } = await filledStore();
    const first = await openSqliteStore({ path: file });
    await expect(openSqliteStore({ path: file })).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringContaining(`process ${process.pid} on `) as string,
    });
    await first.newEpoch();
    await first.close();
    await (await openSqliteStore({ path: file })).close();
  });

  test('a reader may look beside a running writer, sees what is committed, and cannot write', async () => {
    const { file, epoch } = await filledStore();
    const writer = await openSqliteStore({ path: file });
    onTestFinished(() => writer.close());
    const reader = await openSqliteStore({ path: file, readOnly: true });
    onTestFinished(() => reader.close());
    await writer.commit({ puts: [], expects: [], epoch, ledger: rowsFrom(3, 1) });
    expect(await reader.ledgerSize()).toBe(4);
    await expect(reader.commit({ puts: [], expects: [], epoch })).rejects.toMatchObject({ code: 'unsupported' });
    await expect(reader.newEpoch()).rejects.toMatchObject({ code: 'unsupported' });
  });

  test('reading what is not there is said plainly and makes nothing', async () => {
    const file = path.join(testFolder(), 'none.db');
    await expect(openSqliteStore({ path: file, readOnly: true })).rejects.toMatchObject({ code: 'not-found' });
    expect(existsSync(file)).toBe(false);
  });

  test.each([
    ['a newer format', storeFormat + 1, 'newer one'],
    ['an older format', storeFormat - 1, 'export its ledger'],
  ])('%s is refused, not guessed at', async (_which, format, fix) => {
    const { file } = await filledStore();
    const db = new DatabaseSync(file);
    db.prepare(`UPDATE meta SET value = ? WHERE key = 'format'`).run(String(format));
    db.close();
    await expect(openSqliteStore({ path: file })).rejects.toMatchObject({
      code: 'unsupported',
      message: expect.stringContaining(`format ${format}`) as string,
      fix: expect.stringContaining(fix) as string,
    });
  });

  test('a database of something else is left alone', async () => {
    const file = path.join(testFolder(), 'other.db');
    const db = new DatabaseSync(file);
    db.exec('CREATE TABLE cats (name TEXT)');
    db.close();
    await expect(openSqliteStore({ path: file })).rejects.toMatchObject({ code: 'config-invalid' });
  });

  test('a file that is no database, and one that is damaged, are refused with advice', async () => {
    const garbage = path.join(testFolder(), 'garbage.db');
    writeFileSync(garbage, 'this is not a database, and long enough to be looked at as one'.repeat(100));
    await expect(openSqliteStore({ path: garbage })).rejects.toMatchObject({ code: 'store-failed' });
    const { file } = await filledStore();
    truncateSync(file, statSync(file).size - 4096);
    const failure = await openSqliteStore({ path: file }).catch((thrown: unknown) => thrown);
    expect(failure).toMatchObject({ code: 'store-failed', fix: expect.stringContaining('backup') as string });
  });
});

describe('the log in the file only grows', () => {
  test.each([
    ['changing an entry', `UPDATE append SET entries = x'00'`],
    ['removing an entry', 'DELETE FROM append WHERE size = 3'],
    ['replacing an entry', `INSERT OR REPLACE INTO append VALUES (3, 0, 'x', x'00')`],
    ['replacing nothing but the checkpoint', `INSERT OR REPLACE INTO append VALUES (3, 3, 'x', x'')`],
    ['leaving a hole', `INSERT INTO append VALUES (9, 8, 'x', x'00')`],
    ['going back', `INSERT INTO append VALUES (2, 3, 'x', x'00')`],
    ['changing a tile', `UPDATE tile SET data = zeroblob(8192)`],
    ['removing a tile', 'DELETE FROM tile'],
    ['replacing a tile', 'INSERT OR REPLACE INTO tile VALUES (0, 0, zeroblob(8192))'],
    ['changing a checkpoint', `UPDATE append SET note = 'x'`],
    ['removing a checkpoint', 'DELETE FROM append'],
    ['changing a payload', `UPDATE payload SET data = x'00'`],
  ])('%s is refused by the database itself, whoever asks', async (_what, sql) => {
    const { file } = await filledStore();
    const db = new DatabaseSync(file);
    onTestFinished(() => db.close());
    expect(() => db.exec(sql)).toThrow(/only grows|never|erased/);
  });
});

describe('failure', () => {
  test('after a write that failed halfway nothing works any more, and nothing of it is there after a restart', async () => {
    const { file, epoch } = await filledStore();
    const store = await openSqliteStore({ path: file });
    const badTile = { level: 0, index: 1, data: Buffer.alloc(10) };
    const puts = [{ space: 'incident', key: 'a', value: 1 }] as const;
    const failing = store.commit({ puts, expects: [], epoch, ledger: { ...rowsFrom(3, 1), tiles: [badTile] } });
    await expect(failing).rejects.toMatchObject({ code: 'store-failed' });
    for (const call of [store.get('incident', 'a'), store.ledgerSize(), store.newEpoch(), store.info()])
      await expect(call).rejects.toMatchObject({ code: 'store-failed' });
    await store.close();
    const again = await openSqliteStore({ path: file });
    onTestFinished(() => again.close());
    expect(await again.ledgerSize()).toBe(3);
    expect(await again.get('incident', 'a')).toBeUndefined();
  });

  test('a stranger who writes to the file makes us wait and then say so, and does no lasting harm', async () => {
    const { file, epoch } = await filledStore();
    const store = await openSqliteStore({ path: file });
    onTestFinished(() => store.close());
    const stranger = new DatabaseSync(file);
    stranger.exec('BEGIN IMMEDIATE');
    const refused = store.commit({ puts: [], expects: [], epoch });
    await expect(refused).rejects.toMatchObject({ code: 'conflict', retryable: true });
    stranger.exec('ROLLBACK');
    stranger.close();
    await store.commit({ puts: [], expects: [], epoch });
  });

  test('erased bytes are no longer anywhere in the files', async () => {
    const { file, epoch } = await filledStore();
    const store = await openSqliteStore({ path: file });
    onTestFinished(() => store.close());
    const rows = rowsFrom(3, 1);
    const secret = 'a-secret-that-must-go';
    const payloads = [{ seq: 3, commitment: 'c', salt: Buffer.alloc(32), data: Buffer.from(secret) }];
    await store.commit({ puts: [], expects: [], epoch, ledger: { ...rows, payloads } });
    const everything = (): string =>
      [file, `${file}-wal`].map((name) => readFileSync(name).toString('latin1')).join('');
    expect(everything()).toContain(secret);
    await store.erasePayload(3);
    expect(everything()).not.toContain(secret);
  });
});
