import { WatchkeeperError, type ErrorCode } from '../../lib/errors.ts';
import type { Json, JsonObject } from '../../lib/json.ts';
import { limits } from '../../lib/limits.ts';
import type { HttpResponse, ReaderIo, SecretRef } from '../../domain/ports/io.ts';
import { retryAfterMs } from './http-reader.ts';

/** Where a bot's calls go, and with whose credentials. */
export interface BotConnection {
  /** The sign-in service: `https://login.microsoftonline.com`. */
  readonly authority: string;
  readonly tenant: string;
  readonly appId: string;
  readonly secret: SecretRef;
  readonly scope: string;
  /** The connector. The token goes nowhere else. */
  readonly serviceUrl: string;
}

/** The Bot Framework's connector REST API (v3). */
export interface BotConnector {
  /** @throws WatchkeeperError in the service's own words; `rate-limited` only when waiting did not help. */
  call(method: 'POST' | 'PUT', path: string, body: JsonObject, signal: AbortSignal): Promise<JsonObject>;
  /** Asks for a token anew. @throws `unauthorized` when the app's credentials do not count. */
  signIn(signal: AbortSignal): Promise<void>;
}

const tries = 3;
const longestPauseMs = 60_000;
// A token is not used in its last minutes, so that none ends on its way.
const marginMs = 5 * 60_000;

/** Makes it over our HTTP port. The token is kept until shortly before its end; 429 is waited for while the signal lasts. */
export function botConnector(
  connection: BotConnection,
  io: Pick<ReaderIo, 'http' | 'secrets' | 'clock'>,
): BotConnector {
  const base = connection.serviceUrl.replace(/\/+$/, '');
  let held: { readonly token: string; readonly untilMs: number } | undefined;
  const token = async (signal: AbortSignal): Promise<string> => {
    if (held !== undefined && io.clock.monotonicMs() < held.untilMs) return held.token;
    held = await askForToken(connection, io, signal);
    return held.token;
  };
  return {
    signIn: async (signal) => {
      held = await askForToken(connection, io, signal);
    },
    call: async (method, path, body, signal) => {
      for (let tried = 1; ; tried++) {
        const response = await io.http.request({
          method,
          url: `${base}${path}`,
          headers: { authorization: `Bearer ${await token(signal)}`, 'content-type': 'application/json' },
          body: JSON.stringify(body),
          timeoutMs: limits.chatTimeoutMs,
          maxBytes: limits.chatAnswerBytes,
          signal,
        });
        const { status } = response;
        if (status >= 200 && status < 300) return parsed(response.body);
        // It may have been withdrawn before its end.
        if (status === 401) held = undefined;
        const again = status === 429 || (status === 401 && tried === 1);
        if (!again || tried >= tries) throw refusal(response);
        const waitMs = status === 429 ? (retryAfterMs(response, io.clock.nowMs()) ?? 1_000 * tried) : 0;
        await io.clock.sleep(Math.min(waitMs, longestPauseMs), signal);
      }
    },
  };
}

async function askForToken(
  { authority, tenant, appId, secret, scope }: BotConnection,
  io: Pick<ReaderIo, 'http' | 'secrets' | 'clock'>,
  signal: AbortSignal,
): Promise<{ readonly token: string; readonly untilMs: number }> {
  const form = new URLSearchParams({
    grant_type: 'client_credentials',
    client_id: appId,
    client_secret: (await io.secrets.resolve(secret, signal)).trim(),
    scope,
  });
  const response = await io.http.request({
    method: 'POST',
    url: `${authority.replace(/\/+$/, '')}/${tenant}/oauth2/v2.0/token`,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: form.toString(),
    timeoutMs: limits.chatTimeoutMs,
    maxBytes: limits.chatAnswerBytes,
    signal,
  });
  const { access_token: token, expires_in: seconds, error } = parsed(response.body);
  if (response.status === 200 && typeof token === 'string' && token !== '' && typeof seconds === 'number') {
    const lastsMs = seconds * 1_000;
    return { token, untilMs: io.clock.monotonicMs() + Math.max(lastsMs - marginMs, lastsMs / 2) };
  }
  const said = typeof error === 'string' ? error.slice(0, 100) : `status ${response.status}`;
  if (response.status === 400 || response.status === 401)
    throw new WatchkeeperError('unauthorized', `the sign-in service gives the bot no token: ${said}`, {
      fix: "Check appId, tenant and the app's secret.",
    });
  throw new WatchkeeperError(
    response.status === 429 ? 'rate-limited' : 'unreachable',
    `the sign-in service gives the bot no token now: ${said}`,
  );
}

function refusal({ status, body }: HttpResponse): WatchkeeperError {
  const error = parsed(body)['error'];
  const message = typeof error === 'object' && error !== null ? (error as JsonObject)['message'] : undefined;
  const said = typeof message === 'string' ? message.slice(0, 200) : `status ${status}`;
  const codes: Readonly<Record<number, ErrorCode>> = {
    401: 'unauthorized',
    403: 'forbidden',
    404: 'not-found',
    413: 'too-large',
    429: 'rate-limited',
  };
  return new WatchkeeperError(codes[status] ?? (status >= 500 ? 'unreachable' : 'malformed'), `Teams says: ${said}`);
}

function parsed(bytes: Uint8Array): JsonObject {
  try {
    const value = JSON.parse(new TextDecoder().decode(bytes)) as Json;
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {};
  } catch {
    return {};
  }
}
