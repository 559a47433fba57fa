import { limits } from '../../../lib/limits.ts';
import type { Http, HttpRequest } from '../../../domain/ports/io.ts';
import { placeOf, unpacked } from '../http-reader.ts';

/**
 * Our HTTP port below Google's libraries, as the `fetch` that they take, so that their calls have what all requests have: one
 * deadline from the first byte to the last, a limit on the answer, no redirects, and the guard of the lease where a hand writes.
 */
export function gcpFetch(http: Http): typeof fetch {
  return async (input, init = {}) => {
    const url = input instanceof Request ? input.url : String(input);
    const answer = await http.request({
      method: (init.method ?? 'GET').toUpperCase() as HttpRequest['method'],
      url,
      headers: Object.fromEntries(new Headers(init.headers)),
      ...bodyOf(init.body),
      timeoutMs: limits.gcpTimeoutMs,
      maxBytes: limits.gcpAnswerBytes,
      signal: init.signal ?? AbortSignal.timeout(limits.gcpTimeoutMs),
    });
    const headers = new Headers(answer.headers);
    // These may have no body, says `Response`; it is unpacked here, so it is not packed any more.
    const isEmpty = [101, 204, 205, 304].includes(answer.status);
    headers.delete('content-encoding');
    const body = unpacked(answer.body, placeOf(url), limits.gcpAnswerBytes) as Uint8Array<ArrayBuffer>;
    return new Response(isEmpty ? null : body, { status: answer.status, headers });
  };
}

function bodyOf(body: unknown): Pick<HttpRequest, 'body'> {
  if (typeof body === 'string' || body instanceof Uint8Array) return { body };
  return body instanceof URLSearchParams ? { body: body.toString() } : {};
}
