import { spreadOf } from './contrast.ts';
import { over, phaseOf, reach, type Envelope, type Stretch } from './envelope.ts';
import { badShare, type Nature } from './nature.ts';
import { at, isReady, ysKept, type Normal } from './normal.ts';
import type { State, Watch, Why } from './state.ts';

/** What speaks against a change, when something does. `effect` is on the even scale, `z` in standard deviations. */
export interface Evidence {
  readonly why: Why;
  readonly z: number;
  readonly effect: number;
  readonly room: number;
}

/** Within so many samples of a neighbour's change, what begins may be its work. */
const promptly = 6;
const windows = [3, 8, 24, 48] as const;
/** So many more failed requests than usual are needed before a ratio proves anything. */
const leastFailures = 4;

/** The chance that noise alone ever calls one watch of one series at one time scale, however often it is looked at. */
const alpha = 0.02;
/** What the shares of `alpha` of all looks add up to: the sum of 1 / (n ln²(n + e)) over all n. */
const shares = 1.5;

/**
 * The boundary the evidence must cross, in standard deviations, at the `look`th independent look. Each look may spend a share
 * of `alpha` that falls off a little faster than its number grows, so all of them together, for ever, spend no more than
 * `alpha`: one may look as often and as long as one likes (a union bound; ½ exp(-z²/2) bounds a normal tail). Windows that
 * overlap between two independent looks cross in company; by how much is measured in a test.
 */
export function boundary(look: number): number {
  const n = Math.max(1, look);
  return Math.sqrt(2 * Math.log((shares * n * Math.log(n + Math.E) ** 2) / (2 * alpha)));
}

/** Judges a watch after its newest sample. `control` is what untouched instances did. `undefined`: nothing speaks against it. */
export function evidenceAgainst(state: State, watch: Watch, nature: Nature, control: number): Evidence | undefined {
  if (!isReady(state.normal) || watch.k > nature.compared) return undefined;
  // Nothing but the order of events links it to what a neighbour changed: it must have begun right after.
  if (watch.foreign && watch.k - watch.sinceOnset > promptly) return undefined;
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
  // It goes back to what was well before, or is of another service: that it brings new harm is the least likely reading.
  const unlikely = watch.kind === 'rollback' || watch.foreign;
  const least = (unlikely ? 1.5 : 1) * nature.called;
  // Most of what a change does shows soon: the longer after it, the less certain is what was learned.
  const late = Math.max(0, Math.min(1, (watch.k - 40) / 60));
  let best: Evidence | undefined;
  for (const m of windows) {
    if (seen.over.length < m) break;
    if (Math.max(seen.excess(m), seen.excess(m) + watch.base - watch.far) < least && !nature.longRun) continue;
    const { noise, base } = measureOf(state, watch, nature, m);
    const excess = seen.excess(m) + watch.base - base;
    if (excess < least && !nature.longRun) continue;
    const wall = boundary(watch.k / m);
    const { middle, room } = stretchOf(state, watch, m, noise);
    const effect = excess - middle;
    if (effect < least || !goesOn(seen.over, m, nature.effect, effect)) continue;
    // The threshold in standard deviations, as if room and noise were one spread. The middle learned has noise too.
    const unsure = wall * noise * Math.sqrt(1 + 1 / Math.max(3, state.envelope.n));
    const surprise = Math.hypot((1 + 0.15 * late) * unsure, (1 + 0.25 * late) * (m === 3 ? 1.2 : 1) * room);
    const allowed = (unlikely ? 1.7 : 1) * surprise;
    const z = (effect * wall) / allowed;
    if (z > wall && z > (best?.z ?? 0) && enoughFailed(state, watch.base + Math.max(0, middle), m, wall))
      best = { why: 'beyond-envelope', z, effect, room };
  }
  if (best === undefined) return undefined;
  // A transient larger than those before still passes: wait while it shrinks, unless it is far beyond all of them.
  const known = state.envelope.n >= 3;
  const passing = shrink(seen.linear, Math.max(3, Math.floor(watch.sinceOnset / 4))) < (known ? 0.7 : 0.75);
  if (passing && watch.k < 40 && !(known && best.z > 2.5 * boundary(watch.k / 3))) return undefined;
  return best;
}

