import type { Clock } from '../domain/ports/io.ts';
import { WatchkeeperError } from '../lib/errors.ts';

/** How often something may happen for each of many names. */
export interface Limiter {
  /** @throws `rate-limited`, with when to come back, once the bucket is empty. */
  take(name: string): void;
  /** Whether there is nothing left for a name. Takes nothing. */
  empty(name: string): boolean;
}

interface Bucket {
  left: number;
  atMs: number;
}

const mostNames = 10_000;

/** A token bucket a name: `burst` at once, and `perMinute` afterwards. Names that were not heard of for longest are forgotten. */
export function createLimiter(clock: Clock, perMinute: number, burst: number, what: string): Limiter {
  const buckets = new Map<string, Bucket>();
  const filled = (name: string): Bucket => {
    const nowMs = clock.monotonicMs();
    const bucket = buckets.get(name) ?? { left: burst, atMs: nowMs };
    bucket.left = Math.min(burst, bucket.left + ((nowMs - bucket.atMs) / 60_000) * perMinute);
    bucket.atMs = nowMs;
    buckets.delete(name);
    buckets.set(name, bucket);
    for (const [oldest] of buckets) {
      if (buckets.size <= mostNames) break;
      buckets.delete(oldest);
    }
    return bucket;
  };
  return {
    take: (name) => {
      const bucket = filled(name);
      if (bucket.left >= 1) {
        bucket.left -= 1;
        return;
      }
      const seconds = Math.ceil(((1 - bucket.left) / perMinute) * 60);
      throw new WatchkeeperError('rate-limited', `too many ${what}`, { fix: `Come back in ${seconds} s.` });
    },
    empty: (name) => filled(name).left < 1,
  };
}
