import type { Json } from '../lib/json.ts';
import { limits } from '../lib/limits.ts';
import { selects, type Selector } from '../lib/selector.ts';
import type { Finding } from '../domain/alert.ts';
import type { Detector, DetectorBatch, DetectorContext, DetectorRule } from '../domain/ports/detector.ts';
import type { Sample, Series, SeriesMeta } from '../domain/telemetry.ts';
import { globMatches } from '../lib/glob.ts';
import { isAhead } from './ahead.ts';
import type { SeriesFold, Verdict } from './fold.ts';
import { createListening, isGone, silentFirst, type Listening } from './forgetting.ts';
import { isMeant } from './meant.ts';
import { savedState } from './saved.ts';
import { overLimit } from './over-limit.ts';
import { cleanText } from './words.ts';
import { silence } from './silence.ts';
import { StepInput, type BankOptions, type StepEnv } from './step-input.ts';
import { Tracks, type SavedTrack, type Track } from './tracks.ts';

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
  const tracks = new Tracks<S>(options.lessOfMany);
  const before = savedState(saved) as
    { readonly parts?: Readonly<Record<string, readonly SavedTrack<S>[]>> } | undefined;
  const { pack, unpack } = fold;
  const restored = Object.values(before?.parts ?? {}).flat();
  tracks.restore(unpack === undefined ? restored : restored.map((one) => ({ ...one, fold: unpack(one.fold as Json) })));
  const listening = createListening();
  let step = 0;
  return {
    step(batch, context) {
      listening.step(batch.asOfMs);
      const room = roomIn(tracks, listening, batch, context);
      const env: StepEnv<S> = { rule, fold, options, tracks, batch, context, step: step++, listening, room };
      const input = new StepInput(env);
      const refused = takeIn(env, input);
      const findings: Finding[] = [];
      for (const track of tracks.all()) {
        if (forgettable(track, env)) tracks.remove(track);
        else if (!sleeps(track, env)) judge(track, env, input, findings);
      }
      for (const [service, count] of refused) findings.push(overLimit(env, service, count));
      return findings;
    },
    save: () => ({ version: 1, parts: Object.fromEntries(packed(tracks.saveEvery(), pack)) }),
    saveParts: (all) => packed(all ? tracks.saveEvery() : tracks.saveChanged(limits.detectorPartsPerSave), pack),
  };
}

// Copies that nothing still points into.
function* packed<S>(
  parts: Iterable<readonly [string, readonly SavedTrack<S>[]]>,
  pack: SeriesFold<S>['pack'],
): Generator<readonly [string, Json]> {
  for (const [name, part] of parts) {
    const whole = pack === undefined ? part : part.map((one) => ({ ...one, fold: pack(one.fold) }));
    yield [name, JSON.parse(JSON.stringify(whole)) as Json];
  }
}

function takeIn<S>(env: StepEnv<S>, input: StepInput<S>): ReadonlyMap<string, number> {
  const refused = new Map<string, number>();
  const take = (meta: SeriesMeta, samples: readonly Sample[], note?: string): void => {
    const track = env.tracks.get(meta.key) ?? newTrack(meta, env);
    if (track === undefined) refused.set(meta.service, (refused.get(meta.service) ?? 0) + 1);
    else if (track.freshStep < 0) track.meta = shared(track.meta, env);
    if (track !== undefined && addAll(track, samples, env, input)) {
      track.freshStep = env.step;
      track.note = note;
    }
  };
  if (env.options.tracks === undefined) {
    for (const series of env.batch.series) if (isMine(series, env)) take(series, series.samples, series.note);
  } else for (const { meta, samples } of joined(env, env.options.tracks)) take(meta, samples);
  return refused;
}

// What came for each track, in order of time: several series may feed one.
function joined<S>(
  env: StepEnv<S>,
  tracksOf: NonNullable<BankOptions['tracks']>,
): Iterable<{ readonly meta: SeriesMeta; readonly samples: readonly Sample[] }> {
  const byKey = new Map<string, { readonly meta: SeriesMeta; samples: readonly Sample[] }>();
  for (const series of env.batch.series) {
    if (!isMine(series, env)) continue;
    for (const meta of tracksOf(series, env.context)) {
      const known = byKey.get(meta.key);
      if (known === undefined) byKey.set(meta.key, { meta, samples: series.samples });
      else known.samples = [...known.samples, ...series.samples].sort((a, b) => a.tMs - b.tMs);
    }
  }
  return byKey.values();
}

function isMine<S>(series: Series, env: StepEnv<S>): boolean {
  return globMatches(env.rule.on, series.signal) && chosen(series, env.options.where);
}

function chosen(series: Series, where: Selector | undefined): boolean {
  return where === undefined || selects(where, { name: series.signal, labels: series.labels });
}

function roomIn<S>(
  tracks: Tracks<S>,
  listening: Listening,
  batch: DetectorBatch,
  context: DetectorContext,
): StepEnv<S>['room'] {
  const mayGo = (track: Track<S>): boolean => !context.isWatched(track.meta);
  return silentFirst(tracks.all(), ({ lastMs }) => lastMs, mayGo, listening, batch.asOfMs);
}

