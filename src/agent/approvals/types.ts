import type { Approval, ApprovalRequirement, Decision, DenyCode, Principal } from '../../domain/authority.ts';
import type { LedgerDraft } from '../../domain/ledger.ts';
import type { Clock, Log, Random } from '../../domain/ports/io.ts';
import type { Ledger } from '../../domain/ports/ledger.ts';
import type { Put, Store } from '../../domain/ports/store.ts';
import type { Plan } from '../../domain/remediation.ts';
import type { Json } from '../../lib/json.ts';
import type { AnswerResult, PendingApproval } from '../views.ts';

/** A person's answer as it came in. `who` is verified by the window it came through; groups are looked up here. */
export interface Answer {
  /** A plan's id or a prefix of it (8 characters at least), or an incident's id with one waiting plan. */
  readonly about: string;
  readonly who: Principal;
  readonly verdict: 'approve' | 'deny';
  readonly via: string;
  readonly comment?: string;
  /** The incident on whose card it was given, where the window knows: a plan of another is not answered from there. */
  readonly shownOn?: string;
}

/** What the desk of approvals works with. */
export interface ApprovalsOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly store: Store;
  readonly ledger: Ledger;
  readonly epoch: number;
  /** Group → principals. */
  readonly groups: () => Readonly<Record<string, readonly string[]>>;
  readonly policyDigest: () => string;
  readonly plan: (planId: string) => Plan | undefined;
  /** Decides again with these approvals, on live state; starts the plan when that says allow. */
  readonly proceed: (
    plan: Plan,
    approvals: readonly Approval[],
  ) => Promise<{ readonly decision: Decision; readonly executionId?: string }>;
  /** Whether a plan is being carried out, or was. */
  readonly begun: (plan: Plan) => boolean;
  /** What policy says of a plan now, when nobody has consented yet; asked when the policies have changed. */
  readonly reconsider: (plan: Plan) => Promise<Decision>;
  /** A plan's waiting is over without an act: what happens now. `code` when policy denied it. */
  readonly lapsed: (pending: PendingApproval, because: string, code?: DenyCode) => Promise<void>;
  /** A question is void, and not by an answer: people must hear so, and the case be decided anew. */
  readonly withdrawn: (pending: PendingApproval, because: string) => Promise<void>;
  readonly log: Log;
  /** Writes a refused answer into the ledger, or counts it where there are too many. */
  readonly noteRefusal: (draft: LedgerDraft) => Promise<void>;
  readonly counted: (verdict: 'approve' | 'deny' | 'refused') => void;
}

/** Consent: asked for, given or refused, and bound to what was shown (I4). */
export interface Approvals {
  request(plan: Plan, requirement: ApprovalRequirement): Promise<PendingApproval>;
  answer(answer: Answer): Promise<AnswerResult>;
  /**
   * Goes on with consent that could not be gone on with; asks policy again where it has changed; expires what nobody
   * answered: the next rung is asked, and after the last one the plan lapses.
   */
  tick(): Promise<void>;
  /** After a restart: what waited under another epoch is void, and is proposed anew by the pipeline. */
  resume(): Promise<void>;
  /** The plan is no longer what should be done. */
  withdraw(incidentId: string, because: string): Promise<void>;
  of(planId: string): PendingApproval | undefined;
  waiting(): readonly PendingApproval[];
  all(): readonly PendingApproval[];
  /** A principal's own groups with those that the escalations give them. */
  groupsOf(principal: Principal): readonly string[];
}

/** Writes a pending approval together with what the ledger is told of it. */
export type Save = (pending: PendingApproval, drafts: readonly LedgerDraft[]) => Promise<void>;

/** Who the drafts speak of. */
export function subjectOf(pending: PendingApproval): LedgerDraft['subject'] {
  return { incident: pending.incidentId, plan: pending.planId, service: pending.service, runbook: pending.runbook };
}

/** A ledger draft about a pending approval. */
export function draft(
  pending: PendingApproval,
  type: LedgerDraft['type'],
  atMs: number,
  body: LedgerDraft['body'],
  actor = 'watchkeeper',
): LedgerDraft {
  return { type, actor, atMs, subject: subjectOf(pending), body };
}

/** The row that keeps a pending approval. */
export function put(pending: PendingApproval): Put {
  return { space: 'approval', key: pending.planId, value: pending as unknown as Json };
}
