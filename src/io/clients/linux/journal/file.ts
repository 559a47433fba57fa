import {
  arrayItem,
  arrayItemsAt,
  entryHeadBytes,
  entryTimeMs,
  headerBytes,
  malformed,
  maxStoredPayload,
  objectHeaderBytes,
  objectType,
  parseArray,
  parseEntry,
  parseHeader,
  parseObject,
  payloadAt,
  payloadOf,
} from './format.ts';
import type { JournalHeader } from './format.ts';
import type { Pages } from './pages.ts';

/** Where reading of a file stands: a slot of its chain of entry arrays. `fileId` tells a reused inode. */
export interface JournalCursor {
  readonly fileId: string;
  readonly array: number;
  readonly slot: number;
}

/** One entry with the fields that were asked for. */
export interface JournalRecord {
  readonly tMs: number;
  readonly fields: ReadonlyMap<string, string>;
}

/** A stretch of a journal file, and where the next one begins. */
export interface JournalRead {
  readonly records: readonly JournalRecord[];
  readonly cursor: JournalCursor;
  /** There were more entries than asked for. */
  readonly more: boolean;
  readonly tailMs: number;
}

const wantedFields: ReadonlySet<string> = new Set(
  'MESSAGE PRIORITY _SYSTEMD_UNIT UNIT OBJECT_SYSTEMD_UNIT SYSLOG_IDENTIFIER _TRANSPORT _PID'.split(' '),
);
const longestName = Math.max(...[...wantedFields].map((name) => name.length)) + 1;
const maxArrays = 1_000;
const cachedFields = 4_096;

/**
 * Reads entries in the order they were written: from the cursor on, or from the first that is not older than `sinceMs`.
 * Stops after `max` entries, or at the first that is newer than `untilMs`.
 *
 * @throws `malformed` for a corrupt file, `unsupported` for one this reader does not know.
 */
export async function readJournalFile(
  pages: Pages,
  from: JournalCursor | undefined,
  range: { readonly sinceMs: number; readonly untilMs: number; readonly max: number },
): Promise<JournalRead> {
  const header = await headerOf(pages);
  const known = from?.fileId === header.fileId ? from : await seek(pages, header, range.sinceMs);
  const records: JournalRecord[] = [];
  const cache = new Map<number, Field | undefined>();
  let { array, slot } = known;
  for (let arrays = 0; array !== 0 && arrays < maxArrays; arrays++) {
    const { next, slots } = await arrayAt(pages, header, array);
    for (; slot < slots; slot++) {
      const offset = await itemAt(pages, header, array, slot);
      if (offset === 0)
        return { records, cursor: { fileId: header.fileId, array, slot }, more: false, tailMs: header.tailRealtimeMs };
      const full = records.length >= range.max;
      const record = full ? undefined : await entryAt(pages, header, offset, cache);
      if (record === undefined || record.tMs > range.untilMs)
        return { records, cursor: { fileId: header.fileId, array, slot }, more: full, tailMs: header.tailRealtimeMs };
      records.push(record);
    }
    if (next === 0) break; // stay here: the chain grows from this array
    if (next <= array) throw malformed('its chain of arrays runs backwards');
    array = next;
    slot = 0;
  }
  return { records, cursor: { fileId: header.fileId, array, slot }, more: false, tailMs: header.tailRealtimeMs };
}

async function headerOf(pages: Pages): Promise<JournalHeader> {
  return parseHeader(await pages.bytes(0, headerBytes).catch(() => pages.bytes(0, 208)));
}

interface ArrayAt {
  readonly next: number;
  readonly slots: number;
}

async function arrayAt(pages: Pages, header: JournalHeader, offset: number): Promise<ArrayAt> {
  const { next, size } = parseArray(await pages.bytes(offset, arrayItemsAt));
  return { next, slots: Math.floor((size - arrayItemsAt) / (header.compact ? 4 : 8)) };
}

