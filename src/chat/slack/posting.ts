import { WatchkeeperError } from '../../lib/errors.ts';
import type { JsonObject } from '../../lib/json.ts';
import type { Delivery, Notice, NoticeKind, Thread } from '../../domain/ports/channel.ts';
import type { Clock, Log, ReaderIo } from '../../domain/ports/io.ts';
import type { SlackApi } from '../../io/clients/slack.ts';
import { drawn } from '../picture.ts';
import { attachPicture } from './attach.ts';
import { body, card, threadEntry } from './card.ts';
import { digest, mostInDigest } from './digest.ts';
import { createLane, type Lane } from './lane.ts';

/** Puts notices into Slack conversations at the pace Slack takes them. */
export interface Posting {
  post(notice: Notice, address: string, signal: AbortSignal, thread?: Thread): Promise<Delivery>;
}

const everyMs = 1_100;
// More than this many messages waiting for one conversation are told as one.
const crowd = 5;
const tries = 3;
const urgent: ReadonlySet<NoticeKind> = new Set(['approval-needed', 'act-failed', 'nothing-matched', 'agent-unwell']);
const broadcast: ReadonlySet<NoticeKind> = new Set(['approval-needed', 'act-failed', 'nothing-matched', 'resolved']);

interface Waiting {
  readonly notice: Notice;
  readonly signal: AbortSignal;
  readonly settle: (delivery: Delivery) => void;
  readonly thread: Thread | undefined;
}

interface Conversation {
  readonly lane: Lane;
  /** First messages by incident. */
  readonly roots: Map<string, string>;
  readonly crowded: Waiting[];
  /** Cards to be brought up to date when there is time: of an incident only the newest. */
  readonly behind: Map<string, Waiting>;
}

const rememberedRoots = 1_000;
const mostBehind = 1_000;

/** @param closing when it fires nothing more is sent. */
export function createPosting(
  api: SlackApi,
  io: Pick<ReaderIo, 'clock' | 'log' | 'http'>,
  closing: AbortSignal,
): Posting {
  const conversations = new Map<string, Conversation>();
  const of = (address: string): Conversation => {
    const known = conversations.get(address);
    if (known !== undefined) return known;
    const lane = createLane(io.clock, everyMs, closing);
    const made: Conversation = { lane, roots: new Map(), crowded: [], behind: new Map() };
    conversations.set(address, made);
    return made;
  };
  const desk: Desk = {
    send: (method, body, signal) => patiently(api, io.clock, method, body, signal),
    log: io.log,
    closing,
    picture: async (ref, notice) => {
      const png = await drawn(notice, io.log, closing);
      if (png !== undefined) await attachPicture(api, io, ref, png, closing);
    },
  };
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
        else queue(desk, conversation, address, { notice, signal, settle, thread });
      }),
  };
}

interface Desk {
  readonly send: (method: string, body: JsonObject, signal: AbortSignal) => Promise<JsonObject>;
  readonly log: Log;
  readonly closing: AbortSignal;
  readonly picture: (ref: string, notice: Notice) => Promise<void>;
}

// One message each as long as few wait. Above that they are told as one, so that none waits longer than its ladder does.
function queue(desk: Desk, to: Conversation, address: string, waiting: Waiting): void {
  const when = urgent.has(waiting.notice.kind) ? 'urgent' : 'usual';
  if (to.crowded.length === 0 && to.lane.waiting() < crowd) {
    to.lane.add({ when, run: () => attempt(waiting, () => tell(desk, to, address, waiting)) });
    return;
  }
  to.crowded.push(waiting);
  if (to.crowded.length === 1 || (when === 'urgent' && to.crowded.filter(isUrgent).length === 1))
    to.lane.add({ when, run: () => tellCrowd(desk, to, address) });
}

