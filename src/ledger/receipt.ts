import type { LedgerEntry } from '../domain/ledger.ts';
import type { Store } from '../domain/ports/store.ts';
import { WatchkeeperError } from '../lib/errors.ts';
import type { Json } from '../lib/json.ts';
import { decodeBase64, encodeBase64 } from './base64.ts';
import { openCheckpoint } from './checkpoint.ts';
import { readEntry } from './entry.ts';
import { hashLeaf } from './hash.ts';
import { consistencyProof, inclusionProof, storeHashes } from './hashes.ts';
import type { NoteVerifier } from './note.ts';
import { checkConsistency, checkInclusion } from './proof.ts';
import { readStoredEntries } from './reading.ts';
import { exportedEntry, exportedHashes, type ExportedLedger } from './verify-export.ts';

const firstLine = 'c2sp.org/tlog-proof@v1';
const maxHashes = 64;

/** What a verified receipt shows: this entry stands at this place in a log of this size, signed by a known key. */
export interface ReceiptContent {
  readonly entry: LedgerEntry;
  readonly origin: string;
  readonly size: number;
}

/**
 * A receipt for one entry: C2SP tlog-proof text with the entry itself as its extra data. Whoever holds it and the public key
 * needs nothing else, neither us nor the network.
 *
 * @throws `not-found` when there is no such entry.
 */
export async function proveInclusion(store: Store, seq: number): Promise<string> {
  const [hashes, checkpoint] = await Promise.all([storeHashes(store), store.ledgerCheckpoint()]);
  if (checkpoint === undefined) throw new WatchkeeperError('not-found', 'there is no ledger in this store');
  const proof = await inclusionProof(hashes, seq, checkpoint.size);
  const [row] = await store.ledgerEntries(seq, 1);
  if (row?.seq !== seq) throw new WatchkeeperError('not-found', `there is no ledger entry ${seq}`);
  return formatReceipt(seq, row.data, proof, checkpoint.note);
}

/** What a receipt is made of, in parts, and what opens the payload's commitment; binary as base64. */
export interface EntryProof {
  readonly entry: LedgerEntry;
  readonly leaf: string;
  readonly proof: { readonly index: number; readonly size: number; readonly hashes: readonly string[] };
  readonly note: string;
  readonly payload?: { readonly data: string; readonly salt: string; readonly value: Json };
}

/**
 * One entry with everything a reader needs to recompute it for himself.
 *
 * @throws `not-found` when there is no such entry.
 */
export async function proveEntry(store: Store, seq: number): Promise<EntryProof> {
  const [hashes, checkpoint] = await Promise.all([storeHashes(store), store.ledgerCheckpoint()]);
  if (checkpoint === undefined) throw new WatchkeeperError('not-found', 'there is no ledger in this store');
  const proof = await inclusionProof(hashes, seq, checkpoint.size);
  const [[row], [read], payload] = await Promise.all([
    store.ledgerEntries(seq, 1),
    readStoredEntries(store, seq, 1),
    store.ledgerPayload(seq),
  ]);
  if (row?.seq !== seq || read === undefined)
    throw new WatchkeeperError('not-found', `there is no ledger entry ${seq}`);
  return {
    entry: read.entry,
    leaf: encodeBase64(row.data),
    proof: { index: seq, size: checkpoint.size, hashes: proof.map(encodeBase64) },
    note: checkpoint.note,
    ...(payload !== undefined &&
      read.payload !== undefined && {
        payload: { data: encodeBase64(payload.data), salt: encodeBase64(payload.salt), value: read.payload },
      }),
  };
}

/** As {@link proveInclusion}, from an exported folder. */
export async function proveExportedInclusion(exported: ExportedLedger, seq: number): Promise<string> {
  const hashes = await exportedHashes(exported);
  const proof = await inclusionProof(hashes, seq, hashes.size);
  return formatReceipt(seq, await exportedEntry(exported, seq, hashes.size), proof, hashes.note);
}

/**
 * Verifies a receipt offline.
 *
 * @throws `malformed` when it cannot be read, `ledger-invalid` when it does not hold.
 */
export function verifyReceipt(receipt: string, keys: readonly NoteVerifier[]): ReceiptContent {
  const split = receipt.indexOf('\n\n');
  const [version, extra = '', index = '', ...hashes] = receipt.slice(0, split).split('\n');
  const data = extra.startsWith('extra ') ? decodeBase64(extra.slice(6)) : undefined;
  const seq = /^index (0|[1-9]\d{0,15})$/.exec(index)?.[1];
  const proof = hashes.map(decodeBase64).filter((hash) => hash?.length === 32) as Uint8Array[];
  const readable = split > 0 && version === firstLine && hashes.length <= maxHashes && proof.length === hashes.length;
  if (!readable || data === undefined || seq === undefined)
    throw new WatchkeeperError('malformed', 'this is not a receipt with an entry in it');
  const head = openCheckpoint(receipt.slice(split + 2), keys);
  const wrong = checkInclusion(hashLeaf(data), Number(seq), head.size, proof, head.root);
  const entry = readEntry(data);
  if (wrong !== undefined) throw new WatchkeeperError('ledger-invalid', `the receipt does not hold: ${wrong}`);
  if (typeof entry === 'string' || entry.seq !== Number(seq))
    throw new WatchkeeperError('ledger-invalid', 'the receipt is for something that is not a ledger entry');
  return { entry, origin: head.origin, size: head.size };
}

/**
 * Proves that the ledger still begins with the tree of an older checkpoint.
 *
 * @returns the RFC 6962 consistency proof, already verified. @throws `ledger-invalid` when it does not: it was rewritten.
 */
export async function consistency(
  store: Store,
  olderNote: string,
  keys: readonly NoteVerifier[],
): Promise<{ readonly from: number; readonly to: number; readonly proof: readonly string[] }> {
  const [hashes, stored] = await Promise.all([storeHashes(store), store.ledgerCheckpoint()]);
  if (stored === undefined) throw new WatchkeeperError('not-found', 'there is no ledger in this store');
  const [older, newer] = [openCheckpoint(olderNote, keys), openCheckpoint(stored.note, keys)];
  if (older.origin !== newer.origin || older.size > newer.size)
    throw new WatchkeeperError(
      'ledger-invalid',
      `the ledger of ${newer.size} entries does not continue that checkpoint`,
    );
  const proof = await consistencyProof(hashes, older.size, newer.size);
  const wrong = older.size === 0 ? undefined : checkConsistency(older.size, newer.size, proof, older.root, newer.root);
  if (wrong !== undefined) throw new WatchkeeperError('ledger-invalid', `the ledger was rewritten: ${wrong}`);
  return { from: older.size, to: newer.size, proof: proof.map(encodeBase64) };
}

function formatReceipt(seq: number, entry: Uint8Array, proof: readonly Uint8Array[], note: string): string {
  const lines = [firstLine, `extra ${encodeBase64(entry)}`, `index ${seq}`, ...proof.map(encodeBase64)];
  return `${lines.join('\n')}\n\n${note}`;
}
