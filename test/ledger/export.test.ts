import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { describe, expect, test } from 'vitest';

import { readFiles } from '../../src/io/index.ts';
import {
  consistency,
  parseVerifier,
  proveExportedInclusion,
  proveInclusion,
  signerFromSeed,
  verifyExport,
  verifyReceipt,
  verifyStore,
} from '../../src/ledger/index.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { exportTo, HeldExport, never } from './support/exports.ts';
import { testFolder } from './support/folder.ts';
import { draft, fill, ledgerIn, origin, testKey, type OpenedLedger } from './support/ledgers.ts';
import { filesBelow } from './support/vectors.ts';

const verify = (folder: string, vkeys?: readonly string[]) =>
  verifyExport({ files: readFiles, folder, signal: never }, vkeys ? { vkeys } : {});

async function exported(entries: number): Promise<OpenedLedger & { readonly folder: string }> {
  const opened = await ledgerIn(testFolder());
  await fill(opened.ledger, entries);
  const folder = path.join(testFolder(), 'export');
  await exportTo(opened.store, folder);
  return { ...opened, folder };
}

describe('an exported ledger', () => {
  test.each([0, 1, 255, 256, 257, 600])(
    'of %i entries verifies, and so does the store it came from',
    async (entries) => {
      const { folder, store, ledger } = await exported(entries);
      const { rootHex } = await ledger.checkpoint();
      const expected = { ok: true, origin, size: entries, rootHex, redacted: 0, problems: [] };
      expect(await verify(folder)).toMatchObject(expected);
      expect(await verify(folder, [testKey.text])).toMatchObject(expected);
      expect(await verifyStore(store)).toMatchObject(expected);
    },
  );

  test('has the layout of tlog-tiles, with partial tiles at the right edge only', async () => {
    const { folder } = await exported(600);
    expect(filesBelow(folder).map((file) => path.relative(folder, file))).toEqual(
      [
        'checkpoint',
        'vkey',
        ...['000', '001', '002'].map((index) => `payloads/${index}.jsonl`),
        ...['0', 'entries'].flatMap((level) => ['000', '001', '002.p/88'].map((index) => `tile/${level}/${index}`)),
        'tile/1/000.p/2',
      ].sort(),
    );
  });

  test('grows in steps to the same bytes as in one go, and leaves no superseded tile behind', async () => {
    const { ledger, store } = await ledgerIn(testFolder());
    const steps = testFolder();
    for (const count of [3, 200, 53, 1, 0, 300]) {
      await fill(ledger, count);
      await exportTo(store, steps);
      expect(await verify(steps)).toMatchObject({ ok: true, problems: [] });
    }
    const once = testFolder();
    await exportTo(store, once);
    const contents = (folder: string): readonly string[] =>
      filesBelow(folder).map((file) => `${path.relative(folder, file)} ${readFileSync(file).toString('base64')}`);
    expect(contents(steps)).toEqual(contents(once));
    const again = await exportTo(store, steps);
    expect(again.written).toBeLessThan(10);
  });

  test('is not written over that of another ledger, nor over a longer one', async () => {
    const { folder } = await exported(5);
    const key = signerFromSeed(origin, Buffer.alloc(32, 3));
    const other = await ledgerIn(testFolder(), { key });
    await fill(other.ledger, 9);
    await expect(exportTo(other.store, folder)).rejects.toMatchObject({ code: 'conflict' });
    const shorter = await ledgerIn(testFolder());
    await fill(shorter.ledger, 4);
    await expect(exportTo(shorter.store, folder)).rejects.toMatchObject({ code: 'conflict' });
    expect(await verify(folder)).toMatchObject({ ok: true, size: 5 });
  });

  test('signed by another key than the trusted one is refused', async () => {
    const { folder, store } = await exported(5);
    const trusted = signerFromSeed(origin, Buffer.alloc(32, 3)).text;
    expect((await verify(folder, [trusted])).ok).toBe(false);
    expect((await verifyStore(store, { vkeys: [trusted] })).ok).toBe(false);
  });

  test('a missing, a foreign and a left-over file are each named', async () => {
    const { folder } = await exported(300);
    const held = new HeldExport(folder);
    held.contents.delete('tile/1/000.p/1');
    expect((await verifyExport(held.exported)).problems).toMatchObject([{ file: 'tile/1/000.p/1' }]);
    writeFileSync(path.join(folder, 'tile/0/000.p'), '');
    writeFileSync(path.join(folder, 'notes.txt'), '');
    const report = await verifyExport(new HeldExport(folder).exported);
    expect(report.problems.map((problem) => problem.file).sort()).toEqual(['notes.txt', 'tile/0/000.p']);
  });
});

describe('erased payloads', () => {
  test('are reported as erased when a later entry says so, also in an export made before', async () => {
    const { folder, store, ledger } = await exported(300);
    await ledger.redact(3, { actor: 'cli:ana', atMs: 1 });
    await exportTo(store, folder);
    expect(await verify(folder)).toMatchObject({ ok: true, redacted: 1 });
    expect(await verifyStore(store)).toMatchObject({ ok: true, redacted: 1 });
    expect(readFileSync(path.join(folder, 'payloads/000.jsonl'), 'utf8')).not.toContain('"seq":3}');
  });

  test('are an error when nobody said so', async () => {
    const { folder, store } = await exported(10);
    await store.erasePayload(3);
    expect((await verifyStore(store)).problems).toMatchObject([{ seq: 3, file: 'payloads/000.jsonl' }]);
    const file = path.join(folder, 'payloads/000.jsonl');
    writeFileSync(file, readFileSync(file, 'utf8').split('\n').slice(1).join('\n'));
    expect((await verify(folder)).problems).toMatchObject([{ seq: 0, file: 'payloads/000.jsonl' }]);
  });
});

