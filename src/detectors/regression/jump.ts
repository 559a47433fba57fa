import { bestBase, spreadOf } from './contrast.ts';
import { over, phaseOf, reach, type Envelope, type Stretch } from './envelope.ts';
import { enoughFailed, luckOfCounting, type Evidence } from './evidence.ts';
import type { Nature } from './nature.ts';
import { at, isReady, levelOf, ysKept } from './normal.ts';
import { halfHours, type State, type Watch } from './state.ts';

const windows = [3, 6, 12, 24] as const;
/** In standard deviations: of the looks of a week, ten thousand, hardly one crosses it by luck. */
const jumpWall = 4;
const halfHourMs = 1_800_000;

/** A jump away from the minutes before it, and the level it left. */
export interface Jump extends Evidence {
  readonly base: number;
  /** Of how many samples it and the level before it are the means. */
  readonly of: number;
  readonly baseOf: number;
}

/**
 * A lasting jump of the newest samples away from those before them, whenever it comes. It needs no change and is judged on
 * stronger evidence and larger effects than what follows a change at once; within hours of a change, on smaller ones than
 * without any. What jumps at the same hour every day is the day.
 */
export function jumpOf(state: State, nature: Nature): Jump | undefined {
  const { normal } = state;
  // A jump is not held against what another service changed, and is looked for as if that had not been.
  const watch = state.watch?.foreign === true ? null : state.watch;
  if (nature.effectAlone === 0 || !isReady(normal) || normal.n < 30) return undefined;
  // What a change does that has no history is for its watch to judge, and so is what goes back to what was well.
  if (watch !== null && watch.k < 60 && (state.envelope.n < 3 || watch.kind === 'rollback')) return undefined;
  // What was well before and is back is blamed for nothing that comes hours later on lesser evidence than no change at all.
  const alone = watch === null || watch.kind === 'rollback';
  const wall = (alone ? 1.5 : 1.28) * jumpWall;
  const baseOf = Math.max(9, bestBase(normal, 40));
  const usualRise = 1.25 * risesNear(state);
  for (const m of windows) {
    // Sooner after a change, the level before it is the better measure, and its watch uses that.
    if (normal.seen < m + baseOf || (watch !== null && watch.k < m + baseOf)) break;
    const level = levelOf(normal, baseOf, m);
    const rise = meanOver(normal.ys, m) - level;
    if (m === 6) state.rise = Math.max(state.rise, rise);
    const least = m > 3 && !alone ? nature.effectLate : nature.effectAlone;
    if (rise < least || rise < usualRise || !stands(normal.ys, m, level, rise)) continue;
    const luck = watch === null ? 0 : luckOfCounting(state, watch, m);
    const noise = Math.hypot(spreadOf(normal, m, 0, baseOf, nature.floor), luck);
    const { middle, room } = expectedJump(watch, state.envelope, m, baseOf, noise);
    // It must have jumped as it is, and beyond what was expected: a transient that did not come this time is no jump.
    const effect = rise - Math.max(0, middle);
    if (effect < least) continue;
    const z = (effect * wall) / Math.hypot(wall * noise, room);
    if (z < wall || !enoughFailed(state, level, m, wall)) continue;
    return { why: watch === null ? 'no-change' : 'late', z, effect, room, base: level, of: m, baseOf };
  }
  return undefined;
}

// How healthy changes jump at this age, two humps and late flushes included.
function expectedJump(watch: Watch | null, envelope: Envelope, m: number, baseOf: number, noise: number): Stretch {
  if (watch === null || watch.k >= reach || envelope.n === 0) return { middle: 0, room: 0 };
  return over(
    envelope,
    watch.sums,
    watch.k,
    m,
    at(watch.expected.ignorance, phaseOf(Math.max(0, watch.k - m))),
    noise,
    baseOf,
  );
}

// The short window must stand as a whole; in the longer ones a part may be as before, as when a tail comes and goes.
function stands(xs: Float32Array, m: number, before: number, effect: number): boolean {
  let high = 0;
  for (let i = ysKept - m; i < ysKept; i++) if (at(xs, i) - before >= 0.6 * effect) high++;
  return high >= (m === 3 ? 3 : m / 2) && at(xs, ysKept - 1) - before >= 0.3 * effect;
}

function meanOver(values: Float32Array, m: number): number {
  let sum = 0;
  for (let i = ysKept - m; i < ysKept; i++) sum += at(values, i);
  return sum / m;
}

function risesNear(state: State): number {
  if (state.half < 0) return 0;
  let most = 0;
  for (const by of [-1, 0, 1]) most = Math.max(most, at(state.rises, (state.half + by + halfHours) % halfHours));
  return most;
}

/** Keeps the largest jump of every half-hour of the day, and forgets it by a third a day. */
export function rememberRise(state: State, tMs: number): void {
  const half = Math.floor(tMs / halfHourMs) % halfHours;
  if (half === state.half) return;
  if (state.half >= 0 && state.trouble === null)
    state.rises[state.half] = Math.max(state.rise, 0.67 * at(state.rises, state.half));
  state.half = half;
  state.rise = 0;
}
