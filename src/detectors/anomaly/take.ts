import { limits } from '../../lib/limits.ts';
import type { DetectorBatch } from '../../domain/ports/detector.ts';
import type { Series, SeriesMeta } from '../../domain/telemetry.ts';
import { observe } from './engine.ts';
import { enoughFor, frozenCause, rowOf, type Env } from './env.ts';
import { frozen } from './frozen.ts';
import { column, field, floats, rowsPerChunk } from './layout.ts';
import { follow } from './life.ts';
import { confident, mostSurprise, natureOf, type Nature } from './nature.ts';
import type { Chunk } from './rows.ts';
import { tuning } from './tuning.ts';

// Samples stamped ahead of us would freeze the series until that time came: they are left out, and it goes stale.
const aheadMs = 60_000;

/** Folds a series' new samples in; notes the highest score among them. */
export function take(env: Env, series: Series, index: number, batch: DetectorBatch, scores: Map<number, number>): void {
  const { chunk, slot } = rowOf(env.state, index);
  const f = chunk.floats;
  const at = slot * floats;
  const nature = natureFor(env, series);
  let most = 0;
  let any = false;
  for (const { tMs, v } of series.samples) {
    const lastMs = chunk.doubles[column.lastMs * rowsPerChunk + slot] ?? 0;
    const first = (f[at + field.samples] ?? 0) === 0;
    if (!Number.isFinite(v) || tMs > batch.asOfMs + aheadMs || (!first && tMs <= lastMs)) continue;
    any = true;
    const share = series.nature === 'ratio' ? shareOf(env, series, chunk, slot, v, batch) : undefined;
    const shown = share === undefined ? v : confident(share.ratio, share.total, share.expected) * share.whole;
    observe(chunk, slot, tMs, shown, nature, tuning, env.seen);
    if (share !== undefined)
      env.seen.surprise = Math.min(env.seen.surprise, mostSurprise(share.ratio, share.total, share.expected));
    const x = v - (chunk.doubles[column.origin * rowsPerChunk + slot] ?? 0);
    const stopped =
      series.nature === 'ratio' || series.nature === 'state' ? 0 : frozen(f, at, x, f[at + field.samples] ?? 0);
    f[at + field.last] = x;
    const enough = enoughFor(env, chunk, slot);
    most = Math.max(most, env.seen.surprise / (env.seen.surprise + enough));
    const turn = follow(chunk, slot, x, first ? 0 : (tMs - lastMs) / 1_000, enough, stopped, env.seen, frozenCause);
    if (turn === 'begins') {
      env.attention.add(index);
      if (stopped >= enough) most = Math.max(most, 0.5);
      env.state.seen.set(index, [tMs, v]);
    } else if (turn === 'lasts') remember(env.state.seen.get(index), tMs, v);
    else if (turn === 'ends') env.state.seen.delete(index);
  }
  if (!any) return;
  scores.set(index, most);
  const family = env.state.directory.family(index);
  if (family === undefined || family.arrivedMs >= batch.asOfMs) return;
  if (family.arrivedMs > 0) {
    const gap = batch.asOfMs - family.arrivedMs;
    family.everyMs += (Math.min(gap, family.everyMs === 0 ? gap : 4 * family.everyMs) - family.everyMs) / 4;
  }
  family.arrivedMs = batch.asOfMs;
}

function remember(seen: number[] | undefined, tMs: number, v: number): void {
  if (seen === undefined) return;
  seen.push(tMs, v);
  // Every second one goes when there are too many: a chart of a day needs no more.
  if (seen.length > 2 * limits.detectorRecentSamples)
    for (let pair = 1; 2 * pair < seen.length; pair++) seen.splice(2 * pair, 2);
}

// Few requests prove little: a ratio counts as far as the traffic behind it makes it certain.
function shareOf(
  env: Env,
  series: Series,
  chunk: Chunk,
  slot: number,
  v: number,
  batch: DetectorBatch,
): { readonly ratio: number; readonly total: number; readonly expected: number; readonly whole: number } | undefined {
  env.traffic ??= trafficIn(batch);
  const beside = env.traffic.get(series.service) ?? [];
  const text = JSON.stringify(series.labels);
  const own = beside.length === 1 ? beside[0] : beside.find((one) => JSON.stringify(one.labels) === text);
  const rate = own?.samples.at(-1)?.v;
  const at = slot * floats;
  const seconds = (chunk.floats[at + field.intervalMs] ?? 0) / 1_000;
  if (rate === undefined || seconds === 0) return undefined;
  const whole = series.unit === '%' ? 100 : 1;
  const origin = chunk.doubles[column.origin * rowsPerChunk + slot] ?? 0;
  const expected = Math.max(0, Math.min(1, (origin + (chunk.floats[at + field.level] ?? 0)) / whole));
  return { ratio: v / whole, total: rate * seconds, expected, whole };
}

function trafficIn(batch: DetectorBatch): ReadonlyMap<string, readonly Series[]> {
  const traffic = new Map<string, Series[]>();
  for (const series of batch.series) {
    if (series.signal !== 'traffic' || series.nature !== 'rate') continue;
    const known = traffic.get(series.service);
    if (known === undefined) traffic.set(series.service, [series]);
    else known.push(series);
  }
  return traffic;
}

function natureFor(env: Env, meta: Pick<SeriesMeta, 'nature' | 'unit'>): Nature {
  const name = `${meta.nature} ${meta.unit}`;
  const known = env.natures.get(name) ?? natureOf(meta, env.settings.worse);
  env.natures.set(name, known);
  return known;
}
