import { WatchkeeperError } from '../lib/errors.ts';
import type { Severity } from '../domain/alert.ts';
import type { Escalation } from '../domain/definitions.ts';
import type { LedgerDraft } from '../domain/ledger.ts';
import type { Notice } from '../domain/ports/channel.ts';
import type { Log } from '../domain/ports/io.ts';
import type { Ledger } from '../domain/ports/ledger.ts';
import type { Put, Store } from '../domain/ports/store.ts';
import type { Json } from '../lib/json.ts';
import { createTurns, type Turns } from './cases/turns.ts';
import { onceMore, stepsOf, threadOf, type Address, type Call, type ThreadOf } from './ladder-calls.ts';
import { createGate, type Gate } from './ladder-gate.ts';
import { createQuietDesk, heldUntil } from './ladder-quiet.ts';
import { subjectOf, tellSettled, tryRung, type Save, type TellingOptions } from './ladder-rung.ts';
import { rowsOf } from './rows.ts';

export type { Call } from './ladder-calls.ts';

/** Calling people: who is told, in which order, and what happens when nobody can be reached. */
export interface Ladder {
  /**
   * Hands a notice over. The same id twice is told once. Resolves when the call is durable; the telling goes on beside,
   * so that a slow channel holds up neither the watch nor its hand. `first`: who is told before the first rung.
   */
  call(notice: Notice, escalation: string, climbs: boolean, first?: readonly Address[]): Promise<void>;
  /** Somebody answered, or it ended by itself: nobody further is called, of the incident or of the one notice. */
  answered(incidentId: string, because: string, noticeId?: string): Promise<void>;
  /** Until when a notice waits for its digest, told to nobody so far. */
  heldUntil(noticeId: string): number | undefined;
  /** Lets every message that asked for consent to a plan say what was answered. Waits for no channel. */
  settled(planId: string, outcome: string): void;
  /** Calls whoever comes next about an incident, now. Gives how many calls went on: none when everybody was told. */
  goOn(incidentId: string): Promise<number>;
  /** Nobody is to wait any longer: what was put off is called as if it never had been. */
  wake(incidentId: string): Promise<void>;
  /** Goes on to the next rung where it is time; waits for no channel. */
  tick(): void;
  /** Reads the calls back. The next tick goes on with what a crash interrupted: by then it must be known what was settled. */
  resume(): Promise<void>;
  /** Waits until nobody is being told. */
  idle(): Promise<void>;
  calls(): readonly Call[];
}

/** What the ladder climbs with. */
export interface LadderOptions extends TellingOptions {
  readonly log: Log;
  readonly store: Store;
  readonly ledger: Ledger;
  readonly escalations: () => ReadonlyMap<string, Escalation>;
  /** Why nobody needs to hear of it any more: a question that was settled, whoever died before saying so. */
  readonly over?: (notice: Notice) => string | undefined;
  /** The notice with what is known by now, for whoever is called after others did not answer. */
  readonly renewed?: (notice: Notice) => Notice;
  /** Until when nobody is to be called about it, if somebody put it off. */
  readonly putOff?: (notice: Notice) => number | undefined;
  /** How grave the incident of a notice is now, for quiet hours; as it was told when absent. */
  readonly severity?: (notice: Notice) => Severity | undefined;
}

const mostCalls = 1_000;
// Notices on their way at the same time. Many: one dead channel must not hold up what goes through the others, and a channel that
// tells many as one has to be given them.
const atOnce = 500;

/**
 * Makes the ladder. Notices are told at least once: one that was being sent when the process died is sent again under
 * the same id, which channels pass on as an idempotency key. A missing channel or a failed delivery never blocks
 * anything; it moves on at once and is recorded.
 */
