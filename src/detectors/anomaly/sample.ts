import { observe, type Seen } from './engine.ts';
import { frozen } from './frozen.ts';
import { column, field, floats, rowsPerChunk } from './layout.ts';
import { follow, type Turn } from './life.ts';
import type { Nature } from './nature.ts';
import type { Chunk } from './rows.ts';
import type { Tuning } from './tuning.ts';

/** One sample of a series, and what is known of its weight. */
export interface Shown {
  v: number;
  /** What the engine is shown in its place: of a ratio, what its traffic makes certain. */
  certain: number;
  /** The most surprise it can be worth. */
  most: number;
}

/** How a series is judged. */
export interface Manner {
  readonly nature: Nature;
  /** Whether a value that stands still means anything: no errors for a day do not. */
  readonly freezes: boolean;
  readonly falseAlarmEveryMs: number;
  readonly tuned: Tuning;
}

/**
 * Folds one sample in and says what became of the series; `seen.score` grades the sample in 0..1, where 0.5 is just
 * surprising enough. The live path, backtests and benches all come through here.
 */
export function foldSample(chunk: Chunk, slot: number, tMs: number, shown: Shown, manner: Manner, seen: Seen): Turn {
  const f = chunk.floats;
  const at = slot * floats;
  const lastMs = chunk.doubles[column.lastMs * rowsPerChunk + slot] ?? 0;
  observe(chunk, slot, tMs, shown.certain, manner.nature, manner.tuned, seen);
  const n = f[at + field.samples] ?? 0;
  seen.surprise = Math.min(seen.surprise, shown.most);
  const x = shown.v - (chunk.doubles[column.origin * rowsPerChunk + slot] ?? 0);
  const stopped = manner.freezes ? frozen(f, at, x, n) : 0;
  f[at + field.last] = x;
  const enough = enoughFor(chunk, slot, manner.falseAlarmEveryMs);
  const elapsedS = n === 1 ? 0 : Math.max(0, tMs - lastMs) / 1_000;
  const turn = follow(chunk, slot, x, elapsedS, enough, stopped, seen);
  seen.score = seen.surprise / (seen.surprise + enough);
  if (turn === 'begins' && stopped >= enough) seen.score = Math.max(seen.score, stopped / (stopped + enough));
  return turn;
}

/** The surprise that comes once in the wanted time by chance, at this series' pace of samples. */
export function enoughFor(chunk: Chunk, slot: number, falseAlarmEveryMs: number): number {
  const intervalMs = chunk.floats[slot * floats + field.intervalMs] ?? 0;
  return Math.max(3, Math.log(falseAlarmEveryMs / Math.max(1_000, intervalMs || 60_000)));
}
