import { median } from '../../lib/stats.ts';
import type { FoldInput } from '../fold.ts';
import { spreadOf } from './contrast.ts';
import { addToCourse } from './envelope.ts';
import { evidenceAgainst, type Evidence } from './evidence.ts';
import { jumpOf, type Jump } from './jump.ts';
import type { Nature } from './nature.ts';
import { levelOf, meanOfLast } from './normal.ts';
import type { State, Trouble, Watch } from './state.ts';

type Input = FoldInput<State>;

/** Books a sample of the minutes after a change. */
export function follow(state: State, watch: Watch, y: number, tMs: number, nature: Nature): void {
  const excess = y - watch.base;
  addToCourse(watch.course, watch.k, excess);
  watch.k++;
  if (watch.sinceOnset > 0 || excess > nature.effect) watch.sinceOnset++;
  if (excess > watch.peak) Object.assign(watch, { peak: excess, peakMs: tMs });
  watch.settled = settled(state, watch, nature);
}

function settled(state: State, watch: Watch, nature: Nature): boolean {
  const m = Math.min(watch.k, 5);
  const over = meanOfLast(state.normal, m) - watch.base;
  if (watch.k < 5) return Math.abs(over) < nature.effect / 2;
  // A restart may leave a gauge below its long-run level for hours: below is well.
  const near = Math.max(nature.effect, 2 * spreadOf(state.normal, 5, watch.k - 5, watch.baseOf, nature.floor));
  return over < near && (nature.longRun || over > -2 * near);
}

/** Looks for trouble after the newest sample: held against the change under watch, or against none. */
export function look(state: State, tMs: number, input: Input, nature: Nature): void {
  const { watch } = state;
  if (watch !== null) {
    const control = controlFor(watch, state, input, nature);
    const evidence = evidenceAgainst(state, watch, nature, control);
    if (evidence !== undefined) {
      state.trouble = troubleOf(watch, watch.base + control, evidence, tMs);
      return;
    }
  }
  const jump = jumpOf(state, nature);
  if (jump !== undefined && !othersJumped(jump, state, input))
    state.trouble = troubleOf(jump.why === 'no-change' ? null : watch, jump.base, jump, tMs);
}

/**
 * A jump that came after the change under watch, and was called before that change was heard of: as soon as the evidence
 * against the change is there, it is held against it, and is the same trouble still. What was called by what a change does is
 * held against that one for good: the next may be its remedy.
 */
export function explain(state: State, tMs: number, input: Input, nature: Nature): void {
  const { watch, trouble } = state;
  if (watch === null || trouble === null) return;
  const jumped = trouble.why === 'no-change' || trouble.why === 'late';
  if (!jumped || trouble.changeId === watch.changeId || watch.atMs >= trouble.sinceMs) return;
  const control = controlFor(watch, state, input, nature);
  const evidence = evidenceAgainst(state, watch, nature, control);
  if (evidence === undefined) return;
  const { base, sinceMs, calm, usual } = trouble;
  state.trouble = { ...troubleOf(watch, base, evidence, tMs), sinceMs, calm, usual };
}

function troubleOf(watch: Watch | null, base: number, { z, effect, why, room }: Evidence, tMs: number): Trouble {
  const against =
    watch === null
      ? { changeId: null, phrase: '', changeMs: 0 }
      : { changeId: watch.changeId, phrase: watch.phrase, changeMs: watch.atMs };
  return { sinceMs: tMs, base, ...against, z, effect, why, room, calm: 0, usual: 0 };
}

// Difference in differences: what instances of the same service did since, that the change did not touch, is not the change's.
function controlFor(watch: Watch, state: State, input: Input, nature: Nature): number {
  if (meanOfLast(state.normal, 3) - watch.base < nature.effect) return 0;
  const moved = input.peers().flatMap((peer) => {
    const before = watch.rest[peer.meta.key];
    // It may have reached that one since.
    if (before === undefined || peer.state.watch?.changeId === watch.changeId) return [];
    return [meanOfLast(peer.state.normal, 3) - before];
  });
  return Math.max(0, median(moved) ?? 0);
}

// Long after a change touched some instances, all of them jump: then it is not the change.
function othersJumped({ effect, of, baseOf }: Jump, { watch }: State, input: Input): boolean {
  if (watch === null) return false;
  const moved = input
    .peers()
    .filter(({ meta, state }) => meta.service === input.meta.service && state.watch?.changeId !== watch.changeId)
    .map(({ state: { normal } }) => meanOfLast(normal, of) - levelOf(normal, baseOf, of));
  return moved.length > 0 && (median(moved) ?? 0) > 0.6 * effect;
}
