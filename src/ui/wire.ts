import type { Alert, Incident } from '../domain/alert.ts';
import type { Approval, ApprovalRequirement, Autonomy, Decision } from '../domain/authority.ts';
import type { Change, ChangeVerdict } from '../domain/change.ts';
import type { Diagnosis } from '../domain/diagnosis.ts';
import type { LedgerEntry } from '../domain/ledger.ts';
import type { Execution, Plan } from '../domain/remediation.ts';
import type { Sample } from '../domain/telemetry.ts';

// What the page reads of the API's answers, and no more. test/ui/wire.test.ts holds it against what the agent gives.

/** Whether a runbook applied, and why (not). */
export interface Match {
  readonly runbook: string;
  readonly matched: boolean;
  readonly because: string;
}

/** What was worked out about an incident. */
export interface CaseFile {
  readonly diagnosis?: Diagnosis;
  readonly matches: readonly Match[];
  readonly plans: readonly Plan[];
  readonly decisions: readonly Decision[];
  readonly suggestions: readonly string[];
  readonly standing: string;
  readonly snooze?: { readonly by: string; readonly untilMs: number };
}

/** An incident as a list tells it: without its story. */
export interface IncidentBrief extends Omit<Incident, 'timeline' | 'alerts'> {
  readonly alertCount: number;
  readonly last?: string;
}

/** `GET /api/v1/incidents`: a page, and where the next one begins. */
export interface IncidentPage {
  readonly incidents: readonly IncidentBrief[];
  readonly next?: string;
}

/** A plan that waits for people, or did. */
export interface Pending {
  readonly planId: string;
  readonly incidentId: string;
  readonly service: string;
  readonly runbook: string;
  readonly requirement: ApprovalRequirement;
  readonly requestedAtMs: number;
  readonly expiresAtMs: number;
  readonly rung: number;
  readonly approvals: readonly Approval[];
  readonly status: 'waiting' | 'granted' | 'denied' | 'expired' | 'void';
  readonly because?: string;
}

/** A signal with its recent course. */
export interface Signal {
  readonly signal: string;
  readonly unit: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly seriesKey: string;
  readonly latest?: Sample;
  readonly recent: readonly Sample[];
}

/** A service as it is now. */
export interface ServiceNow {
  readonly name: string;
  readonly team: string;
  readonly state: 'ok' | 'pending' | 'firing' | 'unknown';
  readonly because: string;
  readonly signals: readonly Signal[];
  readonly changes: readonly Change[];
  readonly verdicts: readonly ChangeVerdict[];
  readonly alerts: readonly Alert[];
}

/** A service in a word. */
export type ServiceBrief = Pick<ServiceNow, 'name' | 'team' | 'state' | 'because'>;

/** `GET /api/v1/overview`: what is happening now. */
export interface Overview {
  readonly version: string;
  readonly asOfMs: number;
  readonly startedAtMs: number;
  readonly ceiling: Autonomy;
  readonly paused?: { readonly by: string; readonly atMs: number; readonly reason: string };
  readonly unwell: readonly string[];
  readonly replica?: { readonly role: 'leader' | 'follower'; readonly name: string; readonly epoch: number };
  readonly services: readonly ServiceBrief[];
  readonly incidents: readonly IncidentBrief[];
  readonly openIncidents: number;
  readonly approvals: readonly Pending[];
  readonly running: readonly (Pick<Execution, 'id' | 'status' | 'startedAtMs'> & {
    readonly incidentId: string;
    readonly service: string;
    readonly runbook: string;
  })[];
  readonly sources: readonly {
    readonly id: string;
    readonly kind: string;
    readonly ok: boolean;
    readonly because: string;
  }[];
  readonly ledger: { readonly size: number; readonly origin: string };
  readonly resources: { readonly ok: boolean; readonly problems: readonly string[] };
}

/** An objective and what is left of its error budget; what is not known is absent. */
export interface Slo {
  readonly name: string;
  readonly objective: number;
  readonly windowMs: number;
  readonly signal: string;
  readonly remaining?: number;
  readonly burn?: number;
}

