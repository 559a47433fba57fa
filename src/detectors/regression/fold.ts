import { median } from '../../lib/stats.ts';
import type { Change } from '../../domain/change.ts';
import type { Sample, SeriesMeta } from '../../domain/telemetry.ts';
import type { FoldInput } from '../fold.ts';
import { describeChange, subject } from '../words.ts';
import { addToCourse, expectedAt, learnCourse } from './envelope.ts';
import { boundary, evidenceAgainst } from './evidence.ts';
import { offsetFor, toScale, type Nature } from './nature.ts';
import { isReady, lagged, learnNormal, meanOfLast, spreadOf } from './normal.ts';
import type { State, Watch } from './state.ts';
import { sentenceOfEnd, touches } from './words.ts';

/** How long a change is watched, and how a bound that a person stated replaces what is learned. */
export interface Settings {
  readonly nature: Nature;
  readonly watchMs: number;
}

type Input = FoldInput<State>;

const excessKept = 24;
const firstKept = 8;
/** After this long at a new level, that level is normal, and the sentence says so. */
const adoptMs = 24 * 3_600_000;

/** Folds one sample in: normal life, a watch after a change, or trouble until it is over. */
export function addSample(state: State, sample: Sample, input: Input, settings: Settings): void {
  if (state.offset === 0 && !fixOffset(state, sample, input, settings)) return;
  if (state.first.length === 0) fold(state, sample, input, settings);
}

// The even scale needs to know the usual size first. The values it waited with are folded in afterwards.
function fixOffset(state: State, sample: Sample, input: Input, settings: Settings): boolean {
  state.first.push({ tMs: sample.tMs, v: sample.v });
  state.v = sample.v;
  if (state.first.length < firstKept && input.meta.nature !== 'ratio') return false;
  const typical = median(state.first.map((one) => one.v)) ?? 0;
  const waited = state.first;
  state.offset = offsetFor(input.meta, typical);
  state.first = [];
  for (const one of waited) fold(state, one, input, settings);
  return false;
}

function fold(state: State, sample: Sample, input: Input, settings: Settings): void {
  for (const change of newChanges(state, sample, input)) beginWatch(state, change, input, settings);
  const y = toScale(sample.v, state.offset, settings.nature.sign);
  state.v = sample.v;
  if (state.trouble !== null) endure(state, y, sample.tMs, settings);
  else if (state.watch !== null) follow(state, state.watch, y, sample.tMs, input, settings);
  else standWatch(state, y, sample.tMs, settings);
  const frozen = state.trouble !== null || (state.watch !== null && !state.watch.settled);
  learnNormal(state.normal, y, frozen);
  if (state.watch !== null && sample.tMs - state.watch.atMs >= settings.watchMs) endWatch(state, input, settings);
}

function newChanges(state: State, sample: Sample, input: Input): readonly Change[] {
  return input.changes.filter(
    (change) =>
      change.atMs <= sample.tMs &&
      change.atMs >= state.changeMs &&
      !state.changeIds.includes(change.id) &&
      sample.tMs - change.atMs < 3_600_000 &&
      touches(change, input.meta),
  );
}

function beginWatch(state: State, change: Change, input: Input, settings: Settings): void {
  state.changeMs = change.atMs;
  state.changeIds = [...state.changeIds.slice(-7), change.id];
  // Without a level before it there is nothing to compare with, and a made-up one would call anything well or ill.
  if (!isReady(state.normal)) {
    tooEarly(state, change, input);
    return;
  }
  const last = state.watch;
  // A deploy is often seen twice, as a new release and as a restart: one watch, named after the deploy.
  if (last !== null && last.k < 4) {
    if (change.kind === 'deploy' || change.kind === 'rollback') Object.assign(last, named(change));
    return;
  }
  const base = state.trouble?.base ?? (last !== null && !last.settled ? last.base : baseNow(state, settings));
  if (last !== null) endWatch(state, input, settings);
  state.watch = {
    ...named(change),
    base,
    k: 0,
    excess: [],
    course: { sum: [], count: [] },
    sinceOnset: 0,
    peak: 0,
    peakMs: 0,
    settled: true,
    announced: false,
  };
  catchUp(state, state.watch, input, settings);
}

function tooEarly(state: State, change: Change, input: Input): void {
  const reason = `${describeChange(change)} before it was known what is usual for ${subject(input.meta)}, so whether it took harm cannot be told`;
  state.announce = [...state.announce.slice(-3), { changeId: change.id, verdict: 'inconclusive', reason }];
}

function named(change: Change): Pick<Watch, 'changeId' | 'phrase' | 'kind' | 'atMs'> {
  return { changeId: change.id, phrase: describeChange(change), kind: change.kind, atMs: change.atMs };
}

function baseNow(state: State, settings: Settings): number {
  return settings.nature.longRun ? state.normal.slow : (median(state.normal.ys) ?? state.normal.level);
}

// A change that is heard of late is watched from when it happened, with the samples since.
function catchUp(state: State, watch: Watch, input: Input, settings: Settings): void {
  const late = input.recent.filter((sample) => sample.tMs >= watch.atMs);
  if (late.length === 0) return;
  const scale = (sample: Sample): number => toScale(sample.v, state.offset, settings.nature.sign);
  const before = input.recent.filter((sample) => sample.tMs < watch.atMs).map(scale);
  if (!settings.nature.longRun && state.trouble === null && before.length >= 5)
    watch.base = median(before.slice(-excessKept)) ?? watch.base;
  if (state.trouble === null)
    for (const sample of late) follow(state, watch, scale(sample), sample.tMs, input, settings);
}

