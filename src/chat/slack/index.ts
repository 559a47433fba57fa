import * as z from 'zod';

import { WatchkeeperError } from '../../lib/errors.ts';
import { schemaOf } from '../../lib/schema.ts';
import { zSecretRef, zUrl } from '../../lib/zod-parts.ts';
import type { Channel, ChannelKind } from '../../domain/ports/channel.ts';
import type { ReaderIo, SecretRef } from '../../domain/ports/io.ts';
import { slackApi, slackSocket } from '../../io/clients/slack.ts';
import { card, settledCard } from './card.ts';
import { createCards, type Draw } from './cards.ts';
import { createHearing, type HearingParts, type Workspace } from './hearing.ts';
import { objectionToSignature, plainReply, readInbound, seenSignatures } from './inbound.ts';
import { textAt } from './payload.ts';
import { createPosting, patiently } from './posting.ts';

/**
 * # slack: one live message an incident, and answers by button
 *
 * The first notice of an incident is its message; later ones edit it in place and are told in its thread, and into the
 * channel as well when a person is needed. Clicks and commands come back over Socket Mode: no port is open to the outside.
 * Who clicked is what Slack says under the app's own token, and only of the app's own workspace.
 */
export interface SlackConfig {
  readonly botToken: SecretRef;
  /** For Socket Mode. Without one, and without a signing secret, nobody can answer in Slack. */
  readonly appToken?: SecretRef;
  /** For HTTP mode: what the app signs its requests with. */
  readonly signingSecret?: SecretRef;
  /** The workspace's id; without one, that of the bot token. */
  readonly team?: string;
  /** User ids that may lift the kill switch from Slack. */
  readonly operators: readonly string[];
  readonly apiUrl: string;
}

/** The Slack channel. */
export const slackChannel: ChannelKind<SlackConfig> = {
  kind: 'slack',
  summary: 'Slack: one live message an incident, approvals by button over Socket Mode.',
  traits: { approvals: true, threads: true, edits: true, gathers: true },
  config: schemaOf<SlackConfig>(
    z.strictObject({
      botToken: zSecretRef.describe('The bot token (xoxb-…), by handle.'),
      appToken: zSecretRef
        .exactOptional()
        .describe('The app-level token (xapp-…) for Socket Mode, which needs no open port.'),
      signingSecret: zSecretRef
        .exactOptional()
        .describe('The signing secret, for HTTP mode: Slack sends to /hooks/ID of this daemon.'),
      team: z
        .string()
        .regex(/^[TE][A-Z0-9]{2,20}$/, 'must be a workspace id such as T012AB3CD')
        .exactOptional()
        .describe('The workspace whose people may answer; default: that of the bot token.'),
      operators: z
        .array(z.string().regex(/^[UW][A-Z0-9]{2,20}$/, 'must be a user id such as U012AB3CD'))
        .max(100)
        .default([])
        .describe('User ids that may resume after a pause, from Slack.'),
      apiUrl: zUrl.prefault('https://slack.com/api/').describe('Another address of the Web API; ends with /api/.'),
    }),
  ),
  create: (id, config, io) => createSlack(id, config, io),
};

function createSlack(id: string, config: SlackConfig, io: ReaderIo): Channel {
  const closing = new AbortController();
  const apiUrl = config.apiUrl.endsWith('/') ? config.apiUrl : `${config.apiUrl}/`;
  const api = slackApi({ apiUrl, botToken: config.botToken }, io);
  const cards = createCards((method, message, signal) => api.call(method, message, signal));
  const posting = createPosting(api, io, cards, closing.signal);
  const workspace = async (signal: AbortSignal): Promise<Workspace> => {
    const { team_id: team, user_id: bot } = await api.call('auth.test', {}, signal);
    if (typeof team !== 'string' || typeof bot !== 'string')
      throw new WatchkeeperError('malformed', 'auth.test: Slack did not say whose token this is');
    return { team: config.team ?? team, bot };
  };
  const { appToken, signingSecret } = config;
  const show: HearingParts['show'] = (ref, draw, signal) =>
    patiently(io.clock, () => cards.show(ref, draw, signal), signal);
  const parts = { id, operators: config.operators, api, show, log: io.log, nowMs: () => io.clock.nowMs() };
  return {
    id,
    kind: 'slack',
    traits: slackChannel.traits,
    post: (notice, address, signal, thread) => posting.post(notice, address, signal, thread),
    settled: async (notice, _address, outcome, signal, { ref }) => {
      const draw: Draw = (picture) => {
        const { text, blocks } = card(notice, picture);
        return { text, blocks: settledCard(blocks, outcome) };
      };
      await show(ref, draw, signal);
    },
    ...(appToken === undefined
      ? {}
      : {
          listen: async (ear, signal) => {
            const hearing = createHearing(parts, await workspace(signal), ear);
            await slackSocket({ apiUrl, appToken }, io, (envelope) => void hearing(envelope, signal), signal);
          },
        }),
    ...(signingSecret === undefined ? {} : { receive: httpMode(parts, signingSecret, io, workspace) }),
    check: async (signal) => {
      await workspace(signal);
    },
    close: () => {
      closing.abort();
      return Promise.resolve();
    },
  };
}

// Slack wants its answer within three seconds, and an approval may take longer: it is acknowledged once it is verified.
function httpMode(
  parts: HearingParts,
  signingSecret: SecretRef,
  io: ReaderIo,
  workspace: (signal: AbortSignal) => Promise<Workspace>,
): NonNullable<Channel['receive']> {
  const seen = seenSignatures();
  let known: Workspace | undefined;
  return async (request, ear, signal) => {
    const secret = await io.secrets.resolve(signingSecret, signal);
    const nowMs = io.clock.nowMs();
    const signed = objectionToSignature(secret, request, nowMs);
    const replayed = (): string | undefined =>
      seen.first(request.headers['x-slack-signature'] ?? '', nowMs) ? undefined : 'it was sent before';
    const objection = signed ?? replayed();
    if (objection !== undefined) {
      await ear.refused('unknown', 'request', objection);
      return plainReply(401, 'not accepted\n');
    }
    const envelope = readInbound(request);
    if (envelope === undefined) {
      await ear.refused('unknown', 'request', 'it cannot be read');
      return plainReply(400, 'not readable\n');
    }
    const { type, body } = envelope;
    if (body['type'] === 'url_verification') return plainReply(200, textAt(body, 'challenge').slice(0, 500));
    const hear = async (): Promise<void> => {
      known ??= await workspace(signal);
      await createHearing(parts, known, ear)({ type, body, ack: () => Promise.resolve() }, signal);
    };
    hear().catch((thrown: unknown) =>
      io.log.warn('what Slack sent could not be taken', { type, error: WatchkeeperError.from(thrown) }),
    );
    return plainReply(200);
  };
}
