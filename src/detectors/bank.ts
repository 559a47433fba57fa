import type { Json } from '../lib/json.ts';
import { limits } from '../lib/limits.ts';
import { selects, type Selector } from '../lib/selector.ts';
import { median } from '../lib/stats.ts';
import type { Finding } from '../domain/alert.ts';
import type { Detector, DetectorBatch, DetectorContext, DetectorRule } from '../domain/ports/detector.ts';
import type { Sample, Series, SeriesMeta } from '../domain/telemetry.ts';
import { globMatches } from '../lib/glob.ts';
import type { FoldInput, SeriesFold, Verdict } from './fold.ts';
import { savedState, toSave } from './saved.ts';
import { silence } from './silence.ts';

/** What a fold needs beside its own series, and how many series it follows. */
export interface BankOptions {
  /** Signals whose samples the fold may ask for with `input.companion`. */
  readonly companions?: readonly string[];
  /** The tracks a series feeds; by default one, its own. Several series may feed one track. */
  readonly tracks?: (series: Series, context: DetectorContext) => readonly SeriesMeta[];
  /** The kind judges silence itself (absence): the bank adds no `unknown` for a stale series. */
  readonly ownSilence?: boolean;
  readonly maxSeries?: number;
  /** Only series with these labels. */
  readonly where?: Selector | undefined;
}

interface Track<S> {
  meta: SeriesMeta;
  lastMs: number;
  /** The last distances between samples, and between steps that brought some: what is stale depends on both. */
  gaps: number[];
  arrivals: number[];
  arrivedMs: number;
  /** tMs, v, tMs, v ... */
  recent: number[];
  state: 'bad' | 'good' | 'unknown' | 'new';
  sinceMs: number;
  fold: S;
}

interface SavedBank<S> {
  readonly tracks: readonly Track<S>[];
}

/**
 * Runs one fold per series of the rule's signal. It bounds their number (one explicit `unknown` per service beyond the
 * limit), calls a silent series `unknown` (a Gap of its source with the gap's own words, else after five of its own
 * intervals), forgets series that are long gone and watched by nobody, and saves and restores everything.
 */
export function foldPerSeries<S>(
  rule: DetectorRule,
  fold: SeriesFold<S>,
  saved: Json | undefined,
  options: BankOptions = {},
): Detector {
  const tracks = new Map<string, Track<S>>();
  const before = savedState(saved) as SavedBank<S> | undefined;
  for (const track of before?.tracks ?? []) tracks.set(track.meta.key, track);
  return {
    step(batch, context) {
      const env: StepEnv<S> = { rule, fold, options, tracks, batch, context };
      const { fresh, refused } = takeIn(env);
      const findings: Finding[] = [];
      for (const track of tracks.values()) {
        if (forgettable(track, env)) tracks.delete(track.meta.key);
        else for (const verdict of judge(track, fresh, env)) say(findings, track, verdict, env);
      }
      for (const [service, count] of refused) findings.push(overLimit(service, count, env));
      return findings;
    },
    save: () => toSave({ tracks: [...tracks.values()] }),
  };
}

interface StepEnv<S> {
  readonly rule: DetectorRule;
  readonly fold: SeriesFold<S>;
  readonly options: BankOptions;
  readonly tracks: Map<string, Track<S>>;
  readonly batch: DetectorBatch;
  readonly context: DetectorContext;
}

function takeIn<S>(env: StepEnv<S>): { fresh: ReadonlySet<string>; refused: ReadonlyMap<string, number> } {
  const fresh = new Set<string>();
  const refused = new Map<string, number>();
  for (const { meta, samples } of arrivals(env)) {
    const track = env.tracks.get(meta.key) ?? newTrack(meta, env);
    if (track === undefined) refused.set(meta.service, (refused.get(meta.service) ?? 0) + 1);
    else if (addAll(track, samples, env)) fresh.add(meta.key);
  }
  return { fresh, refused };
}

// What came for each track, in order of time: several series may feed one.
function arrivals<S>(env: StepEnv<S>): Iterable<{ readonly meta: SeriesMeta; readonly samples: readonly Sample[] }> {
  const byKey = new Map<string, { readonly meta: SeriesMeta; samples: readonly Sample[] }>();
  for (const series of env.batch.series) {
    if (!globMatches(env.rule.on, series.signal) || !chosen(series, env.options.where)) continue;
    for (const meta of env.options.tracks?.(series, env.context) ?? [metaOf(series)]) {
      const known = byKey.get(meta.key);
      if (known === undefined) byKey.set(meta.key, { meta, samples: series.samples });
      else known.samples = [...known.samples, ...series.samples].sort((a, b) => a.tMs - b.tMs);
    }
  }
  return byKey.values();
}

function chosen(series: Series, where: Selector | undefined): boolean {
  return where === undefined || selects(where, { name: series.signal, labels: series.labels });
}

function newTrack<S>(meta: SeriesMeta, env: StepEnv<S>): Track<S> | undefined {
  if (env.tracks.size >= (env.options.maxSeries ?? limits.detectorSeries)) return undefined;
  const track: Track<S> = {
    meta,
    lastMs: 0,
    gaps: [],
    arrivals: [],
    arrivedMs: 0,
    recent: [],
    state: 'new',
    sinceMs: env.batch.asOfMs,
    fold: env.fold.init(meta),
  };
  env.tracks.set(meta.key, track);
  return track;
}

// Samples stamped ahead of us would freeze the series until that time came: they are left out, and it goes stale.
const aheadMs = 60_000;

