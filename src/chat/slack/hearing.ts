import { WatchkeeperError } from '../../lib/errors.ts';
import type { JsonObject } from '../../lib/json.ts';
import { oneLine } from '../../lib/text.ts';
import type { Principal } from '../../domain/authority.ts';
import type { Ear } from '../../domain/ports/channel.ts';
import type { Log } from '../../domain/ports/io.ts';
import type { SlackApi, SlackEnvelope } from '../../io/clients/slack.ts';
import { escaped, section, sectionChars } from './blocks.ts';
import { actionIds, incidentOf, runbookForm, runbookView } from './buttons.ts';
import { settledCard } from './card.ts';
import type { Cards, Draw } from './cards.ts';
import { listAt, objectAt, textAt } from './payload.ts';

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
  /** Lets a card look so, whatever else is on its way to it. */
  readonly show: Cards['show'];
  readonly log: Log;
  readonly nowMs: () => number;
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
      if (type === 'interactive') await onInteraction(parts, workspace, ear, body, signal);
      else if (type === 'slash_commands') await onCommand(parts, workspace, ear, body, signal);
      else if (type === 'events_api') await onMention(parts, workspace, ear, body, signal);
    } catch (thrown) {
      parts.log.warn('what Slack sent could not be taken', { type, error: WatchkeeperError.from(thrown) });
    }
  };
}

async function onInteraction(
  parts: HearingParts,
  workspace: Workspace,
  ear: Ear,
  body: JsonObject,
  signal: AbortSignal,
): Promise<void> {
  const user = objectAt(body['user']);
  const userId = textAt(user, 'id');
  if (userId === '') return ear.refused('unknown', 'click', 'it says of nobody who sent it');
  const channel = textAt(objectAt(body['container']), 'channel_id');
  const whisper = (text: string): Promise<unknown> =>
    parts.api.call('chat.postEphemeral', { channel, user: userId, text: escaped(oneLine(text, 1_000)) }, signal);
  const theirs = foreign(body, user, workspace);
  if (theirs !== undefined) {
    parts.log.warn('a click from another workspace was refused', { user: userId, team: theirs });
    await ear.refused(
      `${parts.id}:${oneLine(userId, 40)}`,
      'click',
      `it came from another workspace (${oneLine(theirs, 40)})`,
    );
    await whisper('You are not of the workspace that Watchkeeper answers to.');
    return;
  }
  const who = principal(parts, userId);
  if (textAt(body, 'type') === 'view_submission') return onForm(parts, ear, who, body, signal);
  if (textAt(body, 'type') === 'block_actions') return onClick({ parts, ear, who, body, channel, whisper }, signal);
  return ear.refused(who.id, 'click', 'it is nothing that we have asked for');
}

interface Click {
  readonly parts: HearingParts;
  readonly ear: Ear;
  readonly who: Principal;
  readonly body: JsonObject;
  readonly channel: string;
  readonly whisper: (text: string) => Promise<unknown>;
}

async function onClick(click: Click, signal: AbortSignal): Promise<void> {
  const { parts, ear, who, body, channel, whisper } = click;
  const action = objectAt(listAt(body, 'actions')[0]);
  const value = textAt(action, 'value');
  // A card is named after its incident: the button of another on it was put there by nobody of ours.
  const shownOn = incidentOf(textAt(action, 'block_id'));
  const stray = shownOn !== undefined && value !== shownOn;
  const actionId = textAt(action, 'action_id');
  switch (actionId) {
    case actionIds.approve:
    case actionIds.deny: {
      const verdict = actionId === actionIds.approve ? 'approve' : 'deny';
      const reply = await ear.answer({ who, about: value, verdict, ...(shownOn === undefined ? {} : { shownOn }) });
      if (reply.is === 'recorded' && reply.settled) {
        const at = new Date(parts.nowMs()).toISOString().slice(0, 16).replace('T', ' ');
        await settle(parts, body, channel, `${verb[verdict]} by ${who.id} at ${at} UTC. ${reply.message}`, signal);
      } else await whisper(reply.message);
      return;
    }
    case actionIds.snooze: {
      const [incident = '', duration = ''] = textAt(objectAt(action['selected_option']), 'value').split(' ');
      if (shownOn !== undefined && incident !== shownOn) return refuseStray(click, actionId);
      await whisper(await ear.command(`snooze ${incident} ${duration} from Slack`, who));
      return;
    }
    case actionIds.runbook:
    case actionIds.handOver:
    case actionIds.explain:
    case actionIds.pause:
      if (stray) return refuseStray(click, actionId);
      return onOther(click, actionId, value, signal);
    default:
      return ear.refused(who.id, 'click', 'it is no button of ours');
  }
}

