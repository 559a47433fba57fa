import { field } from './layout.ts';
import { moved } from './moved.ts';

const dayMs = 86_400_000;
/** Weeks that the offset of a day remembers. */
const memory = 4;
/** Before a whole week was foretold, nothing is proven of weeks. */
const leastMs = 14 * dayMs;

/**
 * What part more or less than its hour's the day of the week lets a series have, in full: a Sunday has less of a peak, and
 * less of a night. It counts by `provenWeek`.
 */
export function ofDay(f: Float32Array, at: number, tMs: number): number {
  return f[at + field.days + dayOf(tMs)] ?? 0;
}

/**
 * How far the day of the week counts: 0 before two weeks were seen, and where foretelling by the day was no better, 1
 * where it was better by a fifth.
 */
export function provenWeek(f: Float32Array, at: number): number {
  const alone = f[at + field.missHourly] ?? 0;
  if (alone <= 0 || (f[at + field.samples] ?? 0) * (f[at + field.intervalMs] ?? 0) < leastMs) return 0;
  return Math.max(0, Math.min(1, 5 * (1 - (f[at + field.missWeek] ?? 0) / alone)));
}

/**
 * Learns how far this sample lay from what its hour let expect (`rest`; `absolute` is what that was), and whether its
 * day would have told; `share` is what was proven of the week before it. A step of least mean squares (Widrow and Hoff
 * 1960), normalised by the usual size.
 */
export function learnDay(
  f: Float32Array,
  at: number,
  tMs: number,
  rest: number,
  absolute: number,
  share: number,
): void {
  const perDay = dayMs / Math.max(1_000, f[at + field.intervalMs] ?? 0);
  const seen = f[at + field.samples] ?? 0;
  const where = at + field.days + dayOf(tMs);
  const part = f[where] ?? 0;
  const miss = rest - part * absolute;
  const isFirst = seen <= 7 * perDay;
  if (!isFirst) {
    const within = Math.min(seen, 14 * perDay);
    moved(f, at + field.missHourly, Math.abs(rest), within);
    moved(f, at + field.missWeek, Math.abs(miss), within);
  }
  if (share > (f[at + field.weekProven] ?? 0)) narrow(f, at, share);
  const scale = f[at + field.scale] ?? 0;
  if (scale <= 0) return;
  // The first time, the mean of the day so far; from then on so many weeks count.
  const pace = isFirst ? Math.min(seen, (tMs / dayMs - Math.floor(tMs / dayMs)) * perDay + 1) : memory * perDay;
  const size = absolute / scale;
  f[where] = part + (miss * size) / (scale * Math.max(1, size * size) * pace);
}

// What the day explains is no part of the usual any more: the record of the feature it explains shrinks with it, once.
function narrow(f: Float32Array, at: number, share: number): void {
  const before = f[at + field.weekProven] ?? 0;
  f[at + field.weekProven] = share;
  const left = (f[at + field.missWeek] ?? 0) / (f[at + field.missHourly] ?? 1);
  const factor = (1 - share * (1 - left)) / (1 - before * (1 - left));
  for (const side of [0, 1]) f[at + field.records + side] = factor * (f[at + field.records + side] ?? 0);
}

function dayOf(tMs: number): number {
  const day = Math.floor(tMs / dayMs) % 7;
  return day < 0 ? day + 7 : day;
}
