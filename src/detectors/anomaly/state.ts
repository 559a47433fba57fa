import type { Json } from '../../lib/json.ts';
import { createDirectory, type Directory, type Family, type SavedRow } from './directory.ts';
import { byte, bytes, rowsPerChunk } from './layout.ts';
import { isSpoilt } from './origin.ts';
import { clearRow, createRows, packChunk, unpackChunk, type Chunk, type Rows } from './rows.ts';

/** Everything a bank keeps. `seen` holds the samples since something became strange, for charts, as tMs, v, tMs, v. */
export interface State {
  readonly rows: Rows;
  readonly directory: Directory;
  readonly seen: Map<number, number[]>;
  /** The chunk whose turn it is to be saved. */
  next: number;
}

/** One chunk of series as it is saved. */
interface SavedChunk {
  readonly families: readonly Family[];
  readonly rows: readonly SavedRow[];
  readonly data: string;
  readonly seen: readonly (readonly [number, readonly number[]])[];
}

/** Nothing seen yet. */
export function emptyState(): State {
  return { rows: createRows(), directory: createDirectory(), seen: new Map(), next: 0 };
}

/** Every chunk of series as a part: `0`, `1` ... */
export function saveEvery(state: State): Iterable<readonly [string, Json]> {
  return saveChunks(state, state.rows.chunks.length, () => true);
}

/** At most `most` of those that changed since they were last saved: the first when it never was, then round and round. */
export function saveChanged(state: State, most: number): Iterable<readonly [string, Json]> {
  return saveChunks(state, most, (chunk) => chunk.dirty);
}

function* saveChunks(
  state: State,
  most: number,
  wanted: (chunk: Chunk) => boolean,
): Generator<readonly [string, Json]> {
  const { chunks } = state.rows;
  const from = state.next;
  let given = 0;
  for (let step = 0; step < chunks.length && given < most; step++) {
    const number = (from + step) % chunks.length;
    const chunk = chunks[number];
    if (chunk === undefined || !wanted(chunk)) continue;
    chunk.dirty = false;
    state.next = (number + 1) % chunks.length;
    given++;
    yield [String(number), saveChunk(state, chunk, number) as unknown as Json];
  }
}

function saveChunk(state: State, chunk: Chunk, number: number): SavedChunk {
  const from = number * rowsPerChunk;
  const count = Math.min(rowsPerChunk, state.rows.size - from);
  const families: Family[] = [];
  const numbers = new Map<number, number>();
  const all = state.directory.families();
  const rows = state.directory.rows(from, from + count).map((row): SavedRow => {
    if (row === null) return null;
    const family = all[row[1]];
    if (family !== undefined && !numbers.has(row[1])) {
      numbers.set(row[1], families.length);
      families.push({ ...family });
    }
    const own = numbers.get(row[1]) ?? 0;
    return row[2] === undefined ? [row[0], own] : [row[0], own, row[2]];
  });
  const seen = [...state.seen]
    .filter(([index]) => index >= from && index < from + count)
    .map(([index, flat]) => [index, [...flat]] as const);
  return { families, rows, data: packChunk(chunk, count), seen };
}

/** The state those parts hold; from the first one that cannot be read on, series start anew. */
export function restoreState(parts: ReadonlyMap<string, Json>): State {
  const chunks: Chunk[] = [];
  const used = new Set<number>();
  const directory = createDirectory();
  const seen = new Map<number, number[]>();
  for (let number = 0; parts.has(String(number)); number++) {
    const saved = parts.get(String(number)) as unknown as SavedChunk;
    const chunk = unpackChunk(saved.data, saved.rows.length);
    if (chunk === undefined) break;
    const from = number * rowsPerChunk;
    chunks.push(chunk);
    directory.restore(saved.families, saved.rows, from);
    for (const [index, flat] of saved.seen) seen.set(index, [...flat]);
    saved.rows.forEach((row, offset) => {
      if (row === null) return;
      used.add(from + offset);
      if (!isSpoilt(chunk, offset)) return;
      clearRow(chunk, offset);
      // An alert of its earlier life may wait for it.
      chunk.bytes[offset * bytes + byte.told] = 1;
      seen.delete(from + offset);
    });
  }
  return { rows: createRows(chunks, used), directory, seen, next: 0 };
}
