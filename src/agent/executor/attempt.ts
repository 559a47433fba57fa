import { WatchkeeperError } from '../../lib/errors.ts';
import { limits } from '../../lib/limits.ts';
import type { ActRecord } from '../../domain/authority.ts';
import type { Observation, PlannedStep, StepStatus } from '../../domain/remediation.ts';
import { contextFor, handFor, observe, type Authorised } from './authorise.ts';
import { perform } from './bounded.ts';
import { whileLeading } from './leading.ts';
import { decisionDraft, draft, intentPayload, shown } from './drafts.ts';
import { idempotencyKey, targetKey } from './keys.ts';
import { withStep, type Runtime } from './runtime.ts';
import { settle, type Settled } from './settle.ts';
import type { ExecutionRecord } from './types.ts';

/** How one attempt at a step ended. */
export type StepEnd =
  | { readonly is: 'done' }
  | { readonly is: 'aborted' | 'unknown'; readonly because: string }
  | { readonly is: 'failed'; readonly because: string; readonly mayRetry: boolean };

/**
 * One attempt: intent, durable; started; the act; its outcome. `resumed` marks a second go at an attempt that a crash
 * cut off before it had any effect: it keeps the attempt's number and key.
 */
export async function attemptStep(
  run: Runtime,
  id: string,
  index: number,
  attempt: number,
  leave: Extract<Authorised, { ok: true }>,
  resumed: boolean,
): Promise<StepEnd> {
  const { deps, book } = run;
  const { plan } = book.get(id);
  const step = plan.steps[index];
  if (step === undefined) throw new WatchkeeperError('internal', `no step ${index} in ${plan.id}`);
  const key = idempotencyKey(plan.id, step.id, attempt);
  await intend(run, id, index, attempt, leave, resumed);
  await book.change(id, (current) => {
    const atMs = deps.clock.nowMs();
    const next = withStep(current, index, { phase: 'started' }, atMs);
    return {
      next,
      drafts: [draft(next, 'step-started', atMs, { action: step.action, attempt, key }, { step: step.id })],
    };
  });

  const { hand, before } = leave;
  const watch = watchAbortIf(run, id, index, leave.observation);
  const stop = AbortSignal.any([run.signalOf(id), watch.signal]);
  const performed = await perform(deps.clock, step.timeoutMs, stop, (signal) =>
    whileLeading(deps, () => hand.kind.run(hand.params, before, key, contextFor(deps, hand, signal, step.timeoutMs))),
  ).finally(() => watch.quit());
  const settled = await settle(run, hand, before, performed, key);
  const aborted = watch.because();
  await recordOutcome(run, id, index, settled, { moveOn: aborted === undefined });
  if (settled.is === 'unknown') return { is: 'unknown', because: settled.because };
  if (aborted !== undefined) return { is: 'aborted', because: aborted };
  if (settled.is === 'done') return { is: 'done' };
  return { is: 'failed', because: settled.because, mayRetry: settled.clean || hand.kind.traits.idempotent };
}

// I3: resolves only when the intent is durable, in the state and in the ledger, in one transaction.
async function intend(
  run: Runtime,
  id: string,
  index: number,
  attempt: number,
  leave: Extract<Authorised, { ok: true }>,
  resumed: boolean,
): Promise<void> {
  const record = await run.book.change(id, (current) => {
    const atMs = run.deps.clock.nowMs();
    const step = current.plan.steps[index];
    if (step === undefined) return undefined;
    const key = idempotencyKey(current.plan.id, step.id, attempt);
    const next = withStep(
      current,
      index,
      { phase: 'intent', attempt, idempotencyKey: key, intentAtMs: atMs, before: leave.before },
      atMs,
    );
    const body = {
      action: step.action,
      target: shown(targetKey(step.target), limits.targetShownBytes),
      attempt,
      key,
      policyDigest: leave.decision.policyDigest,
      stateHash: leave.observation.stateHash,
      touched: leave.observation.blast.touched,
      ...(resumed ? { resumed } : {}),
    };
    const intent = {
      ...draft(next, 'step-intent', atMs, body, { step: step.id }),
      payload: intentPayload(step.describe, step.params, leave.before),
    };
    return {
      next,
      drafts: [decisionDraft(next, leave.decision, step.id, atMs), intent],
      acts: { [actKey(id, index, attempt)]: actOf(current, step, leave.observation, atMs) },
    };
  });
  void run.book.emit({ kind: 'step-intent', execution: record });
}

