import type { LedgerEntry } from '../../domain/ledger.ts';
import type { Json } from '../../lib/json.ts';
import { fromBase64, hashBytes, toHex, type Bytes } from './bytes.ts';
import { no, openCheckpoint, type Checkpoint, type Verified, type VerifierKey } from './note.ts';
import { checkInclusion, hashLeaf } from './proof.ts';

/** What a receipt shows once it was verified: this very entry stands at this place of a log of this size. */
export interface Receipt {
  /** The entry as it is in the leaf that was hashed, and not as a listing tells it. */
  readonly entry: LedgerEntry;
  readonly leafHash: string;
  readonly hashes: number;
  readonly checkpoint: Checkpoint;
}

const firstLine = 'c2sp.org/tlog-proof@v1';
const maxHashes = 64;

/** Verifies a receipt (C2SP tlog-proof with the entry as its extra data), everything by the browser's own calculation. */
export async function verifyReceipt(
  text: string,
  seq: number,
  keys: readonly VerifierKey[],
): Promise<Verified<Receipt>> {
  const split = text.indexOf('\n\n');
  const [version, extra = '', index = '', ...lines] = text.slice(0, Math.max(0, split)).split('\n');
  const leaf = extra.startsWith('extra ') ? fromBase64(extra.slice(6)) : undefined;
  const proof = lines.slice(0, maxHashes + 1).map(fromBase64);
  if (split < 0 || version !== firstLine || leaf === undefined || !hashesOnly(proof))
    return no('the receipt cannot be read');
  if (index !== `index ${seq}`) return no(`the receipt is for another entry than ${seq}`);
  const opened = await openCheckpoint(text.slice(split + 2), keys);
  if (!opened.ok) return opened;
  const leafHash = await hashLeaf(leaf);
  const wrong = await checkInclusion(leafHash, seq, opened.value.size, proof, opened.value.root);
  if (wrong !== undefined) return no(wrong);
  const entry = parsed(leaf);
  if (entry?.seq !== seq) return no('what is in the log at this place is not this entry');
  return { ok: true, value: { entry, leafHash: toHex(leafHash), hashes: proof.length, checkpoint: opened.value } };
}

/** Whether what a listing says of an entry is what stands in the leaf. The order of members does not count. */
export function sameEntry(a: LedgerEntry, b: LedgerEntry): boolean {
  return JSON.stringify(ordered(a as unknown as Json)) === JSON.stringify(ordered(b as unknown as Json));
}

function ordered(value: Json): Json {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return (value as readonly Json[]).map(ordered);
  const members = Object.entries(value as Readonly<Record<string, Json>>);
  // A list of pairs, so that no member name can mean anything to the language.
  return members.sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, member]) => [name, ordered(member)]);
}

function hashesOnly(proof: readonly (Bytes | undefined)[]): proof is readonly Bytes[] {
  return proof.length <= maxHashes && proof.every((hash) => hash?.length === hashBytes);
}

function parsed(leaf: Bytes): LedgerEntry | undefined {
  try {
    const value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(leaf)) as unknown;
    return typeof value === 'object' && value !== null ? (value as LedgerEntry) : undefined;
  } catch {
    return undefined;
  }
}
