import { emptyRoot, hashBytes, hashNode, sameBytes } from './hash.ts';

/** Why a proof does not hold, in a sentence; `undefined` when it holds. */
export type ProofVerdict = string | undefined;

/**
 * Verifies that a leaf is at `index` in the tree of `size` leaves with this root (RFC 9162, section 2.1.3.2).
 *
 * @returns `undefined` when it holds, else what is wrong.
 */
export function checkInclusion(
  leafHash: Uint8Array,
  index: number,
  size: number,
  proof: readonly Uint8Array[],
  root: Uint8Array,
): ProofVerdict {
  if (!isSize(index) || !isSize(size) || index >= size) return `index ${index} is not in a tree of ${size}`;
  if (leafHash.length !== hashBytes) return 'the leaf hash is not 32 bytes';
  let fn = index;
  let sn = size - 1;
  let seed = leafHash;
  for (const sibling of proof) {
    if (sibling.length !== hashBytes) return 'a hash of the proof is not 32 bytes';
    if (sn === 0) return 'the proof is too long';
    if (isOdd(fn) || fn === sn) {
      seed = hashNode(sibling, seed);
      while (!isOdd(fn) && fn !== 0) {
        fn /= 2;
        sn = half(sn);
      }
    } else seed = hashNode(seed, sibling);
    fn = half(fn);
    sn = half(sn);
  }
  if (sn !== 0) return 'the proof is too short';
  return sameBytes(seed, root) ? undefined : 'the proof leads to another root';
}

/**
 * Verifies that the tree of `size2` leaves with `root2` begins with the tree of `size1` leaves with `root1` (RFC 9162,
 * section 2.1.4.2).
 *
 * @returns `undefined` when it holds, else what is wrong. A proof from the empty tree says nothing and does not hold,
 * except to itself.
 */
export function checkConsistency(
  size1: number,
  size2: number,
  proof: readonly Uint8Array[],
  root1: Uint8Array,
  root2: Uint8Array,
): ProofVerdict {
  if (size1 === 0 && size2 !== 0) return 'a proof from the empty tree says nothing';
  if (size1 === 0 && !sameBytes(root2, emptyRoot)) return 'this is not the root of an empty tree';
  if (size1 === size2 && !sameBytes(root1, root2)) return 'equal sizes, different roots';
  return checkSubtreeConsistency(0, size1, size2, proof, root1, root2);
}

/** As {@link checkInclusion}, in the subtree of leaves `start` (inclusive) to `end` (exclusive). */
export function checkSubtreeInclusion(
  leafHash: Uint8Array,
  index: number,
  range: { readonly start: number; readonly end: number },
  proof: readonly Uint8Array[],
  root: Uint8Array,
): ProofVerdict {
  const { start, end } = range;
  if (start === end || !isSubtree(start, end)) return `[${start}, ${end}) is not a subtree with leaves`;
  if (index < start || index >= end) return `index ${index} is not in [${start}, ${end})`;
  return checkInclusion(leafHash, index - start, end - start, proof, root);
}

/**
 * Verifies that the subtree [start, end) with `subtreeRoot` is part of the tree of `size` leaves with `root`
 * (draft-ietf-plants-merkle-tree-certs, section 4.4). With start 0 it is the consistency proof of RFC 9162.
 */
export function checkSubtreeConsistency(
  start: number,
  end: number,
  size: number,
  proof: readonly Uint8Array[],
  subtreeRoot: Uint8Array,
  root: Uint8Array,
): ProofVerdict {
  if (!isSubtree(start, end)) return `[${start}, ${end}) is not a subtree`;
  if (!isSize(size) || end > size) return `[${start}, ${end}) is not in a tree of ${size}`;
  if (start === end) {
    if (proof.length > 0) return 'the proof is too long';
    return sameBytes(subtreeRoot, emptyRoot) ? undefined : 'this is not the root of an empty tree';
  }
  return walkSubtree({ fn: start, sn: end - 1, tn: size - 1 }, proof, subtreeRoot, root);
}

interface Walk {
  /** First leaf of the subtree, its last leaf, and the last leaf of the tree, at the level the walk has reached. */
  fn: number;
  sn: number;
  tn: number;
}

function walkSubtree(
  walk: Walk,
  proof: readonly Uint8Array[],
  subtreeRoot: Uint8Array,
  root: Uint8Array,
): ProofVerdict {
  if (walk.sn === walk.tn) while (walk.fn !== walk.sn) up(walk);
  else while (walk.fn !== walk.sn && isOdd(walk.sn)) up(walk);
  // When the subtree is one whole node, its root is the seed and the proof does not repeat it.
  const whole = walk.fn === walk.sn;
  const first = whole ? subtreeRoot : proof[0];
  if (first === undefined) return 'the proof is too short';
  let fr = first;
  let sr = first;
  for (const hash of whole ? proof : proof.slice(1)) {
    if (hash.length !== hashBytes) return 'a hash of the proof is not 32 bytes';
    if (walk.tn === 0) return 'the proof is too long';
    if (isOdd(walk.sn) || walk.sn === walk.tn) {
      if (walk.fn < walk.sn) fr = hashNode(hash, fr);
      sr = hashNode(hash, sr);
      while (!isOdd(walk.sn) && walk.sn !== 0) up(walk);
    } else sr = hashNode(sr, hash);
    up(walk);
  }
  if (walk.tn !== 0) return 'the proof is too short';
  if (!sameBytes(fr, subtreeRoot)) return 'the proof leads to another root of the older tree';
  return sameBytes(sr, root) ? undefined : 'the proof leads to another root of the newer tree';
}

function up(walk: Walk): void {
  walk.fn = half(walk.fn);
  walk.sn = half(walk.sn);
  walk.tn = half(walk.tn);
}

// A subtree starts at a multiple of the smallest power of two that holds it.
function isSubtree(start: number, end: number): boolean {
  if (!isSize(start) || !isSize(end) || start > end) return false;
  let width = 1;
  while (width < end - start) width *= 2;
  return start % width === 0;
}

// Sizes may exceed 32 bits, so there are no bit operators here.
function half(n: number): number {
  return Math.floor(n / 2);
}

function isOdd(n: number): boolean {
  return n % 2 === 1;
}

function isSize(n: number): boolean {
  return Number.isSafeInteger(n) && n >= 0;
}