async function refuseStray({ ear, who, whisper }: Click, actionId: string): Promise<void> {
  const because = 'it was given on the card of another incident';
  await ear.refused(who.id, actionId, because);
  await whisper(`That is refused: ${because}.`);
}

async function onOther(click: Click, actionId: string, incident: string, signal: AbortSignal): Promise<void> {
  const { parts, ear, who, body, whisper } = click;
  switch (actionId) {
    case actionIds.runbook: {
      const runbooks = await ear.runbooks(incident);
      if (runbooks.length === 0) await whisper('No runbook matches this incident.');
      else
        await parts.api.call(
          'views.open',
          { trigger_id: textAt(body, 'trigger_id'), view: runbookView(incident, runbooks) },
          signal,
        );
      return;
    }
    case actionIds.handOver:
      await whisper(await ear.command(`hand-over ${incident}`, who));
      return;
    case actionIds.explain:
      await whisper(await ear.command(`explain ${incident}`, who));
      return;
    case actionIds.pause:
      await whisper(await ear.command(`pause asked for in Slack on incident ${incident}`, who));
      return;
  }
}

// A form stands in no conversation: what came of it is told to whoever sent it, in theirs with the app.
async function onForm(
  parts: HearingParts,
  ear: Ear,
  who: Principal,
  body: JsonObject,
  signal: AbortSignal,
): Promise<void> {
  const view = objectAt(body['view']);
  if (textAt(view, 'callback_id') !== runbookForm) return ear.refused(who.id, 'form', 'it is no form of ours');
  const values = objectAt(objectAt(view['state'])['values']);
  const chosen = objectAt(objectAt(objectAt(values['runbook'])['runbook'])['selected_option']);
  const params = textAt(objectAt(objectAt(values['params'])['params']), 'value').trim();
  const words = `runbook ${textAt(view, 'private_metadata')} ${textAt(chosen, 'value')} ${params}`;
  const text = await ear.command(words, who);
  await parts.api.call('chat.postMessage', { channel: textAt(objectAt(body['user']), 'id'), ...quoted(text) }, signal);
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
  const blocks = listAt(message, 'blocks');
  const draw: Draw = (picture) => ({ text, blocks: settledCard(blocks, oneLine(outcome, 300), picture) });
  await parts.show(`${channel}:${ts}`, draw, signal);
}

async function onCommand(
  parts: HearingParts,
  workspace: Workspace,
  ear: Ear,
  body: JsonObject,
  signal: AbortSignal,
): Promise<void> {
  const [userId, channel] = [textAt(body, 'user_id'), textAt(body, 'channel_id')];
  if (userId === '') return ear.refused('unknown', 'command', 'it says of nobody who sent it');
  if (textAt(body, 'team_id') !== workspace.team) return elsewhere(parts, ear, userId, 'command');
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
  if (textAt(event, 'type') !== 'app_mention' || userId === '' || userId === workspace.bot) return;
  if (textAt(body, 'team_id') !== workspace.team || foreign({}, event, workspace) !== undefined)
    return elsewhere(parts, ear, userId, 'mention');
  const words = textAt(event, 'text').replace(/<@[A-Z0-9]+>/g, ' ');
  const text = await ear.command(words, principal(parts, userId));
  await parts.api.call('chat.postMessage', { channel, thread_ts: ts, ...quoted(text) }, signal);
}

function elsewhere(parts: HearingParts, ear: Ear, userId: string, what: string): Promise<void> {
  return ear.refused(`${parts.id}:${oneLine(userId, 40)}`, what, 'it came from another workspace');
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
  const short = text.slice(0, sectionChars);
  return { text: escaped(short), blocks: section([short]) };
}
