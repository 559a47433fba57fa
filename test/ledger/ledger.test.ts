import { copyFileSync } from 'node:fs';
import path from 'node:path';

import fc from 'fast-check';
import { describe, expect, onTestFinished, test } from 'vitest';

import type { Store, StoreBatch } from '../../src/domain/ports/store.ts';
import { writeFiles } from '../../src/io/index.ts';
import { canonicalJson } from '../../src/lib/canonical.ts';
import { WatchkeeperError } from '../../src/lib/errors.ts';
import type { Json } from '../../src/lib/json.ts';
import { limits } from '../../src/lib/limits.ts';
import { isCanonical } from '../../src/ledger/canonical.ts';
import { commitTo } from '../../src/ledger/commitment.ts';
import { readEntry, sealDraft } from '../../src/ledger/entry.ts';
import { consistencyProof, inclusionProof, rootAt, storeHashes } from '../../src/ledger/hashes.ts';
import { hashLeaf } from '../../src/ledger/hash.ts';
import { fileMirror, openLedger, signerFromSeed } from '../../src/ledger/index.ts';
import { checkConsistency, checkInclusion } from '../../src/ledger/proof.ts';
import { openSqliteStore } from '../../src/store/index.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { virtualClock } from '../support/virtual-clock.ts';
import { testFolder } from './support/folder.ts';
import { draft, fill, ledgerIn, origin, testKey } from './support/ledgers.ts';

/** A store that counts its commits, and can be made to fail or to wait. */
function watched(store: Store): { readonly store: Store; readonly commits: StoreBatch[]; fail?: WatchkeeperError } {
  const state: { store: Store; commits: StoreBatch[]; fail?: WatchkeeperError } = { store, commits: [] };
  state.store = new Proxy(store, {
    get(target, name) {
      if (name === 'commit')
        return async (batch: StoreBatch) => {
          if (state.fail) throw state.fail;
          await target.commit(batch);
          state.commits.push(batch);
        };
      const member: unknown = Reflect.get(target, name);
      return typeof member === 'function' ? (member as () => unknown).bind(target) : member;
    },
  });
  return state;
}

async function watchedLedger() {
  const store = await openSqliteStore({ path: path.join(testFolder(), 'store.db') });
  onTestFinished(() => store.close());
  const state = watched(store);
  const epoch = await store.newEpoch();
  const ledger = await openLedger({
    store: state.store,
    key: testKey,
    origin,
    clock: virtualClock(),
    random: seededRandom(1),
    epoch,
  });
  state.commits.length = 0;
  return { state, ledger, store, epoch };
}

