import type { DenyCode } from '../domain/authority.ts';
import { laterByMs } from '../domain/remediation.ts';
import { formatDuration } from '../lib/duration.ts';
import { planDigest } from './digests.ts';
import { globMatches } from '../lib/glob.ts';
import { targetKey, type ConditionResult } from './input.ts';
import type { StepView, Verdict } from './view.ts';
import { vetoOf } from './approvals.ts';
import { limits } from '../lib/limits.ts';

/*
 * The guards: what holds before any policy is read, in the order in which a person would want to be told. Each says
 * `not-applicable` when it has nothing against the step, so that the record shows that it was asked.
 */

type Guard = (view: StepView) => readonly Verdict[];

function deny(rule: string, code: DenyCode, because: string): readonly Verdict[] {
  return [{ rule, says: 'deny', because, code }];
}

function calm(rule: string, because: string): readonly Verdict[] {
  return [{ rule, says: 'not-applicable', because }];
}

const killSwitch: Guard = ({ input }) => {
  const rule = 'guard/kill-switch';
  const { paused } = input.agent;
  if (paused === undefined) return calm(rule, 'nobody has paused it');
  return deny(rule, 'paused', `${paused.by} paused everything: ${paused.reason}`);
};

// I11: an agent that cannot trust itself observes and says so.
const agentHealth: Guard = ({ input }) => {
  const rule = 'guard/agent-health';
  if (input.agent.unwell.length === 0) return calm(rule, 'the agent is well');
  return deny(rule, 'unwell', `the agent itself is unwell: ${input.agent.unwell.join('; ')}`);
};

const policiesReadable: Guard = ({ input }) => {
  const rule = 'guard/policies';
  const { invalid } = input.policies;
  if (invalid.length === 0) return calm(rule, 'every policy can be read');
  return deny(rule, 'policy-invalid', `these policies cannot be read: ${invalid.join(', ')}`);
};

const shadow: Guard = ({ input }) => {
  const rule = 'guard/shadow';
  if (input.incident.mode === 'active') return calm(rule, 'an active detector found it');
  return deny(rule, 'autonomy', 'only detectors in shadow mode found this, and they never act');
};

const planFresh: Guard = ({ input, step }) => {
  const rule = 'guard/plan';
  const { plan, asOfMs } = input;
  if (planDigest(plan) !== plan.id) return deny(rule, 'stale-plan', 'the plan is not the one its id names');
  if (!plan.steps.includes(step)) return deny(rule, 'stale-plan', `the plan has no step ${step.id}`);
  const expiresAtMs = plan.expiresAtMs + (input.stepId === undefined ? 0 : laterByMs(plan, plan.steps.indexOf(step)));
  if (asOfMs >= expiresAtMs)
    return deny(rule, 'stale-plan', `the plan expired ${formatDuration(asOfMs - expiresAtMs)} ago`);
  if (asOfMs < plan.createdAtMs) return deny(rule, 'stale-plan', 'the plan is dated in the future');
  if (plan.incidentId !== input.incident.id) return deny(rule, 'stale-plan', 'the plan is for another incident');
  if (plan.service !== input.service.name) return deny(rule, 'stale-plan', 'the plan is for another service');
  return calm(rule, `the plan is ${formatDuration(asOfMs - plan.createdAtMs)} old`);
};

// I6: decided on what is there now, not on what was there when it was planned.
const liveState: Guard = ({ input, step, observation }) => {
  const rule = 'guard/state';
  if (observation === undefined)
    return deny(rule, 'stale-plan', `the live state of ${step.target.id} could not be read`);
  const age = input.asOfMs - observation.atMs;
  if (age > limits.observationMaxAgeMs || age < -limits.clockSkewMs)
    return deny(rule, 'stale-plan', `the state of ${step.target.id} was read ${formatDuration(age)} ago`);
  if (targetKey(observation.target) !== targetKey(step.target) || observation.target.service !== step.target.service)
    return deny(rule, 'stale-plan', `the plan is for ${step.target.id}, and ${observation.target.id} was observed`);
  const expected = input.expectedState?.[step.id] ?? step.stateHash;
  if (observation.stateHash !== expected)
    return deny(rule, 'stale-plan', `${step.target.id} has changed since this was planned`);
  return calm(rule, `${step.target.id} is as it was planned`);
};