// The minutes after a change.
function follow(state: State, watch: Watch, y: number, tMs: number, input: Input, settings: Settings): void {
  const { nature } = settings;
  const excess = y - watch.base;
  watch.excess.push(excess);
  if (watch.excess.length > excessKept) watch.excess.shift();
  addToCourse(watch.course, watch.k, excess);
  watch.k++;
  if (watch.sinceOnset > 0 || excess > nature.effect) watch.sinceOnset++;
  if (excess > watch.peak) Object.assign(watch, { peak: excess, peakMs: tMs });
  watch.settled = settled(state, watch, nature);
  if (!isReady(state.normal)) return;
  const evidence = evidenceAgainst(watch, state.envelope, state.normal, nature);
  if (evidence === undefined || peersDoTheSame(evidence.effect, input)) return;
  state.trouble = {
    sinceMs: tMs,
    base: watch.base,
    changeId: watch.changeId,
    phrase: watch.phrase,
    changeMs: watch.atMs,
    ...evidence,
    calm: 0,
  };
}

function settled(state: State, watch: Watch, nature: Nature): boolean {
  if (watch.k < 5) return watch.excess.every((excess) => Math.abs(excess) < nature.effect / 2);
  const over = meanOfLast(watch.excess, 5);
  // A restart may leave a gauge below its long-run level for hours: below is well.
  const near = Math.max(nature.effect, 2 * spreadOf(state.normal, 5, watch.k, nature.floor));
  return over < near && (nature.longRun || over > -2 * near);
}

// Instances of the same service that were not touched, and moved as far: then it is not the change.
function peersDoTheSame(effect: number, input: Input): boolean {
  const untouched = input
    .peers()
    .filter((peer) => peer.meta.service === input.meta.service && peer.state.watch === null)
    .map((peer) => meanOfLast(peer.state.normal.ys, 3) - lagged(peer.state.normal));
  const usual = untouched.length >= 2 ? median(untouched) : undefined;
  return usual !== undefined && usual > 0.6 * effect;
}

// No change to hold it against: a clear, lasting jump away from the level of a while ago.
function standWatch(state: State, y: number, tMs: number, settings: Settings): void {
  const { nature } = settings;
  const { normal } = state;
  if (nature.effectAlone === 0 || normal.n < 30) return;
  const base = lagged(normal);
  const last = [...normal.ys.slice(-2), y].map((one) => one - base);
  const effect = meanOfLast(last, 3);
  if (effect < nature.effectAlone || Math.min(...last) < 0.6 * effect) return;
  const z = effect / spreadOf(normal, 3, 24, nature.floor);
  if (z < 1.4 * boundary(1_000)) return;
  const trouble = { sinceMs: tMs, base, changeId: null, phrase: '', changeMs: 0, z, effect, calm: 0 };
  state.trouble = { ...trouble, why: 'no-change' };
}

// Until it is over: three samples in a row back near the level before (or where a change's own transient may be).
function endure(state: State, y: number, tMs: number, settings: Settings): void {
  const { trouble, watch } = state;
  if (trouble === null) return;
  const { nature } = settings;
  if (watch !== null) watch.k++;
  const expected = watch === null ? undefined : expectedAt(state.envelope, watch.k, nature.prior);
  // A noisy series must be let be as noisy as it was, or it would hardly ever be near enough three times in a row; but
  // what is half as bad as the trouble was is not over.
  const noise = Math.min(2 * spreadOf(state.normal, 1, watch?.k ?? 24, nature.floor), trouble.effect / 2);
  const allowed = (expected?.mean ?? 0) + Math.max(nature.effect * 0.7, expected?.learned ?? 0, noise);
  trouble.calm = y - trouble.base <= allowed ? trouble.calm + 1 : 0;
  const adopted = tMs - trouble.sinceMs > adoptMs;
  if (trouble.calm < 3 && !adopted) return;
  state.trouble = null;
  // What was judged bad teaches nothing; a rollback's own way back is not a healthy change either.
  state.watch = null;
}

/** Ends the watch: a healthy change teaches the envelope, and the verdict is told once. */
export function endWatch(state: State, input: Input, settings: Settings): void {
  const { watch } = state;
  state.watch = null;
  if (watch === null || state.trouble !== null) return;
  const healthy = watch.settled && watch.k >= 20;
  if (healthy) learnCourse(state.envelope, watch.course);
  if (watch.announced && healthy) return;
  const verdict = healthy ? 'healthy' : 'inconclusive';
  const reason = sentenceOfEnd(state, watch, verdict, input.meta, settings);
  state.announce = [...state.announce.slice(-3), { changeId: watch.changeId, verdict, reason }];
}

/** Tells early, once, that a change settled: people want to know why nobody was called. It stays under watch. */
export function announceSettled(state: State, meta: SeriesMeta, settings: Settings): void {
  const { watch } = state;
  if (watch === null || watch.announced || !watch.settled || watch.k < 20 || state.trouble !== null) return;
  watch.announced = true;
  const reason = sentenceOfEnd(state, watch, 'healthy', meta, settings);
  state.announce = [...state.announce.slice(-3), { changeId: watch.changeId, verdict: 'healthy', reason }];
}
