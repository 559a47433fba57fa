import type { Clock } from '../../../domain/ports/io.ts';
import { WatchkeeperError } from '../../../lib/errors.ts';

/** Turns at something that only a few may do at once. */
export interface Turns {
  /** Waits for a turn, first come first served. Gives what hands it back. @throws `aborted` when the signal fires first. */
  take(signal: AbortSignal): Promise<() => void>;
}

/**
 * Makes turns of which `most` are out at once. One that is not back after `lentMs` no longer counts: whoever holds it
 * goes on, but keeps nobody waiting, so that a thousand peers that never answer delay the others by a bounded time.
 */
export function createTurns(clock: Clock, most: number, lentMs: number): Turns {
  const waiting = new Set<() => void>();
  let out = 0;
  const lend = (): (() => void) => {
    out++;
    const over = new AbortController();
    const back = (): void => {
      if (over.signal.aborted) return;
      over.abort();
      out--;
      const [next] = waiting;
      next?.();
    };
    clock.sleep(lentMs, over.signal).then(back, () => undefined);
    return back;
  };
  return {
    take: (signal) =>
      new Promise((resolve, reject) => {
        const stop = (): void => {
          waiting.delete(begin);
          reject(new WatchkeeperError('aborted', 'stopped while waiting for a turn', { cause: signal.reason }));
        };
        const begin = (): void => {
          waiting.delete(begin);
          signal.removeEventListener('abort', stop);
          resolve(lend());
        };
        if (signal.aborted) stop();
        else if (out < most) begin();
        else {
          waiting.add(begin);
          signal.addEventListener('abort', stop, { once: true });
        }
      }),
  };
}
