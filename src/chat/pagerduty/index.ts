import { hostname } from 'node:os';

import * as z from 'zod';

import { durationMs, schemaOf } from '../../lib/schema.ts';
import { zSecretRef, zUrl } from '../../lib/zod-parts.ts';
import type { ChannelKind } from '../../domain/ports/channel.ts';
import type { SecretRef } from '../../domain/ports/io.ts';
import { postPatiently } from '../../io/clients/http-post.ts';
import { alertKeyOf } from './alert-key.ts';
import { pagerDutyEvent } from './event.ts';
import { pagerDutyInbound } from './inbound.ts';

/**
 * # pagerduty: one PagerDuty incident an incident of ours
 *
 * Triggered, told again and resolved under our incident's id; our own acts as change events. The routing key of the service
 * that is named as the address is read at the last moment and is part of the body only.
 */
export interface PagerDutyConfig {
  /** Address → the integration key (Events API v2) of a PagerDuty service. */
  readonly services: Readonly<Record<string, SecretRef>>;
  readonly webhookSecret?: SecretRef;
  readonly apiToken?: SecretRef;
  readonly apiUrl: string;
  readonly url: string;
  readonly timeout: number;
  readonly attempts: number;
}

/** The PagerDuty channel. */
export const pagerDutyChannel: ChannelKind<PagerDutyConfig> = {
  kind: 'pagerduty',
  summary: 'PagerDuty: triggered and resolved with the incident, our acts as change events.',
  traits: { approvals: false, threads: false, edits: true },
  config: schemaOf<PagerDutyConfig>(
    z.strictObject({
      services: z
        .record(z.string().min(1).max(100), zSecretRef)
        .refine((services) => Object.keys(services).length > 0, 'must name at least one service')
        .describe('What an Escalation calls a PagerDuty service, and its integration key by handle.'),
      webhookSecret: zSecretRef
        .exactOptional()
        .describe(
          'The secret of the webhook subscription (v3) that sends to /hooks/ID: who acknowledges there has it here.',
        ),
      apiToken: zSecretRef
        .exactOptional()
        .describe('A read-only REST API token, to find our incident where the webhook does not name it.'),
      apiUrl: zUrl
        .prefault('https://api.pagerduty.com')
        .describe('The REST API; https://api.eu.pagerduty.com in the EU.'),
      url: zUrl
        .prefault('https://events.pagerduty.com')
        .describe('Where events go; https://events.eu.pagerduty.com in the EU.'),
      timeout: durationMs.refine((ms) => ms >= 100 && ms <= 60_000, 'must be between 100ms and 1m').prefault('5s'),
      attempts: z.int().min(1).max(10).default(4),
    }),
  ),
  create(id, config, io) {
    return {
      id,
      kind: 'pagerduty',
      traits: pagerDutyChannel.traits,
      post: async (notice, address, signal) => {
        const key = config.services[address];
        if (key === undefined)
          return {
            is: 'failed',
            reason: `${id} has no service called ${address}; add it under services`,
            retryable: false,
          };
        const { inbox, body } = pagerDutyEvent(notice, hostname());
        const url = `${config.url.replace(/\/$/, '')}/v2/${inbox}`;
        const prepare = async (within: AbortSignal) => {
          const routing_key = await io.secrets.resolve(key, within);
          return { url, headers: {}, body: JSON.stringify({ routing_key, ...body }) };
        };
        return postPatiently(io, prepare, { timeoutMs: config.timeout, attempts: config.attempts }, signal);
      },
      ...(config.webhookSecret === undefined
        ? {}
        : {
            receive: pagerDutyInbound(id, config.webhookSecret, io, (incident, signal) =>
              alertKeyOf(config, io, incident, signal),
            ),
          }),
      // An event cannot be tried without waking somebody; what can be checked are the keys.
      check: async (signal) => {
        for (const key of Object.values(config.services)) await io.secrets.resolve(key, signal);
      },
      close: () => Promise.resolve(),
    };
  },
};
