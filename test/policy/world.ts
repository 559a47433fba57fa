import { digest } from '../../src/lib/canonical.ts';
import type { Json } from '../../src/lib/json.ts';
import type { ActRecord, Approval } from '../../src/domain/authority.ts';
import type { Observation, Plan, PlannedStep } from '../../src/domain/remediation.ts';
import type { Service } from '../../src/domain/service.ts';
import { decide, parsePolicy, planDigest, planStateHash, policySet } from '../../src/policy/index.ts';
import type { DecisionInput, Policy, PolicySet } from '../../src/policy/index.ts';

/** A Friday afternoon in November. */
export const NOW = Date.parse('2026-11-20T14:00:00Z');
export const HOUR = 3_600_000;

export function policy(name: string, spec: Json): Policy {
  const parsed = parsePolicy({
    apiVersion: 'watchkeeper.dev/v1alpha1',
    kind: 'Policy',
    metadata: { name, labels: {} },
    spec,
  });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.issues));
  return parsed.value;
}

export function issuesOf(spec: Json): readonly string[] {
  const parsed = parsePolicy({
    apiVersion: 'watchkeeper.dev/v1alpha1',
    kind: 'Policy',
    metadata: { name: 'p', labels: {} },
    spec,
  });
  return parsed.ok ? [] : parsed.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
}

/** A set of policies, each given as its spec; named p0, p1 ... */
export function policies(...specs: readonly Json[]): PolicySet {
  return policySet(specs.map((spec, index) => policy(`p${index}`, spec)));
}

/** Grants everything on every service. */
export const openSpec = { allow: [{ actions: ['*'], autonomy: 'act' }] };

export function service(more: Partial<Service> = {}): Service {
  return {
    name: 'shop',
    labels: { env: 'prod', tier: 'critical' },
    owner: { team: 'shop', escalate: 'oncall' },
    dependsOn: [],
    runsOn: [],
    telemetry: {},
    slos: [],
    origin: 'declared',
    ...more,
  };
}

export function step(more: Partial<PlannedStep> = {}): PlannedStep {
  return {
    id: 'restart',
    action: 'host.service-restart',
    params: {},
    target: { kind: 'host.unit', id: 'shop.service', service: 'shop', labels: { host: 'a' } },
    traits: { reversible: false, idempotent: true, destructive: false, scope: 'service' },
    timeoutMs: 60_000,
    retries: 0,
    require: [],
    abortIf: [],
    describe: 'restart shop',
    diff: [],
    blast: { touched: 1, total: 4, healthyAfter: 3, targets: ['shop.service'], dependents: [] },
    stateHash: 's0',
    ...more,
  };
}

export function plan(more: Partial<Omit<Plan, 'id'>> = {}): Plan {
  const rest: Omit<Plan, 'id'> = {
    incidentId: 'i1',
    service: 'shop',
    runbook: { name: 'restart-crashed-service', digest: 'r', summary: 'restart it' },
    diagnosisId: 'd1',
    params: {},
    steps: [step()],
    verify: [],
    onFail: ['escalate'],
    attempts: { per: 'target', max: 3, inMs: 6 * HOUR },
    because: 'it crashed',
    proposedBy: 'watchkeeper',
    createdAtMs: NOW - 1_000,
    expiresAtMs: NOW + 900_000,
    ...more,
  };
  return { id: planDigest({ id: '', ...rest }), ...rest };
}

export function observation(of: PlannedStep, more: Partial<Observation> = {}): Observation {
  return { target: of.target, atMs: NOW, facts: {}, stateHash: of.stateHash, blast: of.blast, ...more };
}

/** An input under which everything is well, and `specs` alone decide. */
export function input(specs: readonly Json[], more: Partial<DecisionInput> = {}): DecisionInput {
  const planned = more.plan ?? plan();
  return {
    asOfMs: NOW,
    epoch: 1,
    plan: planned,
    incident: {
      id: 'i1',
      severity: 'critical',
      service: 'shop',
      services: ['shop'],
      storm: false,
      openedAtMs: NOW - 60_000,
      mode: 'active',
    },
    alerts: [{ detector: 'down', kind: 'absence', signal: 'up' }],
    diagnosis: { cause: 'change', confidence: 0.9, verdict: 'conclusive', service: 'shop', gaps: [] },
    service: service(),
    observations: Object.fromEntries(planned.steps.map((each) => [each.id, observation(each)])),
    conditions: [],
    inFlight: [],
    history: [],
    approvals: [],
    groups: { 'group:oncall': ['cli:ana', 'cli:bo'], 'group:leads': ['cli:lea'] },
    budgets: { availability: { remaining: 0.8, burn: 1 } },
    serviceHealth: { total: 10, unhealthy: 1 },
    agent: { unwell: [] },
    ceiling: 'act',
    policies: policies(...specs),
    ...more,
  };
}

export function approvalOf(of: DecisionInput, more: Partial<Approval> = {}): Approval {
  return {
    id: 'a1',
    planId: of.plan.id,
    by: { id: 'cli:ana', groups: [] },
    verdict: 'approve',
    atMs: of.asOfMs,
    expiresAtMs: of.asOfMs + 900_000,
    stateHash: planStateHash(of.plan),
    policyDigest: of.policies.digest,
    epoch: of.epoch,
    via: 'cli',
    ...more,
  };
}

export function act(more: Partial<ActRecord> = {}): ActRecord {
  return {
    executionId: `x${digest(more).slice(0, 8)}`,
    planId: 'p',
    runbook: 'restart-crashed-service',
    service: 'shop',
    targetKey: 'host.unit/shop.service',
    action: 'host.service-restart',
    atMs: NOW - 10 * 60_000,
    outcome: 'succeeded',
    touched: 1,
    ...more,
  };
}

/** The outcome and its code in one word: `allow`, `require-approval`, `deny/freeze`. */
export function verdict(of: DecisionInput): string {
  const decision = decide(of);
  return decision.code === undefined ? decision.outcome : `${decision.outcome}/${decision.code}`;
}
