import type { Checkpoint, LedgerDraft, LedgerEntry } from '../domain/ledger.ts';
import type { Clock, Random } from '../domain/ports/io.ts';
import type { Ledger } from '../domain/ports/ledger.ts';
import type { Store } from '../domain/ports/store.ts';
import { WatchkeeperError } from '../lib/errors.ts';
import type { Json } from '../lib/json.ts';
import { openCheckpoint, signCheckpoint, type TreeHead } from './checkpoint.ts';
import { commitTo } from './commitment.ts';
import { readEntry } from './entry.ts';
import { emptyRoot, sameBytes } from './hash.ts';
import { loadEdge, rootAt, storeHashes } from './hashes.ts';
import { Publisher, type CheckpointMirror } from './mirror.ts';
import { identityKeys, publicKeys, readIdentity, storeIdentity } from './identity.ts';
import type { NoteSigner, NoteVerifier } from './note.ts';
import { TreeEdge } from './tree.ts';
import { GroupWriter } from './writer.ts';

/** What the ledger writes with. */
export interface LedgerOptions {
  readonly store: Store;
  /** Signs the checkpoints. Its name is the origin. */
  readonly key: NoteSigner;
  /** Names this log in the world, without scheme: `host.example/ledger/default`. */
  readonly origin: string;
  readonly clock: Clock;
  readonly random: Random;
  /** As given by `store.newEpoch()`. */
  readonly epoch: number;
  /** Keys that sign beside `key`: the old one, while a rotation overlaps. */
  readonly alsoSign?: readonly NoteSigner[];
  /** Retired keys, whose signature on the stored checkpoint is still good enough to continue from. */
  readonly trusted?: readonly NoteVerifier[];
  /** Where the newest checkpoint is kept away from the store, to notice a store that was rolled back. */
  readonly mirror?: CheckpointMirror;
}

/** The Ledger port, and what the daemon needs besides. */
export interface LedgerHandle extends Ledger {
  readonly origin: string;
  /** The public keys whose signatures the checkpoints carry, as C2SP vkeys. */
  vkeys(): readonly string[];
  /** Erases a payload for good, and says so in the log. @throws `not-found` when the entry has none. */
  redact(seq: number, by: { readonly actor: string; readonly atMs: number }): Promise<LedgerEntry>;
  /** Announces the next key under the old one's signature. From then on both sign, until a restart with the new one. */
  rotateKey(next: NoteSigner, by: { readonly actor: string; readonly atMs: number }): Promise<LedgerEntry>;
  /**
   * Compares with a checkpoint that somebody else has kept.
   *
   * @throws `ledger-invalid` when this ledger is behind it (rolled back) or does not contain it (forked).
   */
  compareWithWitnessed(note: string): Promise<void>;
  /** Why nobody may act on this ledger now: its store failed, it was deposed, or its mirror cannot be written. */
  unwell(): WatchkeeperError | undefined;
  /** Waits for what was handed in and publishes the last checkpoint. Does not close the store. */
  close(): Promise<void>;
}

const pendingErasure = 'erase/';
const maxPendingErasures = 1_000;

/**
 * Opens the ledger in a store, or begins it. Before anything can be written, the tree is rebuilt from its tiles and
 * compared with the last signed checkpoint, and that with the mirror.
 *
 * @throws `ledger-invalid` when tree, checkpoint, signature and mirror do not agree: then nobody may act on it.
 */
