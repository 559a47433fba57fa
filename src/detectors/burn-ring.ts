/**
 * A window in buckets: bounded memory whatever the sampling. Per bucket four numbers: its index in time, the time it
 * covers, weight, and weight that was bad. `weighted` becomes 1 once traffic was known.
 */
export interface BurnRing {
  readonly widthMs: number;
  readonly count: number;
  cells: number[];
  weighted: number;
}

/** How fast an error budget goes. */
export interface Burn {
  /** How many times faster than allowed the budget goes, over what was seen of the window. */
  readonly burn: number;
  /** The same if everything unseen in the window was free of errors: never more than the truth. */
  readonly certain: number;
  /** Which part of the window was seen, 0..1. */
  readonly covered: number;
  readonly badEvents: number;
  readonly weighted: boolean;
}

const cellSize = 4;

/** A ring over `windowMs` in `count` buckets. */
export function emptyRing(windowMs: number, count: number): BurnRing {
  return { widthMs: Math.max(1, windowMs / count), count, cells: [], weighted: 0 };
}

/** One sample: newly covered time, the time it speaks for, `bad` in 0..1, `weight` in requests a second (0: unknown). */
export interface Poured {
  readonly tMs: number;
  readonly elapsedMs: number;
  readonly spanMs: number;
  readonly bad: number;
  readonly weight: number;
}

/** Adds one sample to its bucket and drops the buckets that left the window. */
export function pour(ring: BurnRing, { tMs, elapsedMs, spanMs, bad, weight }: Poured): void {
  const index = Math.floor(tMs / ring.widthMs);
  let at = ring.cells.length - cellSize;
  // Buckets of a time that has not come are of a clock that was wrong. They would stay, and count, until it comes.
  for (; at >= 0 && (ring.cells[at] ?? 0) > index; at -= cellSize) ring.cells.length = at;
  if (at < 0 || ring.cells[at] !== index) {
    ring.cells.push(index, 0, 0, 0);
    at = ring.cells.length - cellSize;
    while ((ring.cells[0] ?? index) <= index - ring.count) {
      ring.cells.splice(0, cellSize);
      at -= cellSize;
    }
  }
  // Before the first distance between samples is known a sample speaks for a second: it must not vanish.
  const events = ((weight > 0 ? weight : 1) * (spanMs || 1_000)) / 1_000;
  if (weight > 0) ring.weighted = 1;
  ring.cells[at + 1] = (ring.cells[at + 1] ?? 0) + elapsedMs;
  ring.cells[at + 2] = (ring.cells[at + 2] ?? 0) + events;
  ring.cells[at + 3] = (ring.cells[at + 3] ?? 0) + events * bad;
}

/** The burn over the ring's window up to `nowMs`, for an error budget of `budget` (0.001 for 99.9 %). */
export function burnOver(ring: BurnRing | undefined, nowMs: number, budget: number): Burn {
  if (ring === undefined) return { burn: 0, certain: 0, covered: 0, badEvents: 0, weighted: false };
  const newest = Math.floor(nowMs / ring.widthMs);
  let coveredMs = 0;
  let events = 0;
  let bad = 0;
  for (let at = 0; at < ring.cells.length; at += cellSize) {
    if ((ring.cells[at] ?? 0) <= newest - ring.count) continue;
    coveredMs += ring.cells[at + 1] ?? 0;
    events += ring.cells[at + 2] ?? 0;
    bad += ring.cells[at + 3] ?? 0;
  }
  const covered = Math.min(1, coveredMs / (ring.widthMs * ring.count));
  // The newest bucket is only partly over: a window that is seen to nine tenths counts as seen.
  const burn = events > 0 ? bad / events / budget : 0;
  return {
    burn,
    certain: burn * (covered >= 0.9 ? 1 : covered),
    covered,
    badEvents: bad,
    weighted: ring.weighted === 1,
  };
}
