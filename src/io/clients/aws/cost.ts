import type { AwsCall } from '../../../domain/ports/aws.ts';
import type { JsonObject } from '../../../lib/json.ts';
import type { CloudUse } from '../../../domain/ports/cloud.ts';
import { createTally } from '../cloud/tally.ts';

/** Counts calls and reckons what they cost. */
export interface Meter {
  /** A call was made. Counted before the answer: AWS charges for some that fail, and a reckoning should not be low. */
  count(call: AwsCall): void;
  /** Bytes that a query of Logs Insights read. */
  scanned(bytes: number): void;
  /** Traces that a search of X-Ray looked through. */
  searched(traces: number): void;
  use(): CloudUse;
}

/**
 * List prices in us-east-1, in dollars; other regions differ by a few percent (aws.amazon.com/cloudwatch/pricing,
 * /xray/pricing). What is not here is free of charge.
 */
export const prices = {
  /** Each metric that GetMetricData is asked for; expressions are free, what they read is not. */
  metricRead: 0.01 / 1_000,
  insightsByte: 0.005 / 1e9,
  traceRead: 0.5 / 1e6,
  traceSearched: 0.5 / 1e6,
};

/** Makes one at nothing. */
export function createMeter(): Meter {
  const tally = createTally();
  return {
    count: (call) => tally.count(`${call.service}:${call.operation}`, costOf(call)),
    scanned: (bytes) => tally.add(bytes * prices.insightsByte),
    searched: (traces) => tally.add(traces * prices.traceSearched),
    use: () => tally.use(),
  };
}

/** What searches of Logs Insights have read by now. */
export interface Searches {
  /** Bytes that a search read since it was last asked about: one that is cut off costs what it read until then. */
  more(call: Pick<AwsCall, 'account' | 'region' | 'input'>, answer: JsonObject): number;
}

// Searches last minutes, and AWS runs some dozens at once.
const searchesKept = 1_000;

/** Makes it over none. */
export function createSearches(): Searches {
  const read = new Map<string, number>();
  return {
    more: ({ account, region, input }, { statistics }) => {
      const { bytesScanned } = (statistics ?? {}) as { readonly bytesScanned?: unknown };
      if (typeof bytesScanned !== 'number' || !Number.isFinite(bytesScanned)) return 0;
      const key = JSON.stringify([account, region, input['queryId']]);
      const known = read.get(key) ?? 0;
      read.delete(key);
      read.set(key, Math.max(known, bytesScanned));
      for (const oldest of read.keys()) {
        if (read.size <= searchesKept) break;
        read.delete(oldest);
      }
      return Math.max(0, bytesScanned - known);
    },
  };
}

/** What one call costs, as far as that is known before its answer. */
export function costOf({ service, operation, input }: Pick<AwsCall, 'service' | 'operation' | 'input'>): number {
  if (service === 'cloudwatch' && operation === 'GetMetricData') {
    const asked: unknown = input['MetricDataQueries'];
    const queries = Array.isArray(asked) ? (asked as readonly object[]) : [];
    return queries.filter((query) => 'MetricStat' in query).length * prices.metricRead;
  }
  if (service === 'xray' && operation === 'BatchGetTraces') {
    const ids: unknown = input['TraceIds'];
    return (Array.isArray(ids) ? ids.length : 0) * prices.traceRead;
  }
  return 0;
}
