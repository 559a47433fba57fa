import { limits } from '../lib/limits.ts';
import type { Change } from '../domain/change.ts';

/** Recent changes of every service, each once, newest last. */
export interface ChangeLog {
  /** Keeps what is new and gives it back. The same change announced and also seen (same service, what moved to what, close in time) counts once. */
  add(changes: readonly Change[]): readonly Change[];
  of(service: string): readonly Change[];
  all(): readonly Change[];
  byId(id: string): Change | undefined;
  prune(asOfMs: number): readonly Change[];
}

const keepMs = 24 * 60 * 60_000;
// A pipeline announces a deploy some time before or after the symlink or the version is seen to move.
const sameWithinMs = 10 * 60_000;

/** Starts from the changes that the store kept. */
export function createChangeLog(kept: readonly Change[]): ChangeLog {
  const byService = new Map<string, Change[]>();
  const ids = new Map<string, Change>();

  const insert = (change: Change): boolean => {
    if (ids.has(change.id)) return false;
    const list = byService.get(change.service) ?? [];
    if (list.some((other) => isSame(other, change))) return false;
    list.push(change);
    list.sort((a, b) => a.atMs - b.atMs || (a.id < b.id ? -1 : 1));
    if (list.length > limits.changesPerCollect) ids.delete(list.shift()?.id ?? '');
    byService.set(change.service, list);
    ids.set(change.id, change);
    return true;
  };
  // Who made a change may be known minutes after the change (CloudTrail): then it is told once more, under the same id.
  const complete = (change: Change): boolean => {
    const known = ids.get(change.id);
    if (known === undefined || known.actor !== undefined || change.actor === undefined) return false;
    const { service } = known;
    const whole = { ...known, actor: change.actor, ...(change.ref === undefined ? {} : { ref: change.ref }) };
    ids.set(change.id, whole);
    byService.set(
      service,
      (byService.get(service) ?? []).map((one) => (one.id === change.id ? whole : one)),
    );
    return false;
  };
  for (const change of kept) insert(change);

  return {
    add: (changes) => changes.filter((change) => insert(change) || complete(change)),
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

function isSame(a: Change, b: Change): boolean {
  const rolledOut = (change: Change): boolean => change.kind === 'deploy' || change.kind === 'rollback';
  if (a.source === b.source || a.to === undefined || a.to !== b.to) return false;
  if (a.kind !== b.kind && !(rolledOut(a) && rolledOut(b))) return false;
  return Math.abs(a.atMs - b.atMs) <= sameWithinMs;
}
