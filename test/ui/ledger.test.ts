import { readFileSync } from 'node:fs';
import path from 'node:path';

import { describe, expect, it } from 'vitest';

import { signerFromSeed } from '../../src/ledger/index.ts';
import { signCheckpoint } from '../../src/ledger/checkpoint.ts';
import { proveEntry } from '../../src/ledger/receipt.ts';
import { parseNote, signNote } from '../../src/ledger/note.ts';
import { fromBase64 } from '../../src/ui/ledger/bytes.ts';
import { openCheckpoint, readKeys, type VerifierKey } from '../../src/ui/ledger/note.ts';
import { checkInclusion } from '../../src/ui/ledger/proof.ts';
import { contradiction } from '../../src/ui/ledger/seen.ts';
import { sameEntry, verifyEntryProof } from '../../src/ui/ledger/receipt.ts';
import type { EntryProof } from '../../src/ui/wire.ts';
import { filesBelow, vectorTest } from '../ledger/support/vectors.ts';
import { testFolder } from '../ledger/support/folder.ts';
import { draft, fill, ledgerIn, origin, testKey } from '../ledger/support/ledgers.ts';

async function keysOf(vkey: string): Promise<readonly VerifierKey[]> {
  const read = await readKeys(vkey);
  if (!read.ok) throw new Error(read.because);
  return read.value;
}

describe('inclusion, recomputed as the browser does it', () => {
  vectorTest(
    'agrees with the public vectors (transparency-dev/merkle), those that must fail included',
    async (folder) => {
      const files = filesBelow(path.join(folder, 'merkle', 'inclusion')).filter((file) => file.endsWith('.json'));
      const disagreed: string[] = [];
      for (const file of files) {
        const vector = JSON.parse(readFileSync(file, 'utf8')) as {
          readonly leafIdx: number;
          readonly treeSize: number;
          readonly root: string;
          readonly leafHash: string;
          readonly proof: readonly string[] | null;
          readonly wantErr: boolean;
        };
        const bytes = (text: string) => fromBase64(text)!;
        const proof = (vector.proof ?? []).map(bytes);
        const wrong = await checkInclusion(
          bytes(vector.leafHash),
          vector.leafIdx,
          vector.treeSize,
          proof,
          bytes(vector.root),
        );
        if ((wrong !== undefined) !== vector.wantErr) disagreed.push(file);
      }
      expect(files).toHaveLength(98);
      expect(disagreed).toEqual([]);
    },
  );
});

describe('checkpoints', () => {
  vectorTest('opens every checkpoint of a public log (transparency-dev/tessera)', async (folder) => {
    const key = await keysOf('example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx');
    for (let size = 0; size <= 15; size++) {
      const note = readFileSync(path.join(folder, 'tessera', 'log', `checkpoint.${size}`), 'utf8');
      const opened = await openCheckpoint(note, key);
      expect(opened).toMatchObject({ ok: true, value: { origin: 'example.com/log/testdata', size } });
    }
  });

  const root = new Uint8Array(32).fill(5);
  const note = signCheckpoint({ origin, size: 7, root }, [testKey]);

  it('are believed from their own key, a witness beside it or not', async () => {
    const key = await keysOf(testKey.text);
    const witness = signerFromSeed('witness.example/w', new Uint8Array(32).fill(9));
    const both = signNote(parseNote(note).text, [witness, testKey]);
    for (const text of [note, both])
      expect(await openCheckpoint(text, key)).toMatchObject({
        ok: true,
        value: { size: 7, signedBy: testKey.text.slice(0, origin.length + 9) },
      });
  });

  it('are believed from any of the keys, as after a rotation', async () => {
    const newer = signerFromSeed(origin, new Uint8Array(32).fill(3));
    const keys = await keysOf(`${newer.text}\n${testKey.text}`);
    for (const signer of [newer, testKey])
      expect((await openCheckpoint(signCheckpoint({ origin, size: 7, root }, [signer]), keys)).ok).toBe(true);
  });

  it.each([
    ['another size', note.replace('\n7\n', '\n8\n'), 'is wrong'],
    ['another root', note.replace('BQUF', 'BQUG'), 'is wrong'],
    ['another origin', note.replace(origin, 'evil.example'), 'is wrong'],
    ['a line more', note.replace('\n\n', '\nmore\n\n'), 'not origin, size and root'],
    ['no signature', note.slice(0, note.indexOf('\n\n') + 2), 'cannot be read'],
    ['a flipped bit in the signature', note.replace(/.(?=..\n$)/, (one) => (one === 'A' ? 'B' : 'A')), ''],
    ['nothing', '', 'not a signed note'],
    [
      'a foreign signature only',
      signCheckpoint({ origin, size: 7, root }, [signerFromSeed(origin, new Uint8Array(32))]),
      'none of the known keys',
    ],
  ])('are not believed with %s', async (_what, text, because) => {
    const opened = await openCheckpoint(text, await keysOf(testKey.text));
    expect(opened.ok).toBe(false);
    expect(opened.ok ? '' : opened.because).toContain(because);
  });

  it.each([
    ['an id that is not of the key', testKey.text.replace(/\+[0-9a-f]{8}\+/, '+00000000+')],
    ['no key', 'a+00000000+AAAA'],
    ['no vkey at all', 'hello'],
  ])('need a key, and %s is none', async (_what, vkey) => {
    expect((await readKeys(vkey)).ok).toBe(false);
  });
});

