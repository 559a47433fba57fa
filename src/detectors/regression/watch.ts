import { touchedAtMs } from '../../domain/change.ts';
import type { Change } from '../../domain/change.ts';
import type { Sample, SeriesMeta } from '../../domain/telemetry.ts';
import type { FoldInput } from '../fold.ts';
import { describeChange, subject } from '../words.ts';
import { bestBase } from './contrast.ts';
import { emptyCourse, expectedOf, learnCourse, phases, remembered, sumsOf, type Expected } from './envelope.ts';
import { touches } from './instances.ts';
import { follow, look } from './look.ts';
import { toScale, type Nature } from './nature.ts';
import { isReady, levelOf } from './normal.ts';
import type { State, Watch } from './state.ts';
import { sentenceOfEnd } from './words.ts';

/** How a series is looked at, and how long a change is watched. */
export interface Settings {
  readonly nature: Nature;
  readonly watchMs: number;
}

type Input = FoldInput<State>;

/** What is heard of later than this is history, not news. */
const newsMs = 3_600_000;
/** So many samples of a change must have been well to be a lesson, or a verdict. */
const lesson = 12;
const judged = 20;

/** Changes that this series has not taken up yet. */
export function newChanges(state: State, sample: Sample, input: Input): readonly Change[] {
  const { changes } = input;
  const fresh: Change[] = [];
  for (let i = changes.length - 1; i >= 0; i--) {
    const change = changes[i];
    if (change === undefined || change.atMs > sample.tMs) continue;
    const atMs = touchedAtMs(change, input.meta.labels);
    if (atMs > sample.tMs) continue;
    if (atMs < state.changeMs || sample.tMs - atMs >= newsMs) {
      // One that goes from instance to instance began before others that it reaches this one after.
      if (change.instanceAtMs === undefined) break;
      continue;
    }
    if (!state.changeIds.includes(change.id) && touches(change, input.meta)) fresh.unshift(change);
  }
  return fresh;
}

/** Begins to watch a change. */
export function beginWatch(state: State, change: Change, input: Input, settings: Settings): void {
  const at = named(change, input.meta);
  state.changeMs = at.atMs;
  state.changeIds = [...state.changeIds.slice(-7), change.id];
  // Without a level before it there is nothing to compare with, and a made-up one would call anything well or ill.
  if (!isReady(state.normal)) {
    tooEarly(state, change, input);
    return;
  }
  const last = state.watch;
  // A deploy is often seen twice, as a new release and as a restart: one watch, named after the deploy.
  if (last !== null && last.k < 4) {
    if (change.kind === 'deploy' || change.kind === 'rollback') Object.assign(last, at);
    return;
  }
  const levels = levelsBefore(state, change, settings);
  if (last !== null) endWatch(state, change, input, settings);
  const expected = expectedHere(state, input, settings);
  state.watch = {
    ...at,
    ...levels,
    k: 0,
    course: emptyCourse(),
    expected,
    sums: sumsOf(state.envelope),
    sinceOnset: 0,
    peak: 0,
    peakMs: at.atMs,
    settled: true,
    announced: false,
  };
  catchUp(state, state.watch, input, settings);
}

function tooEarly(state: State, change: Change, input: Input): void {
  const reason = `${describeChange(change)} before it was known what is usual for ${subject(input.meta)}, so whether it took harm cannot be told`;
  state.announce = [...state.announce.slice(-3), { changeId: change.id, verdict: 'inconclusive', reason }];
}

function named(change: Change, { labels }: SeriesMeta): Pick<Watch, 'changeId' | 'phrase' | 'kind' | 'atMs'> {
  const atMs = touchedAtMs(change, labels);
  return { changeId: change.id, phrase: describeChange(change), kind: change.kind, atMs };
}

type Levels = Pick<Watch, 'base' | 'baseOf' | 'far' | 'farOf'>;

function levelsBefore(state: State, change: Change, settings: Settings): Levels {
  const { trouble, watch: last } = state;
  const now = levelsNow(state, settings, 0);
  const held = (base: number): Levels => ({ base, baseOf: now.baseOf, far: base, farOf: now.baseOf });
  if (trouble !== null) return held(trouble.base);
  if (last === null) return now;
  if (!last.settled && last.k < judged) return held(last.base);
  // Going back may bring back the level before as well: a crowd that a bad version drew leaves with it.
  return change.kind === 'rollback' && last.base > now.base ? held(last.base) : now;
}

