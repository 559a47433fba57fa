import type { Seen } from './engine.ts';
import { byte, bytes, field, floats } from './layout.ts';
import type { Chunk } from './rows.ts';
import { causes } from './tuning.ts';

const frozenCause = causes.indexOf('frozen');

/** How many samples in a row must lie where they are expected before it is over. */
export const calmSamples = 5;
/** What has lasted this long is normal now. */
export const adoptS = 86_400;

/** What became of a series with its newest sample. */
export type Turn = 'begins' | 'lasts' | 'ends' | 'none';

/**
 * The life of something strange: it begins when a sample is surprising enough, and ends when values are back in the
 * band they left for `calmSamples` samples, or after a day: then the new level is the normal one.
 */
export function follow(
  chunk: Chunk,
  slot: number,
  x: number,
  elapsedS: number,
  enough: number,
  frozenNow: number,
  seen: Seen,
): Turn {
  const f = chunk.floats;
  const at = slot * floats;
  const b = slot * bytes;
  const stopped = frozenNow >= enough;
  if (chunk.bytes[b + byte.state] === 0) {
    if (!stopped && seen.surprise < enough) return 'none';
    chunk.bytes[b + byte.state] = 1;
    chunk.bytes[b + byte.calm] = 0;
    chunk.bytes[b + byte.told] = 1;
    chunk.bytes[b + byte.cause] = stopped ? frozenCause : seen.cause;
    f[at + field.strangeForS] = 0;
    f[at + field.low] = seen.low;
    f[at + field.high] = seen.high;
    f[at + field.surprise] = stopped ? frozenNow : seen.surprise;
    return 'begins';
  }
  const lastedS = (f[at + field.strangeForS] ?? 0) + elapsedS;
  f[at + field.strangeForS] = lastedS;
  f[at + field.surprise] = Math.max(f[at + field.surprise] ?? 0, seen.surprise);
  const calm = chunk.bytes[b + byte.cause] === frozenCause ? (f[at + field.run] ?? 0) === 0 : isInside(f, at, x);
  const soFar = calm ? (chunk.bytes[b + byte.calm] ?? 0) + 1 : 0;
  chunk.bytes[b + byte.calm] = Math.min(255, soFar);
  if (soFar < calmSamples && lastedS < adoptS) return 'lasts';
  chunk.bytes[b + byte.state] = 0;
  return 'ends';
}

// A little beyond the edge is inside: the band's edges are the records of a moment, and the next record is no relapse.
function isInside(f: Float32Array, at: number, x: number): boolean {
  const low = f[at + field.low] ?? 0;
  const high = f[at + field.high] ?? 0;
  const beyond = (high - low) / 10;
  return x >= low - beyond && x <= high + beyond;
}
