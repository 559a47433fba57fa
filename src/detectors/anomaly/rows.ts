import { bytes, columns, floats, rowBytes, rowsPerChunk } from './layout.ts';

/** The state of up to `rowsPerChunk` series. Columns are contiguous, rows of floats and bytes are contiguous each. */
export interface Chunk {
  readonly doubles: Float64Array;
  readonly floats: Float32Array;
  readonly bytes: Uint8Array;
  dirty: boolean;
}

/** Series by number, in chunks that never move. A number is free again after `free`. */
export interface Rows {
  readonly chunks: readonly Chunk[];
  /** One more than the highest number in use. */
  readonly size: number;
  take(): number;
  free(index: number): void;
  inUse(index: number): boolean;
}

/** Rows for series; `restored` chunks hold what `packChunk` gave, their free rows are those not in `used`. */
export function createRows(restored: readonly Chunk[] = [], used: ReadonlySet<number> = new Set()): Rows {
  const chunks: Chunk[] = [...restored];
  const vacant: number[] = [];
  let size = 0;
  for (const index of used) size = Math.max(size, index + 1);
  const isVacant = new Set<number>();
  for (let index = size - 1; index >= 0; index--)
    if (!used.has(index)) {
      vacant.push(index);
      isVacant.add(index);
    }
  return {
    chunks,
    get size() {
      return size;
    },
    take() {
      const again = vacant.pop();
      if (again !== undefined) {
        isVacant.delete(again);
        return again;
      }
      if (size === chunks.length * rowsPerChunk) chunks.push(emptyChunk());
      return size++;
    },
    free(index) {
      const chunk = chunks[Math.floor(index / rowsPerChunk)];
      if (chunk === undefined) return;
      clearRow(chunk, index % rowsPerChunk);
      vacant.push(index);
      isVacant.add(index);
    },
    inUse: (index) => index < size && !isVacant.has(index),
  };
}

/** Makes a row new again. */
export function clearRow(chunk: Chunk, slot: number): void {
  for (let c = 0; c < columns; c++) chunk.doubles[c * rowsPerChunk + slot] = 0;
  chunk.floats.fill(0, slot * floats, (slot + 1) * floats);
  chunk.bytes.fill(0, slot * bytes, (slot + 1) * bytes);
  chunk.dirty = true;
}

/** A chunk in which every row is new. */
export function emptyChunk(): Chunk {
  // One piece of memory: three would each be rounded up.
  const memory = new ArrayBuffer(rowsPerChunk * rowBytes);
  const floatsFrom = rowsPerChunk * columns * 8;
  const bytesFrom = floatsFrom + rowsPerChunk * floats * 4;
  return {
    doubles: new Float64Array(memory, 0, rowsPerChunk * columns),
    floats: new Float32Array(memory, floatsFrom, rowsPerChunk * floats),
    bytes: new Uint8Array(memory, bytesFrom, rowsPerChunk * bytes),
    dirty: true,
  };
}

/** The first `count` rows as text that `unpackChunk` reads back bit by bit. */
export function packChunk(chunk: Chunk, count: number): string {
  const packed = new Uint8Array(count * rowBytes);
  let at = 0;
  const put = (part: Uint8Array): void => {
    packed.set(part, at);
    at += part.length;
  };
  for (let c = 0; c < columns; c++) put(asBytes(chunk.doubles.subarray(c * rowsPerChunk, c * rowsPerChunk + count)));
  put(asBytes(chunk.floats.subarray(0, count * floats)));
  put(chunk.bytes.subarray(0, count * bytes));
  return toBase64(packed);
}

/** The chunk that was packed; `undefined` when the text is not one of `count` rows. */
export function unpackChunk(text: string, count: number): Chunk | undefined {
  const packed = fromBase64(text);
  if (count > rowsPerChunk || packed?.length !== count * rowBytes) return undefined;
  const chunk = emptyChunk();
  let at = 0;
  const take = (into: Uint8Array): void => {
    into.set(packed.subarray(at, at + into.length));
    at += into.length;
  };
  for (let c = 0; c < columns; c++) take(asBytes(chunk.doubles.subarray(c * rowsPerChunk, c * rowsPerChunk + count)));
  take(asBytes(chunk.floats.subarray(0, count * floats)));
  take(chunk.bytes.subarray(0, count * bytes));
  chunk.dirty = false;
  return chunk;
}

function asBytes(view: Float64Array | Float32Array): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

function toBase64(packed: Uint8Array): string {
  const parts: string[] = [];
  for (let at = 0; at < packed.length; at += 0x2000)
    parts.push(String.fromCharCode(...packed.subarray(at, at + 0x2000)));
  return btoa(parts.join(''));
}

function fromBase64(text: string): Uint8Array | undefined {
  try {
    const binary = atob(text);
    const packed = new Uint8Array(binary.length);
    for (let at = 0; at < binary.length; at++) packed[at] = binary.charCodeAt(at);
    return packed;
  } catch {
    return undefined;
  }
}
