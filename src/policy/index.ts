/**
 * The envelope: what may be done, to what, how much, when, and with whose consent.
 *
 * `parsePolicy` reads what people write; `policySet` puts it together; `decide` is the one place where a plan, or a step
 * right before it is taken, is allowed, sent to people, or denied. A decision reads top to bottom in decide.ts: guards
 * (is the agent fit, is the plan fresh, is the target as planned and free), attempts, what policies forbid (`never`,
 * freezes), the storm brake, and last what policies grant. The strictest verdict wins, nothing granted is denied, and
 * every verdict is kept with its reason. Pure: time, history and live state are fields of DecisionInput, so a recorded
 * input replays to the same decision, byte for byte.
 */
export { approvalStage, planStateHash, whyRefused } from './approvals.ts';
export type { ApprovalStage } from './approvals.ts';
export { decideWithConsents } from './consents.ts';
export type { Consent } from './consents.ts';
export { decide } from './decide.ts';
export { inputDigest, planDigest } from './digests.ts';
export { policyEnvironment } from './environment.ts';
export { defaultCaps, targetKey } from './input.ts';
export type { AttemptCap, AttemptCaps, ConditionResult, DecisionInput, InFlightAct } from './input.ts';
export { lintPolicyTests } from './lint.ts';
export { policyDiff, policyMatrix } from './matrix.ts';
export type { MatrixInput, MatrixRow, MatrixStep, MatrixWorld, PolicyChange, PolicyDiff } from './matrix.ts';
export { parsePolicy, policySchema } from './parse.ts';
export { policySet } from './policy-set.ts';
export type { PolicySet } from './policy-set.ts';
export type { Policy } from './policy.ts';
export { stormUnderway } from './restrictions.ts';
