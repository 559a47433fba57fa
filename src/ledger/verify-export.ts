import type { ReadFiles } from '../domain/ports/io.ts';
import { WatchkeeperError } from '../lib/errors.ts';
import { unpackFrames } from '../lib/frames.ts';
import { limits } from '../lib/limits.ts';
import { parseTreeHead } from './checkpoint.ts';
import { hashBytes } from './hash.ts';
import type { HashSource } from './hashes.ts';
import { isPlaceOf, placeOf, walkFiles } from './layout.ts';
import { parseNote, parseVerifier, type NoteVerifier } from './note.ts';
import { decodePayloads, payloadsPath } from './payloads.ts';
import { tilePath } from './tiles.ts';
import { fullTiles, partialWidth, splitTile, tileWidth } from './tree.ts';
import { Findings, type LedgerReport } from './report.ts';
import { verifyLedger } from './verify.ts';
import type { VerifiableLedger } from './fetch.ts';
import type { VerifyOptions } from './verify-store.ts';

/** An exported ledger in a folder. */
export interface ExportedLedger {
  readonly files: ReadFiles;
  readonly folder: string;
  readonly signal: AbortSignal;
}

const bundleBytes = tileWidth * (2 + limits.ledgerEntryBytes);
// Each byte of a payload may be escaped once more in its line; salt, commitment and number come on top.
const payloadFileBytes = tileWidth * (2 * limits.ledgerPayloadBytes + 512);
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Verifies an exported ledger: everything is recomputed, and every file in the folder is either checked or reported, so that
 * no flipped bit goes unseen.
 *
 * @throws `not-found` when there is no ledger in the folder.
 */
export async function verifyExport(exported: ExportedLedger, options: VerifyOptions = {}): Promise<LedgerReport> {
  const findings = new Findings();
  const read = fileReader(exported);
  const keys = await exportedKeys(read, options, findings);
  const names = await walkFiles(exported.files, exported.folder, exported.signal);
  const there = new Set(names);
  const source: VerifiableLedger = {
    checkpoint: async () => text(await read('checkpoint', limits.ledgerNoteBytes)),
    async bundle(index, width) {
      const entries = unpackFrames(await read(tilePath('entries', index, width), bundleBytes));
      if (entries === undefined)
        throw new WatchkeeperError('malformed', 'the lengths of its entries do not add up to its own');
      return entries;
    },
    tile: (level, index, width) => read(tilePath(level, index, width), tileWidth * hashBytes),
    payloads: async (index) => {
      const file = payloadsPath(index);
      return there.has(file) ? decodePayloads(text(await read(file, payloadFileBytes))) : [];
    },
  };
  const report = await verifyLedger(source, keys, findings);
  // Without a checkpoint nobody knows which files belong to it.
  if (report.origin !== undefined) reportStrangers(names, report.size, findings);
  return { ...report, ok: findings.count === 0, problems: findings.list, problemCount: findings.count };
}

/** Hashes of an exported tree, for proofs without the store. Believes the tiles: verify first, or verify the proof. */
export async function exportedHashes(exported: ExportedLedger): Promise<HashSource & { readonly note: string }> {
  const read = fileReader(exported);
  const note = text(await read('checkpoint', limits.ledgerNoteBytes));
  const { size } = parseTreeHead(parseNote(note).text);
  return {
    note,
    size,
    async tile(level, index) {
      const width = index < fullTiles(size, level) ? tileWidth : partialWidth(size, level);
      return splitTile(await read(tilePath(level, index, width), tileWidth * hashBytes));
    },
  };
}

/** One entry of an exported ledger, as the bytes of its leaf. */
export async function exportedEntry(exported: ExportedLedger, seq: number, size: number): Promise<Uint8Array> {
  const index = Math.floor(seq / tileWidth);
  const width = Math.min(tileWidth, size - index * tileWidth);
  const bundle = await fileReader(exported)(tilePath('entries', index, width), bundleBytes);
  const entry = unpackFrames(bundle)?.[seq % tileWidth];
  if (entry === undefined) throw new WatchkeeperError('ledger-invalid', `entry ${seq} cannot be read`);
  return entry;
}

type Read = (file: string, maxBytes: number) => Promise<Uint8Array>;

function fileReader({ files, folder, signal }: ExportedLedger): Read {
  return (file, maxBytes) => files.read(`${folder}/${file}`, maxBytes, signal);
}

async function exportedKeys(read: Read, options: VerifyOptions, findings: Findings): Promise<readonly NoteVerifier[]> {
  const bytes = await read('vkey', limits.ledgerNoteBytes);
  try {
    const named = text(bytes);
    if (!named.endsWith('\n')) throw new WatchkeeperError('malformed', 'its last line has no end');
    const keys = named.slice(0, -1).split('\n').map(parseVerifier);
    const trusted = options.vkeys?.map(parseVerifier);
    if (trusted && !keys.some((key) => trusted.some((other) => other.text === key.text)))
      findings.add({ file: 'vkey', message: 'none of the trusted keys is named in it' });
    return trusted ?? keys;
  } catch (thrown) {
    findings.add({ file: 'vkey', message: WatchkeeperError.from(thrown).message });
    return options.vkeys?.map(parseVerifier) ?? [];
  }
}

function text(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch (thrown) {
    throw new WatchkeeperError('malformed', 'it is not UTF-8', { cause: thrown });
  }
}

function reportStrangers(names: readonly string[], size: number, findings: Findings): void {
  for (const file of names) {
    if (file === 'checkpoint' || file === 'vkey') continue;
    const place = placeOf(file);
    if (place && isPlaceOf(place, size)) continue;
    const message = place ? `it is not part of a ledger of ${size} entries` : 'it is not a file of a ledger';
    findings.add({ file, message });
  }
}
