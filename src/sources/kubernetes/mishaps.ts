import type { Clock } from '../../domain/ports/io.ts';
import type { PodRecord } from './records/pod.ts';

/** Something that happened to a pod at a moment: what gauges cannot show, because it is over when it is looked at. */
export interface Mishap {
  readonly what: 'restart' | 'oom-kill' | 'eviction';
  readonly pod: string;
  readonly container: string;
  /** When it happened, as the cluster says. */
  readonly atMs: number;
  /** When we heard of it. */
  readonly seenMs: number;
  /** Rises by one with each mishap of the book: what is new is told by this. */
  readonly serial: number;
  /** In words. */
  readonly why: string;
}

/** The mishaps of the last hour, by the owner of their pods. Bounded. */
export interface Mishaps {
  /** Compares a pod with what was known of it. */
  note(before: PodRecord | undefined, after: PodRecord): void;
  /** Of all pods whose owner is one of these, oldest first, heard of after `sinceMs`. */
  of(owners: readonly string[], sinceMs: number): readonly Mishap[];
  /** The serial of the newest. */
  serial(): number;
  prune(): void;
}

const keptMs = 3_600_000;
const mostPerOwner = 64;
const mostOwners = 20_000;
// What ended just before we began to look is news; what ended long before is not.
const newsMs = 60_000;

/** An empty book. */
export function createMishaps(clock: Clock): Mishaps {
  const byOwner = new Map<string, Mishap[]>();
  const startedMs = clock.nowMs();
  let serial = 0;
  const add = (pod: PodRecord, what: Mishap['what'], container: string, atMs: number, why: string): void => {
    const owner = pod.owner?.uid ?? pod.uid;
    const known = byOwner.get(owner) ?? [];
    if (!byOwner.has(owner) && byOwner.size >= mostOwners) return;
    known.push({ what, pod: pod.name, container, atMs, seenMs: clock.nowMs(), serial: ++serial, why });
    byOwner.set(owner, known.slice(-mostPerOwner));
  };
  return {
    note: (before, after) => {
      if (before?.phase !== 'Failed' && after.phase === 'Failed' && after.reason === 'Evicted')
        if (before !== undefined || after.createdMs >= startedMs - newsMs)
          add(
            after,
            'eviction',
            '',
            clock.nowMs(),
            `pod ${after.name} was evicted: ${after.message ?? 'no reason given'}`,
          );
      for (const container of after.containers) {
        const { ending, name, restarts } = container;
        const was = before?.containers.find((one) => one.name === name);
        if (ending === undefined || ending.atMs === was?.ending?.atMs) continue;
        const isNews = before === undefined ? ending.atMs >= startedMs - newsMs : true;
        if (!isNews) continue;
        const how = `container ${name} of pod ${after.name} ended with ${ending.reason} (exit code ${ending.exitCode})`;
        if (ending.reason === 'OOMKilled') {
          const limit = container.memoryLimit === undefined ? '' : `, limit ${mebibytes(container.memoryLimit)}`;
          add(
            after,
            'oom-kill',
            name,
            ending.atMs,
            `container ${name} of pod ${after.name} was killed for lack of memory${limit}`,
          );
        }
        const times = restarts - (was?.restarts ?? Math.max(0, restarts - 1));
        for (let time = 0; time < Math.min(times, 10); time++) add(after, 'restart', name, ending.atMs, how);
      }
    },
    of: (owners, sinceMs) =>
      owners
        .flatMap((owner) => (byOwner.get(owner) ?? []).filter(({ seenMs }) => seenMs > sinceMs))
        .sort((a, b) => a.serial - b.serial),
    serial: () => serial,
    prune: () => {
      const oldestMs = clock.nowMs() - keptMs;
      for (const [owner, known] of byOwner) {
        const kept = known.filter(({ seenMs }) => seenMs >= oldestMs);
        if (kept.length === 0) byOwner.delete(owner);
        else if (kept.length < known.length) byOwner.set(owner, kept);
      }
    },
  };
}

/** `128 MiB`. */
export function mebibytes(bytes: number): string {
  return `${Number((bytes / 2 ** 20).toPrecision(3))} MiB`;
}
