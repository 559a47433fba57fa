import { formatDuration } from '../../lib/duration.ts';
import type { SeriesMeta } from '../../domain/telemetry.ts';
import type { FoldInput, Verdict } from '../fold.ts';
import { changePhrase, formatValue, subject } from '../words.ts';
import { bestBase, spreadOf } from './contrast.ts';
import { phaseOf, reach } from './envelope.ts';
import { boundary } from './evidence.ts';
import { controlWords, touches } from './instances.ts';
import { fromScale, type Nature } from './nature.ts';
import { at, isReady, meanOfLast } from './normal.ts';
import type { Announcement, State, Trouble, Watch } from './state.ts';

/** Why a change was let pass, or could not be judged. */
export function sentenceOfEnd(
  state: State,
  watch: Watch,
  verdict: 'healthy' | 'inconclusive',
  meta: SeriesMeta,
  settings: { readonly nature: Nature },
): string {
  const { nature } = settings;
  const shown = (y: number): string => formatValue(fromScale(y, state.offset, nature), meta.unit);
  const before = shown(watch.base);
  if (verdict === 'inconclusive')
    return `${watch.phrase}, and whether ${subject(meta)} took harm cannot be told: it was ${before} before and is ${formatValue(state.v, meta.unit)}, after ${watch.k} samples`;
  const rose = watch.peak > nature.effect / 2;
  const path = rose
    ? `went from ${before} to ${shown(watch.base + watch.peak)} ${watch.peakMs - watch.atMs < 1_000 ? 'at once' : `within ${formatDuration(watch.peakMs - watch.atMs)}`} and came back to ${formatValue(state.v, meta.unit)}`
    : Math.abs(meanOfLast(state.normal, 5) - watch.base) < nature.effect / 2
      ? `stayed near ${before}`
      : `was ${before} before and is ${formatValue(state.v, meta.unit)}`;
  const history = state.envelope.n === 0 ? '' : `, as after ${state.envelope.n} healthy changes before`;
  return `${watch.phrase} and is well by its ${meta.signal}: ${subject(meta)} ${path}${rose ? history : ''}`;
}

/** What is said of a change that came while something was wrong already, which it did not bring. */
export function alreadyWrong(
  state: State,
  watch: Watch,
  base: number,
  meta: SeriesMeta,
  { nature }: { readonly nature: Nature },
): Announcement {
  const was = formatValue(fromScale(base, state.offset, nature), meta.unit);
  const is = formatValue(state.v, meta.unit);
  const reason = `${watch.phrase} while ${subject(meta)} was wrong already, ${is} instead of ${was}: whether it took more harm cannot be told`;
  return { changeId: watch.changeId, verdict: 'inconclusive', reason };
}

/** The verdict on a series, from its state. */
export function verdictOf(state: State, input: FoldInput<State>, nature: Nature): Verdict {
  const { meta } = input;
  const shown = (y: number): string => formatValue(fromScale(y, state.offset, nature), meta.unit);
  if (state.trouble !== null) return troubleVerdict(state, state.trouble, input, nature);
  if (!isReady(state.normal))
    return {
      state: 'unknown',
      reason: `${subject(meta)}: too few samples to know what is usual`,
      numbers: { samples: state.normal.n },
      confidence: 0,
    };
  const { watch } = state;
  const usual = shown(watch?.base ?? state.normal.slow);
  const after =
    watch === null ? '' : `; ${watch.phrase} ${formatDuration(input.lastMs - watch.atMs)} before and is watched`;
  return {
    state: 'good',
    reason: `${subject(meta)} is ${formatValue(state.v, meta.unit)}, usually ${usual}${after}`,
    numbers: { value: state.v, usual: fromScale(watch?.base ?? state.normal.slow, state.offset, nature) },
    confidence: 0.5,
    // Not before it has settled: that would be a verdict on the change.
    ...(watch?.announced === true ? { changeId: watch.changeId } : {}),
  };
}

