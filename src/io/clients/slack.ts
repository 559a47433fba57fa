import { setTimeout as pause } from 'node:timers/promises';

import { WatchkeeperError, type ErrorCode } from '../../lib/errors.ts';
import { limits } from '../../lib/limits.ts';
import type { JsonObject } from '../../lib/json.ts';
import type { Log, ReaderIo, SecretRef } from '../../domain/ports/io.ts';

/** Slack's Web API, one method a call. Nothing is repeated here: the caller knows how long it may still try. */
export interface SlackApi {
  /**
   * @throws WatchkeeperError `rate-limited` (with `retryAfterMs` as its cause), `unauthorized`, `not-found`, `too-large`,
   * `malformed` for whatever else Slack refuses, in its own word; `unreachable`, `timeout`, `aborted`.
   */
  call(method: string, body: JsonObject, signal: AbortSignal): Promise<JsonObject>;
}

/** How a workspace is reached. `apiUrl` ends with `/api/`. */
export interface SlackConnection {
  readonly apiUrl: string;
  readonly botToken: SecretRef;
}

/**
 * The Web API through Slack's own client, with our HTTP port below it: our deadlines, our limits, no retries and no sockets of
 * its own. The client is loaded at the first call; the token is read at each, so that it can be rotated.
 */
export function slackApi(connection: SlackConnection, io: Pick<ReaderIo, 'http' | 'secrets' | 'log'>): SlackApi {
  return {
    call: async (method, body, signal) => {
      const { WebClient } = await import('@slack/web-api');
      const token = await io.secrets.resolve(connection.botToken, signal);
      const client = new WebClient(token, {
        slackApiUrl: connection.apiUrl,
        retryConfig: { retries: 0 },
        rejectRateLimitedCalls: true,
        allowAbsoluteUrls: false,
        logger: quiet(io.log),
        fetch: fetchOver(io, signal),
      });
      try {
        return (await client.apiCall(method, body)) as unknown as JsonObject;
      } catch (thrown) {
        throw faultOf(method, thrown, signal);
      }
    },
  };
}

/** One message that Slack sent over the socket; it wants `ack` within three seconds. */
export interface SlackEnvelope {
  readonly type: string;
  readonly body: JsonObject;
  readonly ack: () => Promise<void>;
}

/**
 * Socket Mode: an outgoing WebSocket over which Slack sends clicks and commands, so that no port needs to be open. Slack's
 * own client reconnects by itself, as Slack asks it to every few hours. Ends when the signal fires; throws when Slack
 * refuses the app token or the client gives up.
 */
export async function slackSocket(
  connection: { readonly apiUrl: string; readonly appToken: SecretRef },
  io: Pick<ReaderIo, 'secrets' | 'log' | 'http'>,
  take: (envelope: SlackEnvelope) => void,
  signal: AbortSignal,
): Promise<void> {
  const { SocketModeClient } = await import('@slack/socket-mode');
  const client = new SocketModeClient({
    appToken: await io.secrets.resolve(connection.appToken, signal),
    logger: quiet(io.log),
    clientOptions: { slackApiUrl: connection.apiUrl, retryConfig: { retries: 0 }, fetch: fetchOver(io, signal) },
  });
  const over = Promise.withResolvers<undefined>();
  const stop = (): void => over.resolve(undefined);
  signal.addEventListener('abort', stop, { once: true });
  client.on('slack_event', ({ type, body, ack }: SlackEnvelope) => take({ type, body, ack }));
  client.on('unable_to_socket_mode_start', (thrown: unknown) => over.reject(asError(thrown)));
  client.on('disconnected', (thrown: unknown) => over.reject(asError(thrown ?? 'the socket was closed')));
  try {
    await client.start().catch((thrown: unknown) => {
      throw faultOf('apps.connections.open', thrown, signal);
    });
    await over.promise;
  } catch (thrown) {
    if (!signal.aborted) throw WatchkeeperError.from(thrown, 'unreachable', 'Slack socket');
  } finally {
    signal.removeEventListener('abort', stop);
    // What the client says of its own end is no failure; it waits for its own listeners, so they stay until then.
    over.promise.catch(() => undefined);
    await Promise.race([client.disconnect().catch(() => undefined), pause(limits.chatGoodbyeMs)]);
    client.removeAllListeners();
  }
}

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}

type FetchLike = (
  url: string | URL,
  init?: { method?: string; headers?: Record<string, string>; body?: unknown },
) => Promise<{
  ok: boolean;
  status: number;
  statusText: string;
  url: string;
  headers: { get(name: string): string | null; entries(): Iterable<[string, string]> };
  arrayBuffer(): Promise<ArrayBuffer>;
  json(): Promise<unknown>;
  text(): Promise<string>;
}>;

