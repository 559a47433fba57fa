import type { Cause } from '../domain/diagnosis.ts';
import type { Decision, DenyCode } from '../domain/authority.ts';
import type { Plan, PlannedStep, Target } from '../domain/remediation.ts';
import type { Service } from '../domain/service.ts';
import type { JsonObject } from '../lib/json.ts';
import { decide } from './decide.ts';
import { planDigest } from './digests.ts';
import type { DecisionInput } from './input.ts';
import type { PolicySet } from './policy-set.ts';

/** One step of an enabled runbook, as far as policies look at it. */
export interface MatrixStep {
  readonly runbook: string;
  readonly step: string;
  readonly action: string;
  readonly traits: PlannedStep['traits'];
  readonly params: JsonObject;
}

/** What a matrix is reckoned over. */
export interface MatrixInput {
  readonly asOfMs: number;
  readonly steps: readonly MatrixStep[];
  readonly services: readonly Service[];
  /** Who belongs to each group that may be asked for consent. */
  readonly groups: Readonly<Record<string, readonly string[]>>;
}

/** The circumstances under which a cell of the matrix says what it says. */
export interface MatrixWorld {
  readonly cause: Cause;
  readonly confidence: number;
  /** Of every error budget. */
  readonly budgetRemaining: number;
  /** The runbook has a long and good record on the service. */
  readonly earned: boolean;
}

/** What the policies say about one step on one service at best, and in which circumstances. */
export interface MatrixRow {
  readonly runbook: string;
  readonly step: string;
  readonly action: string;
  readonly service: string;
  readonly outcome: Decision['outcome'];
  readonly code?: DenyCode;
  readonly rule: string;
  readonly because: string;
  readonly world: MatrixWorld;
}

const causes: readonly Cause[] = ['change', 'dependency', 'resource', 'traffic', 'host', 'external', 'unknown'];

/** Tried in this order; the first with the widest outcome stands in the row. */
const worlds: readonly MatrixWorld[] = [true, false].flatMap((earned) =>
  [0.95, 0.5].flatMap((confidence) =>
    [1, 0.1].flatMap((budgetRemaining) => causes.map((cause) => ({ cause, confidence, budgetRemaining, earned }))),
  ),
);

const width: Readonly<Record<Decision['outcome'], number>> = { deny: 0, 'require-approval': 1, allow: 2 };

/**
 * Every step against every service: the most that the policies let happen, over a fixed set of circumstances (cause,
 * confidence, budget, record) with one unit of ten touched and nothing in flight. It samples what may happen; it does
 * not prove what may not: conditions on live facts of a target show as evaluation errors here.
 */
export function policyMatrix(policies: PolicySet, matrix: MatrixInput): readonly MatrixRow[] {
  return matrix.steps.flatMap((step) =>
    matrix.services.map((service) =>
      worlds
        .map((world) => row(policies, step, service, matrix, world))
        .reduce((best, next) => (width[next.outcome] > width[best.outcome] ? next : best)),
    ),
  );
}

/** What a change of policies newly allows and newly denies, each with the circumstances that show it. */
export interface PolicyDiff {
  readonly wider: readonly PolicyChange[];
  readonly narrower: readonly PolicyChange[];
}

/** One cell that two sets of policies decide differently. */
export interface PolicyChange {
  readonly before: MatrixRow;
  readonly after: MatrixRow;
}

/** Compares two sets of policies in the same circumstances: for each step and service the first that differs, each way. */
export function policyDiff(before: PolicySet, after: PolicySet, matrix: MatrixInput): PolicyDiff {
  const wider: PolicyChange[] = [];
  const narrower: PolicyChange[] = [];
  for (const step of matrix.steps)
    for (const service of matrix.services) {
      const pairs = worlds.map((world) => ({
        before: row(before, step, service, matrix, world),
        after: row(after, step, service, matrix, world),
      }));
      const grown = pairs.find((pair) => width[pair.after.outcome] > width[pair.before.outcome]);
      const shrunk = pairs.find((pair) => width[pair.after.outcome] < width[pair.before.outcome]);
      if (grown !== undefined) wider.push(grown);
      if (shrunk !== undefined) narrower.push(shrunk);
    }
  return { wider, narrower };
}