describe('a flipped bit', () => {
  test('in an entry names the entry and its bytes; in a hash, the hash; in a payload, its entry', async () => {
    const { folder } = await exported(300);
    const held = new HeldExport(folder);
    const problems = async (file: string, byte: number) => {
      held.flip(file, byte * 8);
      const report = await verifyExport(held.exported);
      held.flip(file, byte * 8);
      return report.problems;
    };
    const entries = held.contents.get('tile/entries/000')!;
    const length = entries.readUInt16BE(0);
    const inEntry = await problems('tile/entries/000', 2 + entries.subarray(2).indexOf('grü'));
    expect(inEntry.at(-1)).toMatchObject({ file: 'tile/entries/000', seq: 0, bytes: [0, length + 2] });
    expect(inEntry.every((problem) => problem.file === 'tile/entries/000')).toBe(true);
    expect(await problems('tile/0/000', 32 * 7 + 3)).toMatchObject([
      { file: 'tile/0/000', seq: 7, bytes: [32 * 7, 32 * 8] },
    ]);
    expect(await problems('tile/1/000.p/1', 5)).toMatchObject([{ file: 'tile/1/000.p/1', bytes: [0, 32] }]);
    const payloads = held.contents.get('payloads/000.jsonl')!;
    const inPayload = await problems('payloads/000.jsonl', payloads.indexOf('"secret":3}') + 9);
    expect(inPayload).toMatchObject([{ file: 'payloads/000.jsonl', seq: 3 }]);
    expect(await problems('checkpoint', 0)).toMatchObject([{ file: 'checkpoint' }]);
  });

  test(
    'is found wherever it is: 10,000 random ones, and the file is named each time',
    { timeout: 180_000 },
    async () => {
      const random = seededRandom(20_261_123);
      const undetected: string[] = [];
      const misnamed: string[] = [];
      for (const [entries, flips] of [
        [9, 9_700],
        [257, 300],
      ] as const) {
        const { folder } = await exported(entries);
        const held = new HeldExport(folder);
        expect((await verifyExport(held.exported)).problems).toEqual([]);
        const names = [...held.contents.keys()];
        for (let flip = 0; flip < flips; flip++) {
          const file = names[Math.floor(random.uniform() * names.length)]!;
          const bit = Math.floor(random.uniform() * held.contents.get(file)!.length * 8);
          held.flip(file, bit);
          const { ok, problems } = await verifyExport(held.exported);
          if (ok) undetected.push(`${file} bit ${bit} of ${entries}`);
          // A wrong key makes the checkpoint's signature wrong, and the other way round: neither can tell which it was.
          else if (!problems.some((problem) => problem.file === file || ['vkey', 'checkpoint'].includes(file)))
            misnamed.push(`${file} bit ${bit} of ${entries}: ${JSON.stringify(problems)}`);
          held.flip(file, bit);
        }
      }
      expect(undetected).toEqual([]);
      expect(misnamed).toEqual([]);
    },
  );
});

describe('receipts', () => {
  test('prove an entry offline, from the store as from an export', async () => {
    const { folder, store } = await exported(300);
    const keys = [parseVerifier(testKey.text)];
    for (const seq of [0, 7, 255, 256, 299]) {
      const receipt = await proveInclusion(store, seq);
      expect(receipt.startsWith('c2sp.org/tlog-proof@v1\nextra ')).toBe(true);
      expect(verifyReceipt(receipt, keys)).toMatchObject({ origin, size: 300, entry: { seq, body: { number: seq } } });
      expect(await proveExportedInclusion({ files: readFiles, folder, signal: never }, seq)).toBe(receipt);
    }
    await expect(proveInclusion(store, 300)).rejects.toMatchObject({ code: 'not-found' });
  });

  test('that were altered in any bit do not hold', { timeout: 60_000 }, async () => {
    const { store } = await exported(20);
    const keys = [parseVerifier(testKey.text)];
    const receipt = Buffer.from(await proveInclusion(store, 5));
    for (let bit = 0; bit < receipt.length * 8; bit++) {
      const altered = Buffer.from(receipt);
      altered[bit >> 3] = altered[bit >> 3]! ^ (1 << (bit & 7));
      expect(() => verifyReceipt(altered.toString('utf8'), keys), `bit ${bit}`).toThrow();
    }
  });
});

describe('consistency with an older checkpoint', () => {
  test('is proven, or denied when the log was rewritten', async () => {
    const { ledger, store } = await ledgerIn(testFolder());
    await fill(ledger, 100);
    const { note } = await ledger.checkpoint();
    await fill(ledger, 300);
    const keys = [testKey];
    expect(await consistency(store, note, keys)).toMatchObject({ from: 100, to: 400 });
    const rewritten = await ledgerIn(testFolder());
    await rewritten.ledger.record({ drafts: [draft(99)] });
    await fill(rewritten.ledger, 400);
    await expect(consistency(rewritten.store, note, keys)).rejects.toMatchObject({ code: 'ledger-invalid' });
  });
});
