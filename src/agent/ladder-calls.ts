import type { Escalation, EscalationStep } from '../domain/definitions.ts';
import type { Notice, Thread } from '../domain/ports/channel.ts';

/** One notice on its way up the ladder. Kept in the store under the notice's id, so that a restart repeats nothing and forgets nothing. */
export interface Call {
  readonly notice: Notice;
  readonly escalation: string;
  /** Whether it climbs until somebody answers, or is told once on the first rung. */
  readonly climbs: boolean;
  readonly rung: number;
  readonly nextAtMs: number;
  /** How often the whole ladder was climbed and nobody could be reached. */
  readonly rounds?: number;
  /** While it is held for a digest: until when. */
  readonly heldMs?: number;
  /** While it is put off: when it would have gone on. */
  readonly dueMs?: number;
  /** Told before the first rung: whom it was handed over to. */
  readonly first?: readonly Address[];
  readonly deliveries: readonly {
    readonly channel: string;
    readonly address: string;
    readonly rung: number;
    readonly atMs: number;
    readonly is: 'sending' | 'accepted' | 'failed';
    readonly reason?: string;
    /** What the channel calls the message. */
    readonly ref?: string;
  }[];
  readonly done: boolean;
  readonly because?: string;
}

/** A channel and whom it reaches there. */
export type Address = EscalationStep['notify'][number];

const firstRoundMs = 30_000;
const longestRoundMs = 10 * 60_000;
// About a day.
const mostRounds = 150;

/**
 * The same call from the first rung, after a pause that grows; `undefined` when it was tried for a day. What failed is forgotten
 * here (the ledger has it), or it would count as done.
 */
export function onceMore(call: Call, nowMs: number): Call | undefined {
  const rounds = (call.rounds ?? 0) + 1;
  if (rounds > mostRounds) return undefined;
  const nextAtMs = nowMs + Math.min(longestRoundMs, firstRoundMs * 2 ** (rounds - 1));
  return { ...call, rounds, rung: 0, nextAtMs, deliveries: call.deliveries.filter(({ is }) => is === 'accepted') };
}

// As long as a rung waits that does not say how long.
const firstWaitMs = 5 * 60_000;

/** The rungs of a call: whom it was handed over to, and then the ladder. */
export function stepsOf({ first }: Call, { steps }: Escalation): readonly EscalationStep[] {
  return first === undefined ? steps : [{ notify: first, waitMs: firstWaitMs }, ...steps];
}

/** The message below which a notice belongs at an address, if there is one. */
export type ThreadOf = (to: Address) => Thread | undefined;

/** The first message that was accepted at this address about the same incident. Kept with the calls, so restarts know it. */
export function threadOf(calls: Iterable<Call>, { incident }: Notice, to: Address): Thread | undefined {
  if (incident === undefined) return undefined;
  for (const { notice, deliveries } of calls) {
    if (notice.incident?.id !== incident.id) continue;
    const first = deliveries.find(
      (one) => one.channel === to.channel && one.address === to.address && one.ref !== undefined,
    );
    if (first?.ref !== undefined) return { ref: first.ref };
  }
  return undefined;
}

/** What a delivery keeps of an accepted message. */
export function refOf(ref: string | undefined): { readonly ref?: string } {
  return ref === undefined ? {} : { ref };
}
