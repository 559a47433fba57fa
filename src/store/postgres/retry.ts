import type { Clock, Random } from '../../domain/ports/io.ts';
import { WatchkeeperError } from '../../lib/errors.ts';
import { limits } from '../../lib/limits.ts';

/** How long it goes on, and the rests between. */
export interface Patience {
  /** Rests, longer each time; false when time is up and nothing more should be tried. */
  again(): Promise<boolean>;
}

/** Patience for `ms` from now. The signal ends it. */
export function patience(clock: Clock, random: Random, ms: number, signal: AbortSignal): Patience {
  const untilMs = clock.monotonicMs() + ms;
  let restMs: number = limits.storeRetryMs;
  return {
    again: async () => {
      const leftMs = untilMs - clock.monotonicMs();
      if (leftMs <= 0 || signal.aborted) return false;
      // Half of it by chance: two replicas that lost the same server do not come back in step.
      const wait = Math.min(leftMs, restMs * (0.5 + random.uniform() / 2));
      restMs = Math.min(restMs * 2, limits.storeRetryMostMs);
      try {
        await clock.sleep(wait, signal);
      } catch {
        return false;
      }
      return true;
    },
  };
}

/** Whether a failure to connect may be over soon: nobody there, still starting up, a standby that is being promoted. */
export function mayHeal(thrown: unknown): boolean {
  return thrown instanceof WatchkeeperError && (thrown.code === 'unreachable' || thrown.retryable);
}