describe('what this browser saw before', () => {
  const before = { vkey: 'a+1+x\nb+2+y', size: 10, root: 'r10' };
  it('is followed by more of the same, under a key that was known', () => {
    expect(contradiction(before, { size: 11 }, 'r11', 'c+3+z\nb+2+y')).toBeUndefined();
    expect(contradiction(before, { size: 10 }, 'r10', 'a+1+x')).toBeUndefined();
  });
  it.each([
    ['fewer entries', { size: 9 }, 'r9', 'a+1+x', 'entries are gone'],
    ['another root at the same size', { size: 10 }, 'other', 'a+1+x', 'rewritten'],
    ['other keys alone', { size: 11 }, 'r11', 'c+3+z', 'other keys'],
  ])('is contradicted by %s', (_what, checkpoint, root, vkeys, because) => {
    expect(contradiction(before, checkpoint, root, vkeys)).toContain(because);
  });
});

describe('entries of our own ledger', () => {
  const made = async (size: number) => {
    const { store, ledger } = await ledgerIn(testFolder());
    await fill(ledger, size);
    return { store, ledger, keys: await keysOf(testKey.text) };
  };

  it('hold, every one, in trees of many shapes, with what they committed to', async () => {
    for (const size of [1, 2, 3, 7, 8, 11]) {
      const { store, ledger, keys } = await made(size);
      const listed = await ledger.entries(0, size);
      for (let seq = 0; seq < size; seq++) {
        const verified = await verifyEntryProof(await proveEntry(store, seq), seq, keys);
        expect(verified).toMatchObject({ ok: true, value: { checkpoint: { size, origin } } });
        expect(verified.ok && sameEntry(verified.value.entry, listed[seq]!)).toBe(true);
        expect(verified.ok && verified.value.payload).toEqual(seq % 3 === 0 ? { secret: seq } : undefined);
      }
    }
  });

  it('hold across the border of a tile', async () => {
    const { store, keys } = await made(300);
    for (const seq of [0, 255, 256, 299])
      expect((await verifyEntryProof(await proveEntry(store, seq), seq, keys)).ok).toBe(true);
  });

  it('do not hold when anything in them is another', async () => {
    const { store, keys } = await made(9);
    const given = await proveEntry(store, 3);
    const refused = async (change: Partial<EntryProof>, seq = 3) => {
      const verified = await verifyEntryProof({ ...given, ...change }, seq, keys);
      return verified.ok ? 'BELIEVED' : verified.because;
    };
    const encoded = (text: string): string => Buffer.from(text).toString('base64');
    const { hashes } = given.proof;
    const path = (changed: readonly string[]) => ({ proof: { ...given.proof, hashes: changed } });
    const forged = Buffer.from(given.leaf, 'base64').toString('utf8').replace('"number":3', '"number":4');
    const payload = given.payload!;
    expect(await refused({ leaf: encoded(forged) })).toContain('another root');
    expect(await refused(path(hashes.toReversed()))).toContain('another root');
    expect(await refused(path(hashes.slice(1)))).toMatch(/too short|another root/);
    expect(await refused(path([...hashes, hashes[0]!]))).toMatch(/too long|another root/);
    expect(await refused(path(Array.from({ length: 65 }, () => hashes[0]!)))).toContain('cannot be read');
    expect(await refused(path([...hashes.slice(1), 'AAAA']))).toContain('not 32 bytes');
    expect(await refused(path([...hashes.slice(1), '!']))).toContain('cannot be read');
    expect(await refused({}, 4)).toContain('another root');
    expect(await refused({ leaf: '' })).toContain('another root');
    expect(await refused({ note: given.note.replace('\n9\n', '\n8\n') })).toContain('is wrong');
    expect(await refused({ payload: { ...payload, data: encoded('{"secret":4}') } })).toContain('not the one');
    expect(await refused({ payload: { ...payload, salt: encoded('x'.repeat(32)) } })).toContain('not the one');
    const bare = await proveEntry(store, 4);
    const added = await verifyEntryProof({ ...bare, payload }, 4, keys);
    expect(added.ok ? 'BELIEVED' : added.because).toContain('did not commit');
  });

  it('show the entry that was hashed, whatever else the answer says', async () => {
    const { store, keys } = await made(5);
    const given = await proveEntry(store, 2);
    const verified = await verifyEntryProof({ ...given, entry: { ...given.entry, actor: 'somebody else' } }, 2, keys);
    expect(verified).toMatchObject({ ok: true, value: { entry: { actor: 'daemon' } } });
  });

  it('tell a listing that says something else from the leaf', () => {
    const entry = { v: 1, seq: 3, epoch: 1, ...draft(3, null) } as never;
    const other = { ...draft(4, null), v: 1, seq: 3, epoch: 1 } as never;
    expect(sameEntry(entry, other)).toBe(false);
    expect(sameEntry(entry, structuredClone(entry))).toBe(true);
  });
});
