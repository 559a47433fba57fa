import * as z from 'zod';

import type {
  AnswerResult,
  MatchView,
  MatrixRow,
  PendingApproval,
  PlanView,
  RequestResult,
} from '../../agent/index.ts';
import type { Approval, ApprovalRequirement, Decision, Principal, RuleConsidered } from '../../domain/authority.ts';
import { list, named, zAutonomy, zMs } from './common.ts';
import { zPlan } from './plans.ts';

const zOutcome = z.enum(['allow', 'require-approval', 'deny']);

const zDenyCode = z.enum([
  'no-rule',
  'never',
  'protected',
  'freeze',
  'storm',
  'bounds',
  'rate-budget',
  'attempts',
  'require',
  'condition',
  'autonomy',
  'paused',
  'unwell',
  'busy',
  'stale-plan',
  'approval-refused',
  'evaluation-error',
  'policy-invalid',
]);

const zRequirement = named<ApprovalRequirement>('ApprovalRequirement', 'Who may consent, how many, for how long.', {
  from: list(z.string()),
  need: z.int(),
  notSelf: z.boolean(),
  expiresMs: z.number(),
  then: list(z.string()),
  finally: zAutonomy,
});

const zRule = named<RuleConsidered>('RuleConsidered', 'One rule that was looked at, and what it said.', {
  rule: z.string(),
  says: z.enum(['allow', 'require-approval', 'deny', 'not-applicable']),
  because: z.string(),
  code: zDenyCode.exactOptional(),
});

/** A decision. */
export const zDecision = named<Decision>('Decision', "The machine's verdict on a plan, with every rule considered.", {
  id: z.string(),
  planId: z.string(),
  stepId: z.string().exactOptional(),
  outcome: zOutcome,
  code: zDenyCode.exactOptional(),
  decidedBy: z.string(),
  reasons: list(z.string()),
  considered: list(zRule),
  autonomy: zAutonomy,
  approval: zRequirement.exactOptional(),
  policyDigest: z.string(),
  inputDigest: z.string(),
  atMs: zMs,
});

/** Somebody who can be named in the ledger. */
export const zPrincipal = named<Principal>('Principal', 'Somebody who can be named in the ledger.', {
  id: z.string(),
  groups: list(z.string()),
});

const zApproval = named<Approval>('Approval', 'Consent or a veto, bound to plan, state, policy and epoch.', {
  id: z.string(),
  planId: z.string(),
  by: zPrincipal,
  verdict: z.enum(['approve', 'deny']),
  atMs: zMs,
  expiresAtMs: zMs,
  stateHash: z.string(),
  policyDigest: z.string(),
  epoch: z.number(),
  via: z.string(),
  comment: z.string().exactOptional(),
});

/** A plan that waits for people. */
export const zPendingApproval = named<PendingApproval>('PendingApproval', 'A plan that waits, or waited, for people.', {
  planId: z.string(),
  incidentId: z.string(),
  service: z.string(),
  runbook: z.string(),
  requirement: zRequirement,
  requestedAtMs: zMs,
  expiresAtMs: zMs,
  stateHash: z.string(),
  policyDigest: z.string(),
  epoch: z.number(),
  rung: z.number(),
  approvals: list(zApproval),
  owed: z.literal(true).exactOptional(),
  status: z.enum(['waiting', 'granted', 'denied', 'expired', 'void']),
  because: z.string().exactOptional(),
});

/** What came of an answer. */
export const zAnswerResult: z.ZodType<AnswerResult> = z
  .discriminatedUnion('is', [
    z.object({
      is: z.literal('recorded'),
      message: z.string(),
      decision: zDecision.exactOptional(),
      executionId: z.string().exactOptional(),
    }),
    z.object({ is: z.literal('refused'), message: z.string(), unknown: z.literal(true).exactOptional() }),
  ])
  .meta({ id: 'AnswerResult', description: "What came of a person's answer." });

/** What came of a request about an incident. */
export const zRequestResult = named<RequestResult>('RequestResult', 'What came of what a person asked for.', {
  is: z.enum(['done', 'refused']),
  message: z.string(),
  plan: zPlan.exactOptional(),
  decision: zDecision.exactOptional(),
});

/** Whether a runbook applied. */
export const zMatch = named<MatchView>('Match', 'Whether a runbook applied, and why (not).', {
  runbook: z.string(),
  matched: z.boolean(),
  because: z.string(),
  noPlan: z.string().exactOptional(),
});

/** What a runbook would do now. */
export const zPlanView = named<PlanView>('PlanView', 'What would be done now, on what, allowed by what.', {
  runbook: z.string(),
  service: z.string(),
  match: zMatch,
  plan: zPlan.exactOptional(),
  decision: zDecision.exactOptional(),
  because: z.string().exactOptional(),
});

/** A row of the policy matrix. */
export const zMatrixRow = named<MatrixRow>('MatrixRow', 'What policy lets happen to a service at best.', {
  runbook: z.string(),
  step: z.string(),
  action: z.string(),
  service: z.string(),
  outcome: zOutcome,
  code: zDenyCode.exactOptional(),
  rule: z.string(),
  because: z.string(),
  world: z.object({
    cause: z.enum(['change', 'dependency', 'resource', 'traffic', 'host', 'external', 'unknown']),
    confidence: z.number(),
    budgetRemaining: z.number(),
    earned: z.boolean(),
  }),
});
