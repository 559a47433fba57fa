import { limits } from '../../lib/limits.ts';
import { attemptStep } from './attempt.ts';
import { authorise } from './authorise.ts';
import { lookBetween } from './between.ts';
import { untilSure } from './leading.ts';
import { end, type Runtime, type Stop } from './runtime.ts';
import { goBack, kept, mustGoBack } from './undo.ts';
import type { ExecutionRecord } from './types.ts';

// Under these nothing is touched any more, not even to go back: a person stopped us, or we cannot trust ourselves.
const hardStops: ReadonlySet<string> = new Set(['paused', 'unwell', 'policy-invalid', 'never', 'protected']);

/** Carries out the steps that are not done yet, in order; then verifies, or ends. */
export async function runSteps(run: Runtime, id: string): Promise<ExecutionRecord> {
  for (;;) {
    const record = run.book.get(id);
    const index = record.steps.findIndex((step) => step.status !== 'succeeded');
    if (index < 0) break;
    const stop = (await lookBetween(run, id, index)) ?? (await runStep(run, id, index));
    if (stop !== undefined) return giveUp(run, id, stop);
  }
  const record = run.book.get(id);
  if (record.status === 'verifying') return record;
  return end(run, id, { status: 'succeeded', because: 'every step was done; the runbook asks for no verification' });
}

async function runStep(run: Runtime, id: string, index: number): Promise<Stop | undefined> {
  const step = run.book.get(id).plan.steps[index];
  const retries = Math.max(0, step?.retries ?? 0);
  for (let attempt = 1; ; attempt += 1) {
    const cancelled = run.book.get(id).journal.cancelledBy;
    if (cancelled !== undefined) return { because: `cancelled by ${cancelled}` };
    await untilSure(run.deps, run.signalOf(id));
    run.book.assertAlive();
    const leave = await authorise(run.deps, run.book.get(id), index, run.signalOf(id));
    run.book.assertAlive();
    if (!leave.ok) return { because: leave.because, code: leave.code };
    const ended = await attemptStep(run, id, index, attempt, leave, false);
    if (ended.is === 'done') return undefined;
    if (ended.is === 'unknown') return { because: ended.because, unknown: true };
    if (ended.is !== 'failed') return { because: ended.because };
    if (!ended.mayRetry || attempt > retries) return { because: ended.because };
    await run.deps.clock.sleep(limits.stepRetryDelayMs * attempt, run.signalOf(id)).catch(() => undefined);
    run.book.assertAlive();
  }
}

// What was cut off before it happened, and is refused since, is as good as never begun: it is decided anew.
function mayHaveTouched(record: ExecutionRecord, stop: Stop): boolean {
  const intended = record.steps.filter((step) => step.intentAtMs !== undefined);
  const partly = new Set(record.journal.partly);
  return intended.some((step) => stop.untouched !== true || step.status !== 'failed' || partly.has(step.stepId));
}

/** Ends an execution whose steps stopped: refused, cancelled, unknown, gone back on, or failed. */
export async function giveUp(run: Runtime, id: string, stop: Stop): Promise<ExecutionRecord> {
  const record = run.book.get(id);
  const { because } = stop;
  const code = stop.code === undefined ? {} : { code: stop.code };
  if (stop.unknown === true || record.steps.some((step) => step.status === 'unknown'))
    return end(run, id, { status: 'unknown', because, ...code });
  if (record.journal.cancelledBy !== undefined)
    return end(run, id, { status: 'cancelled', because: `cancelled by ${record.journal.cancelledBy}` });
  if (!mayHaveTouched(record, stop)) return end(run, id, { status: 'denied', because, ...code });
  if (stop.code !== undefined && hardStops.has(stop.code)) return end(run, id, { status: 'failed', because, ...code });
  if (mustGoBack(record)) return goBack(run, id, because);
  return end(run, id, { status: 'failed', because: `${because}${kept(record)}`, ...code });
}
