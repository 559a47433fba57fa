import { WatchkeeperError } from '../../lib/errors.ts';
import { limits } from '../../lib/limits.ts';
import type { Clock, Log, Random } from '../../domain/ports/io.ts';
import type { Store } from '../../domain/ports/store.ts';
import type { CheckpointMirror } from '../../ledger/index.ts';
import { glimpse, type Glimpse } from './glimpse.ts';

/** What keeping up with the store needs. */
export interface FollowingOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Makes the tables where there are none and opens them for reading. */
  readonly open: () => Promise<Store>;
  /** Told the newest checkpoint, so that a store that was rolled back is noticed when this replica takes over. */
  readonly mirror: CheckpointMirror;
  readonly everyMs: number;
  /** Told what was seen. What it throws counts as a look that failed. */
  readonly looked: (seen: Glimpse) => void;
}

/** A follower's look at the store, again and again. */
export interface Following {
  /** @throws `unreachable` while the store was never reached. */
  store(): Store;
  /** Resolves once the store was looked at; rejects when no waiting will help. */
  readonly opened: Promise<void>;
  seen(): Glimpse | undefined;
  /** Why the store cannot be read now, if so. */
  blind(): string | undefined;
  run(signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

/** Makes it; nothing is asked before `run`. */
export function createFollowing(options: FollowingOptions): Following {
  const { clock, log } = options;
  let store: Store | undefined;
  let seen: Glimpse | undefined;
  let reached = false;
  let blind: string | undefined = 'the store was not reached yet';
  const opened = Promise.withResolvers<undefined>();
  // Nobody may be waiting for it when it is given up.
  opened.promise.catch(() => undefined);

  const look = async (): Promise<void> => {
    store ??= await options.open();
    const found = await glimpse(store, clock.nowMs());
    options.looked(found);
    if (found.ledger.note !== '') await options.mirror.write(found.ledger.note);
    seen = found;
    reached = true;
    opened.resolve(undefined);
  };
  return {
    opened: opened.promise,
    store: () => {
      if (store !== undefined) return store;
      throw new WatchkeeperError('unreachable', `the store was not reached yet: ${blind ?? ''}`);
    },
    seen: () => seen,
    blind: () => blind,
    close: async () => {
      await store?.close();
    },
    run: async (signal) => {
      while (!signal.aborted) {
        try {
          await look();
          if (blind !== undefined) log.info('the store can be read');
          blind = undefined;
        } catch (thrown) {
          const error = WatchkeeperError.from(thrown);
          // What no waiting mends must be seen by whoever starts it.
          if (!reached && !error.retryable) opened.reject(error);
          if (blind !== error.message) log.warn('the store cannot be read', { error });
          blind = error.message;
        }
        const restMs = blind === undefined ? options.everyMs : Math.min(options.everyMs, limits.storeRetryMostMs);
        await clock.sleep(restMs * (1 + options.random.uniform() / 5), signal).catch(() => undefined);
      }
      // Nobody waits any longer for a store that was never reached.
      opened.reject(new WatchkeeperError('aborted', 'the store was not reached before the daemon was stopped'));
    },
  };
}
