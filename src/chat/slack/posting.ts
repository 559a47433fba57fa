import { WatchkeeperError } from '../../lib/errors.ts';
import type { JsonObject } from '../../lib/json.ts';
import type { Delivery, Notice, NoticeKind, Thread } from '../../domain/ports/channel.ts';
import type { Clock, Log } from '../../domain/ports/io.ts';
import type { SlackApi } from '../../io/clients/slack.ts';
import { card, digest, threadEntry, type SlackMessage } from './card.ts';
import { createLane, type Lane } from './lane.ts';

/** Puts notices into Slack conversations at the pace Slack takes them. */
export interface Posting {
  post(notice: Notice, address: string, signal: AbortSignal, thread?: Thread): Promise<Delivery>;
}

const everyMs = 1_100;
// More than this many first messages waiting for one conversation are told as one.
const crowd = 5;
const tries = 3;
const urgent: ReadonlySet<NoticeKind> = new Set(['approval-needed', 'act-failed', 'nothing-matched', 'agent-unwell']);
const broadcast: ReadonlySet<NoticeKind> = new Set(['approval-needed', 'act-failed', 'nothing-matched', 'resolved']);

interface Waiting {
  readonly notice: Notice;
  readonly signal: AbortSignal;
  readonly settle: (delivery: Delivery) => void;
}

interface Conversation {
  readonly lane: Lane;
  /** First messages by incident. */
  readonly roots: Map<string, string>;
  readonly crowded: Waiting[];
}

const rememberedRoots = 1_000;

/** @param closing when it fires nothing more is sent. */
export function createPosting(
  api: SlackApi,
  io: { readonly clock: Clock; readonly log: Log },
  closing: AbortSignal,
): Posting {
  const conversations = new Map<string, Conversation>();
  const of = (address: string): Conversation => {
    const known = conversations.get(address);
    if (known !== undefined) return known;
    const made = { lane: createLane(io.clock, everyMs, closing), roots: new Map(), crowded: [] };
    conversations.set(address, made);
    return made;
  };
  const desk: Desk = { send: (method, body, signal) => patiently(api, io.clock, method, body, signal), log: io.log };
  return {
    post: (notice, address, signal, thread) =>
      new Promise((resolve) => {
        const conversation = of(address);
        const abort = (): void => resolve(failed(new WatchkeeperError('timeout', 'Slack was not reached in time')));
        signal.addEventListener('abort', abort, { once: true });
        const settle = (delivery: Delivery): void => {
          signal.removeEventListener('abort', abort);
          resolve(delivery);
        };
        if (signal.aborted) abort();
        else queue(desk, conversation, address, { notice, signal, settle }, thread);
      }),
  };
}

interface Desk {
  readonly send: (method: string, body: JsonObject, signal: AbortSignal) => Promise<JsonObject>;
  readonly log: Log;
}

function queue(desk: Desk, to: Conversation, address: string, waiting: Waiting, thread: Thread | undefined): void {
  const { notice } = waiting;
  const isUrgent = urgent.has(notice.kind);
  const told = (): Promise<Delivery> => tell(desk, to, address, waiting, thread);
  if (isUrgent || to.lane.waiting() < crowd || rootOf(to, notice, thread) !== undefined) {
    to.lane.add({ urgent: isUrgent, run: () => attempt(waiting, told) });
    return;
  }
  to.crowded.push(waiting);
  if (to.crowded.length === 1) to.lane.add({ urgent: false, run: () => tellCrowd(desk, to, address) });
}

async function attempt({ signal, settle }: Waiting, told: () => Promise<Delivery>): Promise<void> {
  if (signal.aborted) return;
  try {
    settle(await told());
  } catch (thrown) {
    settle(failed(WatchkeeperError.from(thrown, 'unreachable')));
  }
}

async function tell(
  desk: Desk,
  to: Conversation,
  address: string,
  { notice, signal }: Waiting,
  thread: Thread | undefined,
): Promise<Delivery> {
  const root = rootOf(to, notice, thread);
  if (root === undefined) {
    const ref = await sendMessage(desk, { channel: address, ...body(card(notice)) }, signal);
    if (notice.incident !== undefined) remember(to.roots, notice.incident.id, ref);
    return { is: 'accepted', ref };
  }
  const [channel = '', ts = ''] = root.split(':');
  const reply = { channel, thread_ts: ts, reply_broadcast: broadcast.has(notice.kind), ...body(threadEntry(notice)) };
  // The card first: who follows the broadcast into the thread finds the buttons at its top.
  await desk.send('chat.update', { channel, ts, ...body(card(notice)) }, signal).catch((thrown: unknown) => {
    desk.log.warn('the live message could not be edited', { error: WatchkeeperError.from(thrown) });
  });
  await sendMessage(desk, reply, signal);
  return { is: 'accepted', ref: root };
}

async function tellCrowd(desk: Desk, to: Conversation, address: string): Promise<void> {
  const waiting = to.crowded.splice(0).filter(({ signal }) => !signal.aborted);
  const [first] = waiting;
  if (first === undefined) return;
  const message = waiting.length === 1 ? card(first.notice) : digest(waiting.map(({ notice }) => notice));
  try {
    await sendMessage(desk, { channel: address, ...body(message) }, first.signal);
    for (const { settle } of waiting) settle({ is: 'accepted' });
  } catch (thrown) {
    for (const { settle } of waiting) settle(failed(WatchkeeperError.from(thrown, 'unreachable')));
  }
}

async function sendMessage(desk: Desk, message: JsonObject, signal: AbortSignal): Promise<string> {
  const { channel, ts } = await desk.send('chat.postMessage', message, signal);
  if (typeof channel !== 'string' || typeof ts !== 'string')
    throw new WatchkeeperError('malformed', 'chat.postMessage: Slack did not say where the message is');
  return `${channel}:${ts}`;
}

function body({ text, blocks }: SlackMessage): JsonObject {
  return { text, blocks, unfurl_links: false, unfurl_media: false };
}

function rootOf(to: Conversation, { incident }: Notice, thread: Thread | undefined): string | undefined {
  return thread?.ref ?? (incident === undefined ? undefined : to.roots.get(incident.id));
}

function remember(roots: Map<string, string>, incidentId: string, ref: string): void {
  roots.set(incidentId, ref);
  const [oldest] = roots.keys();
  if (roots.size > rememberedRoots && oldest !== undefined) roots.delete(oldest);
}

function failed(error: WatchkeeperError): Delivery {
  const fix = error.fix === undefined ? '' : ` (${error.fix})`;
  return { is: 'failed', reason: `${error.message}${fix}`, retryable: error.retryable };
}

// Only what Slack says it did not take is sent again: a message whose answer was lost may stand there already.
async function patiently(
  api: SlackApi,
  clock: Clock,
  method: string,
  message: JsonObject,
  signal: AbortSignal,
): Promise<JsonObject> {
  for (let tried = 1; ; tried++) {
    try {
      return await api.call(method, message, signal);
    } catch (thrown) {
      const error = WatchkeeperError.from(thrown, 'unreachable');
      if (error.code !== 'rate-limited' || tried >= tries) throw error;
      const asked = error.cause as { readonly retryAfterMs?: number } | undefined;
      await clock.sleep(asked?.retryAfterMs ?? everyMs, signal);
    }
  }
}
