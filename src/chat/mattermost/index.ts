import * as z from 'zod';

import { WatchkeeperError } from '../../lib/errors.ts';
import type { JsonObject } from '../../lib/json.ts';
import { schemaOf } from '../../lib/schema.ts';
import { oneLine } from '../../lib/text.ts';
import { zSecretRef, zUrl } from '../../lib/zod-parts.ts';
import type { Channel, ChannelKind, Delivery, Notice, Thread } from '../../domain/ports/channel.ts';
import type { ReaderIo } from '../../domain/ports/io.ts';
import { mattermostApi, type MattermostApi } from '../../io/clients/mattermost.ts';
import { renderNotice, renderTitle } from '../render.ts';
import { actionsOf } from './buttons.ts';
import type { MattermostConfig } from './config.ts';
import { receiving } from './receiving.ts';

const id26 = z.string().regex(/^[a-z0-9]{26}$/, 'must be an id of 26 letters and digits');

/** The Mattermost channel. */
export const mattermostChannel: ChannelKind<MattermostConfig> = {
  kind: 'mattermost',
  summary: 'Mattermost: one live post an incident, approvals by button, commands.',
  traits: { approvals: true, threads: true, edits: true },
  config: schemaOf<MattermostConfig>(
    z
      .strictObject({
        url: zUrl.describe('The Mattermost server.'),
        token: zSecretRef.describe('The access token of the bot account, by handle.'),
        conversations: z
          .record(z.string().min(1).max(100), id26)
          .refine((all) => Object.keys(all).length > 0, 'must name at least one conversation')
          .describe('What an Escalation calls a conversation, and the id of its channel.'),
        callback: zUrl.exactOptional().describe('The address under which Mattermost reaches /hooks/ID of this daemon.'),
        secret: zSecretRef.exactOptional().describe('Signs the buttons; needed with callback.'),
        commandToken: zSecretRef.exactOptional().describe('The token of the slash command that posts to /hooks/ID.'),
        operators: z.array(id26).max(100).default([]).describe('User ids that may resume after a pause.'),
      })
      .refine(({ callback, secret }) => (callback === undefined) === (secret === undefined), {
        path: ['secret'],
        message: 'callback and secret come together: buttons that nobody signed could be pressed by anybody',
      }),
  ),
  create: (id, config, io) => createMattermost(id, config, io),
};

function createMattermost(id: string, config: MattermostConfig, io: ReaderIo): Channel {
  const api = mattermostApi({ url: config.url, token: config.token }, io);
  const called = config.secret !== undefined || config.commandToken !== undefined;
  return {
    id,
    kind: 'mattermost',
    traits: mattermostChannel.traits,
    post: async (notice, address, signal, thread) => {
      const conversation = config.conversations[address];
      if (conversation === undefined)
        return {
          is: 'failed',
          reason: `${id} has no conversation called ${address}; add it under conversations`,
          retryable: false,
        };
      try {
        return await tell({ api, config, io, conversation }, notice, signal, thread);
      } catch (thrown) {
        const error = WatchkeeperError.from(thrown, 'unreachable');
        return { is: 'failed', reason: error.message, retryable: error.retryable };
      }
    },
    settled: async (notice, _address, outcome, signal, { ref }) => {
      const message = `${blockOf(notice)}\n\`${plain(oneLine(outcome, 300))}\``;
      const path = `/api/v4/posts/${encodeURIComponent(ref)}/patch`;
      await api.call('PUT', path, { message, props: { attachments: [] } }, signal);
    },
    ...(called ? { receive: receiving(id, config, io) } : {}),
    check: async (signal) => {
      await api.call('GET', '/api/v4/users/me', undefined, signal);
    },
    close: () => Promise.resolve(),
  };
}

interface Desk {
  readonly api: MattermostApi;
  readonly config: MattermostConfig;
  readonly io: ReaderIo;
  readonly conversation: string;
}

async function tell(desk: Desk, notice: Notice, signal: AbortSignal, thread: Thread | undefined): Promise<Delivery> {
  const { api, conversation } = desk;
  const shown = await contentOf(desk, notice, signal);
  if (thread === undefined) {
    const { id } = await api.call('POST', '/api/v4/posts', { channel_id: conversation, ...shown }, signal);
    if (typeof id !== 'string')
      throw new WatchkeeperError('malformed', 'Mattermost did not say what the post is called');
    return { is: 'accepted', ref: id };
  }
  await api.call('PUT', `/api/v4/posts/${encodeURIComponent(thread.ref)}/patch`, shown, signal);
  const reply = { channel_id: conversation, root_id: thread.ref, message: blockOf(notice) };
  await api.call('POST', '/api/v4/posts', reply, signal);
  return { is: 'accepted', ref: thread.ref };
}

async function contentOf(desk: Desk, notice: Notice, signal: AbortSignal): Promise<JsonObject> {
  const { config, conversation, io } = desk;
  const { callback, secret } = config;
  const actions =
    callback === undefined || secret === undefined
      ? []
      : actionsOf(notice, callback, conversation, await io.secrets.resolve(secret, signal));
  const fallback = plain(renderTitle(notice));
  return { message: blockOf(notice), props: { attachments: actions.length === 0 ? [] : [{ fallback, actions }] } };
}

// 16,383 characters a post.
const mostChars = 12_000;

// In a block of code nothing is markup: no mention, link or picture comes alive. Nothing in it can end the block.
function blockOf(notice: Notice): string {
  return `\`\`\`\n${plain(renderNotice(notice)).slice(0, mostChars)}\n\`\`\``;
}

function plain(text: string): string {
  return text.replace(/`/g, "'").replace(/~~~/g, '~ ~');
}
