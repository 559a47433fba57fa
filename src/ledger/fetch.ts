import type { StoredPayload } from '../domain/ports/store.ts';
import { WatchkeeperError } from '../lib/errors.ts';
import { tileWidth } from './tree.ts';

/** Where a ledger is read from: a store, or an exported folder. Positions are named as in the exported layout. */
export interface VerifiableLedger {
  checkpoint(): Promise<string>;
  bundle(index: number, width: number): Promise<readonly Uint8Array[]>;
  tile(level: number, index: number, width: number): Promise<Uint8Array>;
  payloads(index: number, width: number): Promise<readonly StoredPayload[]>;
}

/** What a read gave, or why it gave nothing. Whether that matters is for the reader to say, in its turn. */
export type Outcome<T> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly fault: WatchkeeperError };

/** All that is kept of one bundle of entries. */
export interface FetchedBundle {
  readonly index: number;
  readonly width: number;
  readonly bundle: Outcome<readonly Uint8Array[]>;
  readonly payloads: Outcome<readonly StoredPayload[]>;
  readonly leafTile: Outcome<Uint8Array>;
}

// Enough to keep a disk busy while the hashes are computed; a bundle is at most a megabyte.
const bundlesAhead = 4;

/** Reads the bundles of a ledger in order, a few ahead of whoever takes them. */
export async function* fetchBundles(source: VerifiableLedger, size: number): AsyncGenerator<FetchedBundle, void> {
  const under: Promise<FetchedBundle>[] = [];
  for (let index = 0; index * tileWidth < size || under.length > 0; index++) {
    if (index * tileWidth < size) under.push(fetchBundle(source, index, Math.min(tileWidth, size - index * tileWidth)));
    if (index + 1 < bundlesAhead && (index + 1) * tileWidth < size) continue;
    const next = await under.shift();
    if (next !== undefined) yield next;
  }
}

/** Runs a read; never rejects. */
export async function outcome<T>(read: () => Promise<T>): Promise<Outcome<T>> {
  try {
    return { ok: true, value: await read() };
  } catch (thrown) {
    return { ok: false, fault: WatchkeeperError.from(thrown) };
  }
}

async function fetchBundle(source: VerifiableLedger, index: number, width: number): Promise<FetchedBundle> {
  const [bundle, payloads, leafTile] = await Promise.all([
    outcome(() => source.bundle(index, width)),
    outcome(() => source.payloads(index, width)),
    outcome(() => source.tile(0, index, width)),
  ]);
  return { index, width, bundle, payloads, leafTile };
}
