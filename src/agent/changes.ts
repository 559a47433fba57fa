import { limits } from '../lib/limits.ts';
import type { Change } from '../domain/change.ts';

/** Recent changes of every service, each once, newest last. */
export interface ChangeLog {
  /**
   * Keeps what is new and gives it back. The same change announced and also seen (same service, what moved to what, close in
   * time) counts once. One that is seen on another instance is the change that is known, on more instances: that is given
   * back, under the id it has.
   */
  add(changes: readonly Change[]): readonly Change[];
  of(service: string): readonly Change[];
  all(): readonly Change[];
  byId(id: string): Change | undefined;
  prune(asOfMs: number): readonly Change[];
}

const keepMs = 24 * 60 * 60_000;
// A pipeline announces a deploy some time before or after the symlink or the version is seen to move.
const sameWithinMs = 10 * 60_000;
// A release goes from host to host; a pause longer than this, and what comes then was decided anew.
const nextInstanceWithinMs = 30 * 60_000;

/** Starts from the changes that the store kept. */
export function createChangeLog(kept: readonly Change[]): ChangeLog {
  const byService = new Map<string, Change[]>();
  const ids = new Map<string, Change>();

  const insert = (change: Change): boolean => {
    if (ids.has(change.id)) return false;
    const list = byService.get(change.service) ?? [];
    if (list.some((other) => isSame(other, change))) return false;
    list.push(change);
    list.sort(byTime);
    if (list.length > limits.changesPerCollect) ids.delete(list.shift()?.id ?? '');
    byService.set(change.service, list);
    ids.set(change.id, change);
    return true;
  };
  const replace = (known: Change, change: Change): void => {
    const list = (byService.get(change.service) ?? []).map((one) => (one === known ? change : one));
    byService.set(change.service, list.sort(byTime));
    ids.set(change.id, change);
  };
  // Who made a change may be known minutes after the change (CloudTrail): then it is told once more, under the same id.
  const complete = (change: Change): void => {
    const known = ids.get(change.id);
    if (known === undefined || known.actor !== undefined || change.actor === undefined) return;
    replace(known, { ...known, actor: change.actor, ...(change.ref === undefined ? {} : { ref: change.ref }) });
  };
  // What came of a change: the change to tell of, or nothing.
  const take = (change: Change): Change | undefined => {
    complete(change);
    const known = (byService.get(change.service) ?? []).findLast((one) => isFurther(one, change));
    if (known === undefined || ids.has(change.id)) return insert(change) ? change : undefined;
    const more = joined(known, change);
    if (more === undefined) return undefined;
    replace(known, more);
    return more;
  };
  for (const change of kept) insert(change);

  return {
    add: (changes) => {
      const told = new Map<string, Change>();
      for (const change of changes) {
        const taken = take(change);
        if (taken !== undefined) told.set(taken.id, taken);
      }
      return [...told.values()];
    },
    of: (service) => byService.get(service) ?? [],
    all: () => [...byService.values()].flat(),
    byId: (id) => ids.get(id),
    prune: (asOfMs) => {
      const dropped: Change[] = [];
      for (const [service, list] of byService) {
        const old = list.filter((change) => change.atMs < asOfMs - keepMs);
        if (old.length === 0) continue;
        dropped.push(...old);
        for (const change of old) ids.delete(change.id);
        byService.set(
          service,
          list.filter((change) => change.atMs >= asOfMs - keepMs),
        );
      }
      return dropped;
    },
  };
}

function byTime(a: Change, b: Change): number {
  return a.atMs - b.atMs || (a.id < b.id ? -1 : 1);
}

function isSame(a: Change, b: Change): boolean {
  const rolledOut = (change: Change): boolean => change.kind === 'deploy' || change.kind === 'rollback';
  if (isRecordOf(a, b) || isRecordOf(b, a)) return true;
  if (a.source === b.source || a.to === undefined || a.to !== b.to) return false;
  if (a.kind !== b.kind && !(rolledOut(a) && rolledOut(b))) return false;
  return Math.abs(a.atMs - b.atMs) <= sameWithinMs;
}

// After a restart a cloud's source knows no more that it saw, with from and to, what the audit log still tells of.
function isRecordOf(event: Change, move: Change): boolean {
  if (event.attributes['toldBy'] === undefined || move.attributes['toldBy'] !== undefined) return false;
  if (event.source !== move.source || event.what !== move.what) return false;
  if (Math.abs(event.atMs - move.atMs) > sameWithinMs) return false;
  if (event.kind === move.kind) return true;
  const isRollout = move.kind === 'deploy' || move.kind === 'rollback';
  return event.kind !== 'scale' && (isRollout || (move.kind === 'scale' && event.kind === 'infrastructure'));
}

// Whether a change that was seen on an instance is one that is known from others: the same step, soon before or after.
function isFurther(known: Change, change: Change): boolean {
  if (known.instanceAtMs === undefined || change.instanceAtMs === undefined) return false;
  if (known.source !== change.source || known.kind !== change.kind || known.what !== change.what) return false;
  if (known.from !== change.from || known.to !== change.to) return false;
  // A second time on the same instance is another change, unless it is the very moment that is known.
  const again = Object.entries(change.instanceAtMs).some(([name, atMs]) => {
    const before = known.instanceAtMs?.[name];
    return before !== undefined && before !== atMs;
  });
  const times = Object.values(known.instanceAtMs);
  const near =
    change.atMs >= Math.min(...times) - nextInstanceWithinMs &&
    change.atMs <= Math.max(...times) + nextInstanceWithinMs;
  return near && !again;
}

function joined(known: Change, change: Change): Change | undefined {
  const instanceAtMs = { ...known.instanceAtMs, ...change.instanceAtMs };
  const instances = Object.keys(instanceAtMs).sort();
  if (instances.length === Object.keys(known.instanceAtMs ?? {}).length || instances.length > limits.changeInstances)
    return undefined;
  return { ...known, atMs: Math.min(known.atMs, change.atMs), instances, instanceAtMs };
}
