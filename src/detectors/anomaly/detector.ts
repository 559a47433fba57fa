import type { Json } from '../../lib/json.ts';
import { globMatches } from '../../lib/glob.ts';
import { limits } from '../../lib/limits.ts';
import { selects, type Selector } from '../../lib/selector.ts';
import type { Finding } from '../../domain/alert.ts';
import type { Detector, DetectorBatch, DetectorContext, DetectorRule } from '../../domain/ports/detector.ts';
import type { Series } from '../../domain/telemetry.ts';
import type { Verdict } from '../fold.ts';
import { createListening, silentFirst } from '../forgetting.ts';
import { savedState, toSave } from '../saved.ts';
import { emptySeen, ready } from './engine.ts';
import { rowOf, type AnomalySettings, type Env } from './env.ts';
import { byte, bytes, column, rowsPerChunk } from './layout.ts';
import { findQuiet } from './quiet.ts';
import { restoreState, saveChanged, saveEvery, type State } from './state.ts';
import { take, type Heard } from './take.ts';
import { toldAbout } from './told.ts';
import { createTrafficBook } from './traffic.ts';
import { strange, usual } from './words.ts';

/** A bank of series under the anomaly engine. */
export function anomalyBank(rule: DetectorRule, settings: AnomalySettings, saved: Json | undefined): Detector {
  const before = savedState(saved) as { readonly parts: Readonly<Record<string, Json>> } | undefined;
  const state = restoreState(new Map(Object.entries(before?.parts ?? {})));
  const env: Env = {
    rule,
    settings,
    state,
    manners: new Map(),
    shown: { v: 0, certain: 0, most: 0 },
    seen: emptySeen(),
    attention: new Set(),
    traffic: createTrafficBook(state),
    listening: createListening(),
  };
  for (let index = 0; index < state.rows.size; index++) if (isSpokenOf(state, index)) env.attention.add(index);
  return {
    step: (batch, context) => step(env, batch, context),
    save: () => toSave({ parts: Object.fromEntries(saveEvery(state)) }),
    saveParts: (all) => (all ? saveEvery(state) : saveChanged(state, limits.detectorPartsPerSave)),
  };
}

function step(env: Env, batch: DetectorBatch, context: DetectorContext): readonly Finding[] {
  const findings: Finding[] = [];
  const heard = new Map<number, Heard>();
  const refused = new Map<string, number>();
  env.traffic.hear(batch);
  env.listening.step(batch.asOfMs);
  const room = roomIn(env, batch, context);
  for (const series of batch.series) {
    if (!globMatches(env.rule.on, series.signal) || !chosen(series, env.settings.where)) continue;
    const index = env.state.directory.find(series.key) ?? start(env, series, room);
    if (index === undefined) refused.set(series.service, (refused.get(series.service) ?? 0) + 1);
    else take(env, series, index, batch, heard, context);
  }
  env.traffic.rest();
  const quiet = findQuiet(env, batch, context, (index) => forget(env, index));
  for (const [index, verdict] of quiet) say(env, findings, index, verdict, batch, context);
  for (const index of [...env.attention].sort((a, b) => a - b)) {
    if (quiet.has(index)) continue;
    const verdict = verdictOf(env, index, heard.get(index), context);
    if (verdict !== undefined) say(env, findings, index, verdict, batch, context);
  }
  for (const [service, count] of refused) findings.push(overLimit(env, service, count, batch));
  return findings;
}

function chosen(series: Series, where: Selector | undefined): boolean {
  return where === undefined || selects(where, { name: series.signal, labels: series.labels });
}

function roomIn(env: Env, batch: DetectorBatch, context: DetectorContext): () => number | undefined {
  const { rows, directory } = env.state;
  const used = function* (): Generator<number> {
    for (let index = 0; index < rows.size; index++) if (rows.inUse(index)) yield index;
  };
  const lastMsOf = (index: number): number => {
    const { chunk, slot } = rowOf(env.state, index);
    return chunk.doubles[column.lastMs * rowsPerChunk + slot] ?? 0;
  };
  const mayGo = (index: number): boolean => {
    const meta = directory.metaOf(index);
    return meta === undefined || !context.isWatched(meta);
  };
  return silentFirst(used(), lastMsOf, mayGo, env.listening, batch.asOfMs);
}

function start(env: Env, series: Series, room: () => number | undefined): number | undefined {
  if (env.state.directory.size >= env.settings.maxSeries) {
    const silent = room();
    if (silent === undefined) return undefined;
    forget(env, silent);
  }
  const index = env.state.rows.take();
  const { key, source, service, signal, labels, unit, nature } = series;
  env.state.directory.add({ key, source, service, signal, labels, unit, nature }, index);
  // An alert of an earlier life may wait for this series.
  const { chunk, slot } = rowOf(env.state, index);
  chunk.bytes[slot * bytes + byte.told] = 1;
  return index;
}

function isSpokenOf(state: State, index: number): boolean {
  if (!state.rows.inUse(index)) return false;
  const { chunk, slot } = rowOf(state, index);
  return chunk.bytes[slot * bytes + byte.told] === 1 && ready(chunk, slot);
}

function forget(env: Env, index: number): void {
  env.state.directory.remove(index);
  env.state.rows.free(index);
  env.state.seen.delete(index);
  env.attention.delete(index);
}

function verdictOf(env: Env, index: number, heard: Heard | undefined, context: DetectorContext): Verdict | undefined {
  const { chunk, slot } = rowOf(env.state, index);
  const bad = chunk.bytes[slot * bytes + byte.state] === 1;
  const meta = heard?.series ?? env.state.directory.metaOf(index);
  if (meta === undefined) return undefined;
  if (!bad && !context.isWatched(meta)) {
    // Nobody waits any more: from now on silence says that it is well.
    chunk.bytes[slot * bytes + byte.told] = 0;
    chunk.dirty = true;
    env.attention.delete(index);
    return undefined;
  }
  const told = toldAbout(env, index, meta, heard?.score ?? 0, context);
  return bad ? strange(told) : usual(told, ready(chunk, slot));
}

function say(
  env: Env,
  findings: Finding[],
  index: number,
  verdict: Verdict,
  batch: DetectorBatch,
  context: DetectorContext,
): void {
  const meta = env.state.directory.metaOf(index);
  if (meta === undefined) return;
  const { service, signal, labels } = meta;
  if (verdict.state === 'good' && !context.isWatched({ service, signal, labels })) return;
  findings.push({
    detector: env.rule.name,
    kind: env.rule.kind,
    service,
    signal,
    labels,
    state: verdict.state,
    atMs: batch.asOfMs,
    sinceMs: verdict.sinceMs ?? batch.asOfMs,
    severity: env.rule.severity,
    reason: verdict.reason,
    numbers: verdict.numbers,
    confidence: verdict.confidence,
    ...(verdict.chart === undefined ? {} : { chart: { seriesKey: meta.key, ...verdict.chart } }),
  });
}

function overLimit(env: Env, service: string, count: number, batch: DetectorBatch): Finding {
  return {
    detector: env.rule.name,
    kind: env.rule.kind,
    service,
    signal: env.rule.on,
    labels: { limit: 'series' },
    state: 'unknown',
    atMs: batch.asOfMs,
    sinceMs: batch.asOfMs,
    severity: env.rule.severity,
    reason: `${count} more series of ${env.rule.on} of ${service} are not watched by ${env.rule.name}: it already follows ${env.settings.maxSeries}, its limit`,
    numbers: { refused: count, limit: env.settings.maxSeries },
    confidence: 0,
  };
}