export async function openLedger(options: LedgerOptions): Promise<LedgerHandle> {
  const { store, key, origin, mirror, clock } = options;
  if (key.name !== origin)
    throw new WatchkeeperError('config-invalid', `the signing key is of ${key.name}, the ledger of ${origin}`, {
      fix: 'Set the origin back, or begin a new ledger in an empty data folder.',
    });
  const signers = [key, ...(options.alsoSign ?? [])];
  const known: NoteVerifier[] = [...signers, ...(options.trusted ?? [])];
  const { edge, note } = await loadTree(options, signers, known);
  const witnessed = await mirror?.read();
  const publisher = mirror && new Publisher(mirror, clock);
  const writer = new GroupWriter({
    ...options,
    edge,
    note,
    signers,
    onCheckpoint: (published) => publisher?.offer(published),
  });
  const compare = (other: string): Promise<void> => compareTree(store, openCheckpoint(other, known, origin));
  if (witnessed !== undefined) await compare(witnessed);
  publisher?.offer(note);
  await storeIdentity(store, { origin, vkeys: publicKeys(signers) }, options.epoch);
  await finishErasures(store, writer);
  return handle({ options, writer, publisher, compare, known, signers });
}

async function loadTree(
  options: LedgerOptions,
  signers: readonly NoteSigner[],
  known: readonly NoteVerifier[],
): Promise<{ readonly edge: TreeEdge; readonly note: string }> {
  const { store, origin, epoch } = options;
  const stored = await store.ledgerCheckpoint();
  const hashes = await storeHashes(store);
  if (stored === undefined) {
    if (hashes.size > 0) throw invalid('entries are stored, but no checkpoint');
    const note = signCheckpoint({ origin, size: 0, root: emptyRoot }, signers);
    const ledger = { fromSeq: 0, entries: [], tiles: [], payloads: [], checkpoint: { size: 0, note } };
    await store.commit({ puts: [], expects: [], epoch, ledger });
    return { edge: new TreeEdge(), note };
  }
  const head = openCheckpoint(stored.note, known, origin);
  if (head.size !== hashes.size)
    throw invalid(`${hashes.size} entries are stored, but the last checkpoint signs ${head.size}`);
  const edge = await loadEdge(hashes);
  if (!sameBytes(edge.root(), head.root)) throw invalid('the tree does not have the root that was signed');
  return { edge, note: stored.note };
}

async function compareTree(store: Store, witnessed: TreeHead): Promise<void> {
  const hashes = await storeHashes(store);
  if (witnessed.size > hashes.size)
    throw invalid(`it has ${hashes.size} entries, but ${witnessed.size} were published before: it was rolled back`);
  if (!sameBytes(await rootAt(hashes, witnessed.size), witnessed.root))
    throw invalid(`its first ${witnessed.size} entries are not those that were published before: it was forked`);
}

function invalid(why: string): WatchkeeperError {
  return new WatchkeeperError('ledger-invalid', `the ledger does not verify: ${why}`, {
    fix: 'Keep the data folder for inspection; restore the newest backup, or begin a new ledger that quotes the old one.',
  });
}

interface Parts {
  readonly options: LedgerOptions;
  readonly writer: GroupWriter;
  readonly publisher: Publisher | undefined;
  readonly known: NoteVerifier[];
  readonly signers: NoteSigner[];
  compare(note: string): Promise<void>;
}

function handle(parts: Parts): LedgerHandle {
  const { options, writer, publisher, known, signers } = parts;
  const { store, origin } = options;
  return {
    origin,
    record: (batch) => writer.record(batch),
    size: () => writer.size,
    flush: () => writer.flush(),
    entries: (fromSeq, limit) => readEntries(store, fromSeq, limit),
    payload: (seq) => readPayload(store, seq),
    compareWithWitnessed: (note) => parts.compare(note),
    vkeys: () => publicKeys(signers),
    unwell: () => writer.fatal ?? publisher?.failure,
    checkpoint: () => Promise.resolve(describeCheckpoint(writer.note, known)),
    redact: (seq, by) => redact(store, writer, seq, by),
    rotateKey: (next, by) => rotateKey(parts, next, by),
    async close() {
      await writer.flush();
      await publisher?.close();
    },
  };
}

