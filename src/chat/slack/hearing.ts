import { WatchkeeperError } from '../../lib/errors.ts';
import type { Json, JsonObject } from '../../lib/json.ts';
import { oneLine } from '../../lib/text.ts';
import type { Ear } from '../../domain/ports/channel.ts';
import type { Log } from '../../domain/ports/io.ts';
import type { SlackApi, SlackEnvelope } from '../../io/clients/slack.ts';
import { actionIds, settledCard } from './card.ts';

/** The workspace the app is installed in, and the app's own user there. */
export interface Workspace {
  readonly team: string;
  readonly bot: string;
}

/** What hearing needs. */
export interface HearingParts {
  /** The channel's id: people of this workspace are `ID:U012AB3CD`. */
  readonly id: string;
  readonly operators: readonly string[];
  readonly api: SlackApi;
  readonly log: Log;
}

/** The group of those whom the channel's settings let lift the kill switch; the agent knows it by this name. */
const operatorGroup = 'chat:operators';

/**
 * Takes what Slack sends. It is acknowledged at once, whatever comes of it: Slack sends again what is not, and an answer may
 * take longer than its three seconds. Only people of the app's own workspace are heard; what is refused is said to them alone.
 */
export function createHearing(
  parts: HearingParts,
  workspace: Workspace,
  ear: Ear,
): (envelope: SlackEnvelope, signal: AbortSignal) => Promise<void> {
  return async ({ type, body, ack }, signal) => {
    try {
      await ack();
      if (type === 'interactive') await onClick(parts, workspace, ear, body, signal);
      else if (type === 'slash_commands') await onCommand(parts, workspace, ear, body, signal);
      else if (type === 'events_api') await onMention(parts, workspace, ear, body, signal);
    } catch (thrown) {
      parts.log.warn('what Slack sent could not be taken', { type, error: WatchkeeperError.from(thrown) });
    }
  };
}

async function onClick(
  parts: HearingParts,
  workspace: Workspace,
  ear: Ear,
  body: JsonObject,
  signal: AbortSignal,
): Promise<void> {
  const action = objectAt(listAt(body, 'actions')[0]);
  const user = objectAt(body['user']);
  const container = objectAt(body['container']);
  const [userId, value, channel] = [textAt(user, 'id'), textAt(action, 'value'), textAt(container, 'channel_id')];
  if (textAt(body, 'type') !== 'block_actions' || userId === '') return;
  const whisper = (text: string): Promise<unknown> =>
    parts.api.call('chat.postEphemeral', { channel, user: userId, text: oneLine(text, 1_000) }, signal);
  const theirs = foreign(body, user, workspace);
  if (theirs !== undefined) {
    parts.log.warn('a click from another workspace was refused', { user: userId, team: theirs });
    await whisper('You are not of the workspace that Watchkeeper answers to.');
    return;
  }
  const who = principal(parts, userId);
  switch (textAt(action, 'action_id')) {
    case actionIds.approve:
    case actionIds.deny: {
      const verdict = textAt(action, 'action_id') === actionIds.approve ? 'approve' : 'deny';
      const reply = await ear.answer({ who, about: value, verdict });
      if (reply.is === 'recorded' && reply.settled)
        await settle(parts, body, channel, `${verb[verdict]} by ${who.id}. ${reply.message}`, signal);
      else await whisper(reply.message);
      return;
    }
    case actionIds.explain:
      await whisper(await ear.command(`explain ${value}`, who));
      return;
    case actionIds.pause:
      await whisper(await ear.command(`pause asked for in Slack on incident ${value}`, who));
      return;
  }
}

const verb = { approve: 'Approved', deny: 'Denied' } as const;

// The buttons give way to what was decided. If that fails, a second click is refused all the same.
async function settle(
  parts: HearingParts,
  body: JsonObject,
  channel: string,
  outcome: string,
  signal: AbortSignal,
): Promise<void> {
  const message = objectAt(body['message']);
  const ts = textAt(message, 'ts');
  const text = textAt(message, 'text');
  const blocks = settledCard(listAt(message, 'blocks'), oneLine(outcome, 300));
  await parts.api.call('chat.update', { channel, ts, text, blocks }, signal);
}

async function onCommand(
  parts: HearingParts,
  workspace: Workspace,
  ear: Ear,
  body: JsonObject,
  signal: AbortSignal,
): Promise<void> {
  const [userId, channel] = [textAt(body, 'user_id'), textAt(body, 'channel_id')];
  if (userId === '' || textAt(body, 'team_id') !== workspace.team) return;
  const text = await ear.command(textAt(body, 'text'), principal(parts, userId));
  await parts.api.call('chat.postEphemeral', { channel, user: userId, ...quoted(text) }, signal);
}

async function onMention(
  parts: HearingParts,
  workspace: Workspace,
  ear: Ear,
  body: JsonObject,
  signal: AbortSignal,
): Promise<void> {
  const event = objectAt(body['event']);
  const [userId, channel, ts] = [textAt(event, 'user'), textAt(event, 'channel'), textAt(event, 'ts')];
  const said = textAt(event, 'type') === 'app_mention' && userId !== '' && userId !== workspace.bot;
  if (!said || textAt(body, 'team_id') !== workspace.team || foreign({}, event, workspace) !== undefined) return;
  const words = textAt(event, 'text').replace(/<@[A-Z0-9]+>/g, ' ');
  const text = await ear.command(words, principal(parts, userId));
  await parts.api.call('chat.postMessage', { channel, thread_ts: ts, ...quoted(text) }, signal);
}

function principal(parts: HearingParts, userId: string) {
  return { id: `${parts.id}:${userId}`, groups: parts.operators.includes(userId) ? [operatorGroup] : [] };
}

// In a shared channel people of other workspaces see the buttons too.
function foreign(body: JsonObject, user: JsonObject, { team }: Workspace): string | undefined {
  const named = [
    textAt(objectAt(body['team']), 'id'),
    textAt(user, 'team_id'),
    textAt(user, 'team'),
    textAt(user, 'user_team'),
  ];
  return named.find((one) => one !== '' && one !== team);
}

// Plain text in a block: what is quoted cannot mention or link.
function quoted(text: string): JsonObject {
  const short = text.slice(0, 2_900);
  const safe = short.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
  return { text: safe, blocks: [{ type: 'section', text: { type: 'plain_text', emoji: false, text: short } }] };
}

function textAt(object: JsonObject, key: string): string {
  const value = object[key];
  return typeof value === 'string' ? value : '';
}

function objectAt(value: Json | undefined): JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {};
}

function listAt(object: JsonObject, key: string): readonly Json[] {
  const value = object[key];
  return Array.isArray(value) ? (value as readonly Json[]) : [];
}
