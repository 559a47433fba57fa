import { median } from '../../lib/stats.ts';
import type { Sample } from '../../domain/telemetry.ts';
import { atOrBefore } from '../companions.ts';
import type { FoldInput } from '../fold.ts';
import { bestBase, spreadOf } from './contrast.ts';
import { phaseOf, reach } from './envelope.ts';
import { inherit } from './instances.ts';
import { rememberRise } from './jump.ts';
import { explain, follow, look } from './look.ts';
import { offsetFor, toScale, type Nature } from './nature.ts';
import { at, learnNormal } from './normal.ts';
import type { State, Trouble, Watch } from './state.ts';
import { newChanges } from './taken.ts';
import { beginWatch, endWatch, type Settings } from './watch.ts';

type Input = FoldInput<State>;

const firstKept = 8;
/** After this long at a new level, that level is normal, and the sentence says so. */
const adoptMs = 24 * 3_600_000;
/** So many samples at the long-run level end a trouble that was measured against another. */
const usualFor = 30;
/** A watch that has not settled by then keeps the series from learning no longer. */
const frozenSamples = 90;

/** Folds one sample in: normal life, a watch after a change, or trouble until it is over. */
export function addSample(state: State, sample: Sample, input: Input, settings: Settings): void {
  if (state.offset === 0 && !fixOffset(state, sample, input, settings)) return;
  if (state.first.length === 0) fold(state, sample, input, settings);
}

// The even scale needs to know the usual size first. The values it waited with are folded in afterwards.
function fixOffset(state: State, sample: Sample, input: Input, settings: Settings): boolean {
  if (state.first.length === 0 && inherit(state, input)) return true;
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
  setBack(state, sample.tMs);
  for (const change of newChanges(state, sample, input)) beginWatch(state, change, sample.tMs, input, settings);
  const { nature } = settings;
  const y = toScale(sample.v, state.offset, nature);
  state.v = sample.v;
  countRequests(state, sample.tMs, input);
  rememberRise(state, sample.tMs);
  const { watch, trouble } = state;
  const unsettled =
    watch !== null && watch.k < frozenSamples && (watch.k < 5 || !watch.settled || isOdd(state, watch, y, settings));
  const frozen = trouble !== null || unsettled;
  learnNormal(state.normal, y, frozen);
  const size = nature.whole > 0 ? nature.whole - sample.v : sample.v;
  if (!frozen) state.mean += (size - state.mean) * Math.max(1 / 1_000, 1 / state.normal.n);
  if (watch !== null) follow(state, watch, y, sample.tMs, nature);
  if (trouble !== null) {
    endure(state, trouble, y, sample.tMs, settings);
    explain(state, sample.tMs, input, nature);
  } else look(state, sample.tMs, input, nature);
  if (state.watch !== null && sample.tMs - state.watch.atMs >= settings.watchMs)
    endWatch(state, undefined, input, settings);
}

// After a clock was set back: no change would be taken up, and nothing be over, until the times come that were noted.
function setBack(state: State, tMs: number): void {
  const { watch, trouble } = state;
  if (watch !== null && watch.atMs > tMs) watch.atMs = tMs;
  if (watch !== null && watch.peakMs > tMs) watch.peakMs = tMs;
  if (trouble !== null && trouble.sinceMs > tMs) trouble.sinceMs = tMs;
  if (trouble !== null && trouble.changeMs > tMs) trouble.changeMs = tMs;
}

// What may be the first sample of a fault is no lesson in what is normal.
function isOdd(state: State, watch: Watch, y: number, { nature }: Settings): boolean {
  const spread = spreadOf(state.normal, 1, watch.k, watch.baseOf, nature.floor);
  return y - watch.base > Math.max(nature.effect, 3 * spread);
}

function countRequests(state: State, tMs: number, input: Input): void {
  if (input.meta.nature !== 'ratio') return;
  const traffic = input.companion('traffic');
  const rate = (atOrBefore(traffic, tMs) ?? traffic[0])?.v;
  // Nought is that it is not known: no requests at all are next to none.
  if (rate !== undefined && input.stepMs > 0) state.requests = Math.max(1e-9, (rate * input.stepMs) / 1_000);
}

/** Whether a value is back near the level before the trouble (or where a change's own transient may be). */
export function isNear({ watch, normal }: State, trouble: Trouble, y: number, nature: Nature): boolean {
  const age = watch?.k ?? 24;
  const phase = phaseOf(Math.min(reach - 1, Math.max(0, age - 1)));
  const middle = watch === null ? 0 : at(watch.expected.middle, phase);
  const room = watch === null ? 0 : at(watch.expected.room, phase);
  // A noisy series must be let be as noisy as it was, or it would hardly ever be near enough three times in a row; but
  // what is half as bad as the trouble was is not over.
  const noise = 2 * spreadOf(normal, 1, Math.min(age, 60), bestBase(normal, 60), nature.floor);
  const allowed = middle + Math.max(nature.effect * 0.7, Math.min(Math.max(room, noise), trouble.effect / 2));
  return y - trouble.base <= allowed;
}

// Until it is over: three samples in a row back near the level before.
function endure(state: State, trouble: Trouble, y: number, tMs: number, { nature }: Settings): void {
  const { normal } = state;
  trouble.calm = isNear(state, trouble, y, nature) ? trouble.calm + 1 : 0;
  // The level before may have been an odd one: what is as usual in the long run, for a while, is not trouble.
  trouble.usual = y - normal.slow <= nature.effect * 0.7 ? trouble.usual + 1 : 0;
  const adopted = tMs - trouble.sinceMs > adoptMs;
  if (trouble.calm < 3 && trouble.usual < usualFor && !adopted) return;
  state.trouble = null;
  if (adopted) state.watch = null;
}
