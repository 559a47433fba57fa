import { over, phaseOf, reach, type Envelope, type Stretch } from './envelope.ts';
import { fromScale, type Nature } from './nature.ts';
import { at, isReady, spreadOf, ysKept, type Normal } from './normal.ts';
import type { State, Watch, Why } from './state.ts';

/** What speaks against a change, when something does. `effect` is on the even scale, `z` in standard deviations. */
export interface Evidence {
  readonly why: Why;
  readonly z: number;
  readonly effect: number;
  readonly room: number;
}

/** The false-alarm chance one watch of one series may spend, however often it is looked at. */
const alpha = 1e-3;
const windows = [3, 8, 24, 48] as const;
/** So many more failed requests than usual are needed before a ratio proves anything. */
const leastFailures = 4;

/**
 * The boundary the evidence must cross at the `k`-th look, in standard deviations. It grows with the iterated
 * logarithm, so that the chance of ever crossing it by luck stays below `alpha` however long one looks (a stitched
 * confidence sequence; Howard, Ramdas, McAuliffe, Sekhon 2021, arXiv:1810.08240, eq. 1 in its simplest form).
 */
export function boundary(k: number): number {
  return Math.sqrt(2 * (Math.log(1 / alpha) + 1.4 * Math.log(1 + Math.log2(2 + k))));
}

/** Judges a watch after its newest sample. `control` is what untouched instances did. `undefined`: nothing speaks against it. */
export function evidenceAgainst(state: State, watch: Watch, nature: Nature, control: number): Evidence | undefined {
  if (!isReady(state.normal) || watch.k > nature.compared) return undefined;
  const seen = residualsOf(watch, state.normal, nature, control);
  return beyondEnvelope(state, watch, nature, seen) ?? notShrinking(state, watch, nature, seen);
}

interface Residuals {
  /** Excess beyond what is expected, of the last samples, oldest first. */
  readonly over: readonly number[];
  /** The same on the linear scale (in units of the base): what a warm-up's decay is judged on. */
  readonly linear: readonly number[];
  /** The mean excess of the last `m` samples over the level before. */
  excess(m: number): number;
}

function residualsOf(watch: Watch, normal: Normal, nature: Nature, control: number): Residuals {
  const count = Math.min(watch.k, windows[3], normal.seen);
  const over: number[] = [];
  const linear: number[] = [];
  const excesses: number[] = [];
  for (let i = count; i > 0; i--) {
    const excess = at(normal.ys, ysKept - i) - watch.base - control;
    const phase = phaseOf(Math.min(reach - 1, watch.k - i));
    const middle = at(watch.expected.middle, phase);
    over.push(excess - middle);
    linear.push(nature.sign === 1 ? Math.exp(Math.min(8, excess)) - Math.exp(Math.min(8, middle)) : excess - middle);
    excesses.push(excess);
  }
  return { over, linear, excess: (m) => meanOfTail(excesses, m) };
}

// More than this service's changes do, by more than chance, at any of four time scales, and it is not passing.
function beyondEnvelope(state: State, watch: Watch, nature: Nature, seen: Residuals): Evidence | undefined {
  const wall = boundary(watch.k);
  // It goes back to what was well before: that it brings new harm is the least likely reading.
  const doubt = watch.kind === 'rollback' ? 1.4 : 1;
  let best: Evidence | undefined;
  for (const m of windows) {
    if (seen.over.length < m) break;
    const { middle, room } = stretchOf(state, watch, m);
    const effect = seen.excess(m) - middle;
    if (effect < nature.effect || !goesOn(seen.over, m, nature.effect, effect)) continue;
    // The threshold in standard deviations, as if room and noise were one spread.
    const allowed = doubt * Math.hypot(wall * noise(state, watch, nature, m), m === 3 ? 1.2 * room : room);
    const z = (effect * wall) / allowed;
    if (z > wall && z > (best?.z ?? 0) && enoughFailed(state, watch.base, m))
      best = { why: 'beyond-envelope', z, effect, room };
  }
  if (best === undefined) return undefined;
  // A transient larger than those before still passes: wait while it shrinks, unless it is far beyond all of them.
  const known = state.envelope.n >= 3;
  const passing = shrink(seen.linear, Math.max(3, Math.floor(watch.sinceOnset / 4))) < (known ? 0.7 : 0.75);
  if (passing && watch.k < 40 && !(known && best.z > 2.5 * wall)) return undefined;
  return best;
}

