import { attemptStep, recordOutcome } from './attempt.ts';
import { authorise, handFor } from './authorise.ts';
import { end, tellEnd, type Runtime, type Stop } from './runtime.ts';
import { probe, type Settled } from './settle.ts';
import { giveUp, runSteps } from './steps.ts';
import { goBack } from './undo.ts';
import type { ExecutionRecord } from './types.ts';

/**
 * Settles what the last process left behind (I5). An intent without an outcome is unknown until a read-only probe says
 * otherwise; only what certainly did not happen, and is harmless to repeat, and is still allowed, is done again, under
 * the same key. Nothing is decided on facts of the last process.
 */
export async function resumeOne(run: Runtime, id: string, signal: AbortSignal): Promise<void> {
  if (run.book.get(id).endedAtMs !== undefined) {
    await tellEnd(run, id);
    return;
  }
  const record = await run.book.change(id, (current) => ({
    next: { ...current, epoch: run.deps.epoch(), updatedAtMs: run.deps.clock.nowMs() },
    drafts: [],
  }));
  const { undoing, cancelledBy } = record.journal;
  if (record.status === 'verifying' && undoing === undefined && cancelledBy === undefined) return;
  if (undoing === undefined) await resumeSteps(run, id, record, signal);
  else if (await seen(run, id, 'undo', signal)) await goBack(run, id, undoing);
}

// Whether to go on: false leaves everything as it is, to the next process.
async function seen(run: Runtime, id: string, how: 'act' | 'undo', signal: AbortSignal): Promise<boolean> {
  const stop = AbortSignal.any([signal, run.signalOf(id)]);
  const fresh = await run.deps.fresh(run.book.get(id).plan, how, stop);
  run.book.assertAlive();
  return fresh || !signal.aborted;
}

async function resumeSteps(run: Runtime, id: string, record: ExecutionRecord, signal: AbortSignal): Promise<void> {
  const index = record.steps.findIndex((step) => step.phase === 'intent' || step.phase === 'started');
  if (index >= 0) {
    const stopped = await settleDoubt(run, id, index, signal);
    if (stopped) return;
  }
  const { steps } = run.book.get(id);
  const failed = steps.find((step) => step.status !== undefined && step.status !== 'succeeded');
  const over = steps.every((step) => step.status === 'succeeded');
  if (!over && !(await seen(run, id, failed === undefined ? 'act' : 'undo', signal))) return;
  if (failed === undefined) await runSteps(run, id);
  else await giveUp(run, id, { because: failed.message ?? `${failed.stepId} ${failed.status ?? ''}` });
}

/** Whether the execution is over, or left to the next process. */
async function settleDoubt(run: Runtime, id: string, index: number, signal: AbortSignal): Promise<boolean> {
  const record = run.book.get(id);
  const planned = record.plan.steps[index];
  const step = record.steps[index];
  const hand = planned === undefined ? 'the plan has no such step' : handFor(run.deps, planned);
  if (typeof hand === 'string' || step?.before === undefined) {
    const because = `cut off by a restart, and it cannot be looked at: ${typeof hand === 'string' ? hand : 'no record'}`;
    await recordOutcome(run, id, index, { is: 'unknown', because }, { moveOn: false, recovered: true });
    await end(run, id, { status: 'unknown', because });
    return true;
  }
  const look = await probe(run, hand, step.before, step.idempotencyKey);
  let because = `cut off by a restart; looked again: ${look.because}`;
  let refused: Stop | undefined;
  if (look.is === 'not-done' && hand.kind.traits.idempotent && record.journal.cancelledBy === undefined) {
    if (!(await seen(run, id, 'act', signal))) return true;
    const leave = await authorise(run.deps, record, index, run.signalOf(id));
    run.book.assertAlive();
    if (leave.ok) {
      const ended = await attemptStep(run, id, index, step.attempt, leave, true);
      if (ended.is === 'done') return false;
      await giveUp(run, id, { because: ended.because, ...(ended.is === 'unknown' ? { unknown: true } : {}) });
      return true;
    }
    because = `${because}; not done again: ${leave.because}`;
    refused = { because, code: leave.code, untouched: true };
  }
  const settled: Settled =
    look.is === 'done'
      ? { is: 'done', because }
      : look.is === 'not-done'
        ? { is: 'failed', because, clean: true }
        : { is: 'unknown', because };
  await recordOutcome(run, id, index, settled, { moveOn: true, recovered: true });
  if (refused !== undefined) {
    await giveUp(run, id, refused);
    return true;
  }
  if (settled.is !== 'unknown') return false;
  await end(run, id, { status: 'unknown', because });
  return true;
}
