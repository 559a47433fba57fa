import type { DetectorContext } from '../../domain/ports/detector.ts';
import type { SeriesMeta } from '../../domain/telemetry.ts';
import { bandAt } from './engine.ts';
import { rowOf, type Env } from './env.ts';
import { byte, bytes, column, field, floats, rowsPerChunk } from './layout.ts';
import { enoughFor } from './sample.ts';
import { causes } from './tuning.ts';
import type { Told } from './words.ts';

/** Gathers from a row what sentences and charts need. */
export function toldAbout(env: Env, index: number, meta: SeriesMeta, score: number, context: DetectorContext): Told {
  const { chunk, slot } = rowOf(env.state, index);
  const f = chunk.floats;
  const at = slot * floats;
  const origin = chunk.doubles[column.origin * rowsPerChunk + slot] ?? 0;
  const lastMs = chunk.doubles[column.lastMs * rowsPerChunk + slot] ?? 0;
  const bad = chunk.bytes[slot * bytes + byte.state] === 1;
  const now = bandAt(chunk, slot, lastMs);
  const flat = env.state.seen.get(index) ?? [];
  return {
    meta,
    cause: causes[chunk.bytes[slot * bytes + byte.cause] ?? 0] ?? 'level',
    value: origin + (f[at + field.last] ?? 0),
    low: origin + (bad ? (f[at + field.low] ?? 0) : now.low),
    high: origin + (bad ? (f[at + field.high] ?? 0) : now.high),
    surprise: f[at + field.surprise] ?? 0,
    enough: enoughFor(chunk, slot, env.settings.falseAlarmEveryMs),
    score,
    intervalMs: f[at + field.intervalMs] ?? 0,
    sinceMs: lastMs - 1_000 * (f[at + field.strangeForS] ?? 0),
    lastMs,
    changes: context.changesOf(meta.service),
    seen: Array.from({ length: flat.length / 2 }, (_, pair) => ({
      tMs: flat[2 * pair] ?? 0,
      v: flat[2 * pair + 1] ?? 0,
    })),
    expectedAt(tMs) {
      const { low, high } = bandAt(chunk, slot, tMs);
      return { low: origin + low, high: origin + high };
    },
  };
}
