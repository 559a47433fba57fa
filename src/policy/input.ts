import type { ActRecord, AgentHealth, Approval, Autonomy } from '../domain/authority.ts';
import type { Incident } from '../domain/alert.ts';
import type { Change } from '../domain/change.ts';
import type { Diagnosis } from '../domain/diagnosis.ts';
import type { FactAlert } from '../domain/facts.ts';
import type { Observation, Plan } from '../domain/remediation.ts';
import type { Service } from '../domain/service.ts';
import type { Labels } from '../domain/telemetry.ts';
import type { PolicySet } from './policy-set.ts';

/**
 * Everything a decision may look at, and nothing else (I1). Plain data: recorded, it replays to the same decision,
 * byte for byte. Values are never changed after they were handed in; digests of them are remembered by identity.
 */
export interface DecisionInput {
  readonly asOfMs: number;
  readonly epoch: number;
  readonly plan: Plan;
  /** The step about to be taken. Absent: the whole plan, as it is when it is first proposed. */
  readonly stepId?: string;
  /** The execution this is part of: its own acts are neither in its way nor counted twice. */
  readonly executionId?: string;
  readonly incident: Pick<
    Incident,
    'id' | 'severity' | 'service' | 'services' | 'storm' | 'recurrenceOf' | 'openedAtMs' | 'mode'
  >;
  /** The incident's alerts. */
  readonly alerts: readonly FactAlert[];
  readonly diagnosis: Pick<Diagnosis, 'cause' | 'confidence' | 'verdict' | 'service' | 'gaps'>;
  /** The change the diagnosis names. */
  readonly change?: Change;
  readonly service: Service;
  /** Live state by step id. A step without one is refused. */
  readonly observations: Readonly<Record<string, Observation>>;
  /** State hash by step id, where our own earlier steps have moved a target on from what was planned. */
  readonly expectedState?: Readonly<Record<string, string>>;
  /** How each `require` and `abortIf` of the steps in question stands, live. One that is missing is a refusal. */
  readonly conditions: readonly ConditionResult[];
  /** Everything under way, ours and others' (I6). */
  readonly inFlight: readonly InFlightAct[];
  /** Past acts: at least the last 24 hours, and all that is kept of this runbook on this service. */
  readonly history: readonly ActRecord[];
  /** Labels of services that `history` and `inFlight` name; an act on a service that is not here counts everywhere. */
  readonly labelsOf?: Readonly<Record<string, Labels>>;
  readonly approvals: readonly Approval[];
  /** When people were first asked; absent while nobody has been. */
  readonly approvalRequestedAtMs?: number;
  /** Who belongs to which group (`group:sre` → principal ids), from the Escalation documents. */
  readonly groups: Readonly<Record<string, readonly string[]>>;
  /** Error budgets of the service by objective. A figure that is not known is absent. */
  readonly budgets: Readonly<Record<string, { readonly remaining?: number; readonly burn?: number }>>;
  readonly serviceHealth: { readonly total: number; readonly unhealthy: number };
  /** When `stormUnderway` was last true. */
  readonly lastStormMs?: number;
  readonly agent: AgentHealth;
  /** The daemon's own limit on autonomy; `suggest` when nothing was configured. */
  readonly ceiling: Autonomy;
  /** Caps on attempts, whatever any policy says (I9). Default `defaultCaps`. */
  readonly caps?: AttemptCaps;
  readonly policies: PolicySet;
}

/** One `require` or `abortIf` expression of a step, evaluated just now. */
export interface ConditionResult {
  readonly stepId: string;
  readonly is: 'require' | 'abortIf';
  readonly expression: string;
  /** `error`: it could not be evaluated, which refuses. */
  readonly outcome: 'true' | 'false' | 'error';
  readonly because: string;
}

/** Something that is being done right now. */
export interface InFlightAct {
  /** `watchkeeper`, or whoever it is. */
  readonly by: string;
  readonly executionId?: string;
  readonly service: string;
  /** `kind/id`, as `targetKey` makes it. */
  readonly targetKey: string;
  readonly action: string;
  readonly touched: number;
  readonly sinceMs: number;
}

/** At most `max` attempts within a time. */
export interface AttemptCap {
  readonly max: number;
  readonly inMs: number;
}

/** Executions, not steps, are counted. */
export interface AttemptCaps {
  readonly perTarget: AttemptCap;
  readonly perRunbook: AttemptCap;
  readonly total: AttemptCap;
  /** So many times in a row of one runbook on one target without success, and it is left to people. */
  readonly ineffective: AttemptCap;
}

const dayMs = 24 * 3_600_000;

/** What holds when the daemon's configuration says nothing. */
export const defaultCaps: AttemptCaps = {
  perTarget: { max: 4, inMs: dayMs },
  perRunbook: { max: 20, inMs: dayMs },
  total: { max: 50, inMs: dayMs },
  ineffective: { max: 2, inMs: dayMs },
};

export { targetKey } from '../domain/remediation.ts';
