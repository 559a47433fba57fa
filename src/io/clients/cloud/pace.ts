import { WatchkeeperError } from '../../../lib/errors.ts';
import { limits } from '../../../lib/limits.ts';
import type { Clock } from '../../../domain/ports/io.ts';

/** One API of one account, project or subscription in one region. */
export interface Lane {
  /** Tells this lane from all others. */
  readonly key: string;
  /** In words, for people: `AWS ecs DescribeServices in eu-west-1`. */
  readonly words: string;
  /** Calls a second that the provider bears; the rate begins there and never rises above. */
  readonly most: number;
  /** How many may go at once after a pause, where the provider counts by the minute; a second's worth without. */
  readonly atOnce?: number;
}

/** Keeps each lane to a pace that the provider bears: a token bucket whose rate halves when it is throttled. */
export interface Pace {
  /** Waits for a turn. @throws `rate-limited` when that would take too long, `aborted`. */
  turn(lane: Lane, signal: AbortSignal): Promise<void>;
  /** How it went: a throttled API is asked half as often from now on, and more often again as it answers. */
  went(lane: Lane, throttled: boolean): void;
}

const slowest = 0.05;

interface Bucket {
  rate: number;
  tokens: number;
  atMs: number;
}

/** Makes it; every bucket is full. */
export function createPace(clock: Clock): Pace {
  const buckets = new Map<string, Bucket>();
  const bucketOf = (lane: Lane): Bucket => {
    const { key, most } = lane;
    let bucket = buckets.get(key);
    if (bucket === undefined) {
      bucket = { rate: most, tokens: burst(lane, most), atMs: clock.monotonicMs() };
      buckets.set(key, bucket);
    }
    const nowMs = clock.monotonicMs();
    bucket.tokens = Math.min(burst(lane, bucket.rate), bucket.tokens + ((nowMs - bucket.atMs) * bucket.rate) / 1_000);
    bucket.atMs = nowMs;
    return bucket;
  };
  return {
    turn: async (lane, signal) => {
      const bucket = bucketOf(lane);
      // Taken at once, so that those who wait do so behind one another.
      bucket.tokens -= 1;
      if (bucket.tokens >= 0) return;
      const waitMs = (-bucket.tokens / bucket.rate) * 1_000;
      if (waitMs > limits.cloudPatienceMs) {
        bucket.tokens += 1;
        throw new WatchkeeperError(
          'rate-limited',
          `${lane.words} is asked ${bucket.rate.toFixed(2)} times a second at most, and more than ${limits.cloudPatienceMs / 1_000} s of calls wait already`,
        );
      }
      await clock.sleep(waitMs, signal);
    },
    went: (lane, throttled) => {
      const bucket = bucketOf(lane);
      if (throttled) {
        bucket.rate = Math.max(slowest, bucket.rate / 2);
        bucket.tokens = Math.min(bucket.tokens, 0);
      } else bucket.rate = Math.min(lane.most, bucket.rate + lane.most / 20);
    },
  };
}

function burst({ most, atOnce = most }: Lane, rate: number): number {
  return Math.max(1, (atOnce * rate) / most);
}
