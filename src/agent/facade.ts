import type { Alert } from '../domain/alert.ts';
import type { Principal } from '../domain/authority.ts';
import type { LedgerEntry } from '../domain/ledger.ts';
import type { InboundReply, InboundRequest } from '../domain/ports/channel.ts';
import type { Json } from '../lib/json.ts';
import type { EntryProof } from '../ledger/index.ts';
import type { CaseRequest } from './cases/index.ts';
import type {
  AnswerResult,
  IncidentView,
  LedgerView,
  PendingApproval,
  PlanView,
  Readiness,
  RequestResult,
  ServiceView,
  StatusView,
} from './views.ts';
import type { IncidentPage, IncidentQuery } from './windows/incident-list.ts';
import type { ApprovalView, Charts, MatrixView, Overview, RunbookView, ServiceDetail } from './windows/views.ts';

/** What came of something handed in from outside. */
export type Accepted = { readonly accepted: number; readonly problems: readonly string[] };

/**
 * The daemon as its windows (API, CLI, chat) see it. Reading never changes anything; whoever asks for a change is named
 * (I15). Every method is safe to call at any time between `start` and `stop`.
 */
export interface Agent {
  start(): Promise<void>;
  stop(): Promise<void>;
  status(): StatusView;
  services(): readonly ServiceView[];
  /** One service whole. `undefined` when there is none of that name. */
  service(name: string): ServiceDetail | undefined;
  /** What is happening now, in little. */
  overview(): Overview;
  runbooks(): readonly RunbookView[];
  incidents(query: IncidentQuery): Promise<IncidentPage>;
  /** By id or a prefix of it that names one incident. */
  incident(id: string): Promise<IncidentView | undefined>;
  /** The signals of an incident's services while it lasted, with what was expected of them and what happened beside. */
  charts(id: string): Promise<Charts | undefined>;
  alerts(): readonly Alert[];
  approvals(): readonly PendingApproval[];
  /** A question, waiting or over, as `who` sees it: by the plan's id. */
  approval(planId: string, who: Principal): Promise<ApprovalView | undefined>;
  answer(
    about: string,
    who: Principal,
    verdict: 'approve' | 'deny',
    via: string,
    comment?: string,
    shownOn?: string,
  ): Promise<AnswerResult>;
  /**
   * What a person asks for about an open incident, named by its id, a prefix of it, or the id of its waiting plan: to put it
   * off, to hand it over, or to do it with another runbook. Refused ones are in the ledger too.
   */
  request(about: string, request: CaseRequest, via: string): Promise<RequestResult>;
  /**
   * Something that a window itself turned away: who claimed to ask for what, why not, and from which address where that is known.
   * Written down, or counted where there is too much of it.
   */
  refused(who: string, what: string, via: string, because: string, from?: string): Promise<void>;
  /** What a channel's peer sent to the HTTP port. The channel verifies it; one that takes nothing answers `not-found`. */
  inbound(channel: string, request: InboundRequest): Promise<InboundReply>;
  pause(who: Principal, reason: string): Promise<void>;
  resume(who: Principal, reason: string): Promise<void>;
  /** What a runbook would do now. Changes nothing. */
  plan(runbook: string, service: string, params: Readonly<Record<string, Json>>): Promise<PlanView>;
  matrix(): MatrixView;
  /** A CI/CD system announces a change. */
  announce(body: Json, who: Principal): Promise<Accepted>;
  /** An Alertmanager webhook, version 4. */
  alertmanager(body: Json): Promise<Accepted>;
  readiness(): Readiness;
  /** Prometheus text format. */
  metrics(): Promise<string>;
  ledger(): Promise<LedgerView>;
  ledgerEntries(
    fromSeq: number,
    limit: number,
  ): Promise<readonly { readonly entry: LedgerEntry; readonly payload?: Json }[]>;
  /** How many entries there are, at no cost. */
  ledgerSize(): number;
  /** Entries without their payloads. */
  ledgerNews(fromSeq: number, limit: number): Promise<readonly LedgerEntry[]>;
  /** A C2SP tlog-proof: one entry with its inclusion proof and the signed checkpoint, verifiable offline. */
  ledgerProof(seq: number): Promise<string>;
  /** The same in parts, with what opens the payload's commitment: for a reader who recomputes it. */
  ledgerEntry(seq: number): Promise<EntryProof>;
  /** Writes the log as tlog-tiles into a folder: of how many entries, and how many files were new. */
  ledgerExport(folder: string): Promise<{ readonly size: number; readonly written: number }>;
  /** Checks the resources anew, now, and swaps them in when all of them are right. */
  reload(): Promise<{ readonly ok: boolean; readonly problems: readonly string[] }>;
}
