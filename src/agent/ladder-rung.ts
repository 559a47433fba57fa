import { WatchkeeperError } from '../lib/errors.ts';
import type { Escalation } from '../domain/definitions.ts';
import type { LedgerDraft } from '../domain/ledger.ts';
import type { Channel, Delivery, Notice, Thread } from '../domain/ports/channel.ts';
import type { Clock, Log } from '../domain/ports/io.ts';
import { within } from './executor/bounded.ts';
import { refOf, type Call, type ThreadOf } from './ladder-calls.ts';
import type { Gate } from './ladder-gate.ts';
import type { Metrics } from './metrics.ts';

/** What one rung is told with. */
export interface TellingOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly channels: () => ReadonlyMap<string, Channel>;
  readonly signal: AbortSignal;
}

/** Writes a call; gives it as it is kept, which says `done` when somebody answered meanwhile. */
export type Save = (call: Call, drafts: readonly LedgerDraft[]) => Promise<Call>;

const deliverWithinMs = 15_000;
// Posts on their way through one channel: one that gathers cannot while it is given them by the handful.
const mostPosts = { each: 8, gathered: 500 } as const;
// Channels told at the same time by one notice.
const lanes = 8;

type Rung = Escalation['steps'][number]['notify'];

/** Tells everybody on a rung at once: a channel that hangs must not keep the others waiting. */
export async function tryRung(
  options: TellingOptions & { readonly gate: Gate },
  call: Call,
  notify: Rung,
  save: Save,
  thread: ThreadOf,
): Promise<{ readonly call: Call; readonly reached: boolean; readonly mayComeBack: boolean }> {
  const isOf = (one: Call['deliveries'][number], to: Rung[number]): boolean =>
    one.rung === call.rung && one.channel === to.channel && one.address === to.address;
  const before = notify.flatMap((to) => call.deliveries.filter((one) => isOf(one, to) && one.is !== 'sending'));
  const due = notify.filter((to) => !before.some((one) => isOf(one, to)));
  let reached = before.some((one) => one.is === 'accepted');
  let mayComeBack = false;
  if (due.length === 0) return { call, reached, mayComeBack };
  const others = call.deliveries.filter((one) => !due.some((to) => isOf(one, to)));
  const entry = { rung: call.rung, atMs: options.clock.nowMs(), is: 'sending' } as const;
  // Durable before anybody is told, in one write: what a crash interrupts is sent again.
  let current = await save({ ...call, deliveries: [...others, ...due.map((to) => ({ ...to, ...entry }))] }, []);
  if (current.done) return { call: current, reached: true, mayComeBack };
  const outcomes = inLanes(due, lanes, (to) => deliver(options, call.notice, to, thread(to)));
  // Told side by side, and written in the order in which they stand on the rung.
  for (const [at, to] of due.entries()) {
    const outcome = await outcomes[at];
    // We are stopping, so nothing was refused: it stays "sending", and the next process sends it again.
    if (outcome === undefined || (outcome.is === 'failed' && options.signal.aborted)) continue;
    reached ||= outcome.is === 'accepted';
    mayComeBack ||= outcome.is === 'failed' && outcome.retryable;
    options.metrics.deliveries.inc({ channel: to.channel, outcome: outcome.is });
    if (outcome.is === 'failed')
      options.log.warn('a notice could not be delivered', { ...to, notice: call.notice.id, reason: outcome.reason });
    const told = outcome.is === 'failed' ? { reason: outcome.reason } : refOf(outcome.ref);
    const deliveries = current.deliveries.map((one) => (isOf(one, to) ? { ...one, is: outcome.is, ...told } : one));
    current = { ...current, deliveries };
    current = await save(current, [draft(options.clock.nowMs(), current, to.channel, to.address, outcome)]);
  }
  return { call: current, reached: reached || current.done, mayComeBack };
}

/** Starts the work of each item in order, at most `most` at a time; gives the promises in the order of the items. */
function inLanes<T, R>(items: readonly T[], most: number, work: (item: T) => Promise<R>): readonly Promise<R>[] {
  const slots = items.map((item) => ({ item, ...Promise.withResolvers<R>() }));
  const waiting = slots.values();
  const lane = async (): Promise<void> => {
    for (const { item, resolve, reject } of waiting) await work(item).then(resolve, reject);
  };
  for (let started = 0; started < most; started++) void lane();
  return slots.map((slot) => slot.promise);
}

async function deliver(
  options: TellingOptions & { readonly gate: Gate },
  notice: Notice,
  { channel: name, address }: Rung[number],
  thread: Thread | undefined,
): Promise<Delivery> {
  const channel = options.channels().get(name);
  if (!channel) return { is: 'failed', reason: `there is no channel called ${name}`, retryable: false };
  try {
    // Given up on in time even when the channel ignores its signal.
    const most = channel.traits.gathers === true ? mostPosts.gathered : mostPosts.each;
    return await options.gate.pass(name, most, () =>
      within(options.clock, deliverWithinMs, options.signal, (signal) => channel.post(notice, address, signal, thread)),
    );
  } catch (thrown) {
    const error = WatchkeeperError.from(thrown);
    return { is: 'failed', reason: error.message, retryable: error.retryable };
  }
}

/** Lets the message at an address say that its question is settled; what fails is nobody's concern. */
export async function tellSettled(
  options: TellingOptions,
  notice: Notice,
  { channel: name, address, ref, is }: Call['deliveries'][number],
  outcome: string,
): Promise<void> {
  const channel = options.channels().get(name);
  if (channel?.settled === undefined || is !== 'accepted' || ref === undefined) return;
  await within(options.clock, deliverWithinMs, options.signal, (signal) =>
    (channel.settled?.(notice, address, outcome, signal, { ref }) ?? Promise.resolve()).catch(() => undefined),
  ).catch(() => undefined);
}

function draft(atMs: number, call: Call, channel: string, address: string, outcome: Delivery): LedgerDraft {
  return {
    type: 'delivery',
    actor: 'watchkeeper',
    atMs,
    subject: subjectOf(call.notice),
    body: { notice: call.notice.id, kind: call.notice.kind, channel, outcome: outcome.is, rung: call.rung },
    payload: { address, ...(outcome.is === 'failed' ? { reason: outcome.reason } : {}) },
  };
}

/** Whom an entry about a notice speaks of. */
export function subjectOf(notice: Notice): LedgerDraft['subject'] {
  return {
    ...(notice.incident ? { incident: notice.incident.id, service: notice.incident.service } : {}),
    ...(notice.plan ? { plan: notice.plan.id } : {}),
  };
}
