import type { Alert, Incident, Severity } from '../domain/alert.ts';
import type { Approval, ApprovalRequirement, Autonomy, Decision } from '../domain/authority.ts';
import type { Change, ChangeVerdict } from '../domain/change.ts';
import type { Diagnosis } from '../domain/diagnosis.ts';
import type { Checkpoint } from '../domain/ledger.ts';
import type { Execution, Plan } from '../domain/remediation.ts';
import type { Gap, Sample } from '../domain/telemetry.ts';
import type { SourceStatus } from './watch-sources.ts';

/** Whether a runbook applied, and the sentence why (not). */
export interface MatchView {
  readonly runbook: string;
  readonly matched: boolean;
  readonly because: string;
  /** It is for this, and no plan can be made: a cap is reached, a right is missing, an owner would undo it. */
  readonly noPlan?: string;
}

/**
 * Everything the watch worked out about one incident: why it acted, why it did not, and what it waits for. Kept in the
 * store under the incident's id, so that `explain` answers after a restart too.
 */
export interface CaseFile {
  readonly incidentId: string;
  readonly updatedAtMs: number;
  readonly diagnosis?: Diagnosis;
  readonly matches: readonly MatchView[];
  readonly plans: readonly Plan[];
  readonly decisions: readonly Decision[];
  readonly executions: readonly string[];
  readonly suggestions: readonly string[];
  /** Where the case stands, in a sentence: "waiting for group:oncall to approve", "no runbook matches". */
  readonly standing: string;
  /** Notices already sent for it, so that a restart repeats none. */
  readonly noticed: readonly string[];
  /** When it is looked at again without any news, and how often it was. */
  readonly retryAtMs?: number;
  readonly tries: number;
  /** How often an allowed plan was refused at the last moment. */
  readonly refusals?: number;
  /** Somebody put off being called about it. */
  readonly snooze?: Snooze;
}

/** Nobody is called about an incident until a time. It ends earlier when it gets worse or an act for it fails. */
export interface Snooze {
  readonly by: string;
  readonly atMs: number;
  readonly untilMs: number;
  /** How grave the incident was then: what is graver ends it. */
  readonly severity: Severity;
  readonly reason?: string;
}

/** What came of what a person asked for about an incident. `message` is the sentence for that person. */
export interface RequestResult {
  readonly is: 'done' | 'refused';
  readonly message: string;
  /** Of another runbook: the plan that was made, and the decision on it. */
  readonly plan?: Plan;
  readonly decision?: Decision;
}

/** A plan that waits for people. */
export interface PendingApproval {
  readonly planId: string;
  readonly incidentId: string;
  readonly service: string;
  readonly runbook: string;
  readonly requirement: ApprovalRequirement;
  readonly requestedAtMs: number;
  readonly expiresAtMs: number;
  readonly stateHash: string;
  readonly policyDigest: string;
  readonly epoch: number;
  /** 0: `from` is asked; 1: `then` as well. */
  readonly rung: number;
  readonly approvals: readonly Approval[];
  /** Consent that was given and not yet gone on with: it is gone on with by itself. */
  readonly owed?: true;
  readonly status: 'waiting' | 'granted' | 'denied' | 'expired' | 'void';
  readonly because?: string;
}

/** A signal of a service with its recent course, for a sparkline. */
export interface SignalView {
  readonly signal: string;
  readonly unit: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly seriesKey: string;
  readonly latest?: Sample;
  /** Recent samples, thinned, for a sparkline. */
  readonly recent: readonly Sample[];
}

/** The worst that is known of a service. `unknown`: it cannot be read, which is not `ok` (I10). */
export type ServiceState = 'ok' | 'pending' | 'firing' | 'unknown';

/** A service as a status line shows it. */
export interface ServiceView {
  readonly name: string;
  readonly team: string;
  readonly state: ServiceState;
  readonly because: string;
  readonly signals: readonly SignalView[];
  readonly changes: readonly Change[];
  /** What deploy-aware detectors concluded about them: why nobody was called, or what was held against one. */
  readonly verdicts: readonly ChangeVerdict[];
  readonly alerts: readonly Alert[];
}

/** Everything `watchkeeper status` and `GET /api/v1/status` tell. */
export interface StatusView {
  readonly version: string;
  readonly asOfMs: number;
  readonly startedAtMs: number;
  readonly ceiling: Autonomy;
  readonly paused?: { readonly by: string; readonly atMs: number; readonly reason: string };
  readonly unwell: readonly string[];
  /** Where several replicas share a store: which part this one has. A follower's picture lags, and it measures nothing. */
  readonly replica?: {
    readonly role: 'leader' | 'follower';
    readonly name: string;
    readonly leader?: string;
    readonly epoch: number;
  };
  readonly sources: readonly SourceStatus[];
  readonly services: readonly ServiceView[];
  readonly incidents: readonly Incident[];
  readonly approvals: readonly PendingApproval[];
  readonly running: readonly Execution[];
  readonly gaps: readonly Gap[];
  readonly ledger: { readonly size: number; readonly origin: string };
  readonly resources: {
    readonly digest: string;
    readonly loadedAtMs: number;
    readonly ok: boolean;
    readonly problems: readonly string[];
    readonly counts: Readonly<Record<string, number>>;
  };
}

/** One incident with everything that belongs to it. */
export interface IncidentView {
  readonly incident: Incident;
  readonly alerts: readonly Alert[];
  readonly file?: CaseFile;
  readonly approvals: readonly PendingApproval[];
  readonly executions: readonly Execution[];
  readonly changes: readonly Change[];
  readonly series: readonly SignalView[];
}

/** What came of a person's answer. */
export type AnswerResult =
  | { readonly is: 'recorded'; readonly message: string; readonly decision?: Decision; readonly executionId?: string }
  /** `unknown`: no plan that waits or waited has that id. */
  | { readonly is: 'refused'; readonly message: string; readonly unknown?: true };

/** What would be done by a runbook now, on what, allowed by what. Nothing is changed by asking. */
export interface PlanView {
  readonly runbook: string;
  readonly service: string;
  readonly match: MatchView;
  readonly plan?: Plan;
  readonly decision?: Decision;
  /** Why there is no plan. */
  readonly because?: string;
}

/** Whether the daemon watches, and if not, why. */
export interface Readiness {
  readonly ready: boolean;
  readonly reasons: readonly string[];
  /** What is not known any more of what sources watch. Acting on what it concerns waits; the daemon is ready all the same. */
  readonly stale: readonly string[];
}

/** How far the ledger has come, and the key that proves it. */
export interface LedgerView {
  readonly size: number;
  readonly checkpoint: Checkpoint;
  readonly vkey: string;
}
