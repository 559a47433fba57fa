import { canonicalJson } from '../../lib/canonical.ts';
import { WatchkeeperError } from '../../lib/errors.ts';
import type { Json, JsonObject } from '../../lib/json.ts';
import { limits } from '../../lib/limits.ts';
import type { Approval, Decision, DenyCode } from '../../domain/authority.ts';
import type { ActionContext, ActionKind } from '../../domain/ports/action.ts';
import { laterByMs } from '../../domain/remediation.ts';
import type { Observation, PlannedStep } from '../../domain/remediation.ts';
import type { Service } from '../../domain/service.ts';
import { within } from './bounded.ts';
import { asJson, targetKey } from './keys.ts';
import type { ExecutionRecord, ExecutorDeps } from './types.ts';

/** A hand made ready for one step. */
export interface Hand {
  readonly kind: ActionKind;
  readonly service: Service;
  readonly params: JsonObject;
}

/** Leave to act, with everything the intent will say; or why not. */
export type Authorised =
  | {
      readonly ok: true;
      readonly hand: Hand;
      readonly observation: Observation;
      readonly decision: Decision;
      readonly before: Json;
    }
  | { readonly ok: false; readonly code: DenyCode; readonly because: string; readonly decision?: Decision };

/** Finds the action, the service and the parameters of a step again, from what is loaded now. */
export function handFor(deps: ExecutorDeps, step: PlannedStep): Hand | string {
  const kind = deps.actions(step.action);
  if (kind === undefined) return `there is no action ${step.action}`;
  const service = deps.services(step.target.service);
  if (service === undefined) return `there is no service ${step.target.service}`;
  const params = kind.params.parse(step.params);
  if (!params.ok) return `the parameters of ${step.action} are not valid: ${params.issues[0]?.message ?? ''}`;
  return { kind, service, params: params.value };
}

/** What an action is told of its surroundings. */
export function contextFor(deps: ExecutorDeps, hand: Hand, signal: AbortSignal, timeoutMs: number): ActionContext {
  return { service: hand.service, io: deps.operatorIo, signal, timeoutMs, epoch: deps.epoch() };
}

/** Looks at a step's target, within a deadline. */
export function observe(deps: ExecutorDeps, hand: Hand, parent: AbortSignal): Promise<Observation> {
  return within(deps.clock, limits.observeTimeoutMs, parent, (signal) =>
    hand.kind.observe(hand.params, contextFor(deps, hand, signal, limits.observeTimeoutMs)),
  );
}

/**
 * The last gate before a step (I4): everything that was planned and approved is compared with the world as it is now,
 * and policy is asked again. Anything missing, different, or throwing is a refusal.
 */
export async function authorise(
  deps: ExecutorDeps,
  record: ExecutionRecord,
  index: number,
  signal: AbortSignal,
): Promise<Authorised> {
  const step = record.plan.steps[index];
  if (step === undefined) return refuse('stale-plan', `the plan has no step ${index}`);
  try {
    return await gate(deps, record, step, index, signal);
  } catch (thrown) {
    const error = WatchkeeperError.from(thrown);
    return refuse(error.code === 'conflict' ? 'stale-plan' : 'evaluation-error', error.message);
  }
}

async function gate(
  deps: ExecutorDeps,
  record: ExecutionRecord,
  step: PlannedStep,
  index: number,
  signal: AbortSignal,
): Promise<Authorised> {
  const hand = handFor(deps, step);
  if (typeof hand === 'string') return refuse('stale-plan', hand);
  if (canonicalJson(asJson(hand.kind.traits)) !== canonicalJson(asJson(step.traits)))
    return refuse('stale-plan', `${step.action} is not what it was when this was planned: its risk traits differ`);
  const target = hand.kind.target(hand.params, hand.service);
  if (targetKey(target) !== targetKey(step.target) || target.service !== step.target.service)
    return refuse('stale-plan', `it would now touch ${targetKey(target)}, not ${targetKey(step.target)}`);

  const observation = await calm(deps, hand, signal);
  if (observation.busy !== undefined) return refuse('busy', observation.busy);
  if (targetKey(observation.target) !== targetKey(step.target))
    return refuse('stale-plan', `what was observed is ${targetKey(observation.target)}`);
  if (observation.stateHash !== (record.journal.expected[step.id] ?? step.stateHash))
    return refuse('stale-plan', `${step.target.id} has changed since this was planned`);

  const conditions = await deps.conditions({ plan: record.plan, stepIndex: index, observation, when: 'before' });
  if (!conditions.ok) return refuse('require', conditions.because);
  const approvals = liveApprovals(record, index, deps);
  if (typeof approvals === 'string') return refuse('approval-refused', approvals);
  const decision = await deps.decideLive(record.plan, index, observation, approvals);
  if (decision.planId !== record.plan.id) return refuse('evaluation-error', 'the decision is about another plan');
  if (decision.outcome !== 'allow')
    return { ...refuse(decision.code ?? 'approval-refused', decision.reasons[0] ?? decision.decidedBy), decision };
  if (approvals.some((approval) => approval.policyDigest !== decision.policyDigest))
    return { ...refuse('stale-plan', 'the policy has changed since it was approved'), decision };
  hand.kind.preview(hand.params, observation);
  return { ok: true, hand, observation, decision, before: hand.kind.before(hand.params, observation) };
}

// Somebody else is acting: we hold for a while, since most deploys end, and then give way.
async function calm(deps: ExecutorDeps, hand: Hand, signal: AbortSignal): Promise<Observation> {
  const until = deps.clock.monotonicMs() + limits.busyHoldMs;
  for (;;) {
    const observation = await observe(deps, hand, signal);
    if (observation.busy === undefined || deps.clock.monotonicMs() >= until) return observation;
    await deps.clock.sleep(limits.busyPollMs, signal);
  }
}

// One veto stops it; consent that expired, or was given under another epoch, counts for nothing.
function liveApprovals(record: ExecutionRecord, index: number, deps: ExecutorDeps): readonly Approval[] | string {
  const about = record.journal.approvals.filter((approval) => approval.planId === record.plan.id);
  const veto = about.find((approval) => approval.verdict === 'deny');
  if (veto !== undefined) return `${veto.by.id} refused it`;
  const nowMs = deps.clock.nowMs();
  const laterMs = laterByMs(record.plan, index);
  return about.filter((approval) => approval.expiresAtMs + laterMs > nowMs && approval.epoch === deps.epoch());
}

function refuse(
  code: DenyCode,
  because: string,
): { readonly ok: false; readonly code: DenyCode; readonly because: string } {
  return { ok: false, code, because };
}
