import { limits } from '../../lib/limits.ts';
import type { DetectorBatch, DetectorContext } from '../../domain/ports/detector.ts';
import type { Sample, Series, SeriesMeta } from '../../domain/telemetry.ts';
import { isAhead } from '../ahead.ts';
import { noteWaking } from '../forgetting.ts';
import { isMeant } from '../meant.ts';
import { ready } from './engine.ts';
import { rowOf, setBack, type Env } from './env.ts';
import { byte, bytes, column, field, floats, rowsPerChunk } from './layout.ts';
import { confident, mostSurprise, natureOf } from './nature.ts';
import type { Chunk } from './rows.ts';
import { isMonstrous } from './origin.ts';
import { foldSample, type Manner } from './sample.ts';
import { trafficAt, type Behind } from './traffic.ts';
import { tuning } from './tuning.ts';

/** A series of this step, and the highest score among its new samples. */
export interface Heard {
  readonly series: Series;
  readonly score: number;
}

/** Folds a series' new samples in; notes what was heard of those that somebody may ask about. */
export function take(
  env: Env,
  series: Series,
  index: number,
  batch: DetectorBatch,
  heard: Map<number, Heard>,
  context: DetectorContext,
): void {
  const { chunk, slot } = rowOf(env.state, index);
  const f = chunk.floats;
  const at = slot * floats;
  setBack(env.state, index, batch.asOfMs);
  const manner = mannerFor(env, series);
  let most = 0;
  let any = false;
  const isRatio = series.nature === 'ratio';
  const traffic = isRatio ? env.traffic.behind(series, env.state.directory.family(index)) : undefined;
  for (const sample of series.samples) {
    const { tMs, v } = sample;
    const lastMs = chunk.doubles[column.lastMs * rowsPerChunk + slot] ?? 0;
    const first = (f[at + field.samples] ?? 0) === 0;
    if (!isMeant(v) || isAhead(tMs, batch.asOfMs) || (!first && tMs <= lastMs)) continue;
    if (!first && isMonstrous(chunk, slot, v)) continue;
    any = true;
    env.shown.v = env.shown.certain = v;
    env.shown.most = Infinity;
    if (traffic !== undefined) weighShare(env, series, chunk, slot, sample, traffic);
    const turn = foldSample(chunk, slot, tMs, env.shown, manner, env.seen);
    most = Math.max(most, env.seen.score);
    if (turn === 'begins') {
      env.attention.add(index);
      env.state.seen.set(index, [tMs, v]);
    } else if (turn === 'lasts') remember(env.state.seen.get(index), tMs, v);
    else if (turn === 'ends') env.state.seen.delete(index);
  }
  if (!any) return;
  attend(env, series, index, context);
  if (env.attention.has(index)) heard.set(index, { series, score: most });
  const family = env.state.directory.family(index);
  if (family === undefined) return;
  const lateMs = batch.asOfMs - (chunk.doubles[column.lastMs * rowsPerChunk + slot] ?? 0);
  family.lateMs = family.arrivedMs >= batch.asOfMs ? Math.max(family.lateMs, lateMs) : lateMs;
  if (family.arrivedMs >= batch.asOfMs) return;
  noteWaking(family, batch.asOfMs);
  if (family.arrivedMs > 0) {
    const gap = batch.asOfMs - family.arrivedMs;
    family.everyMs += (Math.min(gap, family.everyMs === 0 ? gap : 4 * family.everyMs) - family.everyMs) / 4;
  }
  family.arrivedMs = batch.asOfMs;
}

// Only what is strange, or what somebody waits to hear well of, is spoken of. A series is asked about once when it has
// grown up, because an alert of an earlier life may wait for it, and again after it was strange.
function attend(env: Env, series: Series, index: number, context: DetectorContext): void {
  const { chunk, slot } = rowOf(env.state, index);
  const b = slot * bytes;
  if (chunk.bytes[b + byte.told] !== 1 || !ready(chunk, slot)) return;
  if (chunk.bytes[b + byte.state] === 1 || context.isWatched(series)) env.attention.add(index);
  else {
    chunk.bytes[b + byte.told] = 0;
    env.attention.delete(index);
  }
}

function remember(seen: number[] | undefined, tMs: number, v: number): void {
  if (seen === undefined) return;
  seen.push(tMs, v);
  // Every second one goes when there are too many: a chart of a day needs no more.
  if (seen.length > 2 * limits.detectorRecentSamples)
    for (let pair = 1; 2 * pair < seen.length; pair++) seen.splice(2 * pair, 2);
}

// Few requests prove little: a ratio counts as far as the traffic behind it makes it certain.
function weighShare(env: Env, series: Series, chunk: Chunk, slot: number, { tMs, v }: Sample, traffic: Behind): void {
  const at = slot * floats;
  const intervalMs = chunk.floats[at + field.intervalMs] ?? 0;
  const rate = trafficAt(traffic, tMs, intervalMs);
  if (rate === undefined || intervalMs === 0) return;
  const requests = (rate * intervalMs) / 1_000;
  const whole = series.unit === '%' ? 100 : 1;
  const origin = chunk.doubles[column.origin * rowsPerChunk + slot] ?? 0;
  const expected = Math.max(0, Math.min(1, (origin + (chunk.floats[at + field.level] ?? 0)) / whole));
  env.shown.certain = confident(v / whole, requests, expected) * whole;
  env.shown.most = mostSurprise(v / whole, requests, expected);
}

function mannerFor(env: Env, meta: Pick<SeriesMeta, 'nature' | 'unit'>): Manner {
  const name = `${meta.nature} ${meta.unit}`;
  const known = env.manners.get(name);
  if (known !== undefined) return known;
  const manner = {
    nature: natureOf(meta, env.settings.worse),
    freezes: meta.nature !== 'ratio' && meta.nature !== 'state',
    falseAlarmEveryMs: env.settings.falseAlarmEveryMs,
    tuned: tuning,
  };
  env.manners.set(name, manner);
  return manner;
}