function stretchOf(state: State, watch: Watch, m: number): Stretch {
  const { expected } = watch;
  const k = Math.min(reach, watch.k);
  if (state.envelope.n === 0) {
    let room = 0;
    for (let i = k - m; i < k; i++) room += at(expected.room, phaseOf(i)) / m;
    return { middle: 0, room };
  }
  return over(state.envelope, watch.sums, k, m, at(expected.ignorance, phaseOf(Math.max(0, k - m))));
}

function noise(state: State, watch: Watch, nature: Nature, m: number): number {
  const { normal, envelope } = state;
  // Where the restart itself moves the level, the courses learned say how far it wanders, and better.
  const distance = nature.longRun && envelope.n >= 3 ? 0 : Math.max(1, watch.k - m / 2);
  // The courses learned hold this noise too: the more there are, the less it is counted again. But how far a level wanders
  // in an hour, a dozen of them hardly say.
  const again = 3 / (3 + envelope.n);
  const share = again + (1 - again) * Math.max(0, Math.min(1, (watch.k - 20) / 60));
  return spreadOf(normal, m, distance, watch.baseOf, nature.floor) * Math.sqrt(share);
}

// It is still there, and not the work of one or two values.
function goesOn(over: readonly number[], m: number, least: number, effect: number): boolean {
  if (m === windows[0]) return meanOfTail(over, 2) >= 0.6 * effect && minOfTail(over, 3) >= 0.3 * least;
  let high = 0;
  for (let i = over.length - m; i < over.length; i++) if ((over[i] ?? 0) >= 0.7 * least) high++;
  return high >= (3 * m) / 8 && meanOfTail(over, 5) >= 0.4 * effect;
}

// With little or no history there is much room at first. What tells a warm-up from a fault then is that it shrinks.
function notShrinking(state: State, watch: Watch, nature: Nature, seen: Residuals): Evidence | undefined {
  if (state.envelope.n >= 4) return undefined;
  const effect = meanOfTail(seen.over, 3);
  const patience = effect >= nature.huge ? 7 : 20;
  if (watch.sinceOnset < patience || effect < 2 * nature.effect) return undefined;
  // So large and so steady an effect is no wander, of which a short history says little.
  const z = effect / spreadOf(state.normal, 3, 8, watch.baseOf, nature.floor);
  if (z < boundary(watch.k) || minOfTail(seen.over, 3) < 0.6 * effect) return undefined;
  if (shrink(seen.linear, Math.max(3, Math.floor(watch.sinceOnset / 3))) < 0.85) return undefined;
  if (!enoughFailed(state, watch.base, 3)) return undefined;
  const learned = learnedRoom(state.envelope, watch);
  return effect < learned ? undefined : { why: 'not-shrinking', z, effect, room: learned };
}

// What one or two courses did at this phase, as far as they say anything.
function learnedRoom(envelope: Envelope, watch: Watch): number {
  return envelope.n === 0 ? 0 : 0.5 * Math.abs(at(watch.expected.middle, phaseOf(Math.min(reach - 1, watch.k))));
}

/**
 * Whether a ratio rests on enough failures: a few more than usual among hardly any requests are luck. Where the traffic is
 * not known, the spread of the series has to say it alone.
 */
export function enoughFailed(state: State, base: number, m: number): boolean {
  if (state.requests <= 0) return true;
  const count = Math.min(m, state.normal.seen);
  const usual = Math.max(state.mean, fromScale(base, state.offset, 1)) * state.requests * count;
  let failures = 0;
  for (let i = 1; i <= count; i++)
    failures += fromScale(at(state.normal.ys, ysKept - i), state.offset, 1) * state.requests;
  return failures - usual >= leastFailures + 3 * Math.sqrt(usual);
}

/** How the mean of the last `w` values compares with that of the `w` before: 1 stands still, below 1 shrinks. */
function shrink(values: readonly number[], w: number): number {
  const width = Math.min(w, Math.floor(values.length / 2));
  if (width === 0) return 1;
  const last = meanOfTail(values, width);
  const before = meanOfTail(values.slice(0, values.length - width), width);
  return before <= 0 ? 2 : last / before;
}

/** The mean of the last `m` values. */
export function meanOfTail(values: readonly number[], m: number): number {
  const from = Math.max(0, values.length - m);
  let sum = 0;
  for (let i = from; i < values.length; i++) sum += values[i] ?? 0;
  return sum / Math.max(1, values.length - from);
}

function minOfTail(values: readonly number[], m: number): number {
  return Math.min(...values.slice(-m));
}
