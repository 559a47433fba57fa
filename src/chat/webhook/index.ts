import * as z from 'zod';

import { WatchkeeperError } from '../../lib/errors.ts';
import { durationMs, schemaOf } from '../../lib/schema.ts';
import type { ChannelKind, Delivery } from '../../domain/ports/channel.ts';
import type { ReaderIo, SecretRef } from '../../domain/ports/io.ts';
import { httpHeaders, httpUrl, placeOf, retryAfterMs, secretRef } from '../../io/clients/http-reader.ts';
import { webhookBody, type WebhookFormat } from './payload.ts';
import { sign } from './signature.ts';

/**
 * # webhook: notices to any HTTP endpoint, signed
 *
 * Each delivery carries `watchkeeper-signature` (see ./signature.ts) and the notice's id as `idempotency-key`, so that a
 * receiver can tell who sent it and that it came before. The URL is the configured one and nothing else: no part of a
 * notice or an address goes into it, and redirects are not followed.
 */
export interface WebhookConfig {
  readonly url: string;
  /** The shared secret; without one, deliveries are not signed. */
  readonly secret?: SecretRef;
  readonly format: WebhookFormat;
  readonly headers?: Readonly<Record<string, string>>;
  readonly timeout: number;
  /** Tries in all, while the caller's deadline lasts. */
  readonly attempts: number;
}

/** The webhook channel: one signed POST a notice, retried under the same id within its time. */
export const webhookChannel: ChannelKind<WebhookConfig> = {
  kind: 'webhook',
  summary: 'Any HTTP endpoint: signed JSON, our own format or that of Alertmanager.',
  traits: { approvals: false, threads: false, edits: false },
  config: schemaOf<WebhookConfig>(
    z.strictObject({
      url: httpUrl,
      secret: secretRef.exactOptional(),
      format: z.enum(['watchkeeper', 'alertmanager']).default('watchkeeper'),
      headers: httpHeaders.exactOptional(),
      timeout: durationMs.refine((ms) => ms >= 100 && ms <= 60_000, 'must be between 100ms and 1m').prefault('5s'),
      attempts: z.int().min(1).max(10).default(4),
    }),
  ),
  create(id, config, io) {
    return {
      id,
      kind: 'webhook',
      traits: webhookChannel.traits,
      post: (notice, address, signal) =>
        deliver(config, io, webhookBody(notice, config.format, address), notice.id, signal),
      // A delivery cannot be tried without telling people something; what can be checked is the secret.
      check: async (signal) => {
        if (config.secret !== undefined) await io.secrets.resolve(config.secret, signal);
      },
      close: () => Promise.resolve(),
    };
  },
};

async function deliver(
  config: WebhookConfig,
  io: ReaderIo,
  body: string,
  key: string,
  signal: AbortSignal,
): Promise<Delivery> {
  let last: Tried = { is: 'failed', reason: 'not tried', retryable: true };
  for (let attempt = 0; attempt < config.attempts; attempt++) {
    if (signal.aborted) break;
    if (attempt > 0) {
      // Full jitter around a doubling pause; the peer's own Retry-After wins.
      const pauseMs = last.retryAfterMs ?? 500 * 2 ** (attempt - 1) * (0.5 + io.random.uniform());
      try {
        await io.clock.sleep(pauseMs, signal);
      } catch {
        break;
      }
    }
    last = await tryOnce(config, io, body, key, signal);
    if (last.is === 'accepted' || !last.retryable) break;
  }
  if (last.is === 'accepted') return { is: 'accepted', ...(last.ref === undefined ? {} : { ref: last.ref }) };
  return { is: 'failed', reason: last.reason, retryable: last.retryable };
}

type Tried = Delivery & { readonly retryAfterMs?: number | undefined };

async function tryOnce(
  config: WebhookConfig,
  io: ReaderIo,
  body: string,
  key: string,
  signal: AbortSignal,
): Promise<Tried> {
  const where = placeOf(config.url);
  try {
    const secret = config.secret === undefined ? undefined : await io.secrets.resolve(config.secret, signal);
    const response = await io.http.request({
      method: 'POST',
      url: config.url,
      headers: {
        ...config.headers,
        'content-type': 'application/json',
        'idempotency-key': key,
        ...(secret === undefined ? {} : { 'watchkeeper-signature': sign(secret, io.clock.nowMs(), body) }),
      },
      body,
      timeoutMs: config.timeout,
      maxBytes: 64 * 1024,
      signal,
    });
    const { status } = response;
    if (status >= 200 && status < 300) return { is: 'accepted', ref: String(status) };
    const retryable = status === 408 || status === 425 || status === 429 || status >= 500;
    const reason = `${where} answered ${status}${status >= 300 && status < 400 ? '; redirects are not followed' : ''}`;
    return { is: 'failed', reason, retryable, retryAfterMs: retryAfterMs(response, io.clock.nowMs()) };
  } catch (thrown) {
    const error = WatchkeeperError.from(thrown, 'unreachable');
    return { is: 'failed', reason: error.message, retryable: error.retryable && !signal.aborted };
  }
}
