import { WatchkeeperError } from '../lib/errors.ts';
import type { Clock } from '../domain/ports/io.ts';

// setTimeout fires at once above this; longer sleeps are made of several.
const longestTimerMs = 2_147_483_647;

/** The machine's own clock. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  sleep: async (ms, signal) => {
    let rest = ms;
    do {
      const slice = Math.min(rest, longestTimerMs);
      await sleepOnce(slice, signal);
      rest -= slice;
    } while (rest > 0);
  },
  deadline: (ms, parent) => {
    const controller = new AbortController();
    const forward = (): void => controller.abort(parent.reason);
    const timer = setTimeout(
      () => controller.abort(new WatchkeeperError('timeout', `no answer within ${Math.round(ms)} ms`)),
      Math.min(ms, longestTimerMs),
    );
    if (parent.aborted) forward();
    else parent.addEventListener('abort', forward, { once: true });
    return {
      signal: controller.signal,
      cancel: () => {
        clearTimeout(timer);
        parent.removeEventListener('abort', forward);
      },
    };
  },
};

function sleepOnce(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (): void => {
      clearTimeout(timer);
      reject(new WatchkeeperError('aborted', 'stopped while waiting', { cause: signal.reason }));
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', fail);
      resolve();
    }, ms);
    if (signal.aborted) fail();
    else signal.addEventListener('abort', fail, { once: true });
  });
}