function newTrack<S>(meta: SeriesMeta, env: StepEnv<S>): Track<S> | undefined {
  if (env.tracks.size >= (env.options.maxSeries ?? limits.detectorSeries)) {
    const silent = env.room();
    if (silent === undefined) return undefined;
    env.tracks.remove(silent);
  }
  const own = metaOf(meta);
  return env.tracks.add(own, env.batch.asOfMs, env.fold.init(own));
}

function addAll<S>(track: Track<S>, samples: readonly Sample[], env: StepEnv<S>, input: StepInput<S>): boolean {
  const shared = env.options.tracks !== undefined;
  let any = false;
  input.track = track;
  if (isAhead(track.lastMs, env.batch.asOfMs)) env.tracks.setBack(track, env.batch.asOfMs);
  for (const sample of samples) {
    const isTaken = env.options.anyNumber === true ? Number.isFinite(sample.v) : isMeant(sample.v);
    if (!isTaken || isAhead(sample.tMs, env.batch.asOfMs)) continue;
    if (sample.tMs < track.lastMs || (sample.tMs === track.lastMs && !shared)) continue;
    if (track.lastMs > 0 && sample.tMs > track.lastMs) env.tracks.beat(track, sample.tMs - track.lastMs);
    env.fold.add(track.fold, sample, input);
    env.tracks.took(track, sample);
    any = true;
  }
  if (any) env.tracks.arrived(track, env.batch.asOfMs);
  return any;
}

const calm: Pick<Verdict, 'state'> = { state: 'good' };

function judge<S>(track: Track<S>, env: StepEnv<S>, input: StepInput<S>, findings: Finding[]): void {
  if (isAhead(track.lastMs, env.batch.asOfMs)) env.tracks.setBack(track, env.batch.asOfMs);
  const mute = track.freshStep === env.step ? undefined : silenceOf(track, env);
  if (mute !== undefined) {
    settle(track, mute, env);
    say(findings, track, mute, env);
    return;
  }
  // Most series, most of the time: well, and nobody waits to hear it.
  if (env.fold.calm?.(track.fold) === true && !env.context.isWatched(track.meta)) {
    settle(track, calm, env);
    return;
  }
  input.track = track;
  // It may keep in its state what it said.
  env.tracks.touch(track);
  const verdicts = env.fold.judge(track.fold, input);
  const main = verdicts.find((verdict) => verdict.labels === undefined);
  if (main !== undefined) settle(track, main, env);
  for (const verdict of verdicts) say(findings, track, verdict, env);
}

function settle<S>(track: Track<S>, { state }: Pick<Verdict, 'state'>, env: StepEnv<S>): void {
  if (state === track.state) return;
  env.tracks.touch(track);
  track.state = state;
  track.sinceMs = env.batch.asOfMs;
}

function silenceOf<S>(track: Track<S>, { tracks, batch, options }: StepEnv<S>): Verdict | undefined {
  const heard = {
    meta: track.meta,
    lastMs: track.lastMs,
    lateMs: track.arrivedMs - track.lastMs,
    get gaps() {
      return tracks.gaps(track);
    },
    get arrivals() {
      return tracks.arrivals(track);
    },
  };
  return silence(heard, batch.asOfMs, batch.gaps, options.ownSilence === true);
}

function isLongSilent<S>(track: Track<S>, { batch }: StepEnv<S>): boolean {
  return batch.asOfMs - track.lastMs >= limits.detectorSeriesForgetMs;
}

// Long silent, and nobody waits to hear of it: it is only remembered.
function sleeps<S>(track: Track<S>, env: StepEnv<S>): boolean {
  return track.freshStep !== env.step && isLongSilent(track, env) && !env.context.isWatched(track.meta);
}

function forgettable<S>(track: Track<S>, env: StepEnv<S>): boolean {
  if (!isLongSilent(track, env)) return false;
  const { batch, listening, options } = env;
  if (options.learns === true && !isGone(track.lastMs, track.kin, listening, batch.asOfMs)) return false;
  return !env.context.isWatched(track.meta);
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
    reason:
      track.note === undefined || verdict.state !== 'bad' ? verdict.reason : explained(verdict.reason, track.note),
    numbers: verdict.numbers,
    confidence: verdict.confidence,
    ...(verdict.changeId === undefined ? {} : { changeId: verdict.changeId }),
    ...(verdict.chart === undefined ? {} : { chart: { seriesKey: meta.key, ...verdict.chart } }),
  });
}

function explained(reason: string, note: string): string {
  return `${reason}: ${cleanText(note, 400)}`;
}

// The object that others keep of the series, when it says the same.
function shared<S>(own: SeriesMeta, { context }: StepEnv<S>): SeriesMeta {
  const other = context.describe?.(own.key);
  return other !== undefined && JSON.stringify(other) === JSON.stringify(own) ? other : own;
}

function metaOf(series: SeriesMeta): SeriesMeta {
  const { key, source, service, signal, labels, unit, nature } = series;
  return { key, source, service, signal, labels, unit, nature };
}
