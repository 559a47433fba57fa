import { formatDuration } from '../../lib/duration.ts';
import { limits } from '../../lib/limits.ts';
import type { DetectorBatch, DetectorContext } from '../../domain/ports/detector.ts';
import type { SeriesMeta } from '../../domain/telemetry.ts';
import type { Verdict } from '../fold.ts';
import { isGone } from '../forgetting.ts';
import { gapFor, lateness } from '../silence.ts';
import { subject } from '../words.ts';
import { isAhead } from '../ahead.ts';
import { setBack, type Env } from './env.ts';
import { column, field, floats, rowsPerChunk } from './layout.ts';

/**
 * Series that brought nothing for five of their intervals, or whose source says it cannot be read. `forget` gets those
 * that are long gone and watched by nobody.
 */
export function findQuiet(
  env: Env,
  batch: DetectorBatch,
  context: DetectorContext,
  forget: (index: number) => void,
): ReadonlyMap<number, Verdict> {
  const quiet = new Map<number, Verdict>();
  const { rows, directory } = env.state;
  for (let index = 0; index < rows.size; index++) {
    const chunk = rows.chunks[Math.floor(index / rowsPerChunk)];
    const slot = index % rowsPerChunk;
    if (isAhead(chunk?.doubles[column.lastMs * rowsPerChunk + slot] ?? 0, batch.asOfMs))
      setBack(env.state, index, batch.asOfMs);
    const lastMs = chunk?.doubles[column.lastMs * rowsPerChunk + slot] ?? 0;
    const quietMs = batch.asOfMs - lastMs;
    if (chunk === undefined || (quietMs < 10_000 && batch.gaps.length === 0) || !rows.inUse(index)) continue;
    const usualMs = chunk.floats[slot * floats + field.intervalMs] ?? 0;
    const family = directory.family(index);
    const everyMs = Math.max(usualMs === 0 ? 60_000 : usualMs, family?.everyMs ?? 0);
    const granted = lateness(family?.lateMs ?? 0);
    const fresh = (family?.arrivedMs ?? 0) === batch.asOfMs && quietMs <= Math.max(10_000, everyMs) + granted;
    const stale = quietMs > Math.max(10_000, 5 * everyMs) + granted;
    if (fresh || (!stale && batch.gaps.length === 0)) continue;
    const isLong = quietMs >= limits.detectorSeriesForgetMs;
    const stays = isLong && family !== undefined && !isGone(lastMs, family, env.listening, batch.asOfMs);
    // One that sleeps, and of which nobody waits to hear, is only remembered.
    if (stays && !env.attention.has(index)) continue;
    const meta = directory.metaOf(index);
    if (meta === undefined) continue;
    if (isLong && !context.isWatched(meta)) {
      if (!stays) forget(index);
      continue;
    }
    const verdict = silent(meta, quietMs, stale, batch);
    if (verdict !== undefined) quiet.set(index, verdict);
  }
  return quiet;
}

function silent(meta: SeriesMeta, quietMs: number, stale: boolean, batch: DetectorBatch): Verdict | undefined {
  const gap = gapFor(meta, batch.gaps);
  const numbers = { quiet_s: quietMs / 1_000 };
  const base = { state: 'unknown', numbers, confidence: 0 } as const;
  if (gap !== undefined) return { ...base, reason: `${subject(meta)} cannot be read: ${gap.message}` };
  if (!stale) return undefined;
  return {
    ...base,
    reason: `${subject(meta)} has sent nothing for ${formatDuration(quietMs)}: silence is not recovery, so its state is unknown`,
  };
}
