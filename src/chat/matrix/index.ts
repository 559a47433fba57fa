import * as z from 'zod';

import { sha256Hex } from '../../lib/canonical.ts';
import { WatchkeeperError } from '../../lib/errors.ts';
import { schemaOf } from '../../lib/schema.ts';
import { zSecretRef, zUrl } from '../../lib/zod-parts.ts';
import type { Channel, ChannelKind, Delivery, Notice, Thread } from '../../domain/ports/channel.ts';
import type { ReaderIo, SecretRef } from '../../domain/ports/io.ts';
import { homeserver, type Homeserver } from '../../io/clients/homeserver.ts';
import { askedMessages, type AskedMessages } from './asked.ts';
import { listenTo, settleMessage } from './listening.ts';
import { noticeText, relationOf, textEvent } from './message.ts';

/**
 * # matrix: a room of any Matrix homeserver, and answers by reaction
 *
 * The first notice of an incident is a message; later ones stand in its thread, and in the room where somebody is needed. A
 * reaction to the message that asks is an answer to the plan that message showed. Who reacted is what the homeserver says,
 * which verifies its own people and, by their servers' signatures, those of others.
 */
export interface MatrixConfig {
  readonly homeserver: string;
  readonly token: SecretRef;
  /** Address → room id. Only these rooms are told and heard. */
  readonly rooms: Readonly<Record<string, string>>;
  /** User ids that may lift the kill switch from Matrix. */
  readonly operators: readonly string[];
}

const user = z.string().regex(/^@[^\s:]{1,200}:[^\s]{1,253}$/, 'must be a user id such as @ana:example.com');
const room = z.string().regex(/^![^\s]{1,254}$/, 'must be a room id such as !abc:example.com, not an alias');

/** The Matrix channel. */
export const matrixChannel: ChannelKind<MatrixConfig> = {
  kind: 'matrix',
  summary: 'Matrix: messages in a room, approvals by reaction, commands.',
  traits: { approvals: true, threads: true, edits: true },
  config: schemaOf<MatrixConfig>(
    z.strictObject({
      homeserver: zUrl.describe('The homeserver of the account, as its clients reach it.'),
      token: zSecretRef.describe('The access token of the account, by handle.'),
      rooms: z
        .record(z.string().min(1).max(100), room)
        .refine((rooms) => Object.keys(rooms).length > 0, 'must name at least one room')
        .describe('What an Escalation calls a room, and its id. Only these are told and heard.'),
      operators: z.array(user).max(100).default([]).describe('User ids that may resume after a pause, from Matrix.'),
    }),
  ),
  create: (id, config, io) => createMatrix(id, config, io),
};

function createMatrix(id: string, config: MatrixConfig, io: ReaderIo): Channel {
  const server = homeserver({ url: config.homeserver, token: config.token }, io);
  const asked = askedMessages();
  const rooms = new Set(Object.values(config.rooms));
  return {
    id,
    kind: 'matrix',
    traits: matrixChannel.traits,
    post: async (notice, address, signal, thread) => {
      const where = config.rooms[address];
      if (where === undefined)
        return { is: 'failed', reason: `${id} has no room called ${address}; add it under rooms`, retryable: false };
      try {
        return await tell(server, asked, where, notice, signal, thread);
      } catch (thrown) {
        const error = WatchkeeperError.from(thrown, 'unreachable');
        const fix = error.fix === undefined ? '' : ` (${error.fix})`;
        return { is: 'failed', reason: `${error.message}${fix}`, retryable: error.retryable };
      }
    },
    settled: async (notice, address, outcome, signal) => {
      for (const [eventId, one] of asked.about(notice.plan?.id ?? ''))
        if (one.room === config.rooms[address]) await settleMessage(server, eventId, one, outcome, signal);
    },
    listen: (ear, signal) =>
      listenTo(
        { id, server, asked, rooms, operators: config.operators, log: io.log, nowMs: () => io.clock.nowMs() },
        ear,
        signal,
      ),
    check: async (signal) => {
      await server.whoAmI(signal);
    },
    close: () => Promise.resolve(),
  };
}

async function tell(
  server: Homeserver,
  asked: AskedMessages,
  room: string,
  notice: Notice,
  signal: AbortSignal,
  thread: Thread | undefined,
): Promise<Delivery> {
  const text = noticeText(notice);
  const relation = thread === undefined ? undefined : relationOf(notice.kind, thread.ref);
  // The notice's id names the transaction: one that is sent again after a crash is one message.
  const transaction = sha256Hex(`${room} ${notice.id}`).slice(0, 40);
  const eventId = await server.send(room, 'm.room.message', transaction, textEvent(text, relation), signal);
  if (notice.kind === 'approval-needed' && notice.plan !== undefined)
    asked.note(eventId, { room, planId: notice.plan.id, incidentId: notice.plan.incidentId, text });
  return { is: 'accepted', ref: thread?.ref ?? eventId };
}