function isUrgent({ notice }: Waiting): boolean {
  return urgent.has(notice.kind);
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
  { notice, signal, thread }: Waiting,
): Promise<Delivery> {
  const root = rootOf(to, notice, thread);
  if (root === undefined) {
    const ref = await sendMessage(desk, { channel: address, ...body(card(notice)) }, signal);
    if (notice.incident !== undefined) remember(to.roots, notice.incident.id, ref);
    pictureLater(desk, to, ref, notice);
    return { is: 'accepted', ref };
  }
  const [channel = '', ts = ''] = root.split(':');
  const reply = { channel, thread_ts: ts, reply_broadcast: broadcast.has(notice.kind), ...body(threadEntry(notice)) };
  // The card first: who follows the broadcast into the thread finds the buttons at its top.
  await editCard(desk, root, notice, signal);
  await sendMessage(desk, reply, signal);
  return { is: 'accepted', ref: root };
}

// Below the card when there is time for it: a message never waits for its picture, nor fails by it.
function pictureLater(desk: Desk, to: Conversation, ref: string, notice: Notice): void {
  if (notice.chart === undefined) return;
  to.lane.add({ when: 'later', run: () => desk.picture(ref, notice) });
}

async function editCard(desk: Desk, root: string, notice: Notice, signal: AbortSignal): Promise<void> {
  const [channel = '', ts = ''] = root.split(':');
  await desk.send('chat.update', { channel, ts, ...body(card(notice)) }, signal).catch((thrown: unknown) => {
    desk.log.warn('the live message could not be edited', { error: WatchkeeperError.from(thrown) });
  });
}

// As many at once as one message can name; the rest in the next.
async function tellCrowd(desk: Desk, to: Conversation, address: string): Promise<void> {
  const waiting = to.crowded
    .filter(({ signal }) => !signal.aborted)
    .sort((a, b) => Number(isUrgent(b)) - Number(isUrgent(a)));
  const now = waiting.slice(0, mostInDigest);
  to.crowded.splice(0, to.crowded.length, ...waiting.slice(mostInDigest));
  const [first] = now;
  if (first === undefined) return;
  if (to.crowded.length > 0) to.lane.add({ when: 'urgent', run: () => tellCrowd(desk, to, address) });
  if (now.length === 1) return attempt(first, () => tell(desk, to, address, first));
  try {
    await sendMessage(desk, { channel: address, ...body(digest(now.map(({ notice }) => notice))) }, first.signal);
  } catch (thrown) {
    for (const { settle } of now) settle(failed(WatchkeeperError.from(thrown, 'unreachable')));
    return;
  }
  for (const one of now) {
    one.settle({ is: 'accepted' });
    catchUpLater(desk, to, address, one);
  }
}

// Whoever was named in a digest gets a card all the same where a question is open, and no card is left saying what is past.
function catchUpLater(desk: Desk, to: Conversation, address: string, waiting: Waiting): void {
  const { notice, thread } = waiting;
  const id = notice.incident?.id;
  if (id === undefined || (rootOf(to, notice, thread) === undefined && notice.kind !== 'approval-needed')) return;
  const due = to.behind.has(id);
  if (!due && to.behind.size >= mostBehind) return;
  to.behind.set(id, waiting);
  if (due) return;
  to.lane.add({
    when: 'later',
    run: async () => {
      const newest = to.behind.get(id);
      to.behind.delete(id);
      if (newest === undefined) return;
      const root = rootOf(to, newest.notice, newest.thread);
      if (root !== undefined) return editCard(desk, root, newest.notice, desk.closing);
      try {
        const ref = await sendMessage(desk, { channel: address, ...body(card(newest.notice)) }, desk.closing);
        remember(to.roots, id, ref);
        pictureLater(desk, to, ref, newest.notice);
      } catch (thrown) {
        desk.log.warn('a card could not be posted after its digest', { error: WatchkeeperError.from(thrown) });
      }
    },
  });
}

async function sendMessage(desk: Desk, message: JsonObject, signal: AbortSignal): Promise<string> {
  const { channel, ts } = await desk.send('chat.postMessage', message, signal);
  if (typeof channel !== 'string' || typeof ts !== 'string')
    throw new WatchkeeperError('malformed', 'chat.postMessage: Slack did not say where the message is');
  return `${channel}:${ts}`;
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
