import { touchedAtMs } from '../../domain/change.ts';
import type { Change } from '../../domain/change.ts';
import type { Sample } from '../../domain/telemetry.ts';
import type { FoldInput } from '../fold.ts';
import { touches } from './instances.ts';
import type { State, Taken, Watch } from './state.ts';

/** What is heard of later than this is history, not news. */
export const newsMs = 3_600_000;
const mostTaken = 64;

/**
 * Changes that this series has not taken up yet, in order of time, whenever they are heard of within the hour. Each is
 * known by its id: many have one time, as all that one release applies, and some are heard of after others that came later.
 */
export function newChanges(state: State, sample: Sample, input: FoldInput<State>): readonly Change[] {
  const { changes, meta } = input;
  const fresh: Change[] = [];
  for (let i = changes.length - 1; i >= 0; i--) {
    const change = changes[i];
    if (change === undefined || change.atMs > sample.tMs) continue;
    const atMs = touchedAtMs(change, meta.labels);
    if (sample.tMs - atMs >= newsMs) {
      // One that goes from instance to instance began before others that it reaches this one after.
      if (change.instanceAtMs === undefined) break;
      continue;
    }
    if (atMs <= sample.tMs && !isTaken(state.taken, change.id, atMs) && touches(change, meta)) fresh.unshift(change);
  }
  return fresh;
}

// Where more happens in an hour than is remembered, what is older than all that is remembered has been taken up before.
function isTaken(taken: readonly Taken[], id: string, atMs: number): boolean {
  const oldest = taken[0];
  if (taken.length >= mostTaken && oldest !== undefined && atMs <= oldest.atMs) return true;
  return taken.some((one) => one.id === id);
}

/** Remembers a change as taken up. */
export function take(state: State, id: string, atMs: number, nowMs: number): void {
  const kept = state.taken.filter((one) => nowMs - one.atMs < newsMs);
  state.taken = [...kept, { id, atMs }].sort((a, b) => a.atMs - b.atMs).slice(-mostTaken);
}

/** Somebody brought something new of this service, or took it back. */
export function isRelease({ kind }: Pick<Change, 'kind'>): boolean {
  return kind === 'deploy' || kind === 'rollback';
}

/**
 * Whether a change is let pass because of the one under watch: what an autoscaler does, a restart, or what a neighbour does
 * within the hour after a release is more likely its consequence than a cause of its own, and must not end its watch.
 */
export function isOvershadowed(change: Change, atMs: number, watch: Watch, service: string): boolean {
  if (watch.foreign || watch.kind === 'scale' || atMs - watch.atMs >= newsMs) return false;
  if (change.service !== service || change.kind === 'scale') return true;
  return change.kind === 'restart' && watch.kind !== 'restart';
}