describe('recording', () => {
  test('gives the entries as they stand in the tree, with their payloads beside it', async () => {
    const { ledger } = await ledgerIn(testFolder());
    const [first, second] = await ledger.record({ drafts: [draft(0), draft(1)] });
    expect(first).toMatchObject({ v: 1, seq: 0, epoch: 1, type: 'incident-updated', body: { number: 0 } });
    expect(first?.commitment).toMatch(/^[0-9a-f]{64}$/);
    expect(second).not.toHaveProperty('commitment');
    expect(await ledger.entries(0, 10)).toEqual([first, second]);
    expect(await ledger.payload(0)).toEqual({ secret: 0 });
    expect(await ledger.payload(1)).toBeUndefined();
    expect(await ledger.payload(99)).toBeUndefined();
    expect(await ledger.checkpoint()).toMatchObject({ origin, size: 2 });
  });

  test('state and entry are one transaction', async () => {
    const { ledger, state, store } = await watchedLedger();
    await ledger.record({ drafts: [draft(1)], puts: [{ space: 'incident', key: 'a', value: 1 }] });
    expect(state.commits).toHaveLength(1);
    expect((await store.get('incident', 'a'))?.value).toBe(1);
    expect(await store.ledgerSize()).toBe(1);
  });

  test('the leaf is the canonical JSON of the entry', () => {
    const json = fc.jsonValue({ maxDepth: 2, stringUnit: 'binary' });
    const drafts = fc.record({
      body: fc.dictionary(fc.string(), json, { maxKeys: 4 }),
      seq: fc.nat(),
      actor: fc.string({ minLength: 1 }),
    });
    fc.assert(
      fc.property(drafts, fc.boolean(), ({ body, seq, actor }, committed) => {
        const commitment = committed ? 'ab'.repeat(32) : undefined;
        const sealed = sealDraft({ ...draft(seq), actor, body: body }, 3, commitment);
        expect(Buffer.from(sealed.bytesAt(seq)).toString()).toBe(canonicalJson({ ...sealed.at(seq) } as never));
        expect(readEntry(sealed.bytesAt(seq))).toEqual(JSON.parse(JSON.stringify(sealed.at(seq))));
      }),
    );
  });

  test('what is too large is refused before anything is written', async () => {
    const { ledger } = await ledgerIn(testFolder());
    const large = { ...draft(1), body: { text: 'x'.repeat(limits.ledgerEntryBytes) } };
    await expect(ledger.record({ drafts: [large] })).rejects.toMatchObject({ code: 'too-large' });
    const payload = { ...draft(1), payload: 'x'.repeat(limits.ledgerPayloadBytes) };
    await expect(ledger.record({ drafts: [payload] })).rejects.toMatchObject({ code: 'too-large' });
    const many = Array.from({ length: limits.ledgerBatchEntries + 1 }, () => draft(1));
    await expect(ledger.record({ drafts: many })).rejects.toMatchObject({ code: 'too-large' });
    expect(ledger.size()).toBe(0);
    await ledger.record({ drafts: [draft(1)] });
  });

  test('an entry that would not verify later is refused now', async () => {
    const { ledger } = await ledgerIn(testFolder());
    for (const wrong of [{ type: 'gossip' }, { actor: '' }, { atMs: 1.5 }, { subject: { cat: 'x' } }, { body: [] }])
      await expect(ledger.record({ drafts: [{ ...draft(1), ...(wrong as object) }] })).rejects.toMatchObject({
        code: 'internal',
      });
  });

  test('a payload is committed to under a salt of its own: equal payloads have unequal commitments', async () => {
    const { ledger, store } = await ledgerIn(testFolder());
    const [a, b] = await ledger.record({ drafts: [draft(1, 'same'), draft(2, 'same')] });
    expect(a?.commitment).not.toBe(b?.commitment);
    const stored = await store.ledgerPayload(0);
    expect(commitTo(Buffer.from('"same"'), stored!.salt)).toBe(a?.commitment);
  });
});

