import type { ActRecord, DenyCode } from '../../domain/authority.ts';
import type { ExecutionStatus, StepRun, Verification } from '../../domain/remediation.ts';
import type { LedgerDraft } from '../../domain/ledger.ts';
import { draft } from './drafts.ts';
import type { Book } from './book.ts';
import type { Locks } from './locks.ts';
import type { ExecutionRecord, ExecutorDeps } from './types.ts';

/** What every part of the executor shares. */
export interface Runtime {
  readonly deps: ExecutorDeps;
  readonly book: Book;
  readonly locks: Locks;
  /** Fires when this execution is cancelled or the executor halts. */
  readonly signalOf: (id: string) => AbortSignal;
}

/** Why the steps stopped before the last one was done. */
export interface Stop {
  readonly because: string;
  readonly code?: DenyCode;
  /** The world cannot tell what happened: nothing more is touched, not even to go back. */
  readonly unknown?: true;
  /** The last step was looked at and had not happened. */
  readonly untouched?: true;
}

/** How an execution ends. */
export interface Ending {
  readonly status: Extract<
    ExecutionStatus,
    'succeeded' | 'failed' | 'undone' | 'unknown' | 'denied' | 'cancelled' | 'expired'
  >;
  readonly because: string;
  readonly code?: string;
  readonly verification?: Verification;
  readonly drafts?: readonly LedgerDraft[];
}

const actOutcome: Readonly<Record<Ending['status'], ActRecord['outcome']>> = {
  succeeded: 'succeeded',
  failed: 'failed',
  undone: 'undone',
  unknown: 'unknown',
  denied: 'failed',
  expired: 'failed',
  // Stopped by a person in the middle: nobody looked whether it helped.
  cancelled: 'unknown',
};

/** Puts changed members of one step into an execution. */
export function withStep(
  record: ExecutionRecord,
  index: number,
  change: Partial<StepRun>,
  atMs: number,
): ExecutionRecord {
  const steps = record.steps.map((step, at) => (at === index ? { ...step, ...change } : step));
  return { ...record, steps, updatedAtMs: atMs };
}

/** Gives every act of an execution the same outcome. */
export function actsWith(run: Runtime, id: string, outcome: ActRecord['outcome']): Readonly<Record<string, ActRecord>> {
  const acts = Object.entries(run.book.actsOf(id));
  return Object.fromEntries(acts.map(([key, act]) => [key, { ...act, outcome }]));
}

/** Ends an execution once, lets its targets go, and tells the agent. */
export async function end(run: Runtime, id: string, ending: Ending): Promise<ExecutionRecord> {
  await run.book.change(id, (current) => {
    if (current.endedAtMs !== undefined) return undefined;
    const atMs = run.deps.clock.nowMs();
    const escalate = ending.status !== 'succeeded' && ending.status !== 'cancelled';
    const next: ExecutionRecord = {
      ...current,
      status: ending.status,
      because: ending.because,
      updatedAtMs: atMs,
      endedAtMs: atMs,
      ...(ending.verification === undefined ? {} : { verification: ending.verification }),
      journal: { ...current.journal, told: false, escalate },
    };
    const body = { status: ending.status, escalate, ...(ending.code === undefined ? {} : { code: ending.code }) };
    const ended = draft(next, 'execution-ended', atMs, body, { message: ending.because });
    return {
      next,
      drafts: [...(ending.drafts ?? []), ended],
      acts: actsWith(run, id, actOutcome[ending.status]),
    };
  });
  run.locks.release(id);
  return tellEnd(run, id);
}

/** Hands the `ended` event over; it stays owed until the agent has taken it, so that no escalation is lost in a crash. */
export async function tellEnd(run: Runtime, id: string): Promise<ExecutionRecord> {
  const execution = run.book.get(id);
  if (execution.journal.told !== false) return execution;
  const taken = await run.book.emit({
    kind: 'ended',
    execution,
    because: execution.because ?? '',
    escalate: execution.journal.escalate ?? true,
  });
  if (!taken) return execution;
  return run.book.change(id, (current) => ({
    // Ended under an earlier epoch, perhaps: what is written now is written under this one.
    next: { ...current, epoch: run.deps.epoch(), journal: { ...current.journal, told: true } },
    drafts: [],
  }));
}
