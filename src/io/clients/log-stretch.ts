import type { CollectRequest } from '../../domain/ports/source.ts';
import {
  cursorAt,
  longestCatchUpMs,
  readOn,
  type Cursor,
  type FetchPage,
  type StoredRecord,
  type Tailed,
  type TailLimits,
} from './log-tail.ts';

/** What is read, and where readings of it stand. */
export interface Stretch {
  /** Under which of the cursors live readings of it go on. */
  readonly key: string;
  readonly cursors: Map<string, Cursor>;
  readonly most: number;
  readonly limits: TailLimits;
  readonly fetch: FetchPage;
}

/** What a request asks for: live, on from where the last reading stopped; of the past, the stretch it names. */
export async function readStretch(
  request: Pick<CollectRequest, 'mode' | 'fromMs' | 'untilMs'>,
  stretch: Stretch,
  signal: AbortSignal,
): Promise<Pick<Tailed, 'records' | 'faults'>> {
  const { key, cursors, most, limits, fetch } = stretch;
  if (request.mode === 'history') return readPast(request.fromMs, request.untilMs, stretch, signal);
  const cursor = cursors.get(key) ?? cursorAt(request.fromMs);
  const read = await readOn(cursor, request.untilMs, most, limits, fetch, signal);
  cursors.set(key, read.cursor);
  return read;
}

// The newest hour first: what led to the trouble is there. Where there is more than `most`, or a failure, what is older
// is left out and named as missed.
async function readPast(
  fromMs: number,
  untilMs: number,
  { most, limits, fetch }: Stretch,
  signal: AbortSignal,
): Promise<Pick<Tailed, 'records' | 'faults'>> {
  let records: readonly StoredRecord[] = [];
  let endMs = untilMs;
  while (endMs > fromMs) {
    const beginMs = Math.max(fromMs, endMs - longestCatchUpMs);
    const room = most - records.length;
    const hour = await readOn(cursorAt(beginMs), endMs, room, { ...limits, lateMs: 0 }, fetch, signal);
    records = [...hour.records, ...records];
    endMs = beginMs;
    if (endMs <= fromMs) return { records, faults: hour.faults };
    if (hour.faults.length === 0 && records.length < most) continue;
    const message = 'what lies before was not asked for: what came after it filled the room, or was not read whole';
    return { records, faults: [...hour.faults, { reason: 'partial', message, fromMs, untilMs: endMs }] };
  }
  return { records, faults: [] };
}
