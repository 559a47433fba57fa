import { WatchkeeperError } from '../../lib/errors.ts';
import type { Json } from '../../lib/json.ts';
import type { LedgerDraft } from '../../domain/ledger.ts';
import type { StepRun, StepStatus, Verification } from '../../domain/remediation.ts';
import { contextFor, handFor, observe, type Hand } from './authorise.ts';
import { perform } from './bounded.ts';
import { untilSure, whileLeading } from './leading.ts';
import { draft } from './drafts.ts';
import { idempotencyKey } from './keys.ts';
import { end, withStep, type Runtime } from './runtime.ts';
import { probe } from './settle.ts';
import type { ExecutionRecord } from './types.ts';

/** Whether the runbook wants to go back and there is something to go back on. */
export function mustGoBack(record: ExecutionRecord): boolean {
  return record.plan.onFail.includes('undo') && record.steps.some((step) => leftSomething(record, step));
}

function leftSomething(record: ExecutionRecord, step: StepRun): boolean {
  return (step.status === 'succeeded' && !isWell(record, step)) || record.journal.partly.includes(step.stepId);
}

// One of several hosts that was looked at by itself and is well: what goes wrong on another is no reason to make it ill
// again, and to take them all back at once would be more at a time than the policy allowed.
function isWell({ plan }: ExecutionRecord, { stepId, between }: StepRun): boolean {
  return between?.status === 'passed' && plan.steps.some((step) => step.id === stepId && step.each !== undefined);
}

/** `; rollback[web-1] stays: it is well`, for the end of a sentence; empty where nothing is kept. */
export function kept(record: ExecutionRecord): string {
  const well = record.steps.filter((step) => step.status === 'succeeded' && isWell(record, step));
  if (well.length === 0) return '';
  const names = well.slice(0, 5).map((step) => step.stepId);
  const more = well.length > names.length ? ` and ${well.length - names.length} more` : '';
  return `; ${names.join(', ')}${more} ${well.length === 1 ? 'stays: it is' : 'stay: they are'} well`;
}

/**
 * Undoes what was done, last step first, each with an intent and an outcome of its own, and then ends the execution.
 * Safe to call again after a crash: it continues where the journal stops. A step that cannot be undone with certainty
 * ends the way back, since undoing what came before it could make things worse.
 */
export async function goBack(
  run: Runtime,
  id: string,
  because: string,
  told: { readonly verification?: Verification; readonly drafts?: readonly LedgerDraft[] } = {},
): Promise<ExecutionRecord> {
  if (run.book.get(id).journal.undoing === undefined) {
    await run.book.change(id, (current) => {
      const { provisional: _over, ...journal } = current.journal;
      return {
        next: {
          ...current,
          status: 'running',
          updatedAtMs: run.deps.clock.nowMs(),
          ...(told.verification === undefined ? {} : { verification: told.verification }),
          journal: { ...journal, undoing: because },
        },
        drafts: told.drafts ?? [],
      };
    });
  }
  const left: string[] = [];
  let undone = 0;
  const { steps } = run.book.get(id);
  for (let index = steps.length - 1; index >= 0; index -= 1) {
    const record = run.book.get(id);
    const step = record.steps[index];
    if (step === undefined || !leftSomething(record, step)) continue;
    const result = concluded(step) ?? (await undoStep(run, id, index, step.undo !== undefined));
    if (result.status === 'succeeded') undone += 1;
    else if (result.status === 'skipped') left.push(`${step.stepId} cannot be undone`);
    else {
      const status = result.status === 'unknown' ? 'unknown' : 'failed';
      return end(run, id, { status, because: `${because}; going back stopped at ${step.stepId}: ${result.message}` });
    }
  }
  const rest = `${left.length > 0 ? `; ${left.join(', ')}` : ''}${kept(run.book.get(id))}`;
  return end(run, id, { status: undone > 0 ? 'undone' : 'failed', because: `${because}${rest}` });
}

interface Undone {
  readonly status: StepStatus;
  readonly message: string;
}

// `unknown` with this message is an undo under way; any other undo is over.
const underWay = 'going back';

function concluded(step: StepRun): Undone | undefined {
  return step.undo === undefined || step.undo.message === underWay ? undefined : step.undo;
}

