import { WatchkeeperError, type ErrorCode } from '../../lib/errors.ts';
import type { Json, JsonObject } from '../../lib/json.ts';
import { limits } from '../../lib/limits.ts';
import type { HttpRequest, ReaderIo, SecretRef } from '../../domain/ports/io.ts';
import { retryAfterMs } from './http-reader.ts';

/** Where a Matrix account lives, and its access token. */
export interface HomeserverConnection {
  readonly url: string;
  readonly token: SecretRef;
}

/** The client-server API (v3) of a Matrix homeserver, as one account. */
export interface Homeserver {
  /** The account's own id: `@watchkeeper:example.com`. */
  whoAmI(signal: AbortSignal): Promise<string>;
  join(room: string, signal: AbortSignal): Promise<void>;
  /** Sends an event; the same transaction id sends it once. Gives the event's id. */
  send(room: string, type: string, transaction: string, content: JsonObject, signal: AbortSignal): Promise<string>;
  /** What is new since a batch; waits for it up to `waitMs`. The first, without `since`, brings nothing but the batch. */
  sync(since: string | undefined, waitMs: number, signal: AbortSignal): Promise<JsonObject>;
  /** Stores bytes in the media repository; gives their `mxc://` address. */
  upload(bytes: Uint8Array, type: string, signal: AbortSignal): Promise<string>;
}

const tries = 4;
// Answers in the rooms that are listened to, and nothing of presence, typing or receipts.
const filter = JSON.stringify({
  presence: { types: [] },
  account_data: { types: [] },
  room: {
    ephemeral: { types: [] },
    account_data: { types: [] },
    state: { types: [] },
    timeline: { types: ['m.room.message', 'm.reaction'], limit: 100 },
  },
});

/**
 * A homeserver over our HTTP port. What it asks to wait for (429) is waited for while the signal lasts; nothing else is repeated
 * but what carries a transaction id. The token is read at each call and stands in a header only.
 */
export function homeserver(
  connection: HomeserverConnection,
  io: Pick<ReaderIo, 'http' | 'secrets' | 'clock'>,
): Homeserver {
  const base = connection.url.replace(/\/+$/, '');
  const ask = async (
    method: HttpRequest['method'],
    path: string,
    content: JsonObject | Uint8Array | undefined,
    signal: AbortSignal,
    more: { readonly waitMs?: number; readonly type?: string } = {},
  ): Promise<JsonObject> => {
    for (let tried = 1; ; tried++) {
      const token = await io.secrets.resolve(connection.token, signal);
      const body = content instanceof Uint8Array || content === undefined ? content : JSON.stringify(content);
      const response = await io.http.request({
        method,
        url: `${base}${path}`,
        headers: {
          authorization: `Bearer ${token}`,
          ...(body === undefined ? {} : { 'content-type': more.type ?? 'application/json' }),
        },
        ...(body === undefined ? {} : { body }),
        timeoutMs: limits.chatTimeoutMs + (more.waitMs ?? 0),
        maxBytes: limits.chatAnswerBytes,
        signal,
      });
      const answer = parsed(response.body);
      if (response.status >= 200 && response.status < 300) return answer;
      const error = refusal(response.status, answer);
      if (error.code !== 'rate-limited' || tried >= tries) throw error;
      const asked = answer['retry_after_ms'];
      const waitMs = typeof asked === 'number' ? asked : (retryAfterMs(response, io.clock.nowMs()) ?? 1_000);
      await io.clock.sleep(Math.min(Math.max(waitMs, 100), 60_000), signal);
    }
  };
  return {
    whoAmI: async (signal) =>
      textOf(await ask('GET', '/_matrix/client/v3/account/whoami', undefined, signal), 'user_id'),
    join: async (room, signal) => {
      await ask('POST', `/_matrix/client/v3/join/${encodeURIComponent(room)}`, {}, signal);
    },
    send: async (room, type, transaction, content, signal) => {
      const path = [room, 'send', type, transaction].map(encodeURIComponent).join('/');
      return textOf(await ask('PUT', `/_matrix/client/v3/rooms/${path}`, content, signal), 'event_id');
    },
    sync: (since, waitMs, signal) => {
      const asked = new URLSearchParams({ filter, timeout: String(since === undefined ? 0 : waitMs) });
      if (since !== undefined) asked.set('since', since);
      return ask('GET', `/_matrix/client/v3/sync?${asked.toString()}`, undefined, signal, { waitMs });
    },
    upload: async (bytes, type, signal) =>
      textOf(await ask('POST', '/_matrix/media/v3/upload', bytes, signal, { type }), 'content_uri'),
  };
}

function textOf(answer: JsonObject, key: string): string {
  const value = answer[key];
  if (typeof value === 'string' && value !== '') return value;
  throw new WatchkeeperError('malformed', `the homeserver did not say ${key}`);
}

function parsed(bytes: Uint8Array): JsonObject {
  try {
    const value = JSON.parse(new TextDecoder().decode(bytes)) as Json;
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {};
  } catch {
    return {};
  }
}

const codes: Readonly<Record<string, ErrorCode>> = {
  M_UNKNOWN_TOKEN: 'unauthorized',
  M_MISSING_TOKEN: 'unauthorized',
  M_FORBIDDEN: 'forbidden',
  M_NOT_FOUND: 'not-found',
  M_TOO_LARGE: 'too-large',
  M_LIMIT_EXCEEDED: 'rate-limited',
};

function refusal(status: number, answer: JsonObject): WatchkeeperError {
  const word = typeof answer['errcode'] === 'string' ? answer['errcode'].slice(0, 60) : `status ${status}`;
  const byStatus: ErrorCode = status === 429 ? 'rate-limited' : status >= 500 ? 'unreachable' : 'malformed';
  const code = codes[word] ?? byStatus;
  const fix =
    code === 'forbidden'
      ? { fix: 'Invite the account to the room, and give it the right to send there.' }
      : code === 'unauthorized'
        ? { fix: 'Give the channel an access token of its account.' }
        : {};
  return new WatchkeeperError(code, `the homeserver says ${word}`, fix);
}
