import { WatchkeeperError } from '../../src/lib/errors.ts';
import type { Clock } from '../../src/domain/ports/io.ts';

interface Waiter {
  readonly dueMs: number;
  readonly order: number;
  readonly wake: () => void;
}

/** A clock that moves only when told. Wall time can be made to jump without moving monotonic time. */
export interface VirtualClock extends Clock {
  /** Moves both clocks forward, waking sleepers in order and letting their work run before the next one wakes. */
  advance(ms: number): Promise<void>;
  /** Shifts the wall clock only, as an operator or NTP would. */
  jumpWall(ms: number): void;
  readonly sleepers: number;
}

/** Starts at `startMs` (default 2026-01-01T00:00:00Z). */
export function virtualClock(startMs = 1_767_225_600_000): VirtualClock {
  let monotonic = 0;
  let wallOffset = startMs;
  let order = 0;
  const waiters: Waiter[] = [];
  const add = (ms: number, wake: () => void): (() => void) => {
    const waiter: Waiter = {
      dueMs: monotonic + Math.max(0, ms),
      order: order++,
      wake,
    };
    waiters.push(waiter);
    return () => {
      const index = waiters.indexOf(waiter);
      if (index >= 0) waiters.splice(index, 1);
    };
  };
  return {
    nowMs: () => Math.round(monotonic + wallOffset),
    monotonicMs: () => monotonic,
    get sleepers() {
      return waiters.length;
    },
    jumpWall: (ms) => {
      wallOffset += ms;
    },
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        const fail = (): void => {
          remove();
          reject(
            new WatchkeeperError('aborted', 'stopped while waiting', {
              cause: signal.reason,
            }),
          );
        };
        const remove = add(ms, () => {
          signal.removeEventListener('abort', fail);
          resolve();
        });
        if (signal.aborted) fail();
        else signal.addEventListener('abort', fail, { once: true });
      }),
    deadline: (ms, parent) => {
      const controller = new AbortController();
      const forward = (): void => controller.abort(parent.reason);
      const remove = add(ms, () => controller.abort(new WatchkeeperError('timeout', `no answer within ${ms} ms`)));
      if (parent.aborted) forward();
      else parent.addEventListener('abort', forward, { once: true });
      return {
        signal: controller.signal,
        cancel: () => {
          remove();
          parent.removeEventListener('abort', forward);
        },
      };
    },
    advance: async (ms) => {
      const until = monotonic + ms;
      await settle();
      for (;;) {
        const next = waiters
          .filter((waiter) => waiter.dueMs <= until)
          .sort((a, b) => a.dueMs - b.dueMs || a.order - b.order)[0];
        if (next === undefined) break;
        waiters.splice(waiters.indexOf(next), 1);
        monotonic = Math.max(monotonic, next.dueMs);
        next.wake();
        await settle();
      }
      monotonic = until;
    },
  };
}

// Two turns of the event loop let promise chains and already-finished I/O run to their next wait.
async function settle(): Promise<void> {
  for (let turn = 0; turn < 2; turn++) await new Promise((resolve) => setImmediate(resolve));
}
