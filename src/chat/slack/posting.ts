import { WatchkeeperError } from '../../lib/errors.ts';
import type { JsonObject } from '../../lib/json.ts';
import type { Delivery, Notice, NoticeKind, Thread } from '../../domain/ports/channel.ts';
import type { Clock, Log, ReaderIo } from '../../domain/ports/io.ts';
import type { SlackApi } from '../../io/clients/slack.ts';
import { body } from './blocks.ts';
import { card, threadEntry } from './card.ts';
import type { Cards, Draw } from './cards.ts';
import { digest, mostInDigest } from './digest.ts';
import { createLane, type Lane } from './lane.ts';
import { createPictures } from './pictures.ts';

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
  cards: Cards,
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
  const pictures = createPictures(api, io, cards, closing);
  const desk: Desk = {
    send: (message, signal) => patiently(io.clock, () => api.call('chat.postMessage', message, signal), signal),
    ...{ cards, log: io.log, closing },
    pause: (ms) => io.clock.sleep(ms, closing).catch(() => undefined),
    picture: (ref, notice, lane) => pictures.add(ref, notice, lane),
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
  readonly send: (message: JsonObject, signal: AbortSignal) => Promise<JsonObject>;
  readonly cards: Cards;
  readonly log: Log;
  readonly closing: AbortSignal;
  readonly pause: (ms: number) => Promise<void>;
  readonly picture: (ref: string, notice: Notice, lane: Lane) => void;
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

async function tell(desk: Desk, to: Conversation, address: string, waiting: Waiting): Promise<Delivery> {
  const { notice, signal, thread } = waiting;
  const root = rootOf(to, notice, thread);
  if (root === undefined) return { is: 'accepted', ref: await postCard(desk, to, address, notice, signal) };
  const [channel = '', ts = ''] = root.split(':');
  const reply = { channel, thread_ts: ts, reply_broadcast: broadcast.has(notice.kind), ...body(threadEntry(notice)) };
  // The card first: who follows the broadcast into the thread finds the buttons at its top.
  await editCard(desk, to, address, root, waiting);
  await sendMessage(desk, reply, signal);
  return { is: 'accepted', ref: root };
}

async function postCard(
  desk: Desk,
  to: Conversation,
  address: string,
  notice: Notice,
  signal: AbortSignal,
): Promise<string> {
  const draw: Draw = (picture) => card(notice, picture);
  const ref = await sendMessage(desk, { channel: address, ...body(draw()) }, signal);
  if (notice.incident !== undefined) remember(to.roots, notice.incident.id, ref);
  desk.cards.posted(ref, draw);
  desk.picture(ref, notice, to.lane);
  return ref;
}

// Not waited for when Slack wants fewer edits: the message that calls somebody goes out, and the card follows.
async function editCard(desk: Desk, to: Conversation, address: string, root: string, waiting: Waiting): Promise<void> {
  const { notice, signal } = waiting;
  try {
    await desk.cards.show(root, (picture) => card(notice, picture), signal);
    desk.picture(root, notice, to.lane);
  } catch (thrown) {
    const error = WatchkeeperError.from(thrown);
    if (error.code === 'rate-limited')
      void desk
        .pause(askedToWaitMs(error))
        .then(() => !desk.closing.aborted && catchUpLater(desk, to, address, waiting));
    else desk.log.warn('the live message could not be edited', { error });
  }
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
      if (root !== undefined) return editCard(desk, to, address, root, { ...newest, signal: desk.closing });
      try {
        await postCard(desk, to, address, newest.notice, desk.closing);
      } catch (thrown) {
        desk.log.warn('a card could not be posted after its digest', { error: WatchkeeperError.from(thrown) });
      }
    },
  });
}

async function sendMessage(desk: Desk, message: JsonObject, signal: AbortSignal): Promise<string> {
  const { channel, ts } = await desk.send(message, signal);
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

/** Does it again when Slack says that it did not take it for its pace; a message whose answer was lost may stand there already. */
export async function patiently<T>(clock: Clock, work: () => Promise<T>, signal: AbortSignal): Promise<T> {
  for (let tried = 1; ; tried++) {
    try {
      return await work();
    } catch (thrown) {
      const error = WatchkeeperError.from(thrown, 'unreachable');
      if (error.code !== 'rate-limited' || tried >= tries) throw error;
      await clock.sleep(askedToWaitMs(error), signal);
    }
  }
}

function askedToWaitMs({ cause }: WatchkeeperError): number {
  return (cause as { readonly retryAfterMs?: number } | undefined)?.retryAfterMs ?? everyMs;
}
