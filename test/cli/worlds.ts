import type { Alert, Incident } from '../../src/domain/alert.ts';
import type { Decision } from '../../src/domain/authority.ts';
import type { Diagnosis } from '../../src/domain/diagnosis.ts';
import type { Execution, Plan } from '../../src/domain/remediation.ts';
import type { IncidentView, PendingApproval, StatusView } from '../../src/agent/index.ts';

/** Monday 2026-11-23 02:14:00 UTC: the hour this is made for. */
export const nowMs = Date.UTC(2026, 10, 23, 2, 14, 0);
const minute = 60_000;
const deployedMs = nowMs - 8 * minute;

const samples = Array.from({ length: 60 }, (_, index) => {
  const tMs = nowMs - (59 - index) * minute;
  return { tMs, v: tMs < deployedMs ? 0.002 + (index % 3) * 0.001 : 0.118 + (index % 4) * 0.006 };
});

export const incident: Incident = {
  id: '019ab2f4-1c80-7a11-8d2e-0c5a1b2c3d4e',
  status: 'open',
  severity: 'critical',
  title: 'checkout: 12% of requests fail since v3 was deployed',
  service: 'checkout',
  services: ['checkout', 'cart'],
  alerts: ['f1'],
  openedAtMs: nowMs - 6 * minute,
  updatedAtMs: nowMs,
  storm: false,
  mode: 'active',
  quietForMs: 0,
  timeline: [
    { atMs: deployedMs, kind: 'change', text: 'checkout was deployed: v2 to v3', ledgerSeq: 40 },
    { atMs: nowMs - 6 * minute, kind: 'opened', text: 'error-regression fires: 12% of requests fail', ledgerSeq: 41 },
    { atMs: nowMs - 5 * minute, kind: 'watch', text: 'v3 is the cause, 93% sure', ledgerSeq: 42 },
  ],
};

export const alert: Alert = {
  fingerprint: 'f1',
  detector: 'error-regression',
  kind: 'regression',
  service: 'checkout',
  signal: 'errors',
  labels: {},
  severity: 'critical',
  mode: 'active',
  status: 'firing',
  startsAtMs: nowMs - 7 * minute,
  firingAtMs: nowMs - 6 * minute,
  lastSeenMs: nowMs,
  flaps: [],
  finding: {
    detector: 'error-regression',
    kind: 'regression',
    service: 'checkout',
    signal: 'errors',
    labels: {},
    state: 'bad',
    atMs: nowMs,
    sinceMs: nowMs - 7 * minute,
    severity: 'critical',
    reason: 'errors are 12%, and after healthy deploys of checkout they are at most 0.8%',
    numbers: { seen: 0.12 },
    confidence: 0.99,
  },
  badForMs: 6 * minute,
  goodForMs: 0,
  silentForMs: 0,
  because: 'it was bad for 60s',
};

const diagnosis: Diagnosis = {
  id: 'd1',
  incidentId: incident.id,
  asOfMs: nowMs,
  verdict: 'conclusive',
  cause: 'change',
  service: 'checkout',
  changeId: 'c1',
  confidence: 0.93,
  summary: 'The deploy of v3 broke checkout: errors rose with it, and a new error is in its log.',
  hypotheses: [
    {
      id: 'h1',
      cause: 'change',
      service: 'checkout',
      changeId: 'c1',
      title: 'v3 of checkout is broken',
      confidence: 0.93,
      for: [
        { id: 'e1', kind: 'metric', text: 'errors rose from 0.3% to 12% within 40s of the deploy', weight: 3 },
        { id: 'e2', kind: 'log', text: 'new in the log since: "TypeError: price is undefined"', weight: 2 },
      ],
      against: [{ id: 'e3', kind: 'history', text: 'of 14 deploys before, none broke it', weight: -0.4 }],
    },
    {
      id: 'h2',
      cause: 'traffic',
      service: 'checkout',
      title: 'more traffic than usual',
      confidence: 0.02,
      for: [],
      against: [],
      ruledOut: 'traffic is what it was an hour ago',
    },
  ],
  gaps: [
    {
      source: 'prom',
      reason: 'timeout',
      message: 'payments-db did not answer in 3s',
      fromMs: nowMs - minute,
      untilMs: nowMs,
    },
  ],
};

export const plan: Plan = {
  id: '4f2a91c0d3e85b7766f0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f6',
  incidentId: incident.id,
  service: 'checkout',
  runbook: { name: 'roll-back-bad-deploy', digest: 'r', summary: 'Return to the release before' },
  diagnosisId: 'd1',
  changeId: 'c1',
  params: {},
  steps: [
    {
      id: 'rollback',
      action: 'host.release-rollback',
      params: {},
      target: { kind: 'release', id: '/srv/checkout/current', service: 'checkout', labels: {} },
      traits: { reversible: true, idempotent: true, destructive: false, scope: 'service' },
      timeoutMs: 5 * minute,
      retries: 1,
      require: ['target.revisions > 1'],
      abortIf: ["burn('availability') > 20"],
      describe: 'point /srv/checkout/current from v3 back to v2, then restart checkout',
      diff: ['- /srv/checkout/current -> v3', '+ /srv/checkout/current -> v2'],
      blast: { touched: 1, total: 4, healthyAfter: 3, targets: ['checkout'], dependents: ['web'] },
      stateHash: 's',
    },
  ],
  verify: [{ expect: 'errors < baseline * 1.2', withinMs: 10 * minute, forMs: 3 * minute }],
  onFail: ['undo', 'escalate'],
  attempts: { per: 'target', max: 2, inMs: 6 * 60 * minute },
  because: 'the cause is a deploy 8m old',
  notWhen: 'Not when a migration ran',
  proposedBy: 'watchkeeper',
  createdAtMs: nowMs - 5 * minute,
  expiresAtMs: nowMs + 55 * minute,
};

