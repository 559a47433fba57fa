import type { Autonomy, Decision } from '../../domain/authority.ts';
import type { ActionTraits, Execution, Plan } from '../../domain/remediation.ts';
import type { Place } from '../../domain/places.ts';
import type { Labels, Sample } from '../../domain/telemetry.ts';
import type { MatrixRow } from '../../policy/index.ts';
import type { ParamRule } from '../../runbooks/index.ts';
import type { PendingApproval, Readiness, ServiceState, ServiceView, StatusView } from '../views.ts';
import type { IncidentBrief } from './incident-list.ts';

/** A service in a word. */
export interface ServiceBrief {
  readonly name: string;
  readonly team: string;
  readonly state: ServiceState;
  readonly because: string;
}

/** What is happening now, small enough for every look. */
export interface Overview extends Pick<
  StatusView,
  'version' | 'asOfMs' | 'startedAtMs' | 'ceiling' | 'paused' | 'unwell' | 'replica' | 'ledger'
> {
  readonly readiness: Readiness;
  readonly services: readonly ServiceBrief[];
  /** The newest open ones, at most a hundred; `openIncidents` says how many there are. */
  readonly incidents: readonly IncidentBrief[];
  readonly openIncidents: number;
  readonly approvals: readonly PendingApproval[];
  readonly running: readonly ExecutionBrief[];
  readonly sources: readonly SourceBrief[];
  readonly resources: { readonly ok: boolean; readonly problems: readonly string[] };
}

/** An execution in a line. */
export interface ExecutionBrief extends Pick<Execution, 'id' | 'status' | 'startedAtMs'> {
  readonly incidentId: string;
  readonly service: string;
  readonly runbook: string;
}

/** A source in a word. */
export interface SourceBrief {
  readonly id: string;
  readonly kind: string;
  readonly ok: boolean;
  readonly because: string;
}

/** An objective and what is left of its error budget; what is not known is absent. */
export interface SloView {
  readonly name: string;
  readonly objective: number;
  readonly windowMs: number;
  readonly signal: string;
  readonly remaining?: number;
  readonly burn?: number;
}

/** What became of the runs of one runbook on one service, as earned autonomy counts them. */
export interface TrackRecord {
  readonly runbook: string;
  readonly runs: number;
  readonly succeeded: number;
  readonly failed: number;
  readonly undone: number;
  readonly unknown: number;
  readonly lastAtMs: number;
}

/** One service with everything people ask of it. */
export interface ServiceDetail {
  readonly service: ServiceView;
  readonly labels: Labels;
  readonly owner: { readonly team: string; readonly escalate: string };
  readonly dependsOn: readonly string[];
  readonly dependents: readonly string[];
  readonly runsOn: readonly Place[];
  readonly origin: 'declared' | 'discovered';
  readonly slos: readonly SloView[];
  /** What policy lets happen to it at best, step by step. */
  readonly autonomy: readonly MatrixRow[];
  readonly record: readonly TrackRecord[];
}

/** Something that happened beside a chart's curve. */
export interface Mark {
  readonly atMs: number;
  readonly untilMs?: number;
  readonly kind: 'change' | 'action' | 'incident';
  readonly text: string;
  /** Of the change, execution or incident. */
  readonly id: string;
}

/** A signal over the time of an incident, beside what was expected of it. */
export interface Chart {
  readonly service: string;
  readonly signal: string;
  readonly unit: string;
  readonly labels: Labels;
  readonly seriesKey: string;
  readonly samples: readonly Sample[];
  /** Empty where no detector knew an envelope. */
  readonly expected: readonly { readonly tMs: number; readonly low: number; readonly high: number }[];
  /** Some alert of the incident is about it. */
  readonly alerting: boolean;
}

/** The charts of an incident, those of its alerts first, over one stretch of time, with the marks that belong to all. */
export interface Charts {
  readonly fromMs: number;
  readonly untilMs: number;
  readonly charts: readonly Chart[];
  readonly marks: readonly Mark[];
}

/** What policy lets happen at best, cell by cell. */
export interface MatrixView {
  readonly rows: readonly MatrixRow[];
  /** False while some services are still to be reckoned: ask again. */
  readonly complete: boolean;
}

/** A runbook as a form asks for it. */
export interface RunbookView {
  readonly name: string;
  readonly summary: string;
  readonly autonomy?: Autonomy;
  readonly notWhen?: string;
  readonly params: Readonly<Record<string, ParamRule>>;
  readonly steps: readonly { readonly id: string; readonly action: string; readonly traits: ActionTraits }[];
}

/** A plan that waits, with all that an answer needs: what is to be done, why, who asks, and whether the caller may answer. */
export interface ApprovalView {
  readonly approval: PendingApproval;
  readonly plan?: Plan;
  readonly decision?: Decision;
  readonly incident?: IncidentBrief;
  /** The diagnosis in a sentence. */
  readonly diagnosis?: string;
  /** Whether the caller is among those asked. The answer itself is judged when it is given. */
  readonly yours: boolean;
}
