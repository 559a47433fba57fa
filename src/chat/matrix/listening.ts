import { sha256Hex } from '../../lib/canonical.ts';
import { WatchkeeperError } from '../../lib/errors.ts';
import type { Json, JsonObject } from '../../lib/json.ts';
import { oneLine } from '../../lib/text.ts';
import type { Principal } from '../../domain/authority.ts';
import type { Ear } from '../../domain/ports/channel.ts';
import type { Log } from '../../domain/ports/io.ts';
import type { Homeserver } from '../../io/clients/homeserver.ts';
import type { AskedMessage, AskedMessages } from './asked.ts';
import { editEvent, textEvent, votes } from './message.ts';

/** What listening needs. */
export interface ListeningParts {
  /** The channel's id: people are `ID:@ana:example.com`. */
  readonly id: string;
  readonly server: Homeserver;
  readonly asked: AskedMessages;
  readonly rooms: ReadonlySet<string>;
  readonly operators: readonly string[];
  readonly log: Log;
  readonly nowMs: () => number;
}

const operatorGroup = 'chat:operators';
const waitMs = 30_000;
const mostSeen = 5_000;
const mostReplyChars = 8_000;

/**
 * Hears the rooms until the signal fires. What was said before it began to listen is not taken: it was said to a daemon that
 * could not answer, and what it was about is void. Each event counts once.
 */
export async function listenTo(parts: ListeningParts, ear: Ear, signal: AbortSignal): Promise<void> {
  const me = await parts.server.whoAmI(signal);
  for (const room of parts.rooms) await parts.server.join(room, signal);
  const seen = new Set<string>();
  let since: string | undefined;
  while (!isOver(signal)) {
    const batch = await parts.server.sync(since, waitMs, signal);
    const next = batch['next_batch'];
    if (typeof next !== 'string') throw new WatchkeeperError('malformed', 'the homeserver did not say how far it told');
    const events = since === undefined ? [] : eventsOf(batch, parts.rooms);
    since = next;
    for (const event of events) {
      if (event.sender === me || seen.has(event.id)) continue;
      seen.add(event.id);
      const [oldest] = seen;
      if (seen.size > mostSeen && oldest !== undefined) seen.delete(oldest);
      await take(parts, ear, event, signal).catch((thrown: unknown) => {
        if (!isOver(signal))
          parts.log.warn('what was said in Matrix could not be taken', { error: WatchkeeperError.from(thrown) });
      });
    }
  }
}

// Asked anew each time: it changes while the homeserver is awaited.
function isOver(signal: AbortSignal): boolean {
  return signal.aborted;
}

interface Event {
  readonly id: string;
  readonly room: string;
  readonly type: string;
  readonly sender: string;
  readonly content: JsonObject;
}

async function take(parts: ListeningParts, ear: Ear, event: Event, signal: AbortSignal): Promise<void> {
  const who: Principal = {
    id: `${parts.id}:${event.sender}`,
    groups: parts.operators.includes(event.sender) ? [operatorGroup] : [],
  };
  if (event.type === 'm.reaction') return vote(parts, ear, event, who, signal);
  const { msgtype, body } = event.content;
  if (msgtype !== 'm.text' || typeof body !== 'string' || relationType(event.content) === 'm.replace') return;
  const words = /^!watchkeeper(?:\s+([\s\S]*))?$/.exec(body.slice(0, 2_000).trim());
  if (words === null) return;
  const reply = await ear.command(words[1] ?? '', who);
  await say(parts, event, reply, signal);
}

async function vote(parts: ListeningParts, ear: Ear, event: Event, who: Principal, signal: AbortSignal): Promise<void> {
  const relation = objectAt(event.content['m.relates_to']);
  const verdict = votes[typeof relation['key'] === 'string' ? relation['key'].replace(/\ufe0f/g, '') : ''];
  const target = relation['event_id'];
  if (relation['rel_type'] !== 'm.annotation' || verdict === undefined || typeof target !== 'string') return;
  const asked = parts.asked.of(target);
  // A reaction to something else is no answer; one to our question from another room cannot be.
  if (asked === undefined) return;
  if (asked.room !== event.room) {
    await ear.refused(who.id, verdict, 'it was given in another room than it was asked in');
    return;
  }
  const reply = await ear.answer({ who, about: asked.planId, verdict, shownOn: asked.incidentId });
  if (reply.is === 'refused' || !reply.settled) return say(parts, event, `${event.sender}: ${reply.message}`, signal);
  const at = new Date(parts.nowMs()).toISOString().slice(0, 16).replace('T', ' ');
  const outcome = `${verdict === 'approve' ? 'Approved' : 'Denied'} by ${who.id} at ${at} UTC. ${reply.message}`;
  await settleMessage(parts.server, target, asked, outcome, signal);
}

/** Lets the message that asked say what was answered, once: the same transaction whoever says so first. */
export async function settleMessage(
  server: Homeserver,
  eventId: string,
  asked: AskedMessage,
  outcome: string,
  signal: AbortSignal,
): Promise<void> {
  const settled = `${asked.text.split('\n')[0] ?? ''}\n${oneLine(outcome, 500)}`;
  const transaction = sha256Hex(`settled ${eventId}`).slice(0, 40);
  await server.send(asked.room, 'm.room.message', transaction, editEvent(settled, eventId), signal);
}

// A word to everybody in the room, since Matrix knows none to one person there; under the event it answers.
async function say(parts: ListeningParts, event: Event, text: string, signal: AbortSignal): Promise<void> {
  const content = {
    ...textEvent(text.slice(0, mostReplyChars), { 'm.in_reply_to': { event_id: event.id } }),
    msgtype: 'm.notice',
  };
  await parts.server.send(event.room, 'm.room.message', sha256Hex(`reply ${event.id}`).slice(0, 40), content, signal);
}

function eventsOf(batch: JsonObject, rooms: ReadonlySet<string>): readonly Event[] {
  const joined = objectAt(objectAt(batch['rooms'])['join']);
  return [...rooms].flatMap((room) => {
    const timeline = objectAt(objectAt(joined[room])['timeline'])['events'];
    if (!Array.isArray(timeline)) return [];
    return timeline.flatMap((value: Json): readonly Event[] => {
      const { event_id: id, type, sender, content } = objectAt(value);
      if (typeof id !== 'string' || typeof type !== 'string' || typeof sender !== 'string') return [];
      return [{ id, room, type, sender, content: objectAt(content) }];
    });
  });
}

function relationType(content: JsonObject): Json | undefined {
  return objectAt(content['m.relates_to'])['rel_type'];
}

function objectAt(value: Json | undefined): JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {};
}
