import { emptyRoot, hashBytes, hashNode, rootOfTile } from './hash.ts';

/** Hashes in a full tile (C2SP tlog-tiles), and the tree levels one tile spans. */
export const tileWidth = 256;
/** Levels of the tree in one tile, as in C2SP tlog-tiles: 256 hashes a tile. */
export const tileHeight = 8;

/** A full tile that an append has completed. */
export interface FullTile {
  readonly level: number;
  readonly index: number;
  readonly data: Uint8Array;
}

/**
 * The right edge of an append-only tree: all that is needed to append, to compute the root, and to cut tiles.
 * Memory is bounded by the logarithm of the size: 256 hashes a tile level, one hash a tree level.
 */
export class TreeEdge {
  #size: number;
  /** Roots of the perfect subtrees that make up the tree, largest first. */
  #range: Uint8Array[];
  /** Hashes of the tile that is not yet full, for each tile level. */
  #tiles: Uint8Array[][];

  constructor(size = 0, range: Uint8Array[] = [], tiles: Uint8Array[][] = []) {
    this.#size = size;
    this.#range = range;
    this.#tiles = tiles;
  }

  /**
   * Rebuilds the edge of a tree from the hashes of its partial tiles, lowest level first.
   * `partial[l]` must hold `floor(size / 256^l) mod 256` hashes.
   */
  static from(size: number, partial: readonly (readonly Uint8Array[])[]): TreeEdge {
    const edge = new TreeEdge(
      size,
      [],
      partial.map((hashes) => [...hashes]),
    );
    for (let level = partial.length - 1; level >= 0; level--) {
      const counted = new TreeEdge();
      for (const hash of partial[level] ?? []) counted.append(hash);
      edge.#range.push(...counted.#range);
    }
    return edge;
  }

  get size(): number {
    return this.#size;
  }

  /** A copy to append to, so that an append can be given up. */
  fork(): TreeEdge {
    return new TreeEdge(
      this.#size,
      [...this.#range],
      this.#tiles.map((tile) => [...tile]),
    );
  }

  /** Appends a leaf hash; gives the tiles it completes, lowest level first. */
  append(leafHash: Uint8Array): readonly FullTile[] {
    return this.#add(leafHash, 0);
  }

  /** Appends leaf hashes that lie side by side: the same as one after the other, but faster for a full tile. */
  appendAll(leafHashes: Uint8Array): readonly FullTile[] {
    if (leafHashes.length !== tileWidth * hashBytes || this.#size % tileWidth !== 0)
      return splitTile(leafHashes).flatMap((hash) => this.append(hash));
    const tile = { level: 0, index: this.#size / tileWidth, data: leafHashes };
    return [tile, ...this.#add(rootOfTile(leafHashes), tileHeight)];
  }

  // Adds a perfect subtree of 2^height leaves. The size is a multiple of that.
  #add(root: Uint8Array, at: number): readonly FullTile[] {
    let full = noTiles;
    let hash = root;
    let height = at;
    for (let rest = this.#size / 2 ** at; ; rest = (rest - 1) / 2, height++) {
      if (height % tileHeight === 0) full = this.#pushToTile(height / tileHeight, hash, full);
      if (rest % 2 === 0) break;
      hash = hashNode(this.#range.pop() ?? emptyRoot, hash);
    }
    this.#range.push(hash);
    this.#size += 2 ** at;
    return full;
  }

  /** MTH of the tree (RFC 6962, section 2.1). */
  root(): Uint8Array {
    return (
      this.#range.reduceRight<Uint8Array | undefined>(
        (right, left) => (right === undefined ? left : hashNode(left, right)),
        undefined,
      ) ?? emptyRoot
    );
  }

  /** The tile at the right edge of a level, when it is not full and not empty. */
  partialTile(level: number): Uint8Array | undefined {
    const hashes = this.#tiles[level];
    return hashes === undefined || hashes.length === 0 ? undefined : joinHashes(hashes);
  }

  #pushToTile(level: number, hash: Uint8Array, full: readonly FullTile[]): readonly FullTile[] {
    const tile = (this.#tiles[level] ??= []);
    tile.push(hash);
    if (tile.length < tileWidth) return full;
    this.#tiles[level] = [];
    return [...full, { level, index: Math.floor(this.#size / tileWidth ** (level + 1)), data: joinHashes(tile) }];
  }
}

const noTiles: readonly FullTile[] = [];

/** Root of the perfect subtree under a full tile, or of any run of hashes as leaves. */
export function rootOfHashes(hashes: readonly Uint8Array[]): Uint8Array {
  const edge = new TreeEdge();
  for (const hash of hashes) edge.append(hash);
  return edge.root();
}

/** Cuts a tile into its hashes (views, not copies). */
export function splitTile(data: Uint8Array): Uint8Array[] {
  const hashes: Uint8Array[] = [];
  for (let at = 0; at + hashBytes <= data.length; at += hashBytes) hashes.push(data.subarray(at, at + hashBytes));
  return hashes;
}

/** Puts hashes side by side. */
export function joinHashes(hashes: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(hashes, hashes.length * hashBytes);
}

/** Tile levels of a tree of this size: level `l` exists when `size >= 256^l`. */
export function tileLevels(size: number): number {
  let levels = 0;
  for (let span = 1; size >= span; span *= tileWidth) levels++;
  return levels;
}

/** Hashes in the partial tile of a level; 0 when the last tile is full or there is none. */
export function partialWidth(size: number, level: number): number {
  return Math.floor(size / tileWidth ** level) % tileWidth;
}

/** Full tiles of a level. */
export function fullTiles(size: number, level: number): number {
  return Math.floor(size / tileWidth ** (level + 1));
}
