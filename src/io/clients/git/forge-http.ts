import { WatchkeeperError, type ErrorCode } from '../../../lib/errors.ts';
import type { Json, JsonObject } from '../../../lib/json.ts';
import { textAt } from '../../../lib/dig.ts';
import { limits } from '../../../lib/limits.ts';
import type { Clock, Http, HttpResponse, Secrets } from '../../../domain/ports/io.ts';
import type { GitForge } from './config.ts';

/** One answer: its JSON, and its headers for the next page. */
interface ForgeAnswer {
  readonly body: Json;
  readonly headers: Readonly<Record<string, string>>;
}

/** A forge's REST API. Reads wait when told to, a few times and not for long; writes are sent once. */
export interface ForgeApi {
  /** `undefined` for 404. */
  get(path: string, signal: AbortSignal): Promise<Json | undefined>;
  /** A listing, page by page, until there are no more, `enough` says so, or there are `max` items. */
  list(
    path: string,
    max: number,
    enough: (items: readonly Json[]) => boolean,
    signal: AbortSignal,
  ): Promise<readonly Json[]>;
  send(method: 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string, body: JsonObject, signal: AbortSignal): Promise<Json>;
}

/** What the API needs of the world. */
export interface ForgeIo {
  readonly http: Http;
  readonly secrets: Secrets;
  readonly clock: Clock;
}

/** @param headers of each request, with the token. */
export function forgeApi(
  { http, secrets, clock }: ForgeIo,
  base: string,
  forge: GitForge,
  headers: (token: string) => Readonly<Record<string, string>>,
): ForgeApi {
  const call = async (
    method: Parameters<ForgeApi['send']>[0] | 'GET',
    url: string,
    body: JsonObject | undefined,
    signal: AbortSignal,
  ): Promise<ForgeAnswer> => {
    const token = await secrets.resolve(forge.token, signal);
    const answer = await http.request({
      method,
      url,
      headers: {
        ...headers(token),
        'User-Agent': 'watchkeeper',
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      maxBytes: limits.gitAnswerBytes,
      signal,
    });
    if (answer.status < 200 || answer.status >= 300)
      throw fault(answer, `${method} ${new URL(url).pathname}`, clock.nowMs());
    return { body: parsed(answer, url), headers: answer.headers };
  };
  const read = (url: string, signal: AbortSignal): Promise<ForgeAnswer> =>
    patiently(clock, () => call('GET', url, undefined, signal), signal);
  return {
    get: async (path, signal) => {
      try {
        return (await read(`${base}${path}`, signal)).body;
      } catch (thrown) {
        if (thrown instanceof WatchkeeperError && thrown.code === 'not-found') return undefined;
        throw thrown;
      }
    },
    list: async (path, max, enough, signal) => {
      const items: Json[] = [];
      let url: string | undefined = `${base}${path}`;
      while (url !== undefined) {
        const { body, headers: answered }: ForgeAnswer = await read(url, signal);
        if (!Array.isArray(body)) throw new WatchkeeperError('malformed', `${path}: not a list`);
        items.push(...(body as readonly Json[]));
        if (items.length >= max || enough(items)) return items.slice(0, max);
        url = nextPage(answered['link'], base);
      }
      return items;
    },
    send: async (method, path, body, signal) => (await call(method, `${base}${path}`, body, signal)).body,
  };
}

// A token is sent to the forge's own address only, wherever a page says the next one is.
function nextPage(link: string | undefined, base: string): string | undefined {
  const next = /<([^>]+)>;\s*rel="next"/.exec(link ?? '')?.[1];
  return next !== undefined && next.startsWith(`${base}/`) ? next : undefined;
}

const codes: Readonly<Record<number, ErrorCode>> = {
  400: 'config-invalid',
  401: 'unauthorized',
  403: 'forbidden',
  404: 'not-found',
  405: 'conflict',
  406: 'conflict',
  409: 'conflict',
  422: 'conflict',
  429: 'rate-limited',
};

function fault(answer: HttpResponse, what: string, nowMs: number): WatchkeeperError {
  const { status, headers } = answer;
  const isLimit =
    status === 429 || (status === 403 && (headers['x-ratelimit-remaining'] === '0' || 'retry-after' in headers));
  const code = isLimit ? 'rate-limited' : (codes[status] ?? 'unreachable');
  const fix = code === 'unauthorized' ? 'Check the token under operators.git; it may have expired.' : undefined;
  return new WatchkeeperError(code, `${what}: ${status}: ${messageOf(answer)}`, {
    ...(fix === undefined ? {} : { fix }),
    ...(isLimit ? { cause: { retryAfterMs: waitMs(headers, nowMs) } } : {}),
  });
}

// GitHub's second way of saying it: when the window ends, in epoch seconds.
function waitMs(headers: Readonly<Record<string, string>>, nowMs: number): number | undefined {
  const after = headers['retry-after'];
  if (after !== undefined && /^\d{1,6}$/.test(after)) return Number(after) * 1_000;
  const reset = headers['x-ratelimit-reset'] ?? headers['ratelimit-reset'];
  return reset !== undefined && /^\d{1,12}$/.test(reset) ? Math.max(0, Number(reset) * 1_000 - nowMs) : undefined;
}

async function patiently<T>(clock: Clock, ask: () => Promise<T>, signal: AbortSignal): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await ask();
    } catch (thrown) {
      const cause =
        thrown instanceof WatchkeeperError
          ? (thrown.cause as { readonly retryAfterMs?: number } | undefined)
          : undefined;
      const ms = cause?.retryAfterMs;
      if (typeof ms !== 'number' || tries > limits.gitRetries || ms > limits.gitRetryAfterMs) throw thrown;
      await clock.sleep(ms, signal);
    }
  }
}

function parsed({ body }: HttpResponse, url: string): Json {
  const text = new TextDecoder().decode(body);
  if (text.trim() === '') return null;
  try {
    return JSON.parse(text) as Json;
  } catch (thrown) {
    throw new WatchkeeperError('malformed', `${new URL(url).pathname}: the answer is not JSON`, { cause: thrown });
  }
}

function messageOf(answer: HttpResponse): string {
  const text = new TextDecoder().decode(answer.body);
  try {
    const body = JSON.parse(text) as Json;
    const message = textAt(body, 'message') ?? textAt(body, 'error') ?? textAt(body, 'error_description');
    if (message !== undefined) return message.slice(0, 500);
  } catch {
    // A proxy in between, whose text says more than nothing.
  }
  return text.trim().slice(0, 200) || 'no message';
}
