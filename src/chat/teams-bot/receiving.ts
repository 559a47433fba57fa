import { WatchkeeperError } from '../../lib/errors.ts';
import type { JsonObject } from '../../lib/json.ts';
import { oneLine } from '../../lib/text.ts';
import type { Principal } from '../../domain/authority.ts';
import type { Channel, Ear, InboundReply } from '../../domain/ports/channel.ts';
import type { ReaderIo } from '../../domain/ports/io.ts';
import type { BotConnector } from '../../io/clients/bot-connector.ts';
import { botTokens } from '../../io/clients/bot-tokens.ts';
import { bearerOf } from '../../io/clients/signed-tokens.ts';
import { cardMessage, cardType, textCard } from '../adaptive-card.ts';
import { objectAt, readActivity, type Activity } from './activity.ts';
import { pressOf, type Press } from './buttons.ts';
import { isAllowedService, isEntraId, type TeamsBotConfig } from './config.ts';
import { objectionToTime, seenActivities } from './seen.ts';

const operatorGroup = 'chat:operators';

/** What taking activities needs. */
export interface ReceivingParts {
  /** The channel's id: people are `ID:OBJECT-ID`. */
  readonly id: string;
  readonly config: TeamsBotConfig;
  readonly connector: BotConnector;
  readonly io: ReaderIo;
}

/**
 * Takes activities. First the token is verified, then that the activity is of the service, time and tenant it should be and comes
 * once; only then is it read who says what. Whatever is refused is in the ledger with its reason, and shown where somebody
 * known to be of Teams waits for an answer.
 */
export function receiving(parts: ReceivingParts): NonNullable<Channel['receive']> {
  const { config, io } = parts;
  const tokens = botTokens({ ...config, endorsement: 'msteams' }, io);
  const seen = seenActivities();
  return async (request, ear, signal) => {
    const refuse = async (status: number, because: string): Promise<InboundReply> => {
      await ear.refused('unknown', 'request', because);
      return reply(status, { error: 'That was not accepted.' });
    };
    const token = bearerOf(request.headers);
    if (token === undefined) return refuse(401, 'it has no token');
    let service: string;
    try {
      service = await tokens.verify(token, signal);
    } catch (thrown) {
      const error = WatchkeeperError.from(thrown);
      return refuse(error.code === 'unauthorized' ? 401 : 503, error.message);
    }
    const activity = readActivity(request.body);
    if (activity === undefined) return refuse(400, 'it is no activity');
    if (activity.serviceUrl !== service || !isAllowedService(service, config.serviceHosts))
      return refuse(401, 'its token was signed for another service');
    if (activity.channelId !== 'msteams') return refuse(401, 'it comes from another chat than Teams');
    // Somebody joined, or the bot was installed: nothing is asked.
    if (activity.type !== 'message' && activity.type !== 'invoke') return reply(200, {});
    const untimely = objectionToTime(activity.atMs, io.clock.nowMs());
    if (untimely !== undefined) return refuse(401, untimely);
    if (activity.id === '') return refuse(401, 'it has no id');
    if (!seen.first(`${activity.replyTo}|${activity.id}`, io.clock.nowMs())) return refuse(401, 'it came before');
    return taken(parts, activity, ear, signal);
  };
}

async function taken(parts: ReceivingParts, activity: Activity, ear: Ear, signal: AbortSignal): Promise<InboundReply> {
  const { id, config } = parts;
  const press = pressIn(activity);
  const what = press?.verdict ?? (activity.type === 'invoke' ? 'press' : 'command');
  const refuse = async (by: string, because: string, shown: string): Promise<InboundReply> => {
    await ear.refused(by, what, because);
    return told(parts, activity, shown, signal);
  };
  if (!isEntraId(activity.person)) return refuse('unknown', 'it names nobody', 'Teams does not say who you are.');
  const by = `${id}:${activity.person}`;
  const { tenants } = activity;
  if (tenants.length === 0 || tenants.some((tenant) => tenant !== config.tenant))
    return refuse(
      by,
      `it came from another tenant (${oneLine(tenants.join(', ') || 'none', 120)}): wrong workspace`,
      'You are not of the tenant that Watchkeeper answers to.',
    );
  const known = Object.values(config.conversations).includes(activity.conversation);
  if (!known && (!activity.personal || press !== undefined))
    return refuse(
      by,
      'it came from a conversation that is not ours',
      'Watchkeeper does not answer in this conversation.',
    );
  const who: Principal = { id: by, groups: config.operators.includes(activity.person) ? [operatorGroup] : [] };
  if (press !== undefined) return pressed(parts, activity, press, who, ear, signal);
  if (activity.type === 'invoke' || activity.value !== undefined)
    return refuse(by, 'it is no button of ours', 'That is no button of Watchkeeper.');
  return told(parts, activity, await ear.command(activity.text, who), signal);
}

// A press comes as an invoke, or as a message with a value where the client knows no Action.Execute.
function pressIn({ type, name, value }: Activity): Press | undefined {
  if (type === 'message') return pressOf(value);
  return name === 'adaptiveCard/action' ? pressOf(objectAt(objectAt(value)['action'])['data']) : undefined;
}

async function pressed(
  parts: ReceivingParts,
  activity: Activity,
  { verdict, plan, incident }: Press,
  who: Principal,
  ear: Ear,
  signal: AbortSignal,
): Promise<InboundReply> {
  const answer = await ear.answer({ who, about: plan, verdict, shownOn: incident });
  if (answer.is === 'refused' || !answer.settled) return told(parts, activity, answer.message, signal);
  const at = new Date(parts.io.clock.nowMs()).toISOString().slice(0, 16).replace('T', ' ');
  const outcome = `${verdict === 'approve' ? 'Approved' : 'Denied'} by ${who.id} at ${at} UTC. ${answer.message}`;
  // The buttons give way to what was decided; the agent then edits the card for everybody.
  if (activity.type === 'invoke') return reply(200, { statusCode: 200, type: cardType, value: textCard(outcome) });
  return told(parts, activity, outcome, signal);
}

/** Says it to whoever asked: in the answer to an invoke, or as a reply in the conversation. */
async function told(
  { connector, io }: ReceivingParts,
  activity: Activity,
  text: string,
  signal: AbortSignal,
): Promise<InboundReply> {
  if (activity.type === 'invoke') {
    const value = oneLine(text, 500);
    return reply(200, { statusCode: 200, type: 'application/vnd.microsoft.activity.message', value });
  }
  const [conversation, id] = [activity.replyTo, activity.id].map(encodeURIComponent);
  const path = `/v3/conversations/${conversation}/activities/${id}`;
  try {
    await connector.call('POST', path, { ...cardMessage(textCard(text)), replyToId: activity.id }, signal);
  } catch (thrown) {
    io.log.warn('a reply in Teams could not be given', { error: WatchkeeperError.from(thrown) });
  }
  return reply(200, {});
}

function reply(status: number, body: JsonObject): InboundReply {
  return { status, type: 'application/json', body: JSON.stringify(body) };
}
