import * as z from 'zod';

import { durationMs, schemaOf } from '../../lib/schema.ts';
import type { ChannelKind, Delivery } from '../../domain/ports/channel.ts';
import type { ReaderIo, SecretRef } from '../../domain/ports/io.ts';
import { postPatiently, type Post } from '../../io/clients/http-post.ts';
import { httpHeaders, httpUrl, secretRef } from '../../io/clients/http-reader.ts';
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
  const prepare = async (within: AbortSignal): Promise<Post> => {
    const secret = config.secret === undefined ? undefined : await io.secrets.resolve(config.secret, within);
    const signature = secret === undefined ? {} : { 'watchkeeper-signature': sign(secret, io.clock.nowMs(), body) };
    return { url: config.url, body, headers: { ...config.headers, 'idempotency-key': key, ...signature } };
  };
  return postPatiently(io, prepare, { timeoutMs: config.timeout, attempts: config.attempts }, signal);
}