function addAll<S>(track: Track<S>, samples: readonly Sample[], env: StepEnv<S>): boolean {
  const shared = env.options.tracks !== undefined;
  let any = false;
  for (const sample of samples) {
    if (!Number.isFinite(sample.v) || sample.tMs > env.batch.asOfMs + aheadMs) continue;
    if (sample.tMs < track.lastMs || (sample.tMs === track.lastMs && !shared)) continue;
    if (track.lastMs > 0 && sample.tMs > track.lastMs) remember(track.gaps, sample.tMs - track.lastMs, 9);
    env.fold.add(track.fold, sample, inputFor(track, env));
    track.lastMs = sample.tMs;
    track.recent.push(sample.tMs, sample.v);
    if (track.recent.length > 2 * limits.detectorRecentSamples) track.recent.splice(0, 2);
    any = true;
  }
  if (any && track.arrivedMs !== env.batch.asOfMs) {
    if (track.arrivedMs > 0) remember(track.arrivals, env.batch.asOfMs - track.arrivedMs, 9);
    track.arrivedMs = env.batch.asOfMs;
  }
  return any;
}

function remember(ring: number[], value: number, most: number): void {
  ring.push(value);
  if (ring.length > most) ring.shift();
}

function judge<S>(track: Track<S>, fresh: ReadonlySet<string>, env: StepEnv<S>): readonly Verdict[] {
  const { asOfMs, gaps } = env.batch;
  const mute = fresh.has(track.meta.key) ? undefined : silence(track, asOfMs, gaps, env.options.ownSilence === true);
  const verdicts = mute === undefined ? env.fold.judge(track.fold, inputFor(track, env)) : [mute];
  const main = verdicts.find((verdict) => verdict.labels === undefined);
  if (main !== undefined && main.state !== track.state) {
    track.state = main.state;
    track.sinceMs = env.batch.asOfMs;
  }
  return verdicts;
}

function forgettable<S>(track: Track<S>, env: StepEnv<S>): boolean {
  if (env.batch.asOfMs - track.lastMs < limits.detectorSeriesForgetMs) return false;
  return !env.context.isWatched(track.meta);
}

function inputFor<S>(track: Track<S>, env: StepEnv<S>): FoldInput<S> {
  return {
    meta: track.meta,
    rule: env.rule,
    context: env.context,
    asOfMs: env.batch.asOfMs,
    get stepMs() {
      return median(track.gaps) ?? 0;
    },
    lastMs: track.lastMs,
    get changes() {
      return env.context.changesOf(track.meta.service);
    },
    get recent() {
      return samplesOf(track.recent);
    },
    companion: (signal) => companion(track.meta, signal, env),
    peers: () => peersOf(track, env),
  };
}

function samplesOf(flat: readonly number[]): readonly Sample[] {
  const samples: Sample[] = [];
  for (let i = 0; i + 1 < flat.length; i += 2) samples.push({ tMs: flat[i] ?? 0, v: flat[i + 1] ?? 0 });
  return samples;
}

function companion<S>(meta: SeriesMeta, signal: string, env: StepEnv<S>): readonly Sample[] {
  if (env.options.companions?.includes(signal) !== true) return [];
  const siblings = env.batch.series.filter((series) => series.service === meta.service && series.signal === signal);
  const text = JSON.stringify(meta.labels);
  const same = siblings.find((series) => JSON.stringify(series.labels) === text);
  return (same ?? (siblings.length === 1 ? siblings[0] : undefined))?.samples ?? [];
}

function peersOf<S>(track: Track<S>, env: StepEnv<S>): readonly { meta: SeriesMeta; state: S }[] {
  const near: { meta: SeriesMeta; state: S }[] = [];
  const far: { meta: SeriesMeta; state: S }[] = [];
  for (const other of env.tracks.values()) {
    if (other === track || other.meta.signal !== track.meta.signal) continue;
    const list = other.meta.service === track.meta.service ? near : far;
    if (list.length < limits.detectorPeers) list.push({ meta: other.meta, state: other.fold });
    else if (list === near) break;
  }
  return [...near, ...far].slice(0, limits.detectorPeers);
}

// A `good` that no alert waits for is dropped here, so that quiet series cost nothing further down.
function say<S>(findings: Finding[], track: Track<S>, verdict: Verdict, env: StepEnv<S>): void {
  const { meta } = track;
  const labels = verdict.labels === undefined ? meta.labels : { ...meta.labels, ...verdict.labels };
  const about = { service: meta.service, signal: meta.signal, labels };
  if (verdict.state === 'good' && verdict.always !== true && !env.context.isWatched(about)) return;
  findings.push({
    detector: env.rule.name,
    kind: env.rule.kind,
    ...about,
    state: verdict.state,
    atMs: env.batch.asOfMs,
    sinceMs: verdict.sinceMs ?? track.sinceMs,
    severity: verdict.severity ?? env.rule.severity,
    reason: verdict.reason,
    numbers: verdict.numbers,
    confidence: verdict.confidence,
    ...(verdict.changeId === undefined ? {} : { changeId: verdict.changeId }),
    ...(verdict.chart === undefined ? {} : { chart: { seriesKey: meta.key, ...verdict.chart } }),
  });
}

function overLimit<S>(service: string, count: number, env: StepEnv<S>): Finding {
  const most = env.options.maxSeries ?? limits.detectorSeries;
  return {
    detector: env.rule.name,
    kind: env.rule.kind,
    service,
    signal: env.rule.on,
    labels: { limit: 'series' },
    state: 'unknown',
    atMs: env.batch.asOfMs,
    sinceMs: env.batch.asOfMs,
    severity: env.rule.severity,
    reason: `${count} more series of ${env.rule.on} of ${service} are not watched by ${env.rule.name}: it already follows ${most}, its limit`,
    numbers: { refused: count, limit: most },
    confidence: 0,
  };
}

function metaOf(series: Series): SeriesMeta {
  const { key, source, service, signal, labels, unit, nature } = series;
  return { key, source, service, signal, labels, unit, nature };
}
