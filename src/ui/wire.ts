import type { Alert, Incident } from '../domain/alert.ts';
import type { Approval, ApprovalRequirement, Autonomy, Decision } from '../domain/authority.ts';
import type { Change, ChangeVerdict } from '../domain/change.ts';
import type { Diagnosis } from '../domain/diagnosis.ts';
import type { LedgerEntry } from '../domain/ledger.ts';
import type { Execution, Plan } from '../domain/remediation.ts';
import type { Gap, Sample } from '../domain/telemetry.ts';
import type { Json } from '../lib/json.ts';

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

/** A source and how it is doing. */
export interface SourceNow {
  readonly id: string;
  readonly kind: string;
  readonly intervalMs: number;
  readonly startedMs: number;
  readonly lastAnswerMs?: number;
  readonly lastCompleteMs?: number;
  readonly gaps: readonly Gap[];
}

/** `GET /api/v1/status`. */
export interface Status {
  readonly version: string;
  readonly asOfMs: number;
  readonly startedAtMs: number;
  readonly ceiling: Autonomy;
  readonly paused?: { readonly by: string; readonly atMs: number; readonly reason: string };
  readonly unwell: readonly string[];
  readonly replica?: {
    readonly role: 'leader' | 'follower';
    readonly name: string;
    readonly leader?: string;
    readonly epoch: number;
  };
  readonly sources: readonly SourceNow[];
  readonly services: readonly ServiceNow[];
  readonly incidents: readonly Incident[];
  readonly approvals: readonly Pending[];
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

/** `GET /api/v1/incidents/:id`. */
export interface IncidentWhole {
  readonly incident: Incident;
  readonly alerts: readonly Alert[];
  readonly file?: CaseFile;
  readonly approvals: readonly Pending[];
  readonly executions: readonly Execution[];
  readonly changes: readonly Change[];
  readonly series: readonly Signal[];
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

/** A row of the policy matrix. */
export interface MatrixRow {
  readonly runbook: string;
  readonly step: string;
  readonly action: string;
  readonly service: string;
  readonly outcome: string;
  readonly rule: string;
}

/** `GET /api/v1/ledger`. */
export interface LedgerHead {
  readonly size: number;
  readonly checkpoint: { readonly note: string; readonly size: number; readonly rootHex: string };
  readonly vkey: string;
}

/** An entry as a listing tells it: to be believed only after its receipt was verified. */
export interface ListedEntry {
  readonly entry: LedgerEntry;
  readonly payload?: Json;
}
