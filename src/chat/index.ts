import type { Channel, ChannelKind, ChannelTraits } from '../domain/ports/channel.ts';
import type { ReaderIo } from '../domain/ports/io.ts';
import type { Parsed } from '../lib/issues.ts';
import type { Json, JsonObject } from '../lib/json.ts';
import { emailChannel } from './email/index.ts';
import { logChannel } from './log/index.ts';
import { matrixChannel } from './matrix/index.ts';
import { mattermostChannel } from './mattermost/index.ts';
import { pagerDutyChannel } from './pagerduty/index.ts';
import { slackChannel } from './slack/index.ts';
import { teamsChannel } from './teams/index.ts';
import { teamsBotChannel } from './teams-bot/index.ts';
import { terminalChannel } from './terminal/index.ts';
import { webhookChannel } from './webhook/index.ts';

/**
 * # Chat: how people are told, and who is told when
 *
 * A channel renders a notice and hands it over; it decides nothing and retries only within the time it is given. Which
 * channel is used when is an Escalation document, read here and climbed by the agent. A new channel is a folder that exports a
 * `ChannelKind`, and one line in the map below; it passes `test/contract/channel.ts`.
 *
 * @param write where the terminal channel writes: standard output in the daemon.
 */
export function channelKinds(write: (text: string) => void): Readonly<Record<string, RegisteredChannel>> {
  return {
    email: registered(emailChannel),
    log: registered(logChannel),
    matrix: registered(matrixChannel),
    mattermost: registered(mattermostChannel),
    pagerduty: registered(pagerDutyChannel),
    slack: registered(slackChannel),
    teams: registered(teamsChannel),
    'teams-bot': registered(teamsBotChannel),
    terminal: registered(terminalChannel(write)),
    webhook: registered(webhookChannel),
  };
}

/** A kind of channel with its configuration's type folded away: the configuration is checked when it is opened. */
export interface RegisteredChannel {
  readonly kind: string;
  readonly summary: string;
  readonly traits: ChannelTraits;
  /** For editors and docs: the JSON Schema of the channel's block in watchkeeper.yaml. */
  configSchema(): JsonObject;
  /** Checks the configuration alone. */
  parse(config: Json): Parsed<unknown>;
  /** Checks the configuration and, when it is right, makes the channel. Nothing is sent or connected yet. */
  open(id: string, config: Json, io: ReaderIo): Parsed<Channel>;
}

function registered<Config>(kind: ChannelKind<Config>): RegisteredChannel {
  return {
    kind: kind.kind,
    summary: kind.summary,
    traits: kind.traits,
    configSchema: () => kind.config.jsonSchema(),
    parse: (config) => kind.config.parse(config),
    open(id, config, io) {
      const parsed = kind.config.parse(config);
      return parsed.ok ? { ok: true, value: kind.create(id, parsed.value, io) } : parsed;
    },
  };
}

export { escalationSpec, parseEscalation } from './escalation.ts';
export { renderNotice, renderTitle, shortPlanId } from './render.ts';
