import { WatchkeeperError } from '../../lib/errors.ts';
import type { Approval, Decision } from '../../domain/authority.ts';
import type { Execution, Plan } from '../../domain/remediation.ts';
import { openBook, type Book } from './book.ts';
import { executionId, planDigest } from './keys.ts';
import { createLocks } from './locks.ts';
import { freshRecord, preflight } from './preflight.ts';
import { resumeOne } from './resume.ts';
import { end, tellEnd, type Runtime } from './runtime.ts';
import { giveUp, runSteps } from './steps.ts';
import type { ExecutionRecord, Executor, ExecutorDeps } from './types.ts';
import { verifyOnce } from './verification.ts';

type Alone = <T>(id: string, work: () => Promise<T>) => Promise<T>;

/** Makes the one hand of the agent. Await `load` before anything else, and call `resume` once. */
export function createExecutor(deps: ExecutorDeps): Executor {
  const book = haltedWhenDeposed(deps, openBook(deps));
  const locks = createLocks();
  const controls = new Map<string, AbortController>();
  const working = new Map<string, Promise<unknown>>();
  let loaded: Promise<void> | undefined;

  const signalOf = (id: string): AbortSignal => {
    const control = controls.get(id) ?? new AbortController();
    controls.set(id, control);
    return AbortSignal.any([control.signal, book.signal]);
  };
  const run: Runtime = { deps, book, locks, signalOf };

  // One thing at a time per execution: a tick never meets a step, a second tick never meets the first.
  const alone: Alone = async (id, work) => {
    const doing = work().catch((thrown: unknown) => {
      const fault = WatchkeeperError.from(thrown);
      book.halt(fault);
      throw fault;
    });
    working.set(id, doing);
    try {
      return await doing;
    } finally {
      working.delete(id);
      if (book.find(id)?.endedAtMs !== undefined) controls.delete(id);
    }
  };

  // What the last process left open holds its targets from here on, long before it has been looked at again.
  const load = (): Promise<void> =>
    (loaded ??= book.load().then((records) => {
      for (const record of records)
        if (record.endedAtMs === undefined && record.journal.provisional === undefined)
          locks.take(record.id, record.plan);
    }));

  return {
    start: async (plan, decision, approvals) => {
      await ready(loaded);
      book.assertAlive();
      return start(run, alone, plan, decision, approvals);
    },
    load,
    resume: async (signal) => {
      await load();
      const open = book.all().filter((record) => record.endedAtMs === undefined || record.journal.told === false);
      await Promise.all(open.map((record) => alone(record.id, () => resumeOne(run, record.id, signal))));
    },
    tick: async () => {
      await ready(loaded);
      book.assertAlive();
      const idle = book.all().filter((record) => !working.has(record.id));
      await Promise.all(idle.map((record) => advance(run, alone, record)));
    },
    cancel: async (id, by) => {
      await ready(loaded);
      if (book.find(id) === undefined || book.find(id)?.endedAtMs !== undefined) return book.find(id);
      await book.change(id, (current) => ({
        next: { ...current, journal: { ...current.journal, cancelledBy: by } },
        drafts: [],
      }));
      controls.get(id)?.abort(new WatchkeeperError('aborted', `cancelled by ${by}`));
      await working.get(id);
      if (book.find(id)?.endedAtMs === undefined)
        await alone(id, () => giveUp(run, id, { because: `cancelled by ${by}` }));
      return book.find(id);
    },
    find: (id) => book.find(id),
    active: () => book.all().filter((record) => record.endedAtMs === undefined),
    inFlight: () => book.acts().filter((act) => act.outcome === 'running'),
    history: () => book.acts(),
    halted: () => book.halted()?.message,
  };
}

function haltedWhenDeposed({ tenure: { lost } }: ExecutorDeps, book: Book): Book {
  lost.addEventListener('abort', () => book.halt(WatchkeeperError.from(lost.reason, 'fenced')), { once: true });
  return book;
}

async function advance(run: Runtime, alone: Alone, record: ExecutionRecord): Promise<void> {
  const { id } = record;
  if (record.journal.told === false) await alone(id, () => tellEnd(run, id));
  else if (record.status === 'verifying') await alone(id, () => verifyOnce(run, id));
}

async function ready(loaded: Promise<unknown> | undefined): Promise<void> {
  if (loaded === undefined) throw new WatchkeeperError('internal', 'the executor must load before it acts');
  await loaded;
}

async function start(
  run: Runtime,
  alone: Alone,
  plan: Plan,
  decision: Decision,
  approvals: readonly Approval[],
): Promise<Execution> {
  const { deps, book, locks } = run;
  if (planDigest(plan) !== plan.id)
    throw new WatchkeeperError('forbidden', `plan ${plan.id} is not what its id says: somebody edited it`);
  const id = executionId(plan);
  if (book.find(id) !== undefined) throw new WatchkeeperError('conflict', `plan ${plan.id} was already started`);
  const refusal = preflight(deps, plan, decision, book.acts());
  const other = refusal === undefined ? locks.take(id, plan) : undefined;
  try {
    await book.create({ next: freshRecord(deps, id, plan, decision, approvals), drafts: [] });
  } catch (thrown) {
    locks.release(id);
    throw thrown;
  }
  return alone(id, async () => {
    if (refusal !== undefined) return end(run, id, refusal);
    if (other !== undefined)
      return end(run, id, { status: 'denied', code: 'busy', because: `${other} is acting on the same target` });
    await supersede(run, id, plan);
    return runSteps(run, id);
  });
}

// A late check on a target that is acted on anew can no longer tell anything about the earlier act.
async function supersede(run: Runtime, id: string, plan: Plan): Promise<void> {
  const targets = new Set(plan.steps.map((step) => `${step.target.kind}/${step.target.id}`));
  for (const earlier of run.book.all()) {
    if (earlier.id === id || earlier.journal.provisional !== true || earlier.endedAtMs !== undefined) continue;
    if (!earlier.plan.steps.some((step) => targets.has(`${step.target.kind}/${step.target.id}`))) continue;
    const because = `verified; the later check was given up, since ${id} acts on the same target`;
    await end(run, earlier.id, { status: 'succeeded', because });
  }
}
