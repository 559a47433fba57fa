import { WatchkeeperError } from '../../lib/errors.ts';
import { oneLine } from '../../lib/text.ts';
import type { Channel, ChannelKind, Delivery, Notice, Thread } from '../../domain/ports/channel.ts';
import type { ReaderIo } from '../../domain/ports/io.ts';
import { botConnector, type BotConnector } from '../../io/clients/bot-connector.ts';
import { adaptiveCard, cardMessage, textCard } from '../adaptive-card.ts';
import { renderTitle } from '../render.ts';
import { buttonsOf } from './buttons.ts';
import { teamsBotConfig, type TeamsBotConfig } from './config.ts';
import { receiving } from './receiving.ts';

/** The Microsoft Teams channel with a bot. */
export const teamsBotChannel: ChannelKind<TeamsBotConfig> = {
  kind: 'teams-bot',
  summary: 'Microsoft Teams by a bot: one live card an incident, approvals by button, commands.',
  traits: { approvals: true, threads: true, edits: true },
  config: teamsBotConfig,
  create: (id, config, io) => createTeamsBot(id, config, io),
};

function createTeamsBot(id: string, config: TeamsBotConfig, io: ReaderIo): Channel {
  const connector = botConnector(config, io);
  return {
    id,
    kind: 'teams-bot',
    traits: teamsBotChannel.traits,
    post: async (notice, address, signal, thread) => {
      const conversation = config.conversations[address];
      if (conversation === undefined)
        return {
          is: 'failed',
          reason: `${id} has no conversation called ${address}; add it under conversations`,
          retryable: false,
        };
      try {
        return await tell(connector, conversation, notice, signal, thread);
      } catch (thrown) {
        const error = WatchkeeperError.from(thrown, 'unreachable');
        return { is: 'failed', reason: error.message, retryable: error.retryable };
      }
    },
    settled: async (notice, address, outcome, signal, { ref }) => {
      const conversation = config.conversations[address];
      if (conversation === undefined) return;
      const card = cardMessage(adaptiveCard(notice, { outcome }));
      await connector.call('PUT', activityPath(conversation, ref), card, signal);
    },
    receive: receiving({ id, config, connector, io }),
    // Nothing is posted to try it; what can be checked is that the app's credentials count.
    check: (signal) => connector.signIn(signal),
    close: () => Promise.resolve(),
  };
}

async function tell(
  connector: BotConnector,
  conversation: string,
  notice: Notice,
  signal: AbortSignal,
  thread: Thread | undefined,
): Promise<Delivery> {
  const card = cardMessage(adaptiveCard(notice, { actions: buttonsOf(notice) }));
  if (thread === undefined) {
    const { id } = await connector.call('POST', activitiesPath(conversation), card, signal);
    if (typeof id !== 'string' || id === '')
      throw new WatchkeeperError('malformed', 'Teams did not say what the message is called');
    return { is: 'accepted', ref: id };
  }
  await connector.call('PUT', activityPath(conversation, thread.ref), card, signal);
  // An edit calls nobody: one line does, below the card in a channel, at the end of a chat.
  const line = cardMessage(textCard(oneLine(renderTitle(notice), 300)));
  await connector.call('POST', activitiesPath(belowOf(conversation, thread.ref)), line, signal);
  return { is: 'accepted', ref: thread.ref };
}

// Only channels have threads; the first message's id is in the conversation's (Teams, "Send proactive messages").
function belowOf(conversation: string, ref: string): string {
  return /@thread\.(tacv2|skype)$/.test(conversation) ? `${conversation};messageid=${ref}` : conversation;
}

function activitiesPath(conversation: string): string {
  return `/v3/conversations/${encodeURIComponent(conversation)}/activities`;
}

function activityPath(conversation: string, ref: string): string {
  return `${activitiesPath(conversation)}/${encodeURIComponent(ref)}`;
}