/** Writes what became of a step. After the last one the execution begins to verify, in the same transaction. */
export async function recordOutcome(
  run: Runtime,
  id: string,
  index: number,
  settled: Settled,
  how: { readonly moveOn: boolean; readonly recovered?: boolean },
): Promise<void> {
  const status: StepStatus = settled.is === 'done' ? 'succeeded' : settled.is;
  const expected = settled.is === 'done' ? await expectNext(run, id, index) : {};
  const record = await run.book.change(id, (current) => {
    const atMs = run.deps.clock.nowMs();
    const step = current.plan.steps[index];
    const stepRun = current.steps[index];
    if (step === undefined || stepRun === undefined) return undefined;
    const partly = settled.is === 'failed' && !settled.clean ? [step.id] : [];
    const changed = withStep(
      current,
      index,
      { phase: 'outcome', status, endedAtMs: atMs, message: settled.because },
      atMs,
    );
    const over =
      changed.steps.every((each) => each.status === 'succeeded') && how.moveOn && current.plan.verify.length > 0;
    const next: ExecutionRecord = {
      ...changed,
      ...(over ? { status: 'verifying' } : {}),
      journal: {
        ...current.journal,
        expected: { ...current.journal.expected, ...expected },
        partly: [...current.journal.partly.filter((each) => each !== step.id), ...partly],
      },
    };
    const { attempt, idempotencyKey: key } = stepRun;
    const body = { action: step.action, attempt, key, status, ...(how.recovered === true ? { recovered: true } : {}) };
    return { next, drafts: [draft(next, 'step-outcome', atMs, body, { step: step.id, message: settled.because })] };
  });
  void run.book.emit({ kind: 'step-outcome', execution: record });
  if (record.status === 'verifying') void run.book.emit({ kind: 'verifying', execution: record });
}

// Our own step changes what later steps of the same service will find. What it left is what they must find (I4).
async function expectNext(run: Runtime, id: string, done: number): Promise<Readonly<Record<string, string>>> {
  const { plan } = run.book.get(id);
  const service = plan.steps[done]?.target.service;
  const expected: Record<string, string> = {};
  for (const step of plan.steps.slice(done + 1)) {
    const hand = handFor(run.deps, step);
    if (step.target.service !== service || typeof hand === 'string' || isSibling(plan.steps[done], step)) continue;
    try {
      expected[step.id] = (await observe(run.deps, hand, run.book.signal)).stateHash;
    } catch {
      // Not being able to look now leaves the planned hash standing: the step's own gate then refuses, which is right.
    }
  }
  return expected;
}

// The same on another host: what was done here left nothing there.
function isSibling(one: PlannedStep | undefined, other: PlannedStep): boolean {
  const isSame = one?.each !== undefined && one.each.step === other.each?.step;
  return isSame && targetKey(one.target) !== targetKey(other.target);
}

interface AbortWatch {
  readonly signal: AbortSignal;
  because(): string | undefined;
  quit(): void;
}

// Asks abortIf about once a second while the step runs. A condition that cannot be evaluated aborts.
function watchAbortIf(run: Runtime, id: string, stepIndex: number, observation: Observation): AbortWatch {
  const { clock, conditions } = run.deps;
  const { plan } = run.book.get(id);
  const stop = new AbortController();
  const quit = new AbortController();
  let because: string | undefined;
  const loop = async (): Promise<void> => {
    for (;;) {
      await clock.sleep(limits.abortPollMs, quit.signal);
      let verdict;
      try {
        verdict = await conditions({ plan, stepIndex, observation, when: 'during' });
      } catch (thrown) {
        verdict = { ok: false, because: WatchkeeperError.from(thrown).message };
      }
      if (quit.signal.aborted) return;
      if (!verdict.ok) {
        because = verdict.because;
        stop.abort(new WatchkeeperError('aborted', verdict.because));
        return;
      }
    }
  };
  if ((plan.steps[stepIndex]?.abortIf.length ?? 0) > 0) loop().catch(() => undefined);
  return { signal: stop.signal, because: () => because, quit: () => quit.abort() };
}

function actKey(id: string, index: number, attempt: number): string {
  return `${id}/${String(index).padStart(3, '0')}/${String(attempt).padStart(3, '0')}`;
}

function actOf(record: ExecutionRecord, step: PlannedStep, observation: Observation, atMs: number): ActRecord {
  return {
    executionId: record.id,
    planId: record.plan.id,
    runbook: record.plan.runbook.name,
    service: step.target.service,
    targetKey: targetKey(step.target),
    action: step.action,
    atMs,
    outcome: 'running',
    touched: observation.blast.touched,
  };
}
