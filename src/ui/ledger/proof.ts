import { hashBytes, joined, same, type Bytes } from './bytes.ts';

/** SHA-256 by the browser. */
export async function sha256(data: Bytes): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', data));
}

/** MTH of one entry: SHA-256(0x00 ‖ entry) (RFC 6962, section 2.1). */
export function hashLeaf(entry: Uint8Array): Promise<Bytes> {
  return sha256(joined(Uint8Array.of(0), entry));
}

/** MTH of two subtrees: SHA-256(0x01 ‖ left ‖ right). */
export function hashNode(left: Uint8Array, right: Uint8Array): Promise<Bytes> {
  return sha256(joined(Uint8Array.of(1), left, right));
}

/**
 * Recomputes the root of a tree of `size` leaves from the leaf at `index` and its siblings (RFC 9162, section 2.1.3.2),
 * and holds it against `root`.
 *
 * @returns `undefined` when it holds, else what is wrong, in a sentence.
 */
export async function checkInclusion(
  leafHash: Bytes,
  index: number,
  size: number,
  proof: readonly Bytes[],
  root: Bytes,
): Promise<string | undefined> {
  if (!isCount(index) || !isCount(size) || index >= size) return `entry ${index} is not in a log of ${size}`;
  if ([leafHash, ...proof].some(({ length }) => length !== hashBytes)) return 'a hash is not 32 bytes';
  // Sizes may exceed 32 bits, so there are no bit operators here.
  let first = index;
  let last = size - 1;
  let hash = leafHash;
  for (const sibling of proof) {
    if (last === 0) return 'the proof is too long';
    if (first % 2 === 1 || first === last) {
      hash = await hashNode(sibling, hash);
      while (first % 2 === 0 && first !== 0) {
        first /= 2;
        last = Math.floor(last / 2);
      }
    } else hash = await hashNode(hash, sibling);
    first = Math.floor(first / 2);
    last = Math.floor(last / 2);
  }
  if (last !== 0) return 'the proof is too short';
  return same(hash, root) ? undefined : 'the hashes lead to another root than the one that was signed';
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}
