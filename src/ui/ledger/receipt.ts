import type { LedgerEntry } from '../../domain/ledger.ts';
import type { Json } from '../../lib/json.ts';
import type { EntryProof } from '../wire.ts';
import { fromBase64, toHex, type Bytes } from './bytes.ts';
import { no, openCheckpoint, type Checkpoint, type Verified, type VerifierKey } from './note.ts';
import { checkInclusion, hashLeaf } from './proof.ts';

/** What a proof shows once it was verified: this very entry stands at this place of a log of this size. */
export interface Receipt {
  /** The entry as it is in the leaf that was hashed, and not as a listing tells it. */
  readonly entry: LedgerEntry;
  readonly leafHash: string;
  readonly hashes: number;
  readonly checkpoint: Checkpoint;
  /** What lies outside the tree, as it was committed to; absent: it has none, or it was erased. */
  readonly payload?: Json;
}

const maxHashes = 64;

/** Verifies an entry by its proof: everything is the browser's own calculation, and nothing else in the answer is believed. */
export async function verifyEntryProof(
  given: EntryProof,
  seq: number,
  keys: readonly VerifierKey[],
): Promise<Verified<Receipt>> {
  const leaf = fromBase64(given.leaf);
  const hashes = given.proof.hashes.slice(0, maxHashes + 1).flatMap((hash) => fromBase64(hash) ?? []);
  if (leaf === undefined || hashes.length > maxHashes || hashes.length !== given.proof.hashes.length)
    return no('the proof cannot be read');
  const opened = await openCheckpoint(given.note, keys);
  if (!opened.ok) return opened;
  const leafHash = await hashLeaf(leaf);
  const wrong = await checkInclusion(leafHash, seq, opened.value.size, hashes, opened.value.root);
  if (wrong !== undefined) return no(wrong);
  const entry = parsed(leaf) as LedgerEntry | undefined;
  if (entry?.seq !== seq) return no('what is in the log at this place is not this entry');
  const payload = await openPayload(given.payload, entry.commitment);
  if (!payload.ok) return payload;
  const value = {
    entry,
    leafHash: toHex(leafHash),
    hashes: hashes.length,
    checkpoint: opened.value,
    ...(payload.value === undefined ? {} : { payload: payload.value }),
  };
  return { ok: true, value };
}

/** Whether what a listing says of an entry is what stands in the leaf. The order of members does not count. */
export function sameEntry(a: LedgerEntry, b: LedgerEntry): boolean {
  return JSON.stringify(ordered(a as unknown as Json)) === JSON.stringify(ordered(b as unknown as Json));
}

// The tree holds HMAC-SHA256 of the payload under a salt of its own, so that it can be erased without being guessed at.
async function openPayload(
  given: EntryProof['payload'],
  commitment: string | undefined,
): Promise<Verified<Json | undefined>> {
  if (given === undefined) return { ok: true, value: undefined };
  const [data, salt] = [fromBase64(given.data), fromBase64(given.salt)];
  if (data === undefined || salt === undefined || commitment === undefined)
    return no('it comes with a payload that it did not commit to');
  const key = await crypto.subtle.importKey('raw', salt, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
  const made = toHex(new Uint8Array(await crypto.subtle.sign('HMAC', key, data)));
  const value = parsed(data);
  if (made !== commitment || value === undefined) return no('its payload is not the one that it committed to');
  return { ok: true, value };
}

function ordered(value: Json): Json {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return (value as readonly Json[]).map(ordered);
  const members = Object.entries(value as Readonly<Record<string, Json>>);
  // A list of pairs, so that no member name can mean anything to the language.
  return members.sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, member]) => [name, ordered(member)]);
}

function parsed(data: Bytes): Json | undefined {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(data)) as Json;
  } catch {
    return undefined;
  }
}