describe('group commit', () => {
  test('what is handed in together shares a commit; what comes while it is in flight shares the next', async () => {
    const { ledger, state } = await watchedLedger();
    const together = [1, 2, 3].map((n) => ledger.record({ drafts: [draft(n)] }));
    const later = together[0]!.then(() => Promise.all([4, 5].map((n) => ledger.record({ drafts: [draft(n)] }))));
    await Promise.all([...together, later]);
    expect(state.commits.map((commit) => commit.ledger?.entries.length)).toEqual([3, 2]);
    expect((await ledger.entries(0, 9)).map((entry) => entry.body['number'])).toEqual([1, 2, 3, 4, 5]);
  });

  test.each(Array.from({ length: 12 }, (_, turns) => turns))(
    'a batch handed in %i turns after the last one ended is not left lying',
    async (turns) => {
      const { ledger } = await watchedLedger();
      for (let round = 0; round < 3; round++) {
        await ledger.record({ drafts: [draft(round)] });
        for (let turn = 0; turn < turns; turn++) await Promise.resolve();
      }
      expect(ledger.size()).toBe(3);
    },
  );

  test('a failed expectation fails only its own batch', async () => {
    const { ledger, store } = await watchedLedger();
    const results = await Promise.allSettled([
      ledger.record({ drafts: [draft(1)] }),
      ledger.record({ drafts: [draft(2)], expects: [{ space: 'plan', key: 'p', version: 4 }] }),
      ledger.record({ drafts: [draft(3)], puts: [{ space: 'plan', key: 'q', value: 1 }] }),
    ]);
    expect(results.map((result) => result.status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(results[1]).toMatchObject({ reason: { code: 'conflict' } });
    expect((await ledger.entries(0, 9)).map((entry) => [entry.seq, entry.body['number']])).toEqual([
      [0, 1],
      [1, 3],
    ]);
    expect(await store.get('plan', 'q')).toBeDefined();
  });

  test('two batches that expect the same version do not both get through by sharing a commit', async () => {
    const { ledger } = await watchedLedger();
    const claim = (): Promise<unknown> =>
      ledger.record({
        drafts: [draft(1)],
        puts: [{ space: 'plan', key: 'p', value: 1 }],
        expects: [{ space: 'plan', key: 'p', version: 0 }],
      });
    const results = await Promise.allSettled([claim(), claim(), claim()]);
    expect(results.map((result) => result.status)).toEqual(['fulfilled', 'rejected', 'rejected']);
    expect(ledger.size()).toBe(1);
  });

  test('a batch may expect what an earlier one in the same moment writes', async () => {
    const { ledger } = await watchedLedger();
    const write = (version: number): Promise<unknown> =>
      ledger.record({
        drafts: [draft(version)],
        puts: [{ space: 'plan', key: 'p', value: version }],
        expects: [{ space: 'plan', key: 'p', version }],
      });
    await Promise.all([write(0), write(1), write(2)]);
    expect(ledger.size()).toBe(3);
  });

  test('a store that failed ends everything: what waits, and what comes', async () => {
    const { ledger, state } = await watchedLedger();
    state.fail = new WatchkeeperError('store-failed', 'the disk is gone');
    const waiting = [1, 2].map((n) => ledger.record({ drafts: [draft(n)] }));
    for (const one of waiting) await expect(one).rejects.toMatchObject({ code: 'store-failed' });
    delete state.fail;
    await expect(ledger.record({ drafts: [draft(3)] })).rejects.toMatchObject({ code: 'store-failed' });
    expect(ledger.unwell()).toMatchObject({ code: 'store-failed' });
  });

  test('a deposed leader can record nothing more', async () => {
    const { ledger, store } = await watchedLedger();
    await store.newEpoch();
    await expect(ledger.record({ drafts: [draft(1)] })).rejects.toMatchObject({ code: 'fenced' });
    await expect(ledger.record({ drafts: [draft(1)] })).rejects.toMatchObject({ code: 'fenced' });
    expect(await store.ledgerSize()).toBe(0);
  });

  test('two writers on one store cannot fork the log: the one that lost the race stops for good', async () => {
    const { ledger, store, epoch } = await watchedLedger();
    const other = await openLedger({
      store,
      key: testKey,
      origin,
      clock: virtualClock(),
      random: seededRandom(2),
      epoch,
    });
    await other.record({ drafts: [draft(1)] });
    await expect(ledger.record({ drafts: [draft(2)] })).rejects.toMatchObject({ code: 'ledger-invalid' });
    await expect(ledger.record({ drafts: [draft(2)] })).rejects.toMatchObject({ code: 'ledger-invalid' });
    expect(await store.ledgerSize()).toBe(1);
  });

  test('a queue that is too long pushes back', async () => {
    const { ledger } = await watchedLedger();
    const all = Array.from({ length: limits.ledgerQueueBatches + 1 }, () => ledger.record({ drafts: [] }));
    const results = await Promise.allSettled(all);
    expect(results.at(-1)).toMatchObject({ reason: { code: 'rate-limited', retryable: true } });
    expect(results.filter((result) => result.status === 'fulfilled')).toHaveLength(limits.ledgerQueueBatches);
  });
});

describe('opening again', () => {
  test.each([0, 1, 255, 256, 257, 700])('continues a log of %i entries with the same tree', async (size) => {
    const folder = testFolder();
    const first = await ledgerIn(folder);
    await fill(first.ledger, size);
    await first.ledger.close();
    await first.store.close();
    const second = await ledgerIn(folder);
    await fill(second.ledger, 300);
    expect(second.ledger.size()).toBe(size + 300);
    const hashes = await storeHashes(second.store);
    const note = await first.ledger.checkpoint();
    expect(Buffer.from(await rootAt(hashes, size)).toString('hex')).toBe(note.rootHex);
  });

  test('another key, or another origin, is refused', async () => {
    const folder = testFolder();
    const { store, ledger } = await ledgerIn(folder);
    await fill(ledger, 3);
    const stranger = signerFromSeed(origin, Buffer.alloc(32, 8));
    const common = { store, clock: virtualClock(), random: seededRandom(1), epoch: await store.epoch() };
    await expect(openLedger({ ...common, key: stranger, origin })).rejects.toMatchObject({ code: 'ledger-invalid' });
    const elsewhere = signerFromSeed('elsewhere.example', Buffer.alloc(32, 7));
    await expect(openLedger({ ...common, key: elsewhere, origin })).rejects.toMatchObject({ code: 'config-invalid' });
    await expect(openLedger({ ...common, key: elsewhere, origin: 'elsewhere.example' })).rejects.toMatchObject({
      code: 'ledger-invalid',
    });
  });

  test('a store that was rolled back behind its mirror is refused', async () => {
    const folder = testFolder();
    const mirror = fileMirror(writeFiles, path.join(folder, 'checkpoint.witness'));
    const first = await ledgerIn(folder, { mirror });
    await fill(first.ledger, 3);
    await first.ledger.close();
    await first.store.close();
    copyFileSync(first.path, `${first.path}.backup`);
    const second = await ledgerIn(folder, { mirror });
    await fill(second.ledger, 2);
    await second.ledger.close();
    await second.store.close();
    copyFileSync(`${first.path}.backup`, first.path);
    await expect(ledgerIn(folder, { mirror })).rejects.toMatchObject({
      code: 'ledger-invalid',
      message: expect.stringContaining('rolled back') as string,
    });
  });

  test('a store that was replaced by another history is refused, and so is a missing store', async () => {
    const folder = testFolder();
    const mirror = fileMirror(writeFiles, path.join(folder, 'checkpoint.witness'));
    const first = await ledgerIn(folder, { mirror });
    await fill(first.ledger, 3);
    await first.ledger.close();
    const other = testFolder();
    const forked = await ledgerIn(other);
    await forked.ledger.record({ drafts: [draft(7), draft(8), draft(9), draft(10)] });
    await forked.store.close();
    await expect(ledgerIn(other, { mirror })).rejects.toMatchObject({
      code: 'ledger-invalid',
      message: expect.stringContaining('forked') as string,
    });
    await expect(ledgerIn(testFolder(), { mirror })).rejects.toMatchObject({
      message: expect.stringContaining('rolled back') as string,
    });
  });

  test('the mirror is written at once, then at most once a second, and never backwards', async () => {
    const folder = testFolder();
    const written: number[] = [];
    const file = fileMirror(writeFiles, path.join(folder, 'checkpoint.witness'));
    const mirror = {
      read: () => file.read(),
      write: async (note: string) => {
        await file.write(note);
        written.push(Number(note.split('\n')[1]));
      },
    };
    const { ledger } = await ledgerIn(folder, { mirror });
    await fill(ledger, 50, 10);
    await ledger.close();
    expect(written).toEqual([0, 50]);
    const older = await file.read();
    await fill(ledger, 1);
    await file.write((await ledger.checkpoint()).note);
    await expect(file.write(older!)).rejects.toMatchObject({ code: 'ledger-invalid' });
  });

  test('a mirror that cannot be written makes the ledger unwell', async () => {
    const mirror = {
      read: () => Promise.resolve(undefined),
      write: () => Promise.reject(new Error('no space')),
    };
    const { ledger } = await ledgerIn(testFolder(), { mirror });
    await ledger.close();
    expect(ledger.unwell()).toMatchObject({ code: 'store-failed' });
  });
});

describe('redaction', () => {
  test('erases payload and salt, and the log says so', async () => {
    const { ledger, store } = await ledgerIn(testFolder());
    await fill(ledger, 5);
    const entry = await ledger.redact(3, { actor: 'cli:ana', atMs: 5 });
    expect(entry).toMatchObject({ type: 'redacted', seq: 5, actor: 'cli:ana', body: { seq: 3 } });
    expect(await ledger.payload(3)).toBeUndefined();
    expect(await store.ledgerPayload(3)).toBeUndefined();
    await expect(ledger.redact(4, { actor: 'cli:ana', atMs: 5 })).rejects.toMatchObject({ code: 'not-found' });
  });

  test('an erasure that a crash has interrupted is made good at the next start', async () => {
    const folder = testFolder();
    const first = await ledgerIn(folder);
    await fill(first.ledger, 5);
    first.store.erasePayload = () => Promise.reject(new Error('the process is dead'));
    await expect(first.ledger.redact(3, { actor: 'cli:ana', atMs: 5 })).rejects.toThrow('dead');
    expect(await first.ledger.payload(3)).toEqual({ secret: 3 });
    await first.store.close();
    const second = await ledgerIn(folder);
    expect(await second.ledger.payload(3)).toBeUndefined();
  });
});

describe('key rotation', () => {
  test('the old key announces the new one; both sign until a restart; then the new one continues alone', async () => {
    const folder = testFolder();
    const next = signerFromSeed(origin, Buffer.alloc(32, 9));
    const first = await ledgerIn(folder);
    await fill(first.ledger, 2);
    const entry = await first.ledger.rotateKey(next, { actor: 'cli:ana', atMs: 1 });
    expect(entry).toMatchObject({ type: 'key-rotated', body: { from: testKey.text, to: next.text } });
    const { note } = await first.ledger.checkpoint();
    expect(note.split('\n').filter((line) => line.startsWith('— '))).toHaveLength(2);
    await first.store.close();
    const second = await ledgerIn(folder, { key: next });
    await fill(second.ledger, 1);
    expect(second.ledger.vkeys()).toEqual([next.text]);
    await second.store.close();
    await expect(ledgerIn(folder)).rejects.toMatchObject({ code: 'ledger-invalid' });
  });
});

describe('proofs of our own trees', () => {
  test('every inclusion and every consistency proof verifies, around the edges of tiles', async () => {
    const { ledger, store } = await ledgerIn(testFolder());
    await fill(ledger, 530, 53);
    const hashes = await storeHashes(store);
    const sizes = [1, 2, 3, 7, 8, 100, 255, 256, 257, 300, 511, 512, 513, 530];
    for (const size of sizes) {
      const root = await rootAt(hashes, size);
      for (const index of [0, 1, Math.floor(size / 2), 254, 255, 256, 257, size - 1].filter((at) => at < size)) {
        const [row] = await store.ledgerEntries(index, 1);
        const proof = await inclusionProof(hashes, index, size);
        expect(checkInclusion(hashLeaf(row!.data), index, size, proof, root)).toBeUndefined();
        expect(checkInclusion(hashLeaf(Buffer.from('x')), index, size, proof, root)).toBeDefined();
      }
      for (const older of sizes.filter((other) => other <= size)) {
        const proof = await consistencyProof(hashes, older, size);
        const olderRoot = await rootAt(hashes, older);
        expect(checkConsistency(older, size, proof, olderRoot, root), `${older} in ${size}`).toBeUndefined();
        if (older < size) expect(checkConsistency(older, size, proof, root, root)).toBeDefined();
      }
    }
  });
});

describe('canonical JSON is recognised', () => {
  test.each([
    '{"b":1,"a":2}',
    '{"a": 1}',
    '{"a":1.0}',
    '{"a":1e2}',
    '{"a":"\\u0041"}',
    '{"a":1,"a":1}',
    '"\\ud800"',
    '{"a":-0}',
  ])('not in %s', (text) => {
    expect(isCanonical(text, JSON.parse(text) as Json)).toBe(false);
  });

  test('in whatever the encoder prints, integer-like keys included', () => {
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: 'binary' }), (value) => {
        const text = canonicalJson(value);
        expect(isCanonical(text, JSON.parse(text) as Json)).toBe(true);
      }),
    );
    expect(isCanonical('{"10":1,"9":2}', JSON.parse('{"10":1,"9":2}') as Json)).toBe(true);
    expect(isCanonical('{"9":2,"10":1}', JSON.parse('{"9":2,"10":1}') as Json)).toBe(false);
  });
});
