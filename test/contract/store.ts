import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import type { LedgerRows, Put, Store, StoreBatch } from '../../src/domain/ports/store.ts';

/** A place where a store can be opened, closed and opened again with what it kept. */
export interface StorePlace {
  open(): Promise<Store>;
  remove(): Promise<void>;
}

const put = (key: string, value: Put['value'], space: Put['space'] = 'incident'): Put => ({ space, key, value });
const batch = (epoch: number, parts: Partial<StoreBatch> = {}): StoreBatch => ({
  puts: [],
  expects: [],
  epoch,
  ...parts,
});

/** Ledger rows of `count` entries from `fromSeq` on, with a payload for each. Bytes are arbitrary to a store. */
export function rowsFrom(fromSeq: number, count: number, note = `note ${fromSeq + count}\n`): LedgerRows {
  const seqs = Array.from({ length: count }, (_, at) => fromSeq + at);
  return {
    fromSeq,
    entries: seqs.map((seq) => Buffer.from(`entry ${seq}`)),
    tiles: [],
    checkpoint: { size: fromSeq + count, note },
    payloads: seqs.map((seq) => ({
      seq,
      commitment: `c${seq}`,
      salt: Buffer.alloc(32, 7),
      data: Buffer.from(`payload ${seq}`),
    })),
  };
}

