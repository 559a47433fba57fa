import * as z from 'zod';

import type { ReaderIo } from '../../domain/ports/io.ts';
import { createTokenPush, jsonOf, type Push, type Pushed } from '../../io/clients/cloud/push.ts';
import { signedTokens } from '../../io/clients/signed-tokens.ts';
import { WatchkeeperError } from '../../lib/errors.ts';
import type { GcpConfig } from './schema.ts';

const issuer = 'https://accounts.google.com';

// cloud.google.com/pubsub/docs/push, "Properties of a wrapped message".
const envelope = z.object({
  message: z.object({
    data: z.base64().optional(),
    messageId: z.string().min(1).max(200),
    publishTime: z.iso.datetime({ offset: true }),
  }),
  subscription: z.string().max(1_000),
});
// cloud.google.com/monitoring/support/notification-options, "Pub/Sub" (schema 1.2).
const incident = z.object({ incident: z.object({ incident_id: z.string(), state: z.string() }) });

/**
 * Makes it: Cloud Monitoring's notifications through a push subscription of Pub/Sub that authenticates. Google signs each with a
 * token of the subscription's service account, for its audience (cloud.google.com/pubsub/docs/authenticate-push-subscriptions).
 */
export function createPush(
  { audience, serviceAccount, subscriptions, keys }: NonNullable<GcpConfig['push']>,
  io: Pick<ReaderIo, 'http' | 'clock'>,
): Push {
  const tokens = signedTokens(
    {
      ...{ whose: 'Google', published: { keys }, issuer, audiences: [audience] },
      ...{ tolerance: 60, required: ['email', 'email_verified'] },
    },
    io,
  );
  return createTokenPush(
    {
      verify: async (token, signal) => {
        const { email, email_verified: isVerified } = await tokens.verify(token, signal);
        if (email !== serviceAccount || isVerified !== true)
          throw new WatchkeeperError('unauthorized', 'its token is of another service account');
      },
      read: (body) => readMessage(body, subscriptions),
    },
    io.clock,
  );
}

function readMessage(body: Uint8Array, subscriptions: readonly string[]): Pushed | undefined {
  const { data: said } = envelope.safeParse(jsonOf(body));
  if (said === undefined) return undefined;
  const { message, subscription } = said;
  if (!subscriptions.includes(subscription)) return { is: 'foreign', because: 'it is of another subscription' };
  const told = jsonOf(Buffer.from(message.data ?? '', 'base64'));
  if (!incident.safeParse(told).success) return { is: 'other', because: 'it is no incident of Cloud Monitoring' };
  // Pub/Sub numbers messages within a topic.
  const name = `${subscription} ${message.messageId}`;
  return { is: 'alert', name, atMs: Date.parse(message.publishTime) };
}
