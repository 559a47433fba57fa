import type { Json } from '../../lib/json.ts';
import type { Sample, SeriesMeta } from '../../domain/telemetry.ts';
import type { FoldInput } from '../fold.ts';
import { addSample, isNear } from './fold.ts';
import { toScale } from './nature.ts';
import { phases, phaseOf, startOf, type Envelope } from './envelope.ts';
import { isReady } from './normal.ts';
import { pack, unpack } from './pack.ts';
import { emptyState, type State } from './state.ts';
import type { Settings } from './watch.ts';

/**
 * A series as it is sampled, and the same by the minute. What a deploy breaks at once is seen sample by sample, in seconds
 * where there is one a second; what leaks, ramps, comes late, or passes like a warm-up takes its own time however often one
 * looks, and is seen by the minute. A series of at most one sample a minute has the first view alone.
 */
export interface Views {
  fine: State;
  minutes: State | null;
  /** The minute that is being gathered, its samples and their sum. */
  minute: number;
  count: number;
  sum: number;
  /** Samples a minute, as they have been coming; 0 while that is not known. */
  pace: number;
  /** Samples in a row that are near the level before the trouble which the minutes see. */
  calm: number;
  /** Minutes in a row at another pace; -1 before the first minute, which may have begun anywhere, is over. */
  off: number;
}

const minuteMs = 60_000;
/** So many minutes in a row at another pace are another pace: fewer are a gap, or samples that came late. */
const settledPace = 3;
/** A pace is another one when it differs by this factor. */
const paceFactor = 1.7;

/** A series of which nothing is known. */
export function emptyViews(): Views {
  return { fine: emptyState(), minutes: null, minute: -1, count: 0, sum: 0, pace: 0, calm: 0, off: -1 };
}

/** Folds one sample in: at once as it is, and with its minute when that is over. */
export function addToViews(views: Views, sample: Sample, input: FoldInput<Views>, settings: Settings): void {
  const minute = Math.floor(sample.tMs / minuteMs);
  if (minute !== views.minute) {
    if (views.count > 0) closeMinute(views, input, settings);
    Object.assign(views, { minute, count: 0, sum: 0 });
  }
  views.count++;
  views.sum += sample.v;
  addSample(views.fine, sample, fineInput(input), settingsOfFine(settings, views));
  const { minutes } = views;
  if (minutes === null) return;
  // What is told as present is the newest sample, whichever view tells it.
  minutes.v = sample.v;
  if (minutes.trouble !== null) endByMinute(views, minutes, sample, settings);
}

/**
 * What single samples are left with once the minutes are known: what is so large that waiting would be wrong. What is smaller
 * and lasts a minute is one odd minute, of however many samples. (Before any courses were learned, there is a warm-up's
 * room instead, and patience.) And a warm-up lasts as long as it lasts: beyond one sample each 15 s
 * it is given as many more.
 */
function urgent(settings: Settings, { fine, pace }: Views): Settings {
  const { nature } = settings;
  const hugeOr = (least: number): number => Math.max(least, nature.huge);
  const called = fine.envelope.n >= 3 ? hugeOr(nature.called) : nature.called;
  // Late humps that were learned are told apart by the minute only: there, an hour is within what is counted one by one.
  const isOwn = fine.watch !== null && !fine.watch.foreign;
  const effectAlone = nature.effectAlone === 0 || isOwn ? 0 : hugeOr(nature.effectAlone);
  const stretch = Math.max(1, pace / 4);
  return { ...settings, nature: { ...nature, called, effectAlone, stretch } };
}

/** Settings by which the view of single samples says how a change went: after five minutes at the soonest, where minutes are known. */
export function settingsOfFine(settings: Settings, views: Views): Settings {
  return isKnownByMinute(views) ? urgent(settings, views) : settings;
}

// Trouble that the minutes see is over after one good minute, sample by sample: who acted on it is not kept waiting for three.
function endByMinute(views: Views, minutes: State, { v }: Sample, { nature }: Settings): void {
  const { trouble, offset } = minutes;
  if (trouble === null) return;
  views.calm = isNear(minutes, trouble, toScale(v, offset, nature), nature) ? views.calm + 1 : 0;
  if (views.calm < Math.max(3, views.pace)) return;
  minutes.trouble = null;
  views.calm = 0;
}

// Enough minutes were seen to leave what takes patience to them.
function isKnownByMinute({ minutes }: Views): boolean {
  return minutes !== null && isReady(minutes.normal);
}

function closeMinute(views: Views, input: FoldInput<Views>, settings: Settings): void {
  followPace(views);
  const { minutes, minute, count, sum } = views;
  if (minutes === null) return;
  // With the time of its end: a change within it touched it.
  const mean = { tMs: (minute + 1) * minuteMs - 1, v: sum / count };
  addSample(minutes, mean, minutesInput(input, mean.tMs), settings);
  // How a change went is said once, and single samples say it.
  minutes.announce = [];
}