type Circumstances = Pick<MatrixInput, 'asOfMs' | 'groups'>;

function row(
  policies: PolicySet,
  step: MatrixStep,
  service: Service,
  of: Circumstances,
  world: MatrixWorld,
): MatrixRow {
  const decision = decide(assumed(policies, step, service, of, world));
  return {
    runbook: step.runbook,
    step: step.step,
    action: step.action,
    service: service.name,
    outcome: decision.outcome,
    ...(decision.code === undefined ? {} : { code: decision.code }),
    rule: decision.decidedBy,
    because: decision.reasons[0] ?? '',
    world,
  };
}

function assumed(
  policies: PolicySet,
  step: MatrixStep,
  service: Service,
  { asOfMs, groups }: Circumstances,
  world: MatrixWorld,
): DecisionInput {
  const target: Target = { kind: 'service', id: service.name, service: service.name, labels: service.labels };
  const blast = { touched: 1, total: 10, healthyAfter: 9, targets: [target.id], dependents: [] };
  const planned = assumedPlan(step, service, target, asOfMs);
  return {
    asOfMs,
    epoch: 0,
    plan: planned,
    incident: {
      id: planned.incidentId,
      severity: 'critical',
      service: service.name,
      services: [service.name],
      storm: false,
      openedAtMs: asOfMs,
      mode: 'active',
    },
    alerts: [],
    diagnosis: {
      cause: world.cause,
      confidence: world.confidence,
      verdict: 'conclusive',
      service: service.name,
      gaps: [],
    },
    service,
    observations: { [step.step]: { target, atMs: asOfMs, facts: {}, stateHash: '', blast } },
    conditions: [],
    inFlight: [],
    history: world.earned ? record(step, service, asOfMs) : [],
    approvals: [],
    groups,
    budgets: Object.fromEntries(
      service.slos.map((slo) => [
        slo.name,
        { remaining: world.budgetRemaining, burn: world.budgetRemaining < 1 ? 10 : 0 },
      ]),
    ),
    serviceHealth: { total: 100, unhealthy: 1 },
    agent: { unwell: [] },
    ceiling: 'act',
    policies,
  };
}

function assumedPlan(step: MatrixStep, service: Service, target: Target, asOfMs: number): Plan {
  const plan: Omit<Plan, 'id'> = {
    incidentId: 'matrix',
    service: service.name,
    runbook: { name: step.runbook, digest: '', summary: '' },
    diagnosisId: 'matrix',
    params: {},
    steps: [
      {
        id: step.step,
        action: step.action,
        params: step.params,
        target,
        traits: step.traits,
        timeoutMs: 0,
        retries: 0,
        require: [],
        abortIf: [],
        describe: '',
        diff: [],
        blast: { touched: 1, total: 10, healthyAfter: 9, targets: [target.id], dependents: [] },
        stateHash: '',
      },
    ],
    verify: [],
    onFail: [],
    attempts: { per: 'target', max: 1, inMs: 1 },
    because: '',
    proposedBy: 'watchkeeper',
    createdAtMs: asOfMs,
    expiresAtMs: asOfMs + 1,
  };
  return { id: planDigest({ id: '', ...plan }), ...plan };
}

// Long ago enough to weigh on no cap, and longer than any record that is asked for.
function record(step: MatrixStep, service: Service, asOfMs: number): DecisionInput['history'] {
  const longAgoMs = 365 * 24 * 3_600_000;
  return Array.from({ length: 100 }, (_, index) => ({
    executionId: `record-${index}`,
    planId: '',
    runbook: step.runbook,
    service: service.name,
    targetKey: 'record',
    action: step.action,
    atMs: asOfMs - longAgoMs - index,
    outcome: 'succeeded',
    touched: 1,
  }));
}
