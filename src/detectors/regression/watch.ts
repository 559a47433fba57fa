import { touchedAtMs } from '../../domain/change.ts';
import type { Change } from '../../domain/change.ts';
import type { SeriesMeta } from '../../domain/telemetry.ts';
import type { FoldInput } from '../fold.ts';
import { describeChange, subject } from '../words.ts';
import { bestBase } from './contrast.ts';
import { emptyCourse, expectedOf, learnCourse, phases, remembered, sumsOf, type Expected } from './envelope.ts';
import { touches, touchesAll } from './instances.ts';
import { follow, look } from './look.ts';
import { toScale, type Nature } from './nature.ts';
import { isReady, levelOf } from './normal.ts';
import type { Announcement, State, Watch } from './state.ts';
import { isOvershadowed, isRelease, take } from './taken.ts';
import { alreadyWrong, sentenceOfEnd } from './words.ts';

/** How a series is looked at, and how long a change is watched. */
export interface Settings {
  readonly nature: Nature;
  readonly watchMs: number;
}

type Input = FoldInput<State>;

/** So many samples of a change must have been well to be a lesson, or a verdict. */
const lesson = 12;
const judged = 20;

/** Begins to watch a change, or books it to the watch that it belongs to. */
export function beginWatch(state: State, change: Change, nowMs: number, input: Input, settings: Settings): void {
  const at = named(change, input.meta);
  take(state, change.id, at.atMs, nowMs);
  // Without a level before it there is nothing to compare with, and a made-up one would call anything well or ill.
  if (!isReady(state.normal)) {
    if (!at.foreign) tooEarly(state, change, input);
    return;
  }
  const last = state.watch;
  if (last !== null && belongsTo(last, change, at, state, input)) return;
  const levels = levelsBefore(state, at, settings);
  if (last !== null) endWatch(state, change, input, settings);
  const expected = expectedHere(state, input, settings);
  state.watch = {
    ...at,
    ...levels,
    rest: levelsOfRest(change, at.atMs, input),
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

// Whether a change needs no watch of its own, beside the one that is on.
function belongsTo(last: Watch, change: Change, at: Named, state: State, input: Input): boolean {
  const release = isRelease(change);
  const samplesApart = Math.abs(at.atMs - last.atMs) / Math.max(1, input.stepMs);
  if (at.atMs < last.atMs) {
    if (samplesApart < 4 || release === isRelease(last)) {
      // Heard of late, and what it does was seen first: its restart, say.
      if (release && !isRelease(last)) rename(state, last, at);
      else if (release) announceUnclear(state, change, `${last.phrase} right after it`);
      return true;
    }
    return !release;
  }
  // A deploy is often seen twice, as a new release and as a restart: one watch, named after the deploy.
  if (last.k < 4) {
    const before = input.changes.find(({ id }) => id === last.changeId);
    const another = release && before?.kind === change.kind && before.source === change.source && !last.foreign;
    if (another && before.what === change.what) announceUnclear(state, before, `${at.phrase} right after it`);
    if (release && !at.foreign) rename(state, last, at);
    return true;
  }
  return isOvershadowed(change, at.atMs, last, input.meta.service);
}

function rename(state: State, watch: Watch, at: Named): void {
  const { trouble } = state;
  if (trouble?.changeId === watch.changeId)
    Object.assign(trouble, { changeId: at.changeId, phrase: at.phrase, changeMs: at.atMs });
  Object.assign(watch, at);
}

function announceUnclear(state: State, change: Change, because: string): void {
  const reason = `${describeChange(change)}, and ${because}: which of the two did what cannot be told`;
  announce(state, { changeId: change.id, verdict: 'inconclusive', reason });
}

function announce(state: State, one: Announcement): void {
  state.announce = [...state.announce.slice(-3), one];
}

function tooEarly(state: State, change: Change, input: Input): void {
  const reason = `${describeChange(change)} before it was known what is usual for ${subject(input.meta)}, so whether it took harm cannot be told`;
  announce(state, { changeId: change.id, verdict: 'inconclusive', reason });
}

type Named = Pick<Watch, 'changeId' | 'phrase' | 'kind' | 'foreign' | 'atMs'>;

function named(change: Change, { service, labels }: SeriesMeta): Named {
  const foreign = change.service !== service;
  const phrase = `${describeChange(change)}${foreign ? ` at ${change.service}` : ''}`;
  return { changeId: change.id, phrase, kind: change.kind, foreign, atMs: touchedAtMs(change, labels) };
}

// Of up to a dozen series that the change left alone, as they were before it.
function levelsOfRest(change: Change, atMs: number, input: Input): Watch['rest'] {
  const { meta, stepMs, lastMs } = input;
  if (touchesAll(change, meta)) return {};
  const back = stepMs > 0 ? Math.max(0, Math.min(50, Math.floor((lastMs - atMs) / stepMs) + 1)) : 0;
  const rest = input
    .peers()
    .filter((peer) => peer.meta.service === meta.service && isReady(peer.state.normal) && !touches(change, peer.meta))
    .slice(0, 12);
  return Object.fromEntries(rest.map(({ meta: { key }, state }) => [key, levelOf(state.normal, 12, back)]));
}

type Levels = Pick<Watch, 'base' | 'baseOf' | 'far' | 'farOf'>;

function levelsBefore(state: State, at: Named, settings: Settings): Levels {
  const { trouble, watch: last } = state;
  const now = levelsNow(state, settings, 0);
  const held = (base: number): Levels => ({ base, baseOf: now.baseOf, far: base, farOf: now.baseOf });
  if (trouble !== null) return held(trouble.base);
  if (last === null) return now;
  if (!last.settled && last.k < judged) return held(last.base);
  // Going back may bring back the level before as well: a crowd that a bad version drew leaves with it.
  return at.kind === 'rollback' && !at.foreign && last.base > now.base ? held(last.base) : now;
}

// Taken no further back than it has been well: what the change before this one did is not the level before.
function levelsNow({ normal, mean, offset }: State, { nature }: Settings, back: number): Levels {
  if (nature.longRun) return { base: normal.slow, baseOf: 40, far: normal.slow, farOf: 40 };
  const most = Math.min(normal.clean, normal.seen) - back;
  // Where failures are rare, the middle of the last minutes is nought, and any failure would be more than that.
  const least = nature.counted ? nature.sign * Math.log(mean + offset) : Number.NEGATIVE_INFINITY;
  const level = (of: number): number => Math.max(least, levelOf(normal, of, back));
  const baseOf = bestBase(normal, most);
  const farOf = bestBase(normal, most, 16, 20);
  return { base: level(baseOf), baseOf, far: level(farOf), farOf };
}

function expectedHere(state: State, input: Input, { nature }: Settings): Expected {
  return expectedOf(state.envelope, nature, state.envelope.n < 3 ? fleetOf(input) : undefined);
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
  for (const sample of late) follow(state, watch, toScale(sample.v, state.offset, nature), sample.tMs, nature);
  const last = late.at(-1);
  if (state.trouble === null && last !== undefined) look(state, last.tMs, input, nature);
}

/** Ends the watch: a healthy change teaches the envelope, and the verdict is told once. `next` is the change that ends it. */
export function endWatch(state: State, next: Change | undefined, input: Input, settings: Settings): void {
  const { watch } = state;
  state.watch = null;
  if (watch === null) return;
  if (state.trouble !== null) {
    const { changeId, base } = state.trouble;
    if (changeId !== watch.changeId && !watch.foreign)
      announce(state, alreadyWrong(state, watch, base, input.meta, settings));
    return;
  }
  // Whatever it did went away by itself: that is a healthy change, even one that was called. A rollback says otherwise.
  // Where one follows the other within minutes, what is seen of each until the next teaches too.
  const enough = watch.k >= lesson || (watch.k >= lesson / 2 && watch.settled);
  if (enough && next?.kind !== 'rollback' && teaches(watch)) learnCourse(state.envelope, watch.course);
  if (watch.foreign) return;
  const healthy = watch.settled && watch.k >= judged * settings.nature.stretch;
  if (watch.announced && healthy) return;
  const verdict = healthy ? 'healthy' : 'inconclusive';
  const reason = sentenceOfEnd(state, watch, verdict, input.meta, settings);
  announce(state, { changeId: watch.changeId, verdict, reason });
}

// What an autoscaler or a neighbour does is no measure of what this service's releases do.
function teaches({ kind, foreign }: Watch): boolean {
  return kind !== 'scale' && !foreign;
}

/** Tells early, once, that a change settled: people want to know why nobody was called. It stays under watch. */
export function announceSettled(state: State, meta: SeriesMeta, settings: Settings): void {
  const { watch } = state;
  if (
    watch === null ||
    watch.foreign ||
    watch.announced ||
    !watch.settled ||
    watch.k < judged * settings.nature.stretch ||
    state.trouble !== null
  )
    return;
  watch.announced = true;
  const reason = sentenceOfEnd(state, watch, 'healthy', meta, settings);
  announce(state, { changeId: watch.changeId, verdict: 'healthy', reason });
}