// What Slack's client believes to be fetch: our HTTP port. It sends forms and JSON as text, and nothing else is asked of it.
function fetchOver(io: Pick<ReaderIo, 'http'>, signal: AbortSignal): FetchLike {
  return async (url, init = {}) => {
    const body = init.body === undefined || typeof init.body === 'string' ? init.body : undefined;
    if (init.body !== undefined && body === undefined)
      throw new WatchkeeperError('unsupported', 'only text is sent to Slack');
    const answer = await io.http.request({
      method: init.method === 'GET' ? 'GET' : 'POST',
      url: String(url),
      headers: init.headers ?? {},
      ...(body === undefined ? {} : { body }),
      timeoutMs: limits.chatTimeoutMs,
      maxBytes: 1024 * 1024,
      signal,
    });
    const text = (): string => new TextDecoder().decode(answer.body);
    return {
      ok: answer.status >= 200 && answer.status < 300,
      status: answer.status,
      statusText: String(answer.status),
      url: String(url),
      headers: {
        get: (name) => answer.headers[name.toLowerCase()] ?? null,
        entries: () => Object.entries(answer.headers),
      },
      arrayBuffer: () => Promise.resolve(new Uint8Array(answer.body).buffer),
      json: async () => JSON.parse(await Promise.resolve(text())) as unknown,
      text: () => Promise.resolve(text()),
    };
  };
}

const codes: Readonly<Record<string, ErrorCode>> = {
  invalid_auth: 'unauthorized',
  not_authed: 'unauthorized',
  account_inactive: 'unauthorized',
  token_revoked: 'unauthorized',
  token_expired: 'unauthorized',
  missing_scope: 'forbidden',
  not_allowed_token_type: 'forbidden',
  channel_not_found: 'not-found',
  not_in_channel: 'not-found',
  is_archived: 'not-found',
  message_not_found: 'not-found',
  msg_too_long: 'too-large',
  msg_blocks_too_long: 'too-large',
  ratelimited: 'rate-limited',
  internal_error: 'unreachable',
  fatal_error: 'unreachable',
  service_unavailable: 'unreachable',
};

const fixes: Readonly<Record<string, string>> = {
  not_in_channel: 'Invite the app to the channel: /invite @watchkeeper.',
  channel_not_found: 'Check the channel’s name or id; a private channel must have invited the app.',
  missing_scope: 'Install the app anew with the scopes of deploy/slack/manifest.yaml.',
};

function faultOf(method: string, thrown: unknown, signal: AbortSignal): WatchkeeperError {
  const inner = innermost(thrown);
  if (inner instanceof WatchkeeperError) return inner;
  if (signal.aborted) return new WatchkeeperError('aborted', `${method}: stopped`, { cause: thrown });
  const said = thrown as {
    readonly code?: string;
    readonly retryAfter?: number;
    readonly data?: { readonly error?: string };
  };
  if (said.code === 'slack_webapi_rate_limited_error')
    return new WatchkeeperError('rate-limited', `${method}: Slack asks to wait ${said.retryAfter ?? 1} s`, {
      cause: { retryAfterMs: (said.retryAfter ?? 1) * 1_000 },
    });
  const word = said.data?.error;
  if (word === undefined) return WatchkeeperError.from(thrown, 'unreachable', method);
  const fix = fixes[word];
  const code = codes[word] ?? 'malformed';
  return new WatchkeeperError(code, `${method}: Slack says ${word}`, {
    ...(fix === undefined ? {} : { fix }),
    cause: thrown,
  });
}

/** What Slack said when it refused a call, in its own word: `invalid_blocks`. */
export function saidBySlack(thrown: unknown): string | undefined {
  const cause =
    thrown instanceof WatchkeeperError ? (thrown.cause as { readonly data?: { error?: unknown } }) : undefined;
  return typeof cause?.data?.error === 'string' ? cause.data.error : undefined;
}

function innermost(thrown: unknown): unknown {
  let inner = thrown;
  for (let depth = 0; depth < 5 && inner instanceof Error; depth++) {
    if (inner instanceof WatchkeeperError) return inner;
    const next: unknown = 'original' in inner ? inner.original : inner.cause;
    if (next === undefined) return inner;
    inner = next;
  }
  return inner;
}

// The client's own log: warnings are worth having, the rest repeats what we say ourselves.
function quiet(log: Log) {
  const warn = (...said: unknown[]): void => log.warn('the Slack client said', { said: said.map(String).join(' ') });
  const nothing = (): void => undefined;
  return {
    debug: nothing,
    info: nothing,
    warn,
    error: warn,
    setLevel: nothing,
    setName: nothing,
    getLevel: () => warnLevel,
  };
}

// @slack/logger's LogLevel.WARN, an enum whose values are these words; importing it would load the client at start.
const warnLevel = 'warn' as never;