async function itemAt(pages: Pages, header: JournalHeader, array: number, slot: number): Promise<number> {
  const width = header.compact ? 4 : 8;
  return arrayItem(await pages.bytes(array + arrayItemsAt + slot * width, width), header.compact);
}

// Halves the file until the first entry that is new enough is found: a few page reads, however large the file.
async function seek(pages: Pages, header: JournalHeader, sinceMs: number): Promise<JournalCursor> {
  const arrays: { offset: number; from: number; slots: number }[] = [];
  let from = 0;
  for (let offset = header.firstArray; offset !== 0 && from < header.entries && arrays.length < maxArrays;) {
    const { next, slots } = await arrayAt(pages, header, offset);
    arrays.push({ offset, from, slots: Math.min(slots, header.entries - from) });
    from += slots;
    if (next !== 0 && next <= offset) throw malformed('its chain of arrays runs backwards');
    offset = next;
  }
  const position = (index: number): { offset: number; slot: number } | undefined => {
    const array = arrays.findLast((one) => one.from <= index);
    return array === undefined ? undefined : { offset: array.offset, slot: index - array.from };
  };
  let low = 0;
  let high = arrays.reduce((sum, one) => sum + one.slots, 0);
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const at = position(middle);
    if (at === undefined) break;
    const entry = await itemAt(pages, header, at.offset, at.slot);
    const tMs = entryTimeMs(await pages.bytes(entry, entryHeadBytes));
    if (tMs < sinceMs) low = middle + 1;
    else high = middle;
  }
  const found = position(low);
  return { fileId: header.fileId, array: found?.offset ?? 0, slot: found?.slot ?? 0 };
}

interface Field {
  readonly name: string;
  readonly value: string;
}

const maxEntryBytes = 64 + 1_024 * 16;

async function entryAt(
  pages: Pages,
  header: JournalHeader,
  offset: number,
  cache: Map<number, Field | undefined>,
): Promise<JournalRecord> {
  const { size } = parseObject(await pages.bytes(offset, objectHeaderBytes), objectType.entry);
  if (size < 64) throw malformed('an entry that is too short');
  const entry = parseEntry(await pages.bytes(offset, Math.min(size, maxEntryBytes)), header.compact);
  const fields = new Map<string, string>();
  for (const item of entry.items) {
    const cached = cache.has(item);
    const field = cached ? cache.get(item) : await fieldAt(pages, header, item);
    if (!cached && cache.size < cachedFields && field?.name !== 'MESSAGE') cache.set(item, field);
    if (field !== undefined) fields.set(field.name, field.value);
  }
  return { tMs: entry.tMs, fields };
}

// A data object is looked at only as far as its name, unless it is one of the few that are wanted.
async function fieldAt(pages: Pages, header: JournalHeader, offset: number): Promise<Field | undefined> {
  const start = payloadAt(header.compact);
  const { flags, size } = parseObject(await pages.bytes(offset, objectHeaderBytes), objectType.data);
  const length = size - start;
  if (length <= 0) throw malformed('a field without content');
  if (length > maxStoredPayload) return undefined;
  if ((flags & 7) === 0) {
    const name = nameOf(await pages.bytes(offset + start, Math.min(length, longestName)));
    if (name === undefined || !wantedFields.has(name)) return undefined;
  }
  const payload = payloadOf(await pages.bytes(offset + start, length), flags);
  const name = nameOf(payload.subarray(0, longestName));
  if (name === undefined || !wantedFields.has(name)) return undefined;
  return { name, value: new TextDecoder().decode(payload.subarray(name.length + 1, name.length + 1 + maxValueBytes)) };
}

const maxValueBytes = 64 * 1024;
const equals = 0x3d;

function nameOf(payload: Uint8Array): string | undefined {
  const end = payload.indexOf(equals);
  return end <= 0 ? undefined : new TextDecoder('latin1').decode(payload.subarray(0, end));
}