export function createLadder(given: LadderOptions): Ladder {
  const options = { ...given, gate: createGate() };
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
  const climbing = createTurns(atOnce, (id) => carryOn(options, calls, id, tellAnyway));
  const call: Ladder['call'] = async (notice, escalation, climbs, first) => {
    if (calls.has(notice.id)) return;
    const nowMs = options.clock.nowMs();
    const fresh: Call = { notice, escalation, climbs, rung: 0, nextAtMs: nowMs, deliveries: [], done: false };
    const call = first === undefined ? fresh : { ...fresh, first };
    await tellAnyway(call, [draftOf(call)]);
    climbing.add(notice.id);
    trim(calls);
  };
  const quiet = createQuietDesk(options, {
    ...{ calls, save, release: (id) => climbing.add(id), wasTold: (held) => wasTold(calls, held) },
    tell: (notice, escalation) => call(notice, escalation, false),
    over: (notice) => options.over?.(notice),
  });
  return {
    call,
    answered: async (incidentId, because, noticeId) => {
      for (const call of [...calls.values()])
        if (isOf(call, incidentId, noticeId)) await save({ ...call, done: true, because }, []);
    },
    heldUntil: (noticeId) => calls.get(noticeId)?.heldMs,
    settled: (planId, outcome) => {
      for (const { notice, deliveries } of calls.values())
        if (notice.kind === 'approval-needed' && notice.plan?.id === planId)
          for (const to of deliveries) void tellSettled(options, notice, to, outcome);
    },
    ...moved(options, calls, save, climbing),
    tick: () => {
      const nowMs = options.clock.nowMs();
      for (const call of calls.values())
        if (!call.done && call.heldMs === undefined && isDue(call, nowMs) && !climbing.has(call.notice.id))
          climbing.add(call.notice.id);
      quiet.tick();
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

function draftOf({ notice, escalation, climbs }: Call): LedgerDraft {
  const body = { notice: notice.id, kind: notice.kind, escalation, climbs };
  return { type: 'escalation', actor: 'watchkeeper', atMs: notice.atMs, subject: subjectOf(notice), body };
}

// The first rung is not waited for, whatever a clock that was set back makes of its time.
function isDue({ rung, nextAtMs, dueMs, rounds }: Call, nowMs: number): boolean {
  return (rung === 0 && dueMs === undefined && rounds === undefined) || nextAtMs <= nowMs;
}

function isOf({ done, climbs, notice }: Call, incidentId: string, noticeId = notice.id): boolean {
  return !done && climbs && notice.incident?.id === incidentId && notice.id === noticeId;
}

type Calls = Map<string, Call>;
type Climbing = LadderOptions & { readonly gate: Gate };

// Whether anybody was told of its incident.
function wasTold(calls: Calls, { notice }: Call): boolean {
  for (const other of calls.values())
    if (other.notice.incident?.id === notice.incident?.id && other.deliveries.some(({ is }) => is === 'accepted'))
      return true;
  return false;
}

// One call in its turn: over, put off, or told to whoever is next.
async function carryOn(options: Climbing, calls: Calls, id: string, save: Save): Promise<void> {
  const call = calls.get(id);
  const nowMs = options.clock.nowMs();
  if (!call || call.done || call.heldMs !== undefined || !isDue(call, nowMs)) return;
  try {
    const because = options.over?.(call.notice);
    const untilMs = call.climbs && because === undefined ? (options.putOff?.(call.notice) ?? 0) : 0;
    const heldMs = because === undefined ? heldUntil(options, call, wasTold(calls, call)) : undefined;
    if (because !== undefined) await save({ ...call, done: true, because }, []);
    else if (heldMs !== undefined) await save({ ...call, heldMs }, []);
    else if (untilMs > nowMs) await save({ ...call, nextAtMs: untilMs, dueMs: call.dueMs ?? call.nextAtMs }, []);
    else await climb(options, byNow(options, call), save, (to) => threadOf(calls.values(), call.notice, to));
  } catch (thrown) {
    options.log.error('a call could not be carried on', { notice: id, error: WatchkeeperError.from(thrown) });
  }
}

function byNow({ renewed }: LadderOptions, call: Call): Call {
  return call.rung === 0 || renewed === undefined ? call : { ...call, notice: renewed(call.notice) };
}

// What people move: the next rung now, and what was put off.
function moved(options: LadderOptions, calls: Calls, save: Save, climbing: Turns): Pick<Ladder, 'goOn' | 'wake'> {
  return {
    goOn: async (incidentId) => {
      const open = [...calls.values()].filter((call) => isOf(call, incidentId));
      for (const call of open) {
        await save({ ...call, nextAtMs: options.clock.nowMs() }, []);
        climbing.add(call.notice.id);
      }
      return open.length;
    },
    wake: async (incidentId) => {
      for (const call of [...calls.values()]) {
        const { dueMs, ...rest } = call;
        if (dueMs === undefined || !isOf(call, incidentId)) continue;
        await save({ ...rest, nextAtMs: dueMs }, []);
        climbing.add(call.notice.id);
      }
    },
  };
}

/** Tries the call's rung; goes on at once to the next while nobody on it can be reached: waiting for them would be silence. */
async function climb(options: Climbing, call: Call, save: Save, thread: ThreadOf): Promise<Call> {
  const steps = stepsOf(call, options.escalations().get(call.escalation) ?? lastResort);
  const { dueMs: _, ...awake } = call;
  let current: Call = awake;
  let mayComeBack = false;
  while (current.rung < steps.length) {
    const step = steps[current.rung] ?? { notify: [], waitMs: 0 };
    const tried = await tryRung(options, current, step.notify, save, thread);
    if (tried.call.done || options.signal.aborted) return tried.call;
    mayComeBack ||= tried.mayComeBack;
    const last = current.rung + 1 >= steps.length;
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
  // Silence is no end: as long as somebody may be reached again, the whole ladder is climbed again.
  const again = mayComeBack ? onceMore(current, options.clock.nowMs()) : undefined;
  if (again !== undefined) return save(again, []);
  return save({ ...current, done: true, because: 'nobody on the ladder could be reached' }, []);
}

/** When an escalation is named that does not exist, the log is told: never silent (I14). */
const lastResort: Escalation = {
  name: 'last-resort',
  steps: [{ notify: [{ channel: 'log', address: '' }], waitMs: 0 }],
  approvers: {},
};

function put(call: Call): Put {
  return { space: 'delivery', key: call.notice.id, value: call as unknown as Json };
}

function trim(calls: Map<string, Call>): void {
  for (const [id, call] of calls) {
    if (calls.size <= mostCalls) return;
    if (call.done && call.heldMs === undefined) calls.delete(id);
  }
}
