import type { Store } from '../domain/ports/store.ts';
import { openCheckpoint } from './checkpoint.ts';
import { outcome } from './fetch.ts';
import { hashLeaf, sameBytes } from './hash.ts';
import type { NoteVerifier } from './note.ts';
import type { LedgerProblem } from './report.ts';
import { tileWidth, TreeEdge } from './tree.ts';

/**
 * Names the entries among which a store's log first stops being what was signed. Each commit left the checkpoint of the tree
 * that it led to, so the first one that the entries no longer lead to says which commit was changed; everything before it
 * stands. `undefined` when the entries can be read no further, or lead to every checkpoint.
 *
 * Slow, one look at the store an entry: for a ledger that is known not to verify.
 */
export async function firstDifference(
  store: Store,
  size: number,
  keys: readonly NoteVerifier[],
): Promise<LedgerProblem | undefined> {
  const edge = new TreeEdge();
  let sound = 0;
  while (edge.size < size) {
    const read = await outcome(() => store.ledgerEntries(edge.size, Math.min(tileWidth, size - edge.size)));
    if (!read.ok || read.value.length === 0) return undefined;
    for (const { data } of read.value) {
      edge.append(hashLeaf(data));
      const kept = await outcome(() => store.ledgerCheckpoint(edge.size));
      if (kept.ok && kept.value === undefined) continue;
      if (!kept.ok || !leadsTo(edge, kept.value?.note ?? '', keys)) return between(sound, edge.size);
      sound = edge.size;
    }
  }
  return undefined;
}

function leadsTo(edge: TreeEdge, note: string, keys: readonly NoteVerifier[]): boolean {
  try {
    const head = openCheckpoint(note, keys);
    return head.size === edge.size && sameBytes(head.root, edge.root());
  } catch {
    // A checkpoint that cannot be believed stands for its commit: one of the two was changed.
    return false;
  }
}

function between(from: number, to: number): LedgerProblem {
  const which = to - from === 1 ? `entry ${from}` : `one of the entries ${from} to ${to - 1}, written in one commit,`;
  return {
    file: 'store',
    seq: from,
    message: `${which} or its checkpoint was changed; the ${from} entries before are as they were signed`,
  };
}
