import type { Json, JsonObject } from '../lib/json.ts';
import type { Autonomy } from './authority.ts';
import type { Labels } from './telemetry.ts';

/** What an action touches. Policies protect and bound by it (`protect: [service:watchkeeper]`). */
export interface Target {
  readonly kind: string;
  readonly id: string;
  readonly service: string;
  readonly labels: Labels;
}

/** Names a target for locks and attempt caps: the same text wherever it is counted. */
export function targetKey(target: Pick<Target, 'kind' | 'id'>): string {
  return `${target.kind}/${target.id}`;
}

/**
 * Risk traits. They come from the action's code, never from YAML and never from a model (I7).
 * `scope` is how much one run can touch; `destructive` means data can be lost.
 */
export interface ActionTraits {
  readonly reversible: boolean;
  readonly idempotent: boolean;
  readonly destructive: boolean;
  readonly scope: 'process' | 'service' | 'host' | 'cluster' | 'external';
}

/** How much is touched, counted from live state at the moment of acting (I6). */
export interface BlastRadius {
  /** Units this act touches (processes, pods, hosts) and how many there are of them. */
  readonly touched: number;
  readonly total: number;
  /** Healthy units that would remain while it runs. */
  readonly healthyAfter: number;
  /** Healthy units right now, where that is known: an act that takes none of them away keeps what is healthy. */
  readonly healthyNow?: number;
  /** How many units there would be afterwards, or at most, for an act that changes their number. */
  readonly replicasAfter?: number;
  /** Other names of what is touched, as `protect` writes them: `namespace:kube-system`. */
  readonly names?: readonly string[];
  /** Named, for the card. */
  readonly targets: readonly string[];
  /** Services that depend on what is touched. Filled in by the agent from the catalog. */
  readonly dependents: readonly string[];
}

/** Live state of a target, read just now. `stateHash` changes when the target does: approvals are bound to it (I4). */
export interface Observation {
  readonly target: Target;
  readonly atMs: number;
  /** What `require`, `abortIf` and policies can name as `target.*`. */
  readonly facts: JsonObject;
  readonly stateHash: string;
  readonly blast: BlastRadius;
  /** Somebody else is acting on it right now: who and what. We hold. */
  readonly busy?: string;
}

/** One step, all parameters resolved. The executor has no choices left. */
export interface PlannedStep {
  readonly id: string;
  readonly action: string;
  readonly params: JsonObject;
  readonly target: Target;
  readonly traits: ActionTraits;
  readonly timeoutMs: number;
  readonly retries: number;
  /** CEL, evaluated live before the step: all must be true. */
  readonly require: readonly string[];
  /** CEL, evaluated live before and during the step: any true aborts. */
  readonly abortIf: readonly string[];
  /** What a person reads: "point /srv/shop/current from v3 back to v2, then restart shop". */
  readonly describe: string;
  /** Before → after, line by line. */
  readonly diff: readonly string[];
  readonly blast: BlastRadius;
  readonly stateHash: string;
  /** Of a step that the runbook has once and the plan once for each of several: which step, and for which of them. */
  readonly each?: { readonly step: string; readonly item: string };
  /** What must hold, by the signals of what this step was for, before the next step begins. */
  readonly between?: readonly VerifyRule[];
}

/** What must become true afterwards: `expect` holds for `forMs` within `withinMs`, or at `atMs` after the act. */
export interface VerifyRule {
  readonly expect: string;
  readonly withinMs?: number;
  readonly forMs?: number;
  readonly atMs?: number;
}

/** What is done when a step fails or verification does not succeed, in order. */
export type OnFail = 'undo' | 'escalate';

/** At most `max` attempts per target, service or runbook within a time (I9). */
export interface AttemptLimit {
  readonly per: 'target' | 'service' | 'runbook';
  readonly max: number;
  readonly inMs: number;
}

