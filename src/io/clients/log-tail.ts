import type { LogSeverity } from '../../domain/telemetry.ts';
import type { Labels } from '../../domain/telemetry.ts';
import type { ReadFault } from './http-reader.ts';
import type { Fault } from './polite-http.ts';

/** A record as a store keeps it. */
export interface StoredRecord {
  /** Epoch nanoseconds, as precise as the store is. */
  readonly ns: bigint;
  /** Tells it from every other; two that are alike in all the store knows may share it. */
  readonly id: string;
  readonly severity: LogSeverity;
  readonly body: string;
  readonly attributes: Labels;
}

/** The oldest records of a stretch `[fromNs, untilNs)`, oldest first, at most `limit`. */
export interface LogPage {
  readonly records: readonly StoredRecord[];
  /** The store's own doubts about the answer. */
  readonly partial?: string;
}

/** Asks a store for one page. */
export type FetchPage = (
  fromNs: bigint,
  untilNs: bigint,
  limit: number,
  signal: AbortSignal,
) => Promise<LogPage | Fault>;

/** How a store is read. */
export interface TailLimits {
  /** Records may come into the store this much after their own time. */
  readonly lateMs: number;
  readonly pageRecords: number;
  /** The largest page that the store gives. */
  readonly pageRecordsMax: number;
}

/** Where a reading stands: what was read up to, and what of the last `lateMs` was handed out. */
export interface Cursor {
  readonly untilNs: bigint;
  readonly seen: ReadonlyMap<string, { readonly ns: bigint; readonly times: number }>;
}

/** What a reading gave. */
export interface Tailed {
  readonly records: readonly StoredRecord[];
  readonly faults: readonly (ReadFault & { readonly fromMs: number; readonly untilMs: number })[];
  readonly cursor: Cursor;
}

/** After an outage this much of what was missed is read at most; what lies before is named as missed. */
export const longestCatchUpMs = 3_600_000;
const million = 1_000_000n;

/** The cursor of a reading that begins at a time. */
export function cursorAt(ms: number): Cursor {
  return { untilNs: nsOf(ms), seen: new Map() };
}

/** Epoch milliseconds as nanoseconds. */
export function nsOf(ms: number): bigint {
  return BigInt(Math.round(ms)) * million;
}

/** Epoch nanoseconds as whole milliseconds. */
export function msOf(ns: bigint): number {
  return Number(ns / million);
}

/**
 * Reads on from a cursor, and again what may have come late before it. Nothing is handed out twice and nothing is left
 * out, also where many records share an instant or are alike in everything: a page that is full ends before its last
 * instant, which is read whole by the next one, and what was handed out is counted, not merely remembered. When
 * `most` records are read, the rest comes with the next reading; a failure keeps what was read before it.
 */
export async function readOn(
  cursor: Cursor,
  untilMs: number,
  most: number,
  limits: TailLimits,
  fetch: FetchPage,
  signal: AbortSignal,
): Promise<Tailed> {
  const faults: Tailed['faults'][number][] = [];
  const untilNs = nsOf(untilMs);
  const earliestNs = untilNs - nsOf(longestCatchUpMs);
  let beginNs = cursor.untilNs - nsOf(limits.lateMs);
  if (cursor.untilNs < earliestNs) {
    const message = `more than ${longestCatchUpMs / 60_000} minutes behind: what lies before was not read`;
    faults.push({ reason: 'too-large', message, fromMs: msOf(cursor.untilNs), untilMs: msOf(earliestNs) });
    beginNs = earliestNs;
  }
  const counts = new Map<string, { readonly ns: bigint; readonly times: number }>();
  const fresh: StoredRecord[] = [];
  let atNs = beginNs;
  const usual = Math.min(limits.pageRecords, most);
  let size = usual;
  while (atNs < untilNs) {
    const page = await fetch(atNs, untilNs, size, signal);
    if ('fault' in page) {
      faults.push({ ...page.fault, fromMs: msOf(atNs), untilMs });
      break;
    }
    if (page.partial !== undefined)
      faults.push({ reason: 'partial', message: page.partial, fromMs: msOf(atNs), untilMs });
    const step = stepOf(page.records, size, untilNs, limits.pageRecordsMax);
    if (step === 'larger') {
      size = Math.min(size * 2, limits.pageRecordsMax);
      continue;
    }
    if (step.cut)
      faults.push({
        ...{ reason: 'too-large', message: `more than ${size} records at one instant: the rest of them was not read` },
        ...{ fromMs: msOf(step.nextNs), untilMs: msOf(step.nextNs) },
      });
    for (const record of step.records) {
      const times = (counts.get(record.id)?.times ?? 0) + 1;
      counts.set(record.id, { ns: record.ns, times });
      if (times > (cursor.seen.get(record.id)?.times ?? 0)) fresh.push(record);
    }
    atNs = step.nextNs;
    size = usual;
    if (fresh.length >= most && atNs < untilNs) {
      const message = `${fresh.length} records were read at once; those after them come with the next reading`;
      faults.push({ reason: 'late', message, fromMs: msOf(atNs), untilMs });
      break;
    }
  }
  return { records: fresh, faults, cursor: advanced(cursor, counts, beginNs, atNs, limits.lateMs) };
}

// A full page ends before its last instant; one that is nothing but one instant has to be asked for larger.
function stepOf(
  records: readonly StoredRecord[],
  size: number,
  untilNs: bigint,
  largest: number,
): 'larger' | { readonly records: readonly StoredRecord[]; readonly nextNs: bigint; readonly cut: boolean } {
  const last = records.at(-1);
  if (last === undefined || records.length < size) return { records, nextNs: untilNs, cut: false };
  const before = records.filter(({ ns }) => ns < last.ns);
  if (before.length > 0) return { records: before, nextNs: last.ns, cut: false };
  return size < largest ? 'larger' : { records, nextNs: last.ns + 1n, cut: true };
}

function advanced(
  cursor: Cursor,
  counts: ReadonlyMap<string, { readonly ns: bigint; readonly times: number }>,
  beginNs: bigint,
  atNs: bigint,
  lateMs: number,
): Cursor {
  const untilNs = atNs > cursor.untilNs ? atNs : cursor.untilNs;
  const keepFromNs = untilNs - nsOf(lateMs);
  // What this reading did not get to is as it was.
  const kept = [...cursor.seen].filter(([, { ns }]) => ns < beginNs || ns >= atNs);
  return { untilNs, seen: new Map([...kept, ...counts].filter(([, { ns }]) => ns >= keepFromNs)) };
}
