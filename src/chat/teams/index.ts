import * as z from 'zod';

import { WatchkeeperError } from '../../lib/errors.ts';
import { durationMs, schemaOf } from '../../lib/schema.ts';
import { zSecretRef } from '../../lib/zod-parts.ts';
import type { ChannelKind } from '../../domain/ports/channel.ts';
import type { SecretRef } from '../../domain/ports/io.ts';
import { postPatiently } from '../../io/clients/http-post.ts';
import { teamsMessage } from '../adaptive-card.ts';

/**
 * # teams: adaptive cards by a Workflows webhook
 *
 * The URL of a workflow lets whoever has it post: it is a secret, read at the last moment and named nowhere. Workflows carry no
 * answers back, so the card leads to the page (`http.publicUrl`) and says how to answer by the command line.
 */
export interface TeamsConfig {
  /** Address → the URL of the workflow that posts there. */
  readonly conversations: Readonly<Record<string, SecretRef>>;
  readonly timeout: number;
  readonly attempts: number;
}

/** The Microsoft Teams channel. */
export const teamsChannel: ChannelKind<TeamsConfig> = {
  kind: 'teams',
  summary: 'Microsoft Teams: adaptive cards through a Workflows webhook.',
  traits: { approvals: false, threads: false, edits: false },
  config: schemaOf<TeamsConfig>(
    z.strictObject({
      conversations: z
        .record(z.string().min(1).max(100), zSecretRef)
        .refine((all) => Object.keys(all).length > 0, 'must name at least one conversation')
        .describe('What an Escalation calls a conversation, and the URL of its workflow by handle.'),
      timeout: durationMs.refine((ms) => ms >= 100 && ms <= 60_000, 'must be between 100ms and 1m').prefault('8s'),
      attempts: z.int().min(1).max(10).default(3),
    }),
  ),
  create(id, config, io) {
    const urlOf = async (ref: SecretRef, address: string, signal: AbortSignal): Promise<string> => {
      const url = (await io.secrets.resolve(ref, signal)).trim();
      if (URL.canParse(url) && /^https?:$/.test(new URL(url).protocol)) return url;
      throw new WatchkeeperError('config-invalid', `${id}: the secret of ${address} is not the URL of a workflow`);
    };
    return {
      id,
      kind: 'teams',
      traits: teamsChannel.traits,
      post: async (notice, address, signal) => {
        const ref = config.conversations[address];
        if (ref === undefined)
          return {
            is: 'failed',
            reason: `${id} has no conversation called ${address}; add it under conversations`,
            retryable: false,
          };
        const body = JSON.stringify(teamsMessage(notice));
        const prepare = async (within: AbortSignal) => ({
          url: await urlOf(ref, address, within),
          shownAs: `the workflow of ${address}`,
          headers: { 'idempotency-key': notice.id },
          body,
        });
        return postPatiently(io, prepare, { timeoutMs: config.timeout, attempts: config.attempts }, signal);
      },
      // A workflow cannot be tried without posting; what can be checked is that there is a URL.
      check: async (signal) => {
        for (const [address, ref] of Object.entries(config.conversations)) await urlOf(ref, address, signal);
      },
      close: () => Promise.resolve(),
    };
  },
};
