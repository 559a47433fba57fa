import type { Incident, IncidentStatus, TimelineEntry } from '../../domain/alert.ts';
import type { Approval, Decision, DenyCode, Principal } from '../../domain/authority.ts';
import type { Notice } from '../../domain/ports/channel.ts';
import type { Put } from '../../domain/ports/store.ts';
import type { Plan } from '../../domain/remediation.ts';
import type { Json } from '../../lib/json.ts';
import type { ExecutionEvent } from '../executor/index.ts';
import type { LogBook } from '../logbook.ts';
import type { SpanBook } from '../spanbook.ts';
import type { CaseFile, PendingApproval, RequestResult } from '../views.ts';
import type { Watch } from '../watch.ts';

/** The deciding half of the watch: each open incident is a case, worked on until it is settled or people have it. */
export interface Cases {
  /** Something is new about an incident. Cheap; the work happens in turn. */
  poke(incidentId: string): void;
  /**
   * An incident was resolved, or goes on as part of another: waiting consent is withdrawn, and whoever was told of one
   * that is over is told so. Cheap; the work happens in turn, never beside other work on the same case.
   */
  resolved(incident: Incident): void;
  /** Takes up cases whose time has come. */
  tick(): void;
  /** Consent came in: decides again, and starts the plan when that says allow. */
  proceed(
    plan: Plan,
    approvals: readonly Approval[],
  ): Promise<{ readonly decision: Decision; readonly executionId?: string }>;
  /** What policy says of a plan now, without anybody's consent. Changes nothing. */
  reconsider(plan: Plan): Promise<Decision>;
  /** Waiting is over without an act; `code` when policy denied it. */
  lapsed(pending: PendingApproval, because: string, code?: DenyCode): Promise<void>;
  /** A question is void, and not by an answer: people are told, and the case is decided anew. */
  withdrawn(pending: PendingApproval, because: string): Promise<void>;
  executionEvent(event: ExecutionEvent): Promise<void>;
  file(incidentId: string): Promise<CaseFile | undefined>;
  /** A plan that was made lately. */
  plan(planId: string): Plan | undefined;
  /** What a person asks for about an open incident, in turn with all other work on it: never beside it. */
  asked(incident: Incident, request: CaseRequest): Promise<RequestResult>;
  /** Until when nobody is to be called about an incident, because somebody put it off. */
  putOffUntil(incidentId: string): number | undefined;
  /** A notice with what is known of its incident by now. */
  renewed(notice: Notice): Notice;
  /** Reads back the cases of open incidents after a restart. Nothing is worked on by that: see `poke`. */
  restore(incidents: readonly Incident[]): Promise<void>;

  /** Waits until no case is being worked on. */
  idle(): Promise<void>;
}

/** What a person may ask for about an incident. `reason` stands in the ledger. */
export type CaseRequest = { readonly who: Principal; readonly reason?: string } & (
  | { readonly what: 'acknowledge' }
  | { readonly what: 'snooze'; readonly forMs: number }
  | { readonly what: 'hand-over'; readonly to?: string }
  | { readonly what: 'runbook'; readonly runbook: string; readonly params: Readonly<Record<string, Json>> }
);

/** What the cases need beside the watch. */
export interface CaseDeps {
  readonly watch: Watch;
  readonly logbook: LogBook;
  readonly spanbook: SpanBook;
  /**
   * Adds lines to an incident's timeline, and may mark it mitigated; gives the row to be written with the entry that
   * tells of it. `undefined` when the incident is not in memory any more.
   */
  readonly annotate: (incidentId: string, lines: readonly TimelineEntry[], status?: IncidentStatus) => Put | undefined;
}

/** An empty file for an incident that has just opened. */
export function newFile(incidentId: string, nowMs: number): CaseFile {
  return {
    incidentId,
    updatedAtMs: nowMs,
    matches: [],
    plans: [],
    decisions: [],
    executions: [],
    suggestions: [],
    standing: 'being looked at',
    noticed: [],
    tries: 0,
  };
}
