import type { Approval, ApprovalRequirement, RuleConsidered } from '../domain/authority.ts';
import { laterByMs } from '../domain/remediation.ts';
import type { Plan } from '../domain/remediation.ts';
import { digest } from '../lib/canonical.ts';
import { formatDuration } from '../lib/duration.ts';
import type { DecisionInput } from './input.ts';

/** What a person's approval is bound to besides the plan's id: the state of every target as it was planned. */
export function planStateHash(plan: Plan): string {
  return digest(plan.steps.map((step) => [step.id, step.stateHash]));
}

/** Why an approval counts for nothing, or `undefined` when it stands (I4). */
export function whyRefused(approval: Approval, input: DecisionInput): string | undefined {
  if (approval.planId !== input.plan.id) return 'it was given for another plan';
  if (approval.policyDigest !== input.policies.digest) return 'the policy has changed since';
  if (approval.stateHash !== planStateHash(input.plan)) return 'the target has changed since';
  if (approval.epoch !== input.epoch) return 'another leader has taken over since';
  if (approval.atMs > input.asOfMs) return 'it is dated in the future';
  const expiresAtMs = approval.expiresAtMs + laterByMs(input.plan, stepIndexOf(input));
  if (expiresAtMs <= input.asOfMs) return `it expired ${formatDuration(input.asOfMs - expiresAtMs)} ago`;
  return undefined;
}

function stepIndexOf({ plan, stepId }: DecisionInput): number {
  return stepId === undefined ? 0 : plan.steps.findIndex((step) => step.id === stepId);
}

/** Whether `id` belongs to `from`: a group of the Escalation documents, or the very person. */
export function isOf(id: string, from: string, groups: DecisionInput['groups']): boolean {
  return from === id || (Object.hasOwn(groups, from) && (groups[from] ?? []).includes(id));
}

/** Whether somebody of `group` who did not propose it has consented to exactly this plan. */
export function consentOf(input: DecisionInput, group: string): boolean {
  return input.approvals.some(
    (approval) =>
      approval.verdict === 'approve' &&
      whyRefused(approval, input) === undefined &&
      approval.by.id !== input.plan.proposedBy &&
      isOf(approval.by.id, group, input.groups),
  );
}

/**
 * The first denial vetoes. It binds to the plan alone: a person who said no has said no, whatever has moved since.
 * Anybody whom an Escalation names may say it, the proposer too.
 */
export function vetoOf(input: DecisionInput): Approval | undefined {
  return input.approvals.find(
    (approval) =>
      approval.verdict === 'deny' &&
      approval.planId === input.plan.id &&
      (approval.by.id === input.plan.proposedBy ||
        Object.keys(input.groups).some((group) => isOf(approval.by.id, group, input.groups))),
  );
}

/** Every answer that came, and whether it counts; for the record. */
export function answersConsidered(input: DecisionInput): readonly RuleConsidered[] {
  const proposer = input.plan.proposedBy;
  return input.approvals.map((approval): RuleConsidered => {
    const rule = `approval/${approval.id}`;
    const who = approval.by.id;
    if (approval.verdict === 'deny') return { rule, says: 'not-applicable', because: `${who} said no` };
    const refused = whyRefused(approval, input);
    if (refused !== undefined)
      return { rule, says: 'not-applicable', because: `${who}'s approval is refused: ${refused}` };
    if (who === proposer)
      return { rule, says: 'not-applicable', because: `${who} proposed it, and nobody else has spoken` };
    return { rule, says: 'allow', because: `${who} approved this plan` };
  });
}

/** Where a request for consent stands. */
export type ApprovalStage =
  | { readonly is: 'asking'; readonly from: readonly string[]; readonly untilMs: number }
  | { readonly is: 'ended'; readonly atMs: number };

/** Whom to ask at `asOfMs` when asking began at `requestedAtMs`: first `from`, then `then` as well, then nobody. */
export function approvalStage(requirement: ApprovalRequirement, requestedAtMs: number, asOfMs: number): ApprovalStage {
  const firstUntilMs = requestedAtMs + requirement.expiresMs;
  if (asOfMs < firstUntilMs) return { is: 'asking', from: requirement.from, untilMs: firstUntilMs };
  const secondUntilMs = firstUntilMs + requirement.expiresMs;
  if (requirement.then.length > 0 && asOfMs < secondUntilMs)
    return { is: 'asking', from: [...requirement.from, ...requirement.then], untilMs: secondUntilMs };
  return { is: 'ended', atMs: requirement.then.length > 0 ? secondUntilMs : firstUntilMs };
}

/** Whether a requirement is met. */
export type Consent =
  | { readonly is: 'given'; readonly because: string }
  | { readonly is: 'awaited'; readonly because: string }
  | { readonly is: 'unanswered'; readonly because: string };

/** Counts the people who have consented: each once, of the groups asked, and (`notSelf`) not the proposer. */
export function consentTo(requirement: ApprovalRequirement, input: DecisionInput): Consent {
  const eligible = [...requirement.from, ...requirement.then];
  const requestedAtMs = input.approvalRequestedAtMs ?? input.asOfMs;
  const people = new Set<string>();
  for (const approval of input.approvals) {
    const who = approval.by.id;
    if (approval.verdict !== 'approve' || whyRefused(approval, input) !== undefined) continue;
    if (requirement.notSelf && who === input.plan.proposedBy) continue;
    const asked = approvalStage(requirement, requestedAtMs, approval.atMs);
    if (asked.is === 'asking' && asked.from.some((from) => isOf(who, from, input.groups))) people.add(who);
  }
  const { need } = requirement;
  const names = [...people].sort().join(', ');
  if (people.size >= need) return { is: 'given', because: `${names} approved (${people.size} of ${need} needed)` };
  if (approvalStage(requirement, requestedAtMs, input.asOfMs).is === 'ended')
    return { is: 'unanswered', because: `nobody of ${eligible.join(', ')} consented in time` };
  const nobody = eligible.every((from) => !reachable(from, input));
  const have = people.size === 0 ? 'none has yet' : `${people.size} has: ${names}`;
  return {
    is: 'awaited',
    because: `${need} of ${requirement.from.join(', ')} must consent, ${nobody ? 'and nobody belongs to it' : have}`,
  };
}

function reachable(from: string, input: DecisionInput): boolean {
  if (!from.startsWith('group:')) return true;
  return Object.hasOwn(input.groups, from) && (input.groups[from] ?? []).length > 0;
}