const decision: Decision = {
  id: 'dec1',
  planId: plan.id,
  outcome: 'deny',
  code: 'freeze',
  decidedBy: 'policy/prod freeze[black-friday]',
  reasons: ['Denied by policy/prod freeze[black-friday]: nothing is changed until 30 Nov'],
  considered: [
    { rule: 'guard/kill-switch', says: 'not-applicable', because: 'nobody paused it' },
    { rule: 'policy/prod freeze[black-friday]', says: 'deny', because: 'nothing is changed until 30 Nov' },
    { rule: 'policy/prod allow[0]', says: 'require-approval', because: '9 of 10 runs that would earn it' },
  ],
  autonomy: 'approve',
  policyDigest: 'p',
  inputDigest: 'i',
  atMs: nowMs - 5 * minute,
};

export const pending: PendingApproval = {
  planId: plan.id,
  incidentId: incident.id,
  service: 'checkout',
  runbook: 'roll-back-bad-deploy',
  requirement: {
    from: ['group:payments-oncall'],
    need: 1,
    notSelf: true,
    expiresMs: 15 * minute,
    then: [],
    finally: 'suggest',
  },
  requestedAtMs: nowMs - 3 * minute,
  expiresAtMs: nowMs + 12 * minute,
  stateHash: 's',
  policyDigest: 'p',
  epoch: 1,
  rung: 0,
  approvals: [],
  status: 'waiting',
};

const execution: Execution = {
  id: 'x-1',
  plan,
  status: 'verifying',
  epoch: 1,
  policyDigest: 'p',
  startedAtMs: nowMs - 2 * minute,
  updatedAtMs: nowMs,
  steps: [
    {
      stepId: 'rollback',
      phase: 'outcome',
      status: 'succeeded',
      attempt: 1,
      idempotencyKey: 'k',
      intentAtMs: nowMs - 2 * minute,
      message: 'checkout is on v2 and healthy',
    },
  ],
  verification: {
    status: 'pending',
    rules: [{ expect: 'errors < baseline * 1.2', status: 'pending', because: 'held for 50s of 3m' }],
    dueAtMs: nowMs + 8 * minute,
  },
  baseline: {},
};

const signal = { signal: 'errors', unit: 'ratio', labels: {}, seriesKey: 'checkout/errors{}', recent: samples };
const change = {
  id: 'c1',
  kind: 'deploy',
  service: 'checkout',
  atMs: deployedMs,
  what: 'current',
  from: 'v2',
  to: 'v3',
  source: 'host',
  attributes: {},
} as const;

/** An incident at its fullest. */
export const incidentView: IncidentView = {
  incident,
  alerts: [alert],
  file: {
    incidentId: incident.id,
    updatedAtMs: nowMs,
    diagnosis,
    matches: [
      { runbook: 'reclaim-disk', matched: false, because: "incident.signals does not hold 'disk'" },
      { runbook: 'roll-back-bad-deploy', matched: true, because: 'the cause is a deploy 8m old' },
    ],
    plans: [plan],
    decisions: [decision],
    executions: ['x-1'],
    suggestions: ['Look at the log of checkout around 02:06'],
    standing: 'watching whether roll-back-bad-deploy helped',
    noticed: [],
    tries: 1,
  },
  approvals: [pending],
  executions: [execution],
  changes: [change],
  series: [signal],
};

/** A night with something going on. */
export const statusView: StatusView = {
  version: '0.1.0',
  asOfMs: nowMs,
  startedAtMs: nowMs - 26 * 60 * minute,
  ceiling: 'approve',
  unwell: [],
  sources: [
    { id: 'host', kind: 'host', intervalMs: 5_000, startedMs: 0, lastAnswerMs: nowMs - 2_000, gaps: [], calls: 9 },
    {
      id: 'prom',
      kind: 'prometheus',
      intervalMs: 15_000,
      startedMs: 0,
      lastAnswerMs: nowMs - 40_000,
      gaps: diagnosis.gaps,
      calls: 3,
    },
  ],
  services: [
    {
      name: 'cart',
      team: 'shop',
      state: 'ok',
      because: 'no detector objects',
      signals: [{ ...signal, latest: { tMs: nowMs, v: 0.001 }, recent: samples.slice(0, 30) }],
      changes: [],
      verdicts: [],
      alerts: [],
    },
    {
      name: 'checkout',
      team: 'payments',
      state: 'firing',
      because: alert.finding.reason,
      signals: [{ ...signal, latest: { tMs: nowMs, v: 0.12 } }],
      changes: [change],
      verdicts: [],
      alerts: [alert],
    },
  ],
  incidents: [incident],
  approvals: [pending],
  running: [execution],
  gaps: diagnosis.gaps,
  ledger: { size: 1_234, origin: 'night.example/watchkeeper' },
  resources: {
    digest: 'd',
    loadedAtMs: nowMs - 3 * 60 * minute,
    ok: true,
    problems: [],
    counts: { services: 2, detectors: 17, runbooks: 3, policies: 1 },
  },
};
