import { column, field, floats, hours, rowsPerChunk } from './layout.ts';
import type { Chunk } from './rows.ts';

/** What is kept relative to the origin. */
const relative = [
  field.level,
  field.mean,
  field.low,
  field.high,
  field.last,
  ...Array.from({ length: hours }, (_, hour) => field.profile + hour),
];
/** A float holds 24 bits: what is left for a difference below this part of it is too little. */
const part = 2 ** 12;
const muchPart = 2 ** 16;
const largest = 1e15;
const factor = 1e6;

/**
 * Moves the origin of a series to `v` when it went so far from there that a float does not hold any more by how much one
 * value differs from the next: a queue that began at four billion and is nearly empty now.
 */
export function keepNear(chunk: Chunk, slot: number, v: number): void {
  const f = chunk.floats;
  const at = slot * floats;
  const where = column.origin * rowsPerChunk + slot;
  const by = v - (chunk.doubles[where] ?? 0);
  const far = Math.abs(by);
  const miss = f[at + field.missMean] ?? 0;
  const left = far > muchPart * Math.abs(f[at + field.level] ?? 0);
  const strayed = miss > 0 && far > muchPart * miss;
  if (far <= part * Math.abs(v) && !left && !strayed) return;
  chunk.doubles[where] = v;
  for (const one of relative) f[at + one] = (f[at + one] ?? 0) - by;
}

/**
 * Whether `v` is so far beyond the usual size of a series that it is a fault of who counts, such as 2^64 - 1 for one less
 * than nothing: taken in, it would be all the series is measured by for months.
 */
export function isMonstrous(chunk: Chunk, slot: number, v: number): boolean {
  const size = Math.abs(v);
  return size > largest && size > factor * (chunk.floats[slot * floats + field.scale] ?? 0);
}

/** Whether a row was spoilt by a number it could not hold: it knows nothing any more, and never will. */
export function isSpoilt(chunk: Chunk, slot: number): boolean {
  for (let c = 0; c < 2; c++) if (!Number.isFinite(chunk.doubles[c * rowsPerChunk + slot])) return true;
  for (let which = 0; which < floats; which++) {
    const value = chunk.floats[slot * floats + which] ?? 0;
    // Hours that were never seen are not a number.
    if (!Number.isFinite(value) && (which < field.profile || value === value)) return true;
  }
  return false;
}
