import type { JsonObject } from '../lib/json.ts';

/** How far the machine may go by itself, in rising order. */
export type Autonomy = 'observe' | 'suggest' | 'approve' | 'act';

/** Who may consent, how many, how long it lasts, and what happens when nobody answers. */
export interface ApprovalRequirement {
  readonly from: readonly string[];
  readonly need: number;
  readonly notSelf: boolean;
  readonly expiresMs: number;
  /** Asked next when it expires; then `finally`. */
  readonly then: readonly string[];
  readonly finally: Autonomy;
}

/** One rule that was looked at, and what it said. Every decision lists all of them, in order. */
export interface RuleConsidered {
  /** `policy/prod allow[0]`, `policy/prod freeze[black-friday]`, `guard/kill-switch` ... */
  readonly rule: string;
  readonly says: 'allow' | 'require-approval' | 'deny' | 'not-applicable';
  readonly because: string;
  /** For a denial: which. Several may deny, and only the first decides. */
  readonly code?: DenyCode;
}

/** Closed: a metric label and the word that people grep for. */
export type DenyCode =
  | 'no-rule'
  | 'never'
  | 'protected'
  | 'freeze'
  | 'storm'
  | 'bounds'
  | 'rate-budget'
  | 'attempts'
  | 'require'
  | 'condition'
  | 'autonomy'
  | 'paused'
  | 'unwell'
  | 'busy'
  | 'stale-plan'
  | 'approval-refused'
  | 'evaluation-error'
  | 'policy-invalid';

/** The machine's verdict on a plan (or on one step, live, right before it). A function of its inputs (I1). */
export interface Decision {
  readonly id: string;
  readonly planId: string;
  /** Absent: the whole plan. */
  readonly stepId?: string;
  readonly outcome: 'allow' | 'require-approval' | 'deny';
  /** For a deny: the closed reason, and the rule that decided. */
  readonly code?: DenyCode;
  readonly decidedBy: string;
  readonly reasons: readonly string[];
  readonly considered: readonly RuleConsidered[];
  readonly autonomy: Autonomy;
  /** For require-approval, and for a deny that a person's consent would lift (`unless: approval.from(...)`). */
  readonly approval?: ApprovalRequirement;
  readonly policyDigest: string;
  /** Digest of every input: the same digest must give the same decision. */
  readonly inputDigest: string;
  readonly atMs: number;
}

/** Somebody who can be named in the ledger (I15). */
export interface Principal {
  /** `cli:ana`, `slack:U012AB3CD`, `oidc:ana@example.com`, `watchkeeper`. */
  readonly id: string;
  readonly groups: readonly string[];
}

/** What the holder of a token may do at the API; the table is in `src/api/roles.ts`. */
export type Role = 'viewer' | 'reporter' | 'approver' | 'operator' | 'admin';

/** A person's consent or veto, bound to the plan, the target's state, the policy and the epoch (I4). */
export interface Approval {
  readonly id: string;
  readonly planId: string;
  readonly by: Principal;
  readonly verdict: 'approve' | 'deny';
  readonly atMs: number;
  readonly expiresAtMs: number;
  readonly stateHash: string;
  readonly policyDigest: string;
  readonly epoch: number;
  readonly via: string;
  readonly comment?: string;
}

/** One past act, as budgets, attempt caps and earned autonomy count it. Rebuilt from the store, so it survives restarts. */
export interface ActRecord {
  readonly executionId: string;
  readonly planId: string;
  readonly runbook: string;
  readonly service: string;
  readonly targetKey: string;
  readonly action: string;
  readonly atMs: number;
  readonly outcome: 'succeeded' | 'failed' | 'undone' | 'unknown' | 'running';
  readonly touched: number;
}

/** Whether the agent itself is well enough to act (I11). Each reason is a sentence. */
export interface AgentHealth {
  readonly paused?: { readonly by: string; readonly atMs: number; readonly reason: string };
  readonly unwell: readonly string[];
}

/** Structured facts a decision was made on, recorded with it. */
export type DecisionFacts = JsonObject;
