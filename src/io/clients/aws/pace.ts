import { WatchkeeperError } from '../../../lib/errors.ts';
import { limits } from '../../../lib/limits.ts';
import type { Clock } from '../../../domain/ports/io.ts';
import type { AwsCall } from '../../../domain/ports/aws.ts';

/**
 * Calls a second that AWS documents for one account in one region, halved where others ask as well. What is not here
 * starts at five.
 */
const documented: Readonly<Record<string, number>> = {
  'cloudwatch GetMetricData': 25,
  'cloudwatch DescribeAlarms': 4,
  'cloudtrail LookupEvents': 1,
  'logs FilterLogEvents': 4,
  'logs GetQueryResults': 4,
  'ecs DescribeServices': 10,
  'lambda ListVersionsByFunction': 7,
  'lambda GetAlias': 50,
};
const usual = 5;
const slowest = 0.05;

/** Keeps each (account, region, API) to a pace that AWS bears: a token bucket whose rate halves when it is throttled. */
export interface Pace {
  /** Waits for a turn. @throws `rate-limited` when that would take too long, `aborted`. */
  turn(call: AwsCall, signal: AbortSignal): Promise<void>;
  /** How it went: a throttled API is asked half as often from now on, and more often again as it answers. */
  went(call: AwsCall, throttled: boolean): void;
}

interface Bucket {
  rate: number;
  readonly most: number;
  tokens: number;
  atMs: number;
}

/** Makes it; every bucket is full. */
export function createPace(clock: Clock): Pace {
  const buckets = new Map<string, Bucket>();
  const bucketOf = (call: AwsCall): Bucket => {
    const key = `${call.account ?? ''} ${call.region} ${call.service} ${call.operation}`;
    let bucket = buckets.get(key);
    if (bucket === undefined) {
      const most = documented[`${call.service} ${call.operation}`] ?? usual;
      bucket = { rate: most, most, tokens: burst(most), atMs: clock.monotonicMs() };
      buckets.set(key, bucket);
    }
    const nowMs = clock.monotonicMs();
    bucket.tokens = Math.min(burst(bucket.rate), bucket.tokens + ((nowMs - bucket.atMs) * bucket.rate) / 1_000);
    bucket.atMs = nowMs;
    return bucket;
  };
  return {
    turn: async (call, signal) => {
      const bucket = bucketOf(call);
      // Taken at once, so that those who wait do so behind one another.
      bucket.tokens -= 1;
      if (bucket.tokens >= 0) return;
      const waitMs = (-bucket.tokens / bucket.rate) * 1_000;
      if (waitMs > limits.awsPatienceMs) {
        bucket.tokens += 1;
        throw new WatchkeeperError(
          'rate-limited',
          `AWS ${call.service} ${call.operation} in ${call.region} is asked ${bucket.rate.toFixed(2)} times a second at most, and more than ${limits.awsPatienceMs / 1_000} s of calls wait already`,
        );
      }
      await clock.sleep(waitMs, signal);
    },
    went: (call, throttled) => {
      const bucket = bucketOf(call);
      if (throttled) {
        bucket.rate = Math.max(slowest, bucket.rate / 2);
        bucket.tokens = Math.min(bucket.tokens, 0);
      } else bucket.rate = Math.min(bucket.most, bucket.rate + bucket.most / 20);
    },
  };
}

function burst(rate: number): number {
  return Math.max(1, rate);
}
