import { WatchkeeperError } from '../lib/errors.ts';
import type { Escalation } from '../domain/definitions.ts';
import type { LedgerDraft } from '../domain/ledger.ts';
import type { Channel, Delivery, Notice, Thread } from '../domain/ports/channel.ts';
import type { Clock, Log } from '../domain/ports/io.ts';
import type { Ledger } from '../domain/ports/ledger.ts';
import type { Put, Store } from '../domain/ports/store.ts';
import type { Json } from '../lib/json.ts';
import { createTurns } from './cases/turns.ts';
import { within } from './executor/bounded.ts';
import { refOf, threadOf, type Call, type ThreadOf } from './ladder-calls.ts';
import type { Metrics } from './metrics.ts';
import { rowsOf } from './rows.ts';

export type { Call } from './ladder-calls.ts';

/** Calling people: who is told, in which order, and what happens when nobody can be reached. */
export interface Ladder {
  /**
   * Hands a notice over. The same id twice is told once. Resolves when the call is durable; the telling goes on beside,
   * so that a slow channel holds up neither the watch nor its hand.
   */
  call(notice: Notice, escalation: string, climbs: boolean): Promise<void>;
  /** Somebody answered, or it ended by itself: nobody further is called, of the incident or of the one notice. */
  answered(incidentId: string, because: string, noticeId?: string): Promise<void>;
  /** Goes on to the next rung where it is time; waits for no channel. */
  tick(): void;
  /** Reads the calls back. The next tick goes on with what a crash interrupted: by then it must be known what was settled. */
  resume(): Promise<void>;
  /** Waits until nobody is being told. */
  idle(): Promise<void>;
  calls(): readonly Call[];
}

/** What the ladder climbs with. */
export interface LadderOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly store: Store;
  readonly ledger: Ledger;
  readonly channels: () => ReadonlyMap<string, Channel>;
  readonly escalations: () => ReadonlyMap<string, Escalation>;
  /** Why nobody needs to hear of it any more: a question that was settled, whoever died before saying so. */
  readonly over?: (notice: Notice) => string | undefined;
  readonly signal: AbortSignal;
}

const deliverWithinMs = 15_000;
const mostCalls = 1_000;
// Notices on their way at the same time: one dead channel must not hold up what goes through the others.
const atOnce = 8;
// Channels told at the same time by one notice.
const lanes = 8;

/**
 * Makes the ladder. Notices are told at least once: one that was being sent when the process died is sent again under
 * the same id, which channels pass on as an idempotency key. A missing channel or a failed delivery never blocks
 * anything; it moves on at once and is recorded.
 */
export function createLadder(options: LadderOptions): Ladder {
  const calls = new Map<string, Call>();
  const save: Save = async (call, drafts) => {
    const known = calls.get(call.notice.id);
    // Somebody may have answered while a channel was slow: what is over stays over.
    const next =
      known?.done === true
        ? { ...call, done: true, ...(known.because === undefined ? {} : { because: known.because }) }
        : call;
    calls.set(call.notice.id, next);
    await options.ledger.record({ drafts, puts: [put(next)] });
    return next;
  };
  // A store that takes nothing is one more reason to tell people, not one to be silent (I14).
  const tellAnyway: Save = async (call, drafts) => {
    try {
      return await save(call, drafts);
    } catch (thrown) {
      options.log.error('a call could not be written', {
        notice: call.notice.id,
        error: WatchkeeperError.from(thrown),
      });
      return calls.get(call.notice.id) ?? call;
    }
  };
  const climbing = createTurns(atOnce, async (id) => {
    const call = calls.get(id);
    if (!call || call.done || !isDue(call, options.clock.nowMs())) return;
    try {
      const because = options.over?.(call.notice);
      await (because === undefined
        ? climb(options, call, tellAnyway, (to) => threadOf(calls.values(), call.notice, to))
        : tellAnyway({ ...call, done: true, because }, []));
    } catch (thrown) {
      options.log.error('a call could not be carried on', { notice: id, error: WatchkeeperError.from(thrown) });
    }
  });
  return {
    call: async (notice, escalation, climbs) => {
      if (calls.has(notice.id)) return;
      const nowMs = options.clock.nowMs();
      const call: Call = { notice, escalation, climbs, rung: 0, nextAtMs: nowMs, deliveries: [], done: false };
      const body = { notice: notice.id, kind: notice.kind, escalation, climbs };
      const told = { actor: 'watchkeeper', atMs: notice.atMs, subject: subjectOf(notice), body };
      await tellAnyway(call, [{ type: 'escalation', ...told }]);
      climbing.add(notice.id);
      trim(calls);
    },
    answered: async (incidentId, because, noticeId) => {
      for (const call of [...calls.values()])
        if (isOf(call, incidentId, noticeId)) await save({ ...call, done: true, because }, []);
    },
    tick: () => {
      const nowMs = options.clock.nowMs();
      for (const call of calls.values())
        if (!call.done && isDue(call, nowMs) && !climbing.has(call.notice.id)) climbing.add(call.notice.id);
    },
    resume: async () => {
      // Oldest first, since the oldest is forgotten first; but never one that is still climbing.
      for await (const { key, value } of rowsOf(options.store, 'delivery')) {
        calls.set(key, value as unknown as Call);
        trim(calls);
      }
    },
    idle: () => climbing.idle(),
    calls: () => [...calls.values()],
  };
}

// The first rung is not waited for, whatever a clock that was set back makes of its time.
function isDue({ rung, nextAtMs }: Call, nowMs: number): boolean {
  return rung === 0 || nextAtMs <= nowMs;
}