const busy: Guard = ({ input, step, observation }) => {
  const rule = 'guard/busy';
  if (observation?.busy !== undefined) return deny(rule, 'busy', `${step.target.id} is busy: ${observation.busy}`);
  const key = targetKey(step.target);
  // Another target of the same service, by the same action, is a matter of bounds; by another action it is a collision.
  const other = input.inFlight.find(
    (act) =>
      !isOwn(act.executionId, input.executionId) &&
      (act.targetKey === key || (act.service === step.target.service && act.action !== step.action)),
  );
  if (other !== undefined)
    return deny(rule, 'busy', `${other.by} is already at work on ${other.targetKey}: ${other.action}`);
  const open = input.history.find(
    (act) =>
      act.targetKey === key &&
      !isOwn(act.executionId, input.executionId) &&
      (act.outcome === 'unknown' || act.outcome === 'running'),
  );
  if (open !== undefined)
    return deny(rule, 'busy', `nobody knows yet how an earlier ${open.action} on ${step.target.id} ended`);
  return calm(rule, `nobody else is at work on ${step.target.id}`);
};

function isOwn(executionId: string | undefined, mine: string | undefined): boolean {
  return executionId !== undefined && executionId === mine;
}

const conditions: Guard = (view) => {
  const { step } = view;
  const found: Verdict[] = [];
  for (const expression of step.require) found.push(condition(view, 'require', expression));
  for (const expression of step.abortIf) found.push(condition(view, 'abortIf', expression));
  return found;
};

function condition({ input, step }: StepView, is: ConditionResult['is'], expression: string): Verdict {
  const rule = `runbook/${input.plan.runbook.name} ${is}`;
  const result = input.conditions.find(
    (each) => each.stepId === step.id && each.is === is && each.expression === expression,
  );
  const wanted = is === 'require' ? 'true' : 'false';
  if (result === undefined) return { rule, says: 'deny', code: 'require', because: `${expression} was not looked at` };
  if (result.outcome === wanted) return { rule, says: 'not-applicable', because: result.because };
  return { rule, says: 'deny', code: 'require', because: result.because };
}

/** Ids are never reused, so an approved veto would be a contradiction; the first no ends it. */
const veto: Guard = ({ input }) => {
  const said = vetoOf(input);
  if (said === undefined) return calm('guard/veto', 'nobody has said no');
  const comment = said.comment === undefined ? '' : `: ${said.comment}`;
  return deny('guard/veto', 'approval-refused', `${said.by.id} said no${comment}`);
};

/** What Watchkeeper never touches, whatever is configured: itself. */
const builtIn = ['service:watchkeeper'];

const protectedTargets: Guard = ({ input, step, observation }) => {
  const names = namesOf(step.target);
  for (const other of observation?.blast.targets ?? []) names.push(`${step.target.kind}:${other}`);
  names.push(...(observation?.blast.names ?? []));
  const lists = [
    { rule: 'guard/protect', patterns: builtIn },
    ...input.policies.policies.map((policy) => ({ rule: `policy/${policy.name} protect`, patterns: policy.protect })),
  ];
  for (const { rule, patterns } of lists)
    for (const pattern of patterns) {
      const hit = names.find((name) => globMatches(pattern, name));
      if (hit !== undefined) return deny(rule, 'protected', `${hit} is protected by ${pattern}`);
    }
  return calm('guard/protect', `${step.target.id} is not protected`);
};

function namesOf(target: StepView['step']['target']): string[] {
  return [
    `${target.kind}:${target.id}`,
    `service:${target.service}`,
    ...Object.entries(target.labels).map(([key, value]) => `${key}:${value}`),
  ];
}

/** In the order in which they are asked and told. */
export const guards: readonly Guard[] = [
  killSwitch,
  agentHealth,
  policiesReadable,
  planFresh,
  shadow,
  veto,
  liveState,
  busy,
  conditions,
  protectedTargets,
];