function stretchOf(state: State, watch: Watch, m: number, noise: number): Stretch {
  const { expected } = watch;
  const k = Math.min(reach, watch.k);
  if (state.envelope.n === 0) {
    let room = 0;
    for (let i = k - m; i < k; i++) room += at(expected.room, phaseOf(i)) / m;
    return { middle: 0, room };
  }
  const ignorance = at(expected.ignorance, phaseOf(Math.max(0, k - m)));
  return over(state.envelope, watch.sums, k, m, ignorance, noise);
}

// Against which of the two levels before the last `m` samples are best held, and how far they stray from it by themselves.
function measureOf(state: State, watch: Watch, nature: Nature, m: number): { noise: number; base: number } {
  const { normal, envelope } = state;
  // Where the restart itself moves the level, the courses learned say how far it wanders, and better.
  const gap = nature.longRun && envelope.n >= 3 ? 0 : watch.k - m;
  const near = spreadOf(normal, m, gap, watch.baseOf, nature.floor);
  const far = watch.farOf === watch.baseOf ? near : spreadOf(normal, m, gap, watch.farOf, nature.floor);
  const luck = luckOfCounting(state, watch, m);
  return far < near
    ? { noise: Math.hypot(far, luck), base: watch.far }
    : { noise: Math.hypot(near, luck), base: watch.base };
}

/** Where a change usually makes some of few requests fail, how many differs by luck, more than it does when all is well. */
export function luckOfCounting({ requests, offset }: State, watch: Watch, m: number): number {
  const middle = at(watch.expected.middle, phaseOf(Math.min(reach - 1, Math.max(0, watch.k - m / 2) | 0)));
  if (requests <= 0 || middle <= 0) return 0;
  // Of the logarithm, with the offset of half a percent that it has.
  const variance = (y: number): number => badShare(y, offset) / (badShare(y, offset) + 0.005) ** 2;
  return Math.sqrt(Math.max(0, variance(watch.base + middle) - variance(watch.base)) / (requests * m));
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
  const patience = nature.stretch * (effect >= nature.huge ? 7 : 20);
  if (watch.sinceOnset < patience || effect < Math.max(2 * nature.effect, nature.called)) return undefined;
  // So large and so steady an effect is no wander, of which a short history says little.
  const z = effect / spreadOf(state.normal, 3, 8, watch.baseOf, nature.floor);
  if (z < boundary(watch.k / 3) || minOfTail(seen.over, 3) < 0.6 * effect) return undefined;
  if (shrink(seen.linear, Math.max(3, Math.floor(watch.sinceOnset / 3))) < 0.85) return undefined;
  if (!enoughFailed(state, watch.base, 3, 3)) return undefined;
  const learned = learnedRoom(state.envelope, watch);
  return effect < learned ? undefined : { why: 'not-shrinking', z, effect, room: learned };
}

// What one or two courses did at this phase, as far as they say anything.
function learnedRoom(envelope: Envelope, watch: Watch): number {
  return envelope.n === 0 ? 0 : 0.5 * Math.abs(at(watch.expected.middle, phaseOf(Math.min(reach - 1, watch.k))));
}

/**
 * Whether a ratio rests on enough failures, by `wall` standard deviations: a few more than usual among hardly any requests
 * are luck. Where the traffic is
 * not known, the spread of the series has to say it alone.
 */
export function enoughFailed(state: State, base: number, m: number, wall: number): boolean {
  if (state.requests <= 0) return true;
  const count = Math.min(m, state.normal.seen);
  const { offset, normal, requests } = state;
  const usual = Math.max(badShare(Math.log(state.mean + offset), offset), badShare(base, offset)) * requests * count;
  let failures = 0;
  for (let i = 1; i <= count; i++) failures += badShare(at(normal.ys, ysKept - i), offset) * requests;
  return failures - usual >= leastFailures + wall * Math.sqrt(usual);
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
