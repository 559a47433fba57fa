import type { HttpResponse, ReaderIo } from '../../domain/ports/io.ts';
import { limits } from '../../lib/limits.ts';
import {
  authHeaders,
  faultOfError,
  placeOf,
  rethrowAbort,
  retryAfterMs,
  unpacked,
  type HttpAuth,
  type ReadFault,
} from './http-reader.ts';

/** Why there is no answer. */
export type Fault = { readonly fault: ReadFault };

/** One peer, and how it is spoken to. */
export interface PeerConfig {
  readonly url: string;
  readonly auth?: HttpAuth;
  readonly headers?: Readonly<Record<string, string>>;
  /** For one question, from the call to the last byte. */
  readonly timeout: number;
  /** Questions under way at once. */
  readonly concurrency: number;
}

/** One question: what comes after the peer's URL, and a body where it does not fit there. */
export interface Question {
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: { readonly type: string; readonly text: string };
  readonly headers?: Readonly<Record<string, string>>;
}

/** Asks one peer, never more than it bears: after 429 or 503 it is left alone until it said it may be asked again. */
export interface PolitePeer {
  /** Host and path, as people may be told. */
  readonly where: string;
  /** Any status but 429 and those of a failed connection is an answer. Throws `aborted` only. */
  ask(question: Question, signal: AbortSignal): Promise<{ readonly response: HttpResponse } | Fault>;
}

/** Makes a peer to ask. Nothing is asked yet. */
export function politePeer(config: PeerConfig, io: ReaderIo): PolitePeer {
  const base = config.url.replace(/\/+$/, '');
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

  const ask = async (question: Question, signal: AbortSignal): Promise<{ readonly response: HttpResponse } | Fault> => {
    const leftMs = quietUntilMs - io.clock.monotonicMs();
    if (leftMs > 0) {
      const message = `${where} asked to be left alone for another ${Math.ceil(leftMs / 1_000)} s`;
      return { fault: { reason: 'rate-limited', message } };
    }
    const deadline = io.clock.deadline(config.timeout, signal);
    try {
      const { path, query = {}, body, headers } = question;
      const search = new URLSearchParams(query).toString();
      const response = await io.http.request({
        method: body === undefined ? 'GET' : 'POST',
        url: `${base}${path}${search === '' ? '' : `?${search}`}`,
        headers: {
          ...config.headers,
          ...headers,
          ...(await authHeaders(config.auth, io, deadline.signal)),
          ...(body === undefined ? {} : { 'content-type': body.type }),
          accept: 'application/json',
          'accept-encoding': 'gzip',
        },
        ...(body === undefined ? {} : { body: body.text }),
        timeoutMs: config.timeout,
        maxBytes: limits.httpResponseBytes,
        signal: deadline.signal,
      });
      heed(response);
      return { response: { ...response, body: unpacked(response.body, where, limits.httpResponseBytes) } };
    } catch (thrown) {
      rethrowAbort(thrown, signal);
      return { fault: faultOfError(thrown) };
    } finally {
      deadline.cancel();
    }
  };

  return { where, ask: (question, signal) => slots(() => ask(question, signal)) };
}

/** A form as a body. */
export function form(fields: Readonly<Record<string, string>>): NonNullable<Question['body']> {
  return { type: 'application/x-www-form-urlencoded', text: new URLSearchParams(fields).toString() };
}

/** A peer's own words about a failure: bounded, on one line, whatever they are. */
export function wordsOf(body: Uint8Array): string {
  return new TextDecoder()
    .decode(body.subarray(0, 2_000))
    .replace(/[\p{Cc}\p{Cf}\s]+/gu, ' ')
    .trim()
    .slice(0, 300);
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