// Taken no further back than it has been well: what the change before this one did is not the level before.
function levelsNow({ normal, mean, offset }: State, { nature }: Settings, back: number): Levels {
  if (nature.longRun) return { base: normal.slow, baseOf: 40, far: normal.slow, farOf: 40 };
  const most = Math.min(normal.clean, normal.seen) - back;
  // Where failures are rare, the middle of the last minutes is nought, and any failure would be more than that.
  const least = nature.counted ? toScale(mean, offset, nature.sign) : Number.NEGATIVE_INFINITY;
  const level = (of: number): number => Math.max(least, levelOf(normal, of, back));
  const baseOf = bestBase(normal, most);
  const farOf = bestBase(normal, most, 16, 20);
  return { base: level(baseOf), baseOf, far: level(farOf), farOf };
}

function expectedHere(state: State, input: Input, { nature }: Settings): Expected {
  return expectedOf(state.envelope, nature.prior, state.envelope.n < 3 ? fleetOf(input) : undefined);
}

// What healthy changes of other services did to this signal: twice the usual size of it, phase by phase.
function fleetOf(input: Input): Float32Array | undefined {
  const others = input
    .peers()
    .filter(({ meta, state }) => meta.service !== input.meta.service && state.envelope.n >= 3);
  if (others.length < 3) return undefined;
  const fleet = new Float32Array(phases);
  for (let phase = 0; phase < phases; phase++) {
    let squares = 0;
    let count = 0;
    for (const { state } of others)
      for (let row = 0; row < remembered; row++) {
        const value = state.envelope.courses[row * phases + phase] ?? Number.NaN;
        if (Number.isNaN(value)) continue;
        squares += value * value;
        count++;
      }
    fleet[phase] = count === 0 ? 0 : 2 * Math.sqrt(squares / count);
  }
  return fleet;
}

// A change that is heard of late is watched from when it happened, with the samples since.
function catchUp(state: State, watch: Watch, input: Input, settings: Settings): void {
  const late = input.recent.filter((sample) => sample.tMs >= watch.atMs).slice(-state.normal.seen);
  if (late.length === 0) return;
  if (!settings.nature.longRun && state.trouble === null && state.normal.seen - late.length >= 5)
    Object.assign(watch, levelsNow(state, settings, late.length));
  const { nature } = settings;
  for (const sample of late) follow(state, watch, toScale(sample.v, state.offset, nature.sign), sample.tMs, nature);
  const last = late.at(-1);
  if (state.trouble === null && last !== undefined) look(state, last.tMs, input, nature);
}

/** Ends the watch: a healthy change teaches the envelope, and the verdict is told once. `next` is the change that ends it. */
export function endWatch(state: State, next: Change | undefined, input: Input, settings: Settings): void {
  const { watch } = state;
  state.watch = null;
  if (watch === null || state.trouble !== null) return;
  // Whatever it did went away by itself: that is a healthy change, even one that was called. A rollback says otherwise.
  if (watch.k >= lesson && next?.kind !== 'rollback') learnCourse(state.envelope, watch.course);
  const healthy = watch.settled && watch.k >= judged;
  if (watch.announced && healthy) return;
  const verdict = healthy ? 'healthy' : 'inconclusive';
  const reason = sentenceOfEnd(state, watch, verdict, input.meta, settings);
  state.announce = [...state.announce.slice(-3), { changeId: watch.changeId, verdict, reason }];
}

/** Tells early, once, that a change settled: people want to know why nobody was called. It stays under watch. */
export function announceSettled(state: State, meta: SeriesMeta, settings: Settings): void {
  const { watch } = state;
  if (watch === null || watch.announced || !watch.settled || watch.k < judged || state.trouble !== null) return;
  watch.announced = true;
  const reason = sentenceOfEnd(state, watch, 'healthy', meta, settings);
  state.announce = [...state.announce.slice(-3), { changeId: watch.changeId, verdict: 'healthy', reason }];
}