// What was learned of samples a minute apart is what is known by the minute, when they come to be closer.
function followPace(views: Views): void {
  const { pace, count } = views;
  if (pace === 0) {
    views.off++;
    if (views.off === 0) return;
    Object.assign(views, { pace: count, off: 0 });
    if (count > 1) views.minutes = emptyState();
    return;
  }
  const isOther = count > pace * paceFactor || count < pace / paceFactor;
  views.off = isOther ? views.off + 1 : 0;
  if (views.off < settledPace || views.fine.trouble !== null) return;
  Object.assign(views, { pace: count, off: 0 });
  if (count > 1) {
    views.minutes ??= views.fine;
    views.fine = emptyState();
    resample(views.minutes.envelope, views.fine.envelope, count);
  } else if (views.minutes !== null) {
    views.fine = views.minutes;
    views.minutes = null;
  }
}

// The courses by the minute, as they may look in samples of which there are `pace` a minute: where within its minute a
// transient began is not known.
function resample(from: Envelope, into: Envelope, pace: number): void {
  for (let row = 0; row < from.n; row++) {
    const course = from.courses.subarray(row * phases, (row + 1) * phases);
    const at = (minute: number): number => course[phaseOf(minute)] ?? Number.NaN;
    for (let phase = 0; phase < phases; phase++) {
      const minute = Math.floor(startOf(phase) / pace);
      const [here, next] = [at(minute), at(minute + 1)];
      into.courses[row * phases + phase] = Number.isNaN(next) ? here : Math.max(here, next);
    }
  }
  Object.assign(into, { n: from.n, next: from.next });
}

/** The view that speaks for both: the one that sees trouble. */
export function ruling({ fine, minutes }: Views): State {
  if (minutes === null || !isReady(minutes.normal)) return fine;
  if (fine.trouble !== null && (minutes.trouble === null || fine.trouble.changeId !== null)) return fine;
  return minutes.trouble !== null || !isReady(fine.normal) ? minutes : fine;
}

/** What the view of single samples may look at. */
export function fineInput(input: FoldInput<Views>): FoldInput<State> {
  return view(input, ({ fine }) => fine, {});
}

/** What the view by the minute may look at. */
export function minutesInput(input: FoldInput<Views>, lastMs = input.lastMs): FoldInput<State> {
  return view(input, ({ minutes }) => minutes, { stepMs: minuteMs, lastMs, byMinute: true });
}

interface Pace {
  readonly stepMs?: number;
  readonly lastMs?: number;
  readonly byMinute?: boolean;
}

// The input itself is one object for a whole step, and asked lazily: what hardly any sample needs is not worked out.
function view(input: FoldInput<Views>, of: (views: Views) => State | null, pace: Pace): FoldInput<State> {
  return {
    meta: input.meta,
    rule: input.rule,
    context: input.context,
    asOfMs: input.asOfMs,
    get stepMs() {
      return pace.stepMs ?? input.stepMs;
    },
    get lastMs() {
      return pace.lastMs ?? input.lastMs;
    },
    get changes() {
      return input.changes;
    },
    get recent() {
      return pace.byMinute === true ? byMinute(input.recent) : input.recent;
    },
    companion: (signal) => input.companion(signal),
    peers: () =>
      input.peers().flatMap(({ meta, state }): { readonly meta: SeriesMeta; readonly state: State }[] => {
        const seen = of(state);
        return seen === null ? [] : [{ meta, state: seen }];
      }),
  };
}

// Whole minutes only: the first may have begun before what is kept, and the last is not over.
function byMinute(samples: readonly Sample[]): readonly Sample[] {
  const minutes = new Map<number, number[]>();
  for (const { tMs, v } of samples) {
    const minute = Math.floor(tMs / minuteMs);
    const values = minutes.get(minute);
    if (values === undefined) minutes.set(minute, [v]);
    else values.push(v);
  }
  return [...minutes]
    .slice(1, -1)
    .map(([minute, vs]) => ({ tMs: (minute + 1) * minuteMs - 1, v: vs.reduce((a, b) => a + b, 0) / vs.length }));
}

/** Both views as they are saved. */
export function packViews({ fine, minutes, ...rest }: Views): Json {
  return { ...rest, fine: pack(fine), minutes: minutes === null ? null : pack(minutes) };
}

/** The views that were packed. */
export function unpackViews(saved: Json): Views {
  const { fine, minutes, ...rest } = saved as unknown as Omit<Views, 'fine' | 'minutes'> & {
    readonly fine?: Json;
    readonly minutes?: Json;
  };
  // Saved by a version that had one view: it goes on as that of single samples.
  if (fine === undefined) return { ...emptyViews(), fine: unpack(saved) };
  return { ...rest, fine: unpack(fine), minutes: minutes === undefined || minutes === null ? null : unpack(minutes) };
}
