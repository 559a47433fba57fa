import { uuidV7 } from '../../src/lib/uuid.ts';
import type { Random } from '../../src/domain/ports/io.ts';

/** Randomness that a seed repeats exactly (mulberry32). */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  const uniform = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
  const bytes = (length: number): Uint8Array => Uint8Array.from({ length }, () => Math.floor(uniform() * 256));
  return { bytes, uniform, id: (nowMs) => uuidV7(nowMs, bytes(10)) };
}