/** What became of the runs of one runbook on one service. */
export interface TrackRecord {
  readonly runbook: string;
  readonly runs: number;
  readonly succeeded: number;
  readonly failed: number;
  readonly undone: number;
  readonly unknown: number;
  readonly lastAtMs: number;
}

/** `GET /api/v1/services/:name`. */
export interface ServiceWhole {
  readonly service: ServiceNow;
  readonly labels: Readonly<Record<string, string>>;
  readonly owner: { readonly team: string; readonly escalate: string };
  readonly dependsOn: readonly string[];
  readonly dependents: readonly string[];
  readonly origin: 'declared' | 'discovered';
  readonly slos: readonly Slo[];
  readonly autonomy: readonly MatrixRow[];
  readonly record: readonly TrackRecord[];
}

/** A signal over a stretch of time, and what was expected of it. */
export interface Curve {
  readonly service: string;
  readonly signal: string;
  readonly unit: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly seriesKey: string;
  readonly samples: readonly Sample[];
  readonly expected: readonly { readonly tMs: number; readonly low: number; readonly high: number }[];
}

/** Something that happened beside the curves. */
export interface Mark {
  readonly atMs: number;
  readonly kind: 'change' | 'action' | 'incident';
  readonly text: string;
}

/** `GET /api/v1/incidents/:id/charts`. */
export interface Charts {
  readonly charts: readonly Curve[];
  readonly marks: readonly Mark[];
}

/** `GET /api/v1/approvals/:id`. */
export interface Question {
  readonly approval: Pending;
  readonly plan?: Plan;
  readonly decision?: Decision;
  readonly incident?: IncidentBrief;
  readonly diagnosis?: string;
  readonly yours: boolean;
}

/** `GET /api/v1/whoami`. */
export interface Me {
  readonly id: string;
  readonly role: string;
  readonly permissions: readonly string[];
  /** For a session: what every POST carries in X-CSRF-Token. */
  readonly csrf?: string;
}

/** `GET /auth/ways`: whether people can sign in with a provider. */
export interface Ways {
  readonly login: boolean;
}

/** `GET /api/v1/runbooks`, one of them. */
export interface RunbookBrief {
  readonly name: string;
  readonly summary: string;
}

/** What came of what a person asked for about an incident. */
export interface RequestResult {
  readonly is: 'done' | 'refused';
  readonly message: string;
}

/** `GET /api/v1/incidents/:id`. */
export interface IncidentWhole {
  readonly incident: Incident;
  readonly alerts: readonly Alert[];
  readonly file?: CaseFile;
  readonly approvals: readonly Pending[];
  readonly executions: readonly Execution[];
}

/** What came of an answer. */
export interface AnswerResult {
  readonly is: 'recorded' | 'refused';
  readonly message: string;
}

/** What a runbook would do now, and what policy says of it. */
export interface WhatIf {
  readonly runbook: string;
  readonly service: string;
  readonly match: Match;
  readonly plan?: Plan;
  readonly decision?: Decision;
  readonly because?: string;
}

/** A row of the policy matrix: what is said of a step at best, by which rule, and why. */
export interface MatrixRow {
  readonly runbook: string;
  readonly step: string;
  readonly action: string;
  readonly service: string;
  readonly outcome: Decision['outcome'];
  readonly rule: string;
  readonly because: string;
}

/** `GET /api/v1/ledger`. */
export interface LedgerHead {
  readonly size: number;
  readonly checkpoint: { readonly note: string; readonly size: number; readonly rootHex: string };
  readonly vkey: string;
}

/** An entry as a listing tells it: to be believed only after it was verified. */
export interface ListedEntry {
  readonly entry: LedgerEntry;
}

/** `GET /api/v1/ledger/entries/:seq`: an entry with all that proves it. Binary is base64. */
export interface EntryProof {
  readonly entry: LedgerEntry;
  readonly leaf: string;
  readonly proof: { readonly index: number; readonly size: number; readonly hashes: readonly string[] };
  readonly note: string;
  readonly payload?: { readonly data: string; readonly salt: string };
}