/** What every store must do. An engine's own test file calls this with a way to make an empty place. */
export function storeContract(name: string, makePlace: () => Promise<StorePlace>): void {
  describe(`${name} keeps the store's contract`, () => {
    let place: StorePlace;
    let store: Store;
    let epoch: number;
    const reopen = async (): Promise<void> => {
      await store.close();
      store = await place.open();
    };
    beforeEach(async () => {
      place = await makePlace();
      store = await place.open();
      epoch = await store.newEpoch();
    });
    afterEach(async () => {
      await store.close();
      await place.remove();
    });

    describe('working state', () => {
      test('a value is found again, also after a restart, and counts its versions from 1', async () => {
        await store.commit(batch(epoch, { puts: [put('a', { deep: [1, 'ü', null, true] })] }));
        await store.commit(batch(epoch, { puts: [put('a', { deep: [2] })] }));
        await reopen();
        expect(await store.get('incident', 'a')).toEqual({ key: 'a', value: { deep: [2] }, version: 2 });
        expect(await store.get('incident', 'b')).toBeUndefined();
        expect(await store.get('alert', 'a')).toBeUndefined();
      });

      test('a removed value is gone, and its next life begins at version 1', async () => {
        await store.commit(batch(epoch, { puts: [put('a', 1), put('a', 2), put('a', undefined)] }));
        expect(await store.get('incident', 'a')).toBeUndefined();
        await store.commit(batch(epoch, { puts: [put('a', 3)] }));
        expect(await store.get('incident', 'a')).toEqual({ key: 'a', value: 3, version: 1 });
      });

      test('listing goes in key order, narrows by prefix, continues after a key, and starts from either end', async () => {
        const keys = ['b/2', 'a', 'b/1', 'b/10', 'c', '', 'b/\u{1f600}'];
        await store.commit(batch(epoch, { puts: [...keys.map((key) => put(key, key)), put('b/0', 0, 'alert')] }));
        const list = async (options: Parameters<Store['list']>[1]): Promise<readonly string[]> =>
          (await store.list('incident', options)).map((stored) => stored.key);
        expect(await list({ limit: 100 })).toEqual(['', 'a', 'b/1', 'b/10', 'b/2', 'b/\u{1f600}', 'c']);
        expect(await list({ limit: 100, reverse: true })).toEqual(['c', 'b/\u{1f600}', 'b/2', 'b/10', 'b/1', 'a', '']);
        expect(await list({ limit: 2, prefix: 'b/' })).toEqual(['b/1', 'b/10']);
        expect(await list({ limit: 2, prefix: 'b/', after: 'b/10' })).toEqual(['b/2', 'b/\u{1f600}']);
        expect(await list({ limit: 2, prefix: 'b/', reverse: true })).toEqual(['b/\u{1f600}', 'b/2']);
        expect(await list({ limit: 9, prefix: 'b/', reverse: true, after: 'b/10' })).toEqual(['b/1']);
        expect(await list({ limit: 9, prefix: 'x' })).toEqual([]);
      });

      test('a batch is written whole or not at all', async () => {
        const wrong = batch(epoch, {
          puts: [put('a', 1)],
          expects: [{ space: 'incident', key: 'b', version: 1 }],
          ledger: rowsFrom(0, 1),
        });
        await expect(store.commit(wrong)).rejects.toMatchObject({ code: 'conflict' });
        expect(await store.get('incident', 'a')).toBeUndefined();
        expect(await store.ledgerSize()).toBe(0);
      });

      test('an expected version lets exactly one of two writers through', async () => {
        const expects = [{ space: 'incident', key: 'a', version: 0 }] as const;
        await store.commit(batch(epoch, { puts: [put('a', 'first')], expects }));
        await expect(store.commit(batch(epoch, { puts: [put('a', 'second')], expects }))).rejects.toMatchObject({
          code: 'conflict',
          retryable: false,
        });
        expect((await store.get('incident', 'a'))?.value).toBe('first');
      });
    });

    describe('epochs', () => {
      test('each taking over raises the epoch by one, and it survives a restart', async () => {
        expect(await store.newEpoch()).toBe(epoch + 1);
        await reopen();
        expect(await store.epoch()).toBe(epoch + 1);
      });

      test('a deposed writer is fenced inside the transaction and writes nothing', async () => {
        await store.newEpoch();
        const late = batch(epoch, { puts: [put('a', 1)], ledger: rowsFrom(0, 1) });
        await expect(store.commit(late)).rejects.toMatchObject({ code: 'fenced' });
        expect(await store.get('incident', 'a')).toBeUndefined();
        expect(await store.ledgerSize()).toBe(0);
      });

      test('an epoch that this store never gave out is fenced too', async () => {
        await expect(store.commit(batch(epoch + 7))).rejects.toMatchObject({ code: 'fenced' });
      });
    });

    describe('ledger rows', () => {
      test('entries, tiles, checkpoints and payloads are found again after a restart', async () => {
        const tile = { level: 0, index: 0, data: Buffer.alloc(8192, 3) };
        await store.commit(batch(epoch, { ledger: { ...rowsFrom(0, 3), tiles: [tile] } }));
        await store.commit(batch(epoch, { ledger: rowsFrom(3, 2) }));
        await reopen();
        expect(await store.ledgerSize()).toBe(5);
        const rows = await store.ledgerEntries(1, 3);
        expect(rows.map((row) => [row.seq, Buffer.from(row.data).toString()])).toEqual([
          [1, 'entry 1'],
          [2, 'entry 2'],
          [3, 'entry 3'],
        ]);
        expect((await store.ledgerEntries(4, 9)).map(({ seq }) => seq)).toEqual([4]);
        expect(await store.ledgerEntries(5, 9)).toEqual([]);
        expect(await store.ledgerEntries(0, 0)).toEqual([]);
        expect(Buffer.from((await store.ledgerTile(0, 0))!)).toEqual(tile.data);
        expect(await store.ledgerTile(0, 1)).toBeUndefined();
        expect(await store.ledgerCheckpoint()).toEqual({ size: 5, note: 'note 5\n' });
        expect(await store.ledgerCheckpoint(3)).toEqual({ size: 3, note: 'note 3\n' });
        expect(await store.ledgerCheckpoint(4)).toBeUndefined();
        const payload = await store.ledgerPayload(4);
        expect(payload).toMatchObject({ seq: 4, commitment: 'c4' });
        expect(Buffer.from(payload!.data).toString()).toBe('payload 4');
        expect((await store.ledgerPayloads(1, 3)).map(({ seq }) => seq)).toEqual([1, 2, 3]);
        expect((await store.ledgerPayloads(4, 256))[0]).toEqual(payload);
      });

      test.each([
        ['behind', 1],
        ['ahead of', 4],
      ])('a writer that is %s the stored size would fork the log, and is refused', async (_where, fromSeq) => {
        await store.commit(batch(epoch, { ledger: rowsFrom(0, 3) }));
        const forked = batch(epoch, { puts: [put('a', 1)], ledger: rowsFrom(fromSeq, 3) });
        await expect(store.commit(forked)).rejects.toMatchObject({ code: 'conflict' });
        expect(await store.ledgerSize()).toBe(3);
        expect(await store.get('incident', 'a')).toBeUndefined();
        await store.commit(batch(epoch, { ledger: rowsFrom(3, 1) }));
      });

      test('another checkpoint of the same size is refused', async () => {
        await store.commit(batch(epoch, { ledger: rowsFrom(0, 0, 'one\n') }));
        await store.commit(batch(epoch, { ledger: rowsFrom(0, 0, 'one\n') }));
        await expect(store.commit(batch(epoch, { ledger: rowsFrom(0, 0, 'other\n') }))).rejects.toMatchObject({
          code: 'conflict',
        });
      });

      test('an erased payload is gone with its salt; the entry stays; erasing twice is fine', async () => {
        await store.commit(batch(epoch, { ledger: rowsFrom(0, 2) }));
        await store.erasePayload(0);
        await store.erasePayload(0);
        await reopen();
        expect(await store.ledgerPayload(0)).toBeUndefined();
        expect(await store.ledgerPayload(1)).toBeDefined();
        expect((await store.ledgerPayloads(0, 2)).map(({ seq }) => seq)).toEqual([1]);
        expect(await store.ledgerEntries(0, 2)).toHaveLength(2);
      });
    });

    test('it says what it is, and is unusable once closed', async () => {
      const info = await store.info();
      expect(info.engine).toMatch(/^[a-z]+ \d+\./);
      expect(info.bytes).toBeGreaterThan(0);
      await store.close();
      await expect(store.get('incident', 'a')).rejects.toMatchObject({ code: 'store-failed' });
      store = await place.open();
    });
  });
}
