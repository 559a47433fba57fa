import type { WriteFiles } from '../domain/ports/io.ts';
import type { Store } from '../domain/ports/store.ts';
import { WatchkeeperError } from '../lib/errors.ts';
import { packFrames } from '../lib/frames.ts';
import { limits } from '../lib/limits.ts';
import { openCheckpoint, type TreeHead } from './checkpoint.ts';
import { readEntry, redactedSeq } from './entry.ts';
import { sameBytes } from './hash.ts';
import { rootAt, storeHashes, type HashSource } from './hashes.ts';
import { identityKeys, readIdentity } from './identity.ts';
import { isPlaceOf, placeOf, walkFiles } from './layout.ts';
import { encodePayloads, payloadsPath } from './payloads.ts';
import { tilePath } from './tiles.ts';
import { fullTiles, joinHashes, partialWidth, tileLevels, tileWidth } from './tree.ts';

/** What is exported, and whereto. */
export interface ExportOptions {
  readonly store: Store;
  readonly files: WriteFiles;
  readonly folder: string;
  readonly signal: AbortSignal;
}

/** What an export wrote. */
export interface ExportResult {
  readonly size: number;
  /** Files written now; what was exported before is not written again. */
  readonly written: number;
}

const folderMode = 0o755;
const fileMode = 0o644;

/**
 * Writes the ledger as a tlog-tiles tree that any static server can serve and other people's tools can read, with the
 * payloads and the public keys beside it. Later exports into the same folder add only what is new. Each file appears whole,
 * and the checkpoint last, so that a reader never sees a checkpoint without what it promises.
 *
 * @throws `conflict` when the folder holds another ledger, or a longer one.
 */
export async function exportLedger(options: ExportOptions): Promise<ExportResult> {
  const { store } = options;
  const identity = await readIdentity(store);
  const checkpoint = await store.ledgerCheckpoint();
  if (checkpoint === undefined) throw new WatchkeeperError('not-found', 'there is no ledger in this store');
  const hashes = await storeHashes(store);
  const head = openCheckpoint(checkpoint.note, identityKeys(identity), identity.origin);
  const writer = new FolderWriter(options);
  const before = await exportedBefore(options, writer, hashes, identityKeys(identity));
  // Another writer may append while we export: what is written belongs to the checkpoint read above.
  const rewrite = await writeEntries(options, writer, before, head.size);
  for (let level = 0; level < tileLevels(head.size); level++)
    await writeTiles(writer, hashes, level, before, head.size);
  for (const index of rewrite) await writePayloads(options, writer, index, head.size);
  await writer.write('vkey', `${identity.vkeys.join('\n')}\n`);
  await writer.write('checkpoint', checkpoint.note);
  await removeSuperseded(options, head.size);
  return { size: head.size, written: writer.written };
}

class FolderWriter {
  written = 0;
  readonly #options: ExportOptions;
  readonly #made = new Set<string>();

  constructor(options: ExportOptions) {
    this.#options = options;
  }

  path(file: string): string {
    return `${this.#options.folder}/${file}`;
  }

  async write(file: string, data: string | Uint8Array): Promise<void> {
    const { files, signal } = this.#options;
    const path = this.path(file);
    const folder = path.slice(0, path.lastIndexOf('/'));
    if (!this.#made.has(folder)) await files.makeFolder(folder, folderMode, signal);
    this.#made.add(folder);
    await files.writeAtomic(path, data, fileMode, signal);
    this.written++;
  }
}

async function exportedBefore(
  options: ExportOptions,
  writer: FolderWriter,
  hashes: HashSource,
  keys: Parameters<typeof openCheckpoint>[1],
): Promise<number> {
  const path = writer.path('checkpoint');
  if ((await options.files.stat(path, options.signal)) === undefined) return 0;
  const note = Buffer.from(await options.files.read(path, limits.ledgerNoteBytes, options.signal)).toString('utf8');
  const head = readExported(note, keys, path);
  if (head.size <= hashes.size && sameBytes(await rootAt(hashes, head.size), head.root)) return head.size;
  throw otherLedger(path);
}

function readExported(note: string, keys: Parameters<typeof openCheckpoint>[1], path: string): TreeHead {
  try {
    return openCheckpoint(note, keys);
  } catch (thrown) {
    throw otherLedger(path, thrown);
  }
}

function otherLedger(path: string, cause?: unknown): WatchkeeperError {
  return new WatchkeeperError('conflict', `${path} is not an earlier checkpoint of this ledger`, {
    fix: 'Export into an empty folder; keep the old one, for it may be evidence.',
    ...(cause === undefined ? {} : { cause }),
  });
}

// Gives the bundles whose payload file must be written: the new ones, and the old ones in which something was erased.
async function writeEntries(
  options: ExportOptions,
  writer: FolderWriter,
  before: number,
  size: number,
): Promise<ReadonlySet<number>> {
  const rewrite = new Set<number>();
  for (let index = Math.floor(before / tileWidth); index * tileWidth < size; index++) {
    options.signal.throwIfAborted();
    const width = Math.min(tileWidth, size - index * tileWidth);
    const rows = await options.store.ledgerEntries(index * tileWidth, width);
    if (rows.length !== width)
      throw new WatchkeeperError('ledger-invalid', `entries after ${index * tileWidth} missing`);
    await writer.write(tilePath('entries', index, width), packFrames(rows.map((row) => row.data)));
    rewrite.add(index);
    for (const row of rows) {
      const entry = readEntry(row.data);
      const erased = typeof entry === 'string' ? undefined : redactedSeq(entry);
      if (erased !== undefined) rewrite.add(Math.floor(erased / tileWidth));
    }
  }
  return rewrite;
}

async function writeTiles(
  writer: FolderWriter,
  hashes: HashSource,
  level: number,
  before: number,
  size: number,
): Promise<void> {
  const full = fullTiles(size, level);
  const partial = partialWidth(size, level);
  for (let index = fullTiles(before, level); index < full + (partial > 0 ? 1 : 0); index++) {
    const width = index < full ? tileWidth : partial;
    const tile = await hashes.tile(level, index);
    await writer.write(tilePath(level, index, width), joinHashes(tile.slice(0, width)));
  }
}

async function writePayloads(options: ExportOptions, writer: FolderWriter, index: number, size: number): Promise<void> {
  const first = index * tileWidth;
  const payloads = await options.store.ledgerPayloads(first, Math.min(tileWidth, size - first));
  const file = payloadsPath(index);
  // An empty file where one was before: the payloads in it have been erased.
  const there = await options.files.stat(writer.path(file), options.signal);
  if (payloads.length > 0 || there !== undefined) await writer.write(file, encodePayloads(payloads));
}

// Partial tiles of smaller sizes are contained in what replaced them.
async function removeSuperseded(options: ExportOptions, size: number): Promise<void> {
  for (const file of await walkFiles(options.files, options.folder, options.signal)) {
    const place = placeOf(file);
    if (place === undefined || isPlaceOf(place, size)) continue;
    if (place.width < tileWidth) await options.files.unlink(`${options.folder}/${file}`, options.signal);
  }
}
