import { zstdDecompressSync } from 'node:zlib';

import { WatchkeeperError } from '../../../../lib/errors.ts';
import { limits } from '../../../../lib/limits.ts';
import { decodeLz4Block } from './lz4.ts';

/**
 * systemd's journal file format (https://systemd.io/JOURNAL_FILE_FORMAT/), as far as reading needs it. All integers
 * are little-endian; every object starts with a type byte, a flags byte and, at 8, its size.
 */
export const objectType = { data: 1, entry: 3, entryArray: 6 } as const;

const incompatible = { xz: 1, lz4: 2, keyedHash: 4, zstd: 8, compact: 16 } as const;
const known = Object.values(incompatible).reduce((sum, flag) => sum | flag, 0);
const compressed = { xz: 1, lz4: 2, zstd: 4 } as const;

/** Size of the header as systemd writes it now; older files have less. */
export const headerBytes = 272;
const minHeaderBytes = 208;
/** Size of the header in front of each object. */
export const objectHeaderBytes = 16;
/** What a value of one field may be; larger ones (core dumps) are not log text. */
const maxPayloadBytes = 768 * 1024;

/** The header of a journal file. */
export interface JournalHeader {
  readonly fileId: string;
  readonly compact: boolean;
  readonly entries: number;
  readonly firstArray: number;
  readonly tailRealtimeMs: number;
  /** Where what is in use ends. */
  readonly endOffset: number;
}

/** Reads a header. @throws `malformed` when it is none, `unsupported` for features newer than this reader. */
export function parseHeader(bytes: Uint8Array): JournalHeader {
  if (bytes.length < minHeaderBytes) throw malformed('shorter than a header');
  if (new TextDecoder('latin1').decode(bytes.subarray(0, 8)) !== 'LPKSHHRH') throw malformed('no journal signature');
  const view = viewOf(bytes);
  const flags = view.getUint32(12, true);
  if ((flags & ~known) !== 0)
    throw new WatchkeeperError('unsupported', `journal features ${flags & ~known} are newer than this reader`);
  return {
    fileId: Buffer.from(bytes.subarray(24, 40)).toString('hex'),
    compact: (flags & incompatible.compact) !== 0,
    entries: offsetAt(view, 152),
    firstArray: offsetAt(view, 176),
    tailRealtimeMs: microsecondsAt(view, 192),
    endOffset: offsetAt(view, 88) + offsetAt(view, 96),
  };
}

/** The type and size every object begins with. */
export function parseObject(bytes: Uint8Array, wanted: number): { readonly flags: number; readonly size: number } {
  const view = viewOf(bytes);
  const size = offsetAt(view, 8);
  if (bytes[0] !== wanted || size < objectHeaderBytes)
    throw malformed(`no object of type ${wanted} where one should be`);
  return { flags: bytes[1] ?? 0, size };
}

/** An entry: when it was written, and where its fields are. */
export interface JournalEntry {
  readonly seqnum: bigint;
  readonly tMs: number;
  readonly items: readonly number[];
}

const entryItemsAt = 64;
const maxItems = 1_024;

/** Reads a whole entry object. */
export function parseEntry(bytes: Uint8Array, compact: boolean): JournalEntry {
  const view = viewOf(bytes);
  const itemBytes = compact ? 4 : 16;
  const count = Math.min(maxItems, Math.floor((bytes.length - entryItemsAt) / itemBytes));
  const items = Array.from({ length: Math.max(0, count) }, (_, index) => {
    const at = entryItemsAt + index * itemBytes;
    return compact ? view.getUint32(at, true) : offsetAt(view, at);
  });
  return { seqnum: view.getBigUint64(16, true), tMs: microsecondsAt(view, 24), items };
}

/** The least of an entry that tells its time. */
export const entryHeadBytes = 40;

/** When an entry was written, by the wall clock of the machine that wrote it. */
export function entryTimeMs(bytes: Uint8Array): number {
  return microsecondsAt(viewOf(bytes), 24);
}

/** Where the items of an entry array begin. */
export const arrayItemsAt = 24;

/** Where the next array of the chain is (0: nowhere), and how wide its items are. */
export function parseArray(bytes: Uint8Array): { readonly next: number; readonly size: number } {
  const { size } = parseObject(bytes, objectType.entryArray);
  return { next: offsetAt(viewOf(bytes), 16), size };
}

/** One offset of an entry array; 0 when it is not used yet. */
export function arrayItem(bytes: Uint8Array, compact: boolean): number {
  return compact ? viewOf(bytes).getUint32(0, true) : offsetAt(viewOf(bytes), 0);
}

/** Where the payload of a data object begins. */
export function payloadAt(compact: boolean): number {
  return compact ? 72 : 64;
}

/** `FIELD=value` of a data object, decompressed. @throws `unsupported` for XZ, `malformed`, `too-large`. */
export function payloadOf(payload: Uint8Array, flags: number): Uint8Array {
  if ((flags & compressed.xz) !== 0)
    throw new WatchkeeperError('unsupported', 'this journal is compressed with XZ, which is not read');
  if ((flags & compressed.zstd) !== 0) {
    try {
      return zstdDecompressSync(payload, { maxOutputLength: maxPayloadBytes });
    } catch (thrown) {
      throw WatchkeeperError.from(thrown, 'malformed', 'zstd data');
    }
  }
  if ((flags & compressed.lz4) === 0) return payload;
  if (payload.length < 8) throw malformed('LZ4 data without its size');
  return decodeLz4Block(payload.subarray(8), offsetAt(viewOf(payload), 0), maxPayloadBytes);
}

/** A payload beyond this is not fetched at all. */
export const maxStoredPayload = maxPayloadBytes;
/** A message is cut to this before it becomes a log record. */
export const maxMessageBytes = limits.logLineBytes;

/** The error of a file that is no journal, or a damaged one. */
export function malformed(what: string): WatchkeeperError {
  return new WatchkeeperError('malformed', `journal file: ${what}`);
}

// Offsets are 64 bits wide, but a file is never larger than a double counts exactly.
function offsetAt(view: DataView, at: number): number {
  if (at + 8 > view.byteLength) throw malformed('it ends inside an object');
  const value = view.getBigUint64(at, true);
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw malformed('an impossible offset');
  return Number(value);
}

function microsecondsAt(view: DataView, at: number): number {
  return Math.round(offsetAt(view, at) / 1_000);
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
