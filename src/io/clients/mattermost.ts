import { WatchkeeperError, type ErrorCode } from '../../lib/errors.ts';
import type { Json, JsonObject } from '../../lib/json.ts';
import { limits } from '../../lib/limits.ts';
import type { ReaderIo, SecretRef } from '../../domain/ports/io.ts';
import { retryAfterMs } from './http-reader.ts';

/** Mattermost's REST API (v4) as a bot account. */
export interface MattermostApi {
  /** @throws WatchkeeperError in Mattermost's own words; `rate-limited` only when waiting did not help. */
  call(
    method: 'GET' | 'POST' | 'PUT',
    path: string,
    body: JsonObject | undefined,
    signal: AbortSignal,
  ): Promise<JsonObject>;
}

const tries = 3;

/** Makes it over our HTTP port. The token is read at each call; 429 is waited for while the signal lasts. */
export function mattermostApi(
  connection: { readonly url: string; readonly token: SecretRef },
  io: Pick<ReaderIo, 'http' | 'secrets' | 'clock'>,
): MattermostApi {
  const base = connection.url.replace(/\/+$/, '');
  return {
    call: async (method, path, body, signal) => {
      for (let tried = 1; ; tried++) {
        const token = await io.secrets.resolve(connection.token, signal);
        const response = await io.http.request({
          method,
          url: `${base}${path}`,
          headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
          timeoutMs: limits.chatTimeoutMs,
          maxBytes: limits.chatAnswerBytes,
          signal,
        });
        const answer = parsed(response.body);
        if (response.status >= 200 && response.status < 300) return answer;
        if (response.status !== 429 || tried >= tries) throw refusal(response.status, answer);
        const waitMs = retryAfterMs(response, io.clock.nowMs()) ?? 1_000;
        await io.clock.sleep(Math.min(waitMs, 60_000), signal);
      }
    },
  };
}

function refusal(status: number, answer: JsonObject): WatchkeeperError {
  const said = typeof answer['message'] === 'string' ? answer['message'].slice(0, 200) : `status ${status}`;
  const codes: Readonly<Record<number, ErrorCode>> = {
    401: 'unauthorized',
    403: 'forbidden',
    404: 'not-found',
    413: 'too-large',
    429: 'rate-limited',
  };
  return new WatchkeeperError(
    codes[status] ?? (status >= 500 ? 'unreachable' : 'malformed'),
    `Mattermost says: ${said}`,
  );
}

function parsed(bytes: Uint8Array): JsonObject {
  try {
    const value = JSON.parse(new TextDecoder().decode(bytes)) as Json;
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {};
  } catch {
    return {};
  }
}
