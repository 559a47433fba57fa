import type { Clock } from '../../domain/ports/io.ts';
import type { LogRecord } from '../../domain/telemetry.ts';
import type { EventRecord } from './records/others.ts';
import { oneLine } from '../../lib/text.ts';

/** Warning events: the newest about each object, and those that have not been told yet as log lines. */
export interface Complaints {
  note(event: EventRecord): void;
  /** The newest about this uid, while it is recent. */
  newest(uid: string): string | undefined;
  /** What is new, each with the uid it is about; every event is given once for each time it happened. */
  take(): readonly {
    readonly uid: string;
    readonly kind: string;
    readonly name: string;
    readonly line: Omit<LogRecord, 'service' | 'source'>;
  }[];
  prune(): void;
}

const recentMs = 600_000;
const mostKept = 10_000;
const mostWaiting = 2_000;

/** None so far. */
export function createComplaints(clock: Clock): Complaints {
  const newest = new Map<string, EventRecord>();
  const seen = new Map<string, number>();
  let waiting: EventRecord[] = [];
  return {
    note: (event) => {
      const isOld = event.lastMs < clock.nowMs() - recentMs;
      if (isOld || (seen.get(event.uid) ?? 0) >= event.lastMs) return;
      remember(seen, event.uid, event.lastMs);
      remember(newest, event.about.uid, event);
      if (waiting.length < mostWaiting) waiting.push(event);
    },
    newest: (uid) => {
      const found = newest.get(uid);
      return found === undefined || found.lastMs < clock.nowMs() - recentMs ? undefined : oneLine(found.message, 200);
    },
    take: () => {
      const taken = waiting;
      waiting = [];
      return taken.map((event) => ({
        uid: event.about.uid,
        kind: event.about.kind,
        name: event.about.name,
        line: {
          tMs: Math.min(event.lastMs, clock.nowMs()),
          severity: 'warn' as const,
          body: `${event.reason}: ${event.message}`,
          attributes: { reason: event.reason, object: `${event.about.kind}/${event.about.name}`, stream: 'events' },
        },
      }));
    },
    prune: () => {
      const oldestMs = clock.nowMs() - recentMs;
      for (const [uid, lastMs] of seen) if (lastMs < oldestMs) seen.delete(uid);
      for (const [uid, { lastMs }] of newest) if (lastMs < oldestMs) newest.delete(uid);
    },
  };
}

// The oldest makes room.
function remember<V>(map: Map<string, V>, key: string, value: V): void {
  map.delete(key);
  map.set(key, value);
  const oldest = map.size > mostKept ? map.keys().next().value : undefined;
  if (oldest !== undefined) map.delete(oldest);
}
