import type { Store } from '../domain/ports/store.ts';
import { WatchkeeperError } from '../lib/errors.ts';
import { hashLeaf, hashNode, emptyRoot, rootOfTile } from './hash.ts';
import {
  fullTiles,
  joinHashes,
  partialWidth,
  rootOfHashes,
  splitTile,
  tileHeight,
  tileLevels,
  tileWidth,
  TreeEdge,
} from './tree.ts';

/** Gives the hashes of a tile of the tree, as many as there are. */
export interface HashSource {
  readonly size: number;
  tile(level: number, index: number): Promise<readonly Uint8Array[]>;
}

/** Hashes of a store's tree at its current size. Partial tiles are computed from the level below. */
export async function storeHashes(store: Store): Promise<HashSource> {
  const size = await store.ledgerSize();
  const tile = async (level: number, index: number): Promise<readonly Uint8Array[]> => {
    if (index < fullTiles(size, level)) {
      const data = await store.ledgerTile(level, index);
      if (data === undefined) throw missing(`tile ${index} of level ${level}`);
      return splitTile(data);
    }
    const width = index === fullTiles(size, level) ? partialWidth(size, level) : 0;
    const first = index * tileWidth;
    if (level === 0) return leafHashes(store, first, width);
    const hashes: Uint8Array[] = [];
    for (let at = first; at < first + width; at++) hashes.push(rootOfTile(joinHashes(await tile(level - 1, at))));
    return hashes;
  };
  return { size, tile };
}

/** Rebuilds the right edge of a tree. @throws `ledger-invalid` when a tile or an entry is missing or wrong. */
export async function loadEdge(source: HashSource): Promise<TreeEdge> {
  const partial: (readonly Uint8Array[])[] = [];
  for (let level = 0; level < tileLevels(source.size); level++)
    partial.push(partialWidth(source.size, level) ? await source.tile(level, fullTiles(source.size, level)) : []);
  return TreeEdge.from(source.size, partial);
}

/** Root of the tree when it had `size` leaves. */
export function rootAt(source: HashSource, size: number): Promise<Uint8Array> {
  return size === 0 ? Promise.resolve(emptyRoot) : rangeRoot(source, 0, size);
}

/** Inclusion proof of a leaf in the tree of `size` leaves: PATH of RFC 6962, section 2.1.1. */
export async function inclusionProof(source: HashSource, index: number, size: number): Promise<readonly Uint8Array[]> {
  if (size > source.size || index >= size || index < 0)
    throw new WatchkeeperError('not-found', `there is no entry ${index} in a ledger of ${Math.min(size, source.size)}`);
  const proof: Uint8Array[] = [];
  let [start, end] = [0, size];
  while (end - start > 1) {
    const middle = start + splitPoint(end - start);
    if (index < middle) {
      proof.unshift(await rangeRoot(source, middle, end));
      end = middle;
    } else {
      proof.unshift(await rangeRoot(source, start, middle));
      start = middle;
    }
  }
  return proof;
}

/** Consistency proof between two sizes of the tree: PROOF of RFC 6962, section 2.1.2. Empty from 0 and to itself. */
export async function consistencyProof(
  source: HashSource,
  size1: number,
  size2: number,
): Promise<readonly Uint8Array[]> {
  if (size1 > size2 || size2 > source.size || size1 < 0)
    throw new WatchkeeperError(
      'not-found',
      `the ledger has ${source.size} entries: nothing leads ${size1} to ${size2}`,
    );
  if (size1 === 0 || size1 === size2) return [];
  const proof: Uint8Array[] = [];
  let [start, end] = [0, size2];
  while (end !== size1) {
    const middle = start + splitPoint(end - start);
    if (size1 <= middle) {
      proof.unshift(await rangeRoot(source, middle, end));
      end = middle;
    } else {
      proof.unshift(await rangeRoot(source, start, middle));
      start = middle;
    }
  }
  // From a start of 0 the older tree is itself this node, and its root is known to the verifier.
  if (start > 0) proof.unshift(await rangeRoot(source, start, end));
  return proof;
}

// MTH(D[start:end]); every range asked for is a subtree, so that its left part is always one whole node.
async function rangeRoot(source: HashSource, start: number, end: number): Promise<Uint8Array> {
  const width = end - start;
  const left = splitPoint(width);
  if (left * 2 === width || width === 1) return nodeHash(source, Math.log2(width), start / width);
  return hashNode(await rangeRoot(source, start, start + left), await rangeRoot(source, start + left, end));
}

// The perfect subtree of 2^height leaves, the index-th of its kind.
async function nodeHash(source: HashSource, height: number, index: number): Promise<Uint8Array> {
  const level = Math.floor(height / tileHeight);
  const count = 2 ** (height % tileHeight);
  const first = index * count;
  const hashes = await source.tile(level, Math.floor(first / tileWidth));
  const own = hashes.slice(first % tileWidth, (first % tileWidth) + count);
  if (own.length !== count) throw missing(`node ${index} of height ${height}`);
  return rootOfHashes(own);
}

// The largest power of two below n (1 for n = 1).
function splitPoint(n: number): number {
  let split = 1;
  while (split * 2 < n) split *= 2;
  return split;
}

async function leafHashes(store: Store, first: number, width: number): Promise<readonly Uint8Array[]> {
  const rows = width === 0 ? [] : await store.ledgerEntries(first, width);
  if (rows.length !== width) throw missing(`${width - rows.length} entries after ${first + rows.length}`);
  return rows.map((row) => hashLeaf(row.data));
}

function missing(what: string): WatchkeeperError {
  return new WatchkeeperError('ledger-invalid', `the ledger is incomplete: ${what} missing`);
}