async function undoStep(run: Runtime, id: string, index: number, resumed: boolean): Promise<Undone> {
  const record = run.book.get(id);
  const planned = record.plan.steps[index];
  const step = record.steps[index];
  if (planned === undefined || step?.before === undefined)
    return { status: 'failed', message: 'the journal does not say what to go back to' };
  const hand = handFor(run.deps, planned);
  if (typeof hand === 'string') return { status: 'failed', message: hand };
  if (!hand.kind.traits.reversible) return note(run, id, index, { status: 'skipped', message: 'it has no undo' });

  const look = await probe(run, hand, step.before, step.idempotencyKey);
  if (look.is === 'not-done')
    return note(run, id, index, { status: 'succeeded', message: `nothing of it is in effect: ${look.because}` });
  if (resumed && look.is === 'unknown') return note(run, id, index, { status: 'unknown', message: look.because });
  const held = await heldBack(run, record, index, hand);
  if (held !== undefined) return note(run, id, index, { status: 'failed', message: `held back: ${held}` });

  await untilSure(run.deps, run.book.signal);
  run.book.assertAlive();
  const key = idempotencyKey(record.plan.id, planned.id, step.attempt, 'undo');
  await run.book.change(id, (current) => {
    const atMs = run.deps.clock.nowMs();
    const next = withStep(current, index, { undo: { status: 'unknown', message: underWay } }, atMs);
    const body = { way: 'undo', action: planned.action, attempt: step.attempt, key };
    return { next, drafts: [draft(next, 'step-intent', atMs, body, { step: planned.id })] };
  });
  const { before } = step;
  const { result } = await perform(run.deps.clock, planned.timeoutMs, run.book.signal, (signal) =>
    whileLeading(run.deps, () =>
      hand.kind.undo(hand.params, before, key, contextFor(run.deps, hand, signal, planned.timeoutMs)),
    ),
  );
  run.book.assertAlive();
  return note(run, id, index, await judge(run, hand, before, step.idempotencyKey, result));
}

async function judge(
  run: Runtime,
  hand: Hand,
  before: Json,
  key: string,
  result: { readonly is: 'done' | 'failed' | 'unknown'; readonly message: string },
): Promise<Undone> {
  if (result.is === 'done') return { status: 'succeeded', message: result.message };
  if (result.is === 'failed') return { status: 'failed', message: result.message };
  const look = await probe(run, hand, before, key);
  const message = `${result.message}; looked again: ${look.because}`;
  return { status: look.is === 'not-done' ? 'succeeded' : 'unknown', message };
}

// The way back was authorised with the plan, so budgets and windows do not bar it. A stop by a person, a protected
// target or an agent that is unwell does.
async function heldBack(run: Runtime, record: ExecutionRecord, index: number, hand: Hand): Promise<string | undefined> {
  const holds: ReadonlySet<string> = new Set(['paused', 'unwell', 'policy-invalid', 'never', 'protected']);
  try {
    const observation = await observe(run.deps, hand, run.book.signal);
    if (observation.busy !== undefined) return observation.busy;
    const decision = await run.deps.decideLive(record.plan, index, observation, record.journal.approvals);
    if (decision.outcome !== 'deny') return undefined;
    if (holds.has(decision.code ?? 'policy-invalid')) return decision.reasons[0] ?? decision.decidedBy;
    // Our own act has changed the target, so "it changed since it was planned" denies first: what else denies counts.
    const other = decision.considered.find(
      ({ says, code }) => says === 'deny' && code !== undefined && holds.has(code),
    );
    return other === undefined ? undefined : `${other.rule}: ${other.because}`;
  } catch (thrown) {
    return WatchkeeperError.from(thrown).message;
  }
}

async function note(run: Runtime, id: string, index: number, undo: Undone): Promise<Undone> {
  const record = await run.book.change(id, (current) => {
    const atMs = run.deps.clock.nowMs();
    const step = current.steps[index];
    const phase = undo.status === 'succeeded' ? ({ phase: 'undone' } as const) : {};
    const next = withStep(current, index, { undo, ...phase }, atMs);
    const body = { attempt: step?.attempt ?? 0, status: undo.status };
    return {
      next,
      drafts: [draft(next, 'step-undone', atMs, body, { step: step?.stepId ?? '', message: undo.message })],
    };
  });
  void run.book.emit({ kind: 'step-undone', execution: record });
  return undo;
}
