import type { ActRecord, Decision } from '../../domain/authority.ts';
import type { Plan } from '../../domain/remediation.ts';
import { idempotencyKey, targetKey } from './keys.ts';
import type { ExecutionRecord, ExecutorDeps } from './types.ts';
import type { Approval } from '../../domain/authority.ts';

/** Why a plan is not begun at all. */
export interface Refusal {
  readonly status: 'denied' | 'expired';
  readonly code: string;
  readonly because: string;
}

/** The checks that need no look at the world. */
export function preflight(
  deps: ExecutorDeps,
  plan: Plan,
  decision: Decision,
  acts: readonly ActRecord[],
): Refusal | undefined {
  const nowMs = deps.clock.nowMs();
  if (decision.planId !== plan.id || decision.stepId !== undefined)
    return { status: 'denied', code: 'stale-plan', because: 'the decision is about something else' };
  if (decision.outcome === 'deny')
    return { status: 'denied', code: decision.code ?? 'no-rule', because: decision.reasons[0] ?? decision.decidedBy };
  if (plan.expiresAtMs <= nowMs)
    return { status: 'expired', code: 'stale-plan', because: 'the plan is too old to act on' };
  if (plan.steps.length === 0) return { status: 'denied', code: 'stale-plan', because: 'the plan has no steps' };
  if (new Set(plan.steps.map((step) => step.id)).size !== plan.steps.length)
    return { status: 'denied', code: 'stale-plan', because: 'two steps of the plan have one name' };
  return capped(plan, acts, nowMs);
}

/** I9: attempts are counted over what is stored, so that a restart does not begin at zero. */
function capped(plan: Plan, acts: readonly ActRecord[], nowMs: number): Refusal | undefined {
  const { per, max, inMs } = plan.attempts;
  const targets = new Set(plan.steps.map((step) => targetKey(step.target)));
  const counted = acts.filter(
    (act) =>
      act.runbook === plan.runbook.name &&
      act.atMs > nowMs - inMs &&
      (per === 'runbook' || (per === 'service' ? act.service === plan.service : targets.has(act.targetKey))),
  );
  const attempts = new Set(counted.map((act) => act.executionId)).size;
  if (attempts < max) return undefined;
  const because = `${plan.runbook.name} was already tried ${attempts} times per ${per} (at most ${max})`;
  return { status: 'denied', code: 'attempts', because };
}

/** A new execution, before anything has happened. */
export function freshRecord(
  deps: ExecutorDeps,
  id: string,
  plan: Plan,
  decision: Decision,
  approvals: readonly Approval[],
): ExecutionRecord {
  const nowMs = deps.clock.nowMs();
  return {
    id,
    plan,
    status: 'running',
    epoch: deps.epoch(),
    policyDigest: decision.policyDigest,
    startedAtMs: nowMs,
    updatedAtMs: nowMs,
    steps: plan.steps.map((step) => ({
      stepId: step.id,
      phase: approvals.length > 0 ? 'approved' : 'authorised',
      attempt: 0,
      idempotencyKey: idempotencyKey(plan.id, step.id, 1),
    })),
    baseline: deps.baseline(plan),
    journal: { approvals, expected: {}, partly: [] },
  };
}