/** Immutable; `id` is the digest of everything else in it. An approval names it; any change makes another plan. */
export interface Plan {
  readonly id: string;
  readonly incidentId: string;
  readonly service: string;
  readonly runbook: { readonly name: string; readonly digest: string; readonly summary: string };
  readonly diagnosisId: string;
  readonly changeId?: string;
  readonly params: JsonObject;
  readonly steps: readonly PlannedStep[];
  readonly verify: readonly VerifyRule[];
  readonly onFail: readonly OnFail[];
  readonly attempts: AttemptLimit;
  /** Why this runbook, in a sentence. */
  readonly because: string;
  readonly notWhen?: string;
  /** The runbook's own limit on autonomy; absent: none beside the policy's. */
  readonly autonomy?: Autonomy;
  readonly proposedBy: string;
  readonly createdAtMs: number;
  readonly expiresAtMs: number;
}

/**
 * How much later than the first step another may begin: what the steps before it may take where it must be looked between
 * them. A plan, and the consent to it, are good for so much longer when they are under way.
 */
export function laterByMs(plan: Pick<Plan, 'steps'>, stepIndex: number): number {
  return plan.steps.slice(0, Math.max(0, stepIndex)).reduce((sum, { between = [], timeoutMs, retries }) => {
    if (between.length === 0) return sum;
    return sum + timeoutMs * (retries + 1) + Math.max(...between.map((rule) => rule.atMs ?? rule.withinMs ?? 0));
  }, 0);
}

/** How a step ended. `failed`: certainly did not happen; `errored`: our fault; `unknown`: nobody can tell (I5). */
export type StepStatus = 'succeeded' | 'failed' | 'errored' | 'inconclusive' | 'unknown' | 'skipped';

/** The journal of a step, in order: planned → authorised → approved? → intent → started → outcome → verified | undone. */
export type StepPhase =
  'planned' | 'authorised' | 'approved' | 'intent' | 'started' | 'outcome' | 'verified' | 'undone';

/** A step as the journal has it. */
export interface StepRun {
  readonly stepId: string;
  readonly phase: StepPhase;
  readonly status?: StepStatus;
  readonly attempt: number;
  /** SHA-256(plan, step, attempt): passed on to whatever is called, so that a repeat can be recognised. */
  readonly idempotencyKey: string;
  readonly intentAtMs?: number;
  readonly endedAtMs?: number;
  readonly message?: string;
  /** What undo needs, recorded with the intent. */
  readonly before?: Json;
  readonly undo?: { readonly status: StepStatus; readonly message: string };
  /** What was seen after it, before the next was to begin. */
  readonly between?: Verification;
}

/** Where an execution stands, or how it ended. */
export type ExecutionStatus =
  | 'waiting-approval'
  | 'running'
  | 'verifying'
  | 'succeeded'
  | 'failed'
  | 'undone'
  | 'unknown'
  | 'denied'
  | 'cancelled'
  | 'expired';

/** One plan being carried out (or not). */
export interface Execution {
  readonly id: string;
  readonly plan: Plan;
  readonly status: ExecutionStatus;
  readonly epoch: number;
  readonly policyDigest: string;
  readonly startedAtMs: number;
  readonly updatedAtMs: number;
  readonly endedAtMs?: number;
  readonly steps: readonly StepRun[];
  readonly verification?: Verification;
  /** Why it ended as it did, in a sentence. */
  readonly because?: string;
  /** Figures that `baseline` in verify rules refers to, taken before acting. */
  readonly baseline: Readonly<Record<string, number>>;
}

/** Did it help? `inconclusive` when the data does not say (I10). */
export interface Verification {
  readonly status: 'passed' | 'failed' | 'inconclusive' | 'pending';
  readonly rules: readonly {
    readonly expect: string;
    readonly status: 'passed' | 'failed' | 'inconclusive' | 'pending';
    readonly because: string;
    readonly sinceMs?: number;
  }[];
  readonly dueAtMs: number;
}
