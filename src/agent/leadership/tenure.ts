import { WatchkeeperError } from '../../lib/errors.ts';
import type { LeaseRecord, SeenLease, Tenure } from '../../domain/ports/leadership.ts';
import { within } from '../executor/bounded.ts';
import type { ElectorOptions } from './types.ts';

interface Holding extends ElectorOptions {
  readonly record: LeaseRecord;
  readonly revision: string;
  /** When the write that took it was sent, monotonic. */
  readonly sentMs: number;
  readonly look: (signal: AbortSignal) => Promise<SeenLease | undefined>;
}

/** A lease that is held and being renewed. */
export interface Held {
  readonly tenure: Tenure;
  /** When the last renewal that was confirmed had been sent, monotonic. */
  readonly renewedMs: () => number;
  /** Ends the tenure and, if the lease is surely still ours, gives it back. */
  release(): Promise<void>;
}

/**
 * Holds a lease: renews it until it is lost. It counts as ours until `renewMs` after the last renewal that was confirmed,
 * reckoned from before that was sent; a lease that ran out is never renewed again, not even when nobody has taken it.
 */
export function holdLease(holding: Holding): Held {
  const { clock, timing, box, log } = holding;
  const over = new AbortController();
  let { revision, sentMs: renewedMs } = holding;
  const leftMs = (): number => renewedMs + timing.renewMs - clock.monotonicMs();
  const lose = (because: string): void => {
    if (over.signal.aborted) return;
    over.abort(
      new WatchkeeperError('fenced', because, { fix: 'Nothing: it starts again as a follower, and another leads.' }),
    );
  };
  const surely = (forMs: number): boolean => {
    if (!over.signal.aborted && leftMs() <= 0) lose('the lease ran out before it could be renewed');
    return !over.signal.aborted && leftMs() > forMs;
  };
  // Whether it was renewed.
  const renew = async (): Promise<boolean> => {
    const sentMs = clock.monotonicMs();
    const record = { ...holding.record, renewedAtMs: clock.nowMs() };
    try {
      // One that hangs must leave time for another.
      const mostMs = Math.max(1, Math.min(leftMs(), timing.renewMs / 2));
      revision = await within(clock, mostMs, over.signal, (signal) => box.write(record, revision, signal));
      if (surely(0)) renewedMs = sentMs;
      return true;
    } catch (thrown) {
      if (WatchkeeperError.from(thrown).code !== 'conflict') throw thrown;
      const found = await holding.look(over.signal);
      // A renewal whose answer was lost is still ours; anybody else's name is the end.
      if (found?.record.holder === holding.name) ({ revision } = found);
      else lose(`${found?.record.holder ?? 'somebody else'} has taken the lease`);
      return false;
    }
  };
  const renewing = async (): Promise<void> => {
    let restMs = timing.retryMs;
    while (surely(0)) {
      try {
        await clock.sleep(Math.max(1, Math.min(restMs, leftMs())), over.signal);
        restMs = timing.retryMs / 4;
        if (surely(0) && (await renew())) restMs = timing.retryMs;
      } catch (thrown) {
        if (!over.signal.aborted)
          log.warn('the lease could not be renewed', { leftMs: leftMs(), error: WatchkeeperError.from(thrown) });
      }
    }
  };
  const renewed = renewing();
  return {
    tenure: { lost: over.signal, marginMs: marginOf(timing), surely, resign: lose },
    renewedMs: () => renewedMs,
    release: async () => {
      const ours = leftMs() > 0;
      lose('the lease was given back');
      await renewed;
      if (!ours) return;
      try {
        const { signal: never } = new AbortController();
        // The last renewal may have been cut off with its answer.
        const found = await holding.look(never);
        if (found?.record.holder !== holding.name) return;
        const record = { ...holding.record, holder: '', renewedAtMs: clock.nowMs() };
        await within(clock, timing.renewMs, never, (signal) => box.write(record, found.revision, signal));
      } catch (thrown) {
        const error = WatchkeeperError.from(thrown);
        log.warn('the lease could not be given back; it runs out by itself', { error });
      }
    },
  };
}

// Enough for one more renewal to come through, and never more than a lease that is renewed in time always has.
function marginOf({ renewMs, retryMs }: Holding['timing']): number {
  return Math.min(retryMs, Math.max(0, (renewMs - retryMs) / 2));
}