function troubleVerdict(state: State, trouble: Trouble, input: FoldInput<State>, nature: Nature): Verdict {
  const { meta } = input;
  const shown = (y: number): string => formatValue(fromScale(y, state.offset, nature), meta.unit);
  const seen = formatValue(state.v, meta.unit);
  const lastedMs = input.lastMs - trouble.sinceMs;
  const lasting = lastedMs < 1_000 ? '' : `, for ${formatDuration(lastedMs)}`;
  const before = shown(trouble.base);
  const history = state.envelope.n;
  const ago = formatDuration(Math.max(0, trouble.sinceMs - trouble.changeMs));
  const learned = history === 0 ? '' : ` (learned from ${history} healthy changes)`;
  // Still held against the change until that is certain; the sentence must not say of a normal value that it is none.
  const back = trouble.calm > 0;
  const here = input.changes.filter((change) => touches(change, meta));
  const is = back ? `is back at ${seen}` : `is ${seen}`;
  const sentences = {
    'beyond-envelope': `${subject(meta)} ${is}, ${before} before${back ? '; it was' : ':'} more than changes of this service do to it${learned}${lasting}; ${trouble.phrase} ${ago} before`,
    'not-shrinking': `${subject(meta)} ${is}, ${before} before, and ${back ? 'did not come back as a warm-up does' : 'does not come back as a warm-up would'}${lasting}; ${trouble.phrase} ${ago} before`,
    late: `${subject(meta)} ${back ? `${is}; it had jumped from ${before}` : `jumped to ${seen}, from ${before}`}${lasting}; ${trouble.phrase} ${ago} before, and nothing else is known to have changed`,
    'no-change': `${subject(meta)} ${is}, ${before} a while ago${lasting}, and nothing was changed that explains it${changePhrase(here, trouble.sinceMs, meta.service)}`,
  } as const;
  const wall = boundary(10);
  const overwhelming = trouble.z > 3 * wall && trouble.effect >= nature.huge;
  return {
    state: 'bad',
    reason: `${sentences[trouble.why]}${controlWords(trouble.changeId, state, input)}`,
    numbers: {
      value: state.v,
      before: fromScale(trouble.base, state.offset, nature),
      z: trouble.z,
      healthyChanges: history,
    },
    confidence: overwhelming ? 1 : Math.min(0.97, 0.6 + 0.35 * (trouble.z / wall - 1)),
    sinceMs: trouble.sinceMs,
    ...(trouble.changeId === null ? {} : { changeId: trouble.changeId }),
    chart: chartOf(state, trouble, input, nature),
  };
}

// What was to be expected, beside what was seen: the level before, and after the change its learned transient.
function chartOf(
  state: State,
  trouble: Trouble,
  input: FoldInput<State>,
  nature: Nature,
): NonNullable<Verdict['chart']> {
  const back = (y: number): number => fromScale(y, state.offset, nature);
  const stepMs = input.stepMs || 60_000;
  const base = bestBase(state.normal, state.normal.seen);
  const expected = input.recent.map(({ tMs }) => {
    const k = Math.floor((tMs - trouble.changeMs) / stepMs);
    const after = trouble.changeId !== null && k >= 0;
    const { middle, room } = after ? roomAt(state.watch, k) : { middle: 0, room: 0 };
    const width = Math.hypot(2 * spreadOf(state.normal, 1, Math.max(0, k), base, nature.floor), room);
    const edges = [back(trouble.base + middle - width), back(trouble.base + middle + width)];
    return { tMs, low: Math.min(...edges), high: Math.max(...edges) };
  });
  return { seen: input.recent, expected };
}

function roomAt(watch: Watch | null, k: number): { readonly middle: number; readonly room: number } {
  if (watch === null) return { middle: 0, room: 0 };
  const phase = phaseOf(Math.min(reach - 1, k));
  return { middle: at(watch.expected.middle, phase), room: at(watch.expected.room, phase) };
}