/** The newest checkpoint in a store that somebody else writes, as its own identity verifies it. @throws `not-found`, `ledger-invalid`. */
export async function storedCheckpoint(
  store: Store,
): Promise<{ readonly checkpoint: Checkpoint; readonly vkeys: readonly string[] }> {
  const identity = await readIdentity(store);
  const stored = await store.ledgerCheckpoint();
  return { checkpoint: describeCheckpoint(stored?.note ?? '', identityKeys(identity)), vkeys: identity.vkeys };
}

function describeCheckpoint(note: string, known: readonly NoteVerifier[]): Checkpoint {
  const head = openCheckpoint(note, known);
  return { origin: head.origin, size: head.size, rootHex: Buffer.from(head.root).toString('hex'), note };
}

async function readEntries(store: Store, fromSeq: number, limit: number): Promise<readonly LedgerEntry[]> {
  return (await store.ledgerEntries(fromSeq, limit)).map((row) => {
    const entry = readEntry(row.data);
    if (typeof entry === 'string' || entry.seq !== row.seq)
      throw invalid(`entry ${row.seq} cannot be read: ${typeof entry === 'string' ? entry : 'it has another number'}`);
    return entry;
  });
}

async function readPayload(store: Store, seq: number): Promise<Json | undefined> {
  const [[entry], stored] = await Promise.all([readEntries(store, seq, 1), store.ledgerPayload(seq)]);
  if (stored === undefined || entry?.seq !== seq) return undefined;
  if (commitTo(stored.data, stored.salt) !== entry.commitment)
    throw invalid(`the payload of entry ${seq} is not the one that was committed to`);
  return JSON.parse(Buffer.from(stored.data).toString('utf8')) as Json;
}

async function redact(
  store: Store,
  writer: GroupWriter,
  seq: number,
  by: { readonly actor: string; readonly atMs: number },
): Promise<LedgerEntry> {
  const [entry] = await readEntries(store, seq, 1);
  if (entry?.seq !== seq || entry.commitment === undefined)
    throw new WatchkeeperError('not-found', `ledger entry ${seq} has no payload`);
  const draft: LedgerDraft = { ...by, type: 'redacted', subject: {}, body: { seq, commitment: entry.commitment } };
  // First the entry, with a reminder in the same transaction; then the erasure. A crash in between is made good at the next
  // start, so that nothing is ever missing without an entry that says why, and nothing said to be erased stays.
  const puts = [{ space: 'meta', key: `${pendingErasure}${seq}`, value: true }] as const;
  const [redacted] = await writer.record({ drafts: [draft], puts });
  await finishErasures(store, writer);
  if (redacted === undefined) throw new WatchkeeperError('internal', 'a recorded draft gave no entry');
  return redacted;
}

async function finishErasures(store: Store, writer: GroupWriter): Promise<void> {
  const pending = await store.list('meta', { prefix: pendingErasure, limit: maxPendingErasures });
  for (const { key } of pending) {
    await store.erasePayload(Number(key.slice(pendingErasure.length)));
    await writer.record({ drafts: [], puts: [{ space: 'meta', key, value: undefined }] });
  }
}

async function rotateKey(
  parts: Parts,
  next: NoteSigner,
  by: { readonly actor: string; readonly atMs: number },
): Promise<LedgerEntry> {
  const { writer, signers, known, options } = parts;
  if (next.name !== options.origin)
    throw new WatchkeeperError('usage', `the next key must be of ${options.origin}, not of ${next.name}`);
  await writer.flush();
  const body = { from: publicKeys(signers).join(' '), to: next.text };
  writer.addSigner(next);
  signers.unshift(next);
  known.unshift(next);
  const [entry] = await writer.record({ drafts: [{ ...by, type: 'key-rotated', subject: {}, body }] });
  await storeIdentity(options.store, { origin: options.origin, vkeys: publicKeys(signers) }, options.epoch);
  if (entry === undefined) throw new WatchkeeperError('internal', 'a recorded draft gave no entry');
  return entry;
}