function isOf({ done, climbs, notice }: Call, incidentId: string, noticeId = notice.id): boolean {
  return !done && climbs && notice.incident?.id === incidentId && notice.id === noticeId;
}

/** Writes a call; gives it as it is kept, which says `done` when somebody answered meanwhile. */
type Save = (call: Call, drafts: readonly LedgerDraft[]) => Promise<Call>;

/** Tries the call's rung; goes on at once to the next while nobody on it can be reached: waiting for them would be silence. */
async function climb(options: LadderOptions, call: Call, save: Save, thread: ThreadOf): Promise<Call> {
  const escalation = options.escalations().get(call.escalation) ?? lastResort;
  let current = call;
  while (current.rung < escalation.steps.length) {
    const step = escalation.steps[current.rung] ?? { notify: [], waitMs: 0 };
    const tried = await tryRung(options, current, step.notify, save, thread);
    if (tried.call.done || options.signal.aborted) return tried.call;
    const last = current.rung + 1 >= escalation.steps.length;
    if (tried.reached && (!current.climbs || last)) {
      return save(
        { ...tried.call, done: true, because: current.climbs ? 'everybody on the ladder was told' : 'told' },
        [],
      );
    }
    const nowMs = options.clock.nowMs();
    current = { ...tried.call, rung: current.rung + 1, nextAtMs: nowMs + (tried.reached ? step.waitMs : 0) };
    if (tried.reached) return save(current, []);
  }
  options.log.error('nobody on the ladder could be reached', {
    incident: call.notice.incident?.id,
    escalation: call.escalation,
    title: call.notice.title,
  });
  return save({ ...current, done: true, because: 'nobody on the ladder could be reached' }, []);
}

type Rung = Escalation['steps'][number]['notify'];

// Tells everybody on a rung at once: a channel that hangs must not keep the others waiting.
async function tryRung(
  options: LadderOptions,
  call: Call,
  notify: Rung,
  save: Save,
  thread: ThreadOf,
): Promise<{ readonly call: Call; readonly reached: boolean }> {
  const isOf = (one: Call['deliveries'][number], to: Rung[number]): boolean =>
    one.rung === call.rung && one.channel === to.channel && one.address === to.address;
  const before = notify.flatMap((to) => call.deliveries.filter((one) => isOf(one, to) && one.is !== 'sending'));
  const due = notify.filter((to) => !before.some((one) => isOf(one, to)));
  let reached = before.some((one) => one.is === 'accepted');
  if (due.length === 0) return { call, reached };
  const others = call.deliveries.filter((one) => !due.some((to) => isOf(one, to)));
  const entry = { rung: call.rung, atMs: options.clock.nowMs(), is: 'sending' } as const;
  // Durable before anybody is told, in one write: what a crash interrupts is sent again.
  let current = await save({ ...call, deliveries: [...others, ...due.map((to) => ({ ...to, ...entry }))] }, []);
  if (current.done) return { call: current, reached: true };
  const outcomes = inLanes(due, lanes, (to) => deliver(options, call.notice, to, thread(to)));
  // Told side by side, and written in the order in which they stand on the rung.
  for (const [at, to] of due.entries()) {
    const outcome = await outcomes[at];
    // We are stopping, so nothing was refused: it stays "sending", and the next process sends it again.
    if (outcome === undefined || (outcome.is === 'failed' && options.signal.aborted)) continue;
    reached ||= outcome.is === 'accepted';
    options.metrics.deliveries.inc({ channel: to.channel, outcome: outcome.is });
    const told = outcome.is === 'failed' ? { reason: outcome.reason } : refOf(outcome.ref);
    const deliveries = current.deliveries.map((one) => (isOf(one, to) ? { ...one, is: outcome.is, ...told } : one));
    current = { ...current, deliveries };
    current = await save(current, [draft(options.clock.nowMs(), current, to.channel, to.address, outcome)]);
  }
  return { call: current, reached: reached || current.done };
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

/** When an escalation is named that does not exist, the log is told: never silent (I14). */
const lastResort: Escalation = {
  name: 'last-resort',
  steps: [{ notify: [{ channel: 'log', address: '' }], waitMs: 0 }],
  approvers: {},
};

async function deliver(
  options: LadderOptions,
  notice: Notice,
  { channel: name, address }: Rung[number],
  thread: Thread | undefined,
): Promise<Delivery> {
  const channel = options.channels().get(name);
  if (!channel) return { is: 'failed', reason: `there is no channel called ${name}`, retryable: false };
  try {
    // Given up on in time even when the channel ignores its signal.
    return await within(options.clock, deliverWithinMs, options.signal, (signal) =>
      channel.post(notice, address, signal, thread),
    );
  } catch (thrown) {
    const error = WatchkeeperError.from(thrown);
    return { is: 'failed', reason: error.message, retryable: error.retryable };
  }
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

function subjectOf(notice: Notice): LedgerDraft['subject'] {
  return {
    ...(notice.incident ? { incident: notice.incident.id, service: notice.incident.service } : {}),
    ...(notice.plan ? { plan: notice.plan.id } : {}),
  };
}

function put(call: Call): Put {
  return { space: 'delivery', key: call.notice.id, value: call as unknown as Json };
}

function trim(calls: Map<string, Call>): void {
  for (const [id, call] of calls) {
    if (calls.size <= mostCalls) return;
    if (call.done) calls.delete(id);
  }
}
