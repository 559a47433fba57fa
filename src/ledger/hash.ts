import { hash as digestOnce } from 'node:crypto';

/** Bytes of a SHA-256 hash. */
export const hashBytes = 32;

const leafBuffer = Buffer.alloc(1 + 65_535);
const nodeBuffer = Buffer.alloc(1 + 2 * hashBytes, 1);

/** MTH of one entry: SHA-256(0x00 ‖ entry) (RFC 6962, section 2.1). */
export function hashLeaf(entry: Uint8Array): Uint8Array {
  return sha256(leafInput(entry));
}

/** Writes the leaf hashes of entries side by side, as a tile holds them. */
export function hashLeaves(entries: readonly Uint8Array[]): Uint8Array {
  const tile = Buffer.allocUnsafe(entries.length * hashBytes);
  for (const [at, entry] of entries.entries()) writeSha256(leafInput(entry), tile, at * hashBytes);
  return tile;
}

/** MTH of two subtrees: SHA-256(0x01 ‖ left ‖ right). Both are 32 bytes. */
export function hashNode(left: Uint8Array, right: Uint8Array): Uint8Array {
  nodeBuffer.set(left, 1);
  nodeBuffer.set(right, 1 + hashBytes);
  return sha256(nodeBuffer);
}

/** Root of the perfect subtree above a run of hashes that lie side by side. Their number is a power of two. */
export function rootOfTile(hashes: Uint8Array): Uint8Array {
  const level = Buffer.from(hashes);
  // Each level overwrites the first half of the one below it, behind what has been read.
  for (let nodes = level.length / hashBytes / 2; nodes >= 1; nodes /= 2)
    for (let node = 0; node < nodes; node++) {
      level.copy(nodeBuffer, 1, 2 * node * hashBytes, 2 * (node + 1) * hashBytes);
      writeSha256(nodeBuffer, level, node * hashBytes);
    }
  return level.subarray(0, hashBytes);
}

/** MTH of the empty tree: SHA-256 of nothing. */
export const emptyRoot: Uint8Array = sha256(Buffer.alloc(0));

/** Whether two hashes are the same bytes. Not constant time: hashes are public. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && Buffer.compare(a, b) === 0;
}

function leafInput(entry: Uint8Array): Uint8Array {
  // One buffer is used again and again: nothing between here and the digest can run in between.
  const input = entry.length < leafBuffer.length ? leafBuffer : Buffer.alloc(1 + entry.length);
  input.set(entry, 1);
  return input.subarray(0, entry.length + 1);
}

// By way of a text of one character a byte, because a digest that is asked for as bytes comes in memory of its own, which
// costs four times the hashing of a node; 32 bytes from text come out of the pool.
function sha256(data: Uint8Array): Uint8Array {
  return Buffer.from(digestOnce('sha256', data, 'binary'), 'latin1');
}

function writeSha256(data: Uint8Array, into: Buffer, at: number): void {
  into.write(digestOnce('sha256', data, 'binary'), at, hashBytes, 'latin1');
}
