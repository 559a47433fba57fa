import { WatchkeeperError } from '../../lib/errors.ts';
import type { Delivery } from '../../domain/ports/channel.ts';
import type { ReaderIo } from '../../domain/ports/io.ts';
import { placeOf, retryAfterMs } from './http-reader.ts';

/** One message to an HTTP endpoint. */
export interface Post {
  readonly url: string;
  /** What may be said of the URL; default: its host and path. For URLs that are secrets. */
  readonly shownAs?: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** How long one try may take, and how many there are while the caller's signal lasts. */
export interface PostPatience {
  readonly timeoutMs: number;
  readonly attempts: number;
}

/**
 * Posts until the peer takes it: 2xx is accepted; 408, 425, 429, 5xx, no answer and a timeout are tried again after the peer's
 * own `Retry-After` or a doubling, jittered pause; everything else fails at once. Redirects are not followed. `prepare` is
 * asked before each try, so that secrets are read and times stamped at the last moment. Never throws.
 */
export async function postPatiently(
  io: Pick<ReaderIo, 'clock' | 'random' | 'http'>,
  prepare: (signal: AbortSignal) => Promise<Post>,
  { timeoutMs, attempts }: PostPatience,
  signal: AbortSignal,
): Promise<Delivery> {
  let last: Tried = { is: 'failed', reason: 'not tried', retryable: true };
  for (let attempt = 0; attempt < attempts; attempt++) {
    if (signal.aborted) break;
    if (attempt > 0) {
      const pauseMs = last.retryAfterMs ?? 500 * 2 ** (attempt - 1) * (0.5 + io.random.uniform());
      try {
        await io.clock.sleep(pauseMs, signal);
      } catch {
        break;
      }
    }
    last = await tryOnce(io, prepare, timeoutMs, signal);
    if (last.is === 'accepted' || !last.retryable) break;
  }
  if (last.is === 'accepted') return { is: 'accepted', ...(last.ref === undefined ? {} : { ref: last.ref }) };
  return { is: 'failed', reason: last.reason, retryable: last.retryable };
}

type Tried = Delivery & { readonly retryAfterMs?: number | undefined };

async function tryOnce(
  io: Pick<ReaderIo, 'clock' | 'http'>,
  prepare: (signal: AbortSignal) => Promise<Post>,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<Tried> {
  try {
    const { url, shownAs, headers, body } = await prepare(signal);
    const response = await io.http
      .request({
        method: 'POST',
        url,
        headers: { 'content-type': 'application/json', ...headers },
        body,
        timeoutMs,
        maxBytes: 64 * 1024,
        signal,
      })
      .catch((thrown: unknown) => {
        throw shownAs === undefined ? thrown : unnamed(thrown, shownAs);
      });
    const { status } = response;
    if (status >= 200 && status < 300) return { is: 'accepted', ref: String(status) };
    const retryable = status === 408 || status === 425 || status === 429 || status >= 500;
    const where = shownAs ?? placeOf(url);
    const reason = `${where} answered ${status}${status >= 300 && status < 400 ? '; redirects are not followed' : ''}`;
    return { is: 'failed', reason, retryable, retryAfterMs: retryAfterMs(response, io.clock.nowMs()) };
  } catch (thrown) {
    const error = WatchkeeperError.from(thrown, 'unreachable');
    return { is: 'failed', reason: error.message, retryable: error.retryable && !signal.aborted };
  }
}

// The error of a request names its URL, which may be the secret itself.
function unnamed(thrown: unknown, shownAs: string): WatchkeeperError {
  const { code, retryable } = WatchkeeperError.from(thrown, 'unreachable');
  return new WatchkeeperError(code, `${shownAs} could not be reached (${code})`, { retryable });
}
