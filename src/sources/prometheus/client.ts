import { limits } from '../../lib/limits.ts';
import {
  authHeaders,
  faultOfError,
  placeOf,
  rethrowAbort,
  retryAfterMs,
  unpacked,
  type ReadFault,
} from '../../io/clients/http-reader.ts';
import type { HttpResponse, ReaderIo } from '../../domain/ports/io.ts';
import { readRangeAnswer, type RangeAnswer } from './answer.ts';
import type { PrometheusConfig } from './schema.ts';

/** A stretch of evaluation steps, both ends included, in milliseconds. */
export interface Range {
  readonly fromMs: number;
  readonly untilMs: number;
  readonly stepMs: number;
}

/** Why there is no answer. */
export type Fault = { readonly fault: ReadFault };

/** Asks one server, never more than it bears: after 429 or 503 it is left alone until it said it may be asked again. */
export interface PrometheusClient {
  range(promql: string, range: Range, signal: AbortSignal): Promise<RangeAnswer | Fault>;
}

/** Makes a client of one server. Nothing is asked yet. */
export function createClient(config: PrometheusConfig, io: ReaderIo): PrometheusClient {
  const base = config.url.replace(/\/+$/, '');
  const endpoint = `${base}/api/v1/query_range`;
  const where = placeOf(base);
  const slots = semaphore(config.concurrency);
  let quietUntilMs = 0;
  let refusals = 0;

  const heed = (response: HttpResponse): void => {
    if (response.status !== 429 && response.status !== 503) {
      refusals = 0;
      return;
    }
    // Without Retry-After: twice as long each time, with jitter so that replicas do not come back together.
    const waitMs = Math.min(1_000 * 2 ** Math.min(refusals++, 8), 120_000) * (0.5 + io.random.uniform() / 2);
    quietUntilMs = io.clock.monotonicMs() + (retryAfterMs(response, io.clock.nowMs()) ?? waitMs);
  };

  const ask = async (promql: string, range: Range, signal: AbortSignal): Promise<RangeAnswer | Fault> => {
    const leftMs = quietUntilMs - io.clock.monotonicMs();
    if (leftMs > 0) {
      const message = `${where} asked to be left alone for another ${Math.ceil(leftMs / 1_000)} s`;
      return { fault: { reason: 'rate-limited', message } };
    }
    const deadline = io.clock.deadline(config.timeout, signal);
    try {
      const response = await io.http.request({
        method: 'POST',
        url: endpoint,
        headers: {
          ...config.headers,
          ...(await authHeaders(config.auth, io, deadline.signal)),
          'content-type': 'application/x-www-form-urlencoded',
          accept: 'application/json',
          'accept-encoding': 'gzip',
        },
        body: new URLSearchParams({
          query: promql,
          start: seconds(range.fromMs),
          end: seconds(range.untilMs),
          step: seconds(range.stepMs),
          timeout: `${config.timeout}ms`,
        }).toString(),
        timeoutMs: config.timeout,
        maxBytes: limits.httpResponseBytes,
        signal: deadline.signal,
      });
      heed(response);
      const body = unpacked(response.body, where, limits.httpResponseBytes);
      return readRangeAnswer(response.status, body, where, config.maxSeries);
    } catch (thrown) {
      rethrowAbort(thrown, signal);
      return { fault: faultOfError(thrown) };
    } finally {
      deadline.cancel();
    }
  };

  return { range: (promql, range, signal) => slots(() => ask(promql, range, signal)) };
}

function seconds(ms: number): string {
  return (ms / 1_000).toFixed(3);
}

/** Lets at most `width` pieces of work run at once, in the order they came. */
function semaphore(width: number): <T>(work: () => Promise<T>) => Promise<T> {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async (work) => {
    if (running >= width) await new Promise<void>((resolve) => waiting.push(resolve));
    else running++;
    try {
      return await work();
    } finally {
      // The slot is handed over, not freed, when somebody waits: nobody can slip in between.
      const next = waiting.shift();
      if (next === undefined) running--;
      else next();
    }
  };
}
