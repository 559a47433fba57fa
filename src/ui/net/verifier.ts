import { no, openCheckpoint, readKeys, type Checkpoint, type Verified, type VerifierKey } from '../ledger/note.ts';
import { sameEntry, verifyEntryProof, type Receipt } from '../ledger/receipt.ts';
import { toHex } from '../ledger/bytes.ts';
import { contradiction } from '../ledger/seen.ts';
import type { EntryProof, LedgerHead, ListedEntry } from '../wire.ts';
import { get } from './client.ts';

/** What this browser remembers of a ledger from the last time it verified it. */
interface Remembered {
  readonly origin: string;
  readonly vkey: string;
  readonly size: number;
  readonly root: string;
}

/** The head of the ledger as this browser verified it. */
export interface VerifiedHead {
  readonly checkpoint: Checkpoint;
  readonly root: string;
  readonly keys: readonly VerifierKey[];
  /** The size at which this browser saw it before, if it did. */
  readonly seenAt?: number;
}

const memory = 'watchkeeper-ledger';

/** Whether this browser can recompute hashes and signatures here: only on HTTPS or on this machine. */
export function canVerify(): boolean {
  return isSecureContext && typeof (crypto.subtle as SubtleCrypto | undefined)?.verify === 'function';
}

/**
 * Verifies the signature of the head, and that it is a head of the log that this browser saw before: the same key, no fewer
 * entries, and at the same size the same root.
 */
export async function verifyHead(head: LedgerHead): Promise<Verified<VerifiedHead>> {
  try {
    const keys = await readKeys(head.vkey);
    if (!keys.ok) return keys;
    const opened = await openCheckpoint(head.checkpoint.note, keys.value);
    if (!opened.ok) return opened;
    const checkpoint = opened.value;
    const root = toHex(checkpoint.root);
    const before = recall(checkpoint.origin);
    const wrong = before === undefined ? undefined : contradiction(before, checkpoint, root, head.vkey);
    if (wrong !== undefined) return no(wrong);
    remember({ origin: checkpoint.origin, vkey: head.vkey, size: checkpoint.size, root });
    return { ok: true, value: { checkpoint, root, keys: keys.value, ...(before && { seenAt: before.size }) } };
  } catch (thrown) {
    return no(thrown instanceof Error ? `this browser cannot verify it: ${thrown.message}` : 'it cannot be verified');
  }
}

/** Fetches the proof of an entry, recomputes it, and holds the listing against what the leaf really says. */
export async function verifyEntry(
  seq: number,
  listed: ListedEntry | undefined,
  keys: readonly VerifierKey[],
): Promise<Verified<Receipt>> {
  try {
    const receipt = await verifyEntryProof(await get<EntryProof>(`/api/v1/ledger/entries/${seq}`), seq, keys);
    if (receipt.ok && listed !== undefined && !sameEntry(receipt.value.entry, listed.entry))
      return no('the listing says something else than the entry in the log');
    return receipt;
  } catch (thrown) {
    return no(thrown instanceof Error ? `the proof cannot be had: ${thrown.message}` : 'the proof cannot be had');
  }
}

function recall(origin: string): Remembered | undefined {
  try {
    const value = JSON.parse(localStorage.getItem(`${memory} ${origin}`) ?? 'null') as Partial<Remembered> | null;
    const { vkey, size, root } = value ?? {};
    if (typeof vkey !== 'string' || typeof size !== 'number' || typeof root !== 'string') return undefined;
    return { origin, vkey, size, root };
  } catch {
    return undefined;
  }
}

function remember(head: Remembered): void {
  try {
    localStorage.setItem(`${memory} ${head.origin}`, JSON.stringify(head));
  } catch {
    // A browser that stores nothing remembers nothing.
  }
}
