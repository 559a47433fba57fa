import type { Incident } from '../../src/domain/alert.ts';
import type { Decision } from '../../src/domain/authority.ts';
import type { Notice, NoticeChart } from '../../src/domain/ports/channel.ts';
import type { Plan } from '../../src/domain/remediation.ts';

const atMs = 1_767_225_600_000;

const incident: Incident = {
  id: 'inc-7',
  status: 'open',
  severity: 'critical',
  title: 'checkout: errors',
  service: 'checkout',
  services: ['checkout'],
  alerts: ['f1'],
  openedAtMs: atMs - 60_000,
  updatedAtMs: atMs,
  storm: false,
  mode: 'active',
  quietForMs: 0,
  timeline: [],
};

const plan: Plan = {
  id: 'abcdef0123456789abcdef',
  incidentId: 'inc-7',
  service: 'checkout',
  runbook: { name: 'roll-back-bad-deploy', digest: 'd', summary: 'Return to the previous version' },
  diagnosisId: 'diag-1',
  params: {},
  steps: [
    {
      id: 'rollback',
      action: 'host.release-rollback',
      params: {},
      target: { kind: 'release', id: '/srv/shop/current', service: 'checkout', labels: {} },
      traits: { reversible: true, idempotent: true, destructive: false, scope: 'service' },
      timeoutMs: 60_000,
      retries: 0,
      require: [],
      abortIf: [],
      describe: 'point /srv/shop/current from v3 back to v2, then restart shop',
      diff: ['current: v3 → v2'],
      blast: { touched: 1, total: 2, healthyAfter: 1, targets: ['shop-a'], dependents: ['web'] },
      stateHash: 's',
    },
  ],
  verify: [],
  onFail: ['undo', 'escalate'],
  attempts: { per: 'target', max: 2, inMs: 1 },
  because: 'v3 was deployed 4 minutes before the errors began',
  notWhen: 'a migration ran',
  proposedBy: 'watchkeeper',
  createdAtMs: atMs,
  expiresAtMs: atMs + 900_000,
};

const decision: Decision = {
  id: 'dec-1',
  planId: plan.id,
  outcome: 'require-approval',
  decidedBy: 'policy/prod allow[0]',
  reasons: ['autonomy is approve'],
  considered: [],
  autonomy: 'approve',
  approval: {
    from: ['group:oncall'],
    need: 1,
    notSelf: true,
    expiresMs: 600_000,
    then: [],
    finally: 'suggest',
  },
  policyDigest: 'p',
  inputDigest: 'i',
  atMs,
};

/** A notice that asks for consent, with everything a card can show. */
export const consentNeeded: Notice = {
  id: 'notice-9',
  kind: 'approval-needed',
  atMs,
  title: 'checkout: errors 12 times the usual since v3',
  lines: ['31% of requests fail, 2.5% before', 'v3 was deployed 4m earlier'],
  incident,
  plan,
  decision,
  ifNobodyAnswers: 'nothing is done, and the next rung is called',
};

/** The course of a signal that a deploy broke. */
export const brokenChart: NoticeChart = {
  title: 'checkout: errors',
  unit: 'ratio',
  seen: Array.from({ length: 60 }, (_, n) => ({ tMs: atMs - (60 - n) * 60_000, v: n < 40 ? 0.003 : 0.4 })),
  expected: Array.from({ length: 60 }, (_, n) => ({ tMs: atMs - (60 - n) * 60_000, low: 0, high: 0.02 })),
  marks: [{ atMs: atMs - 20 * 60_000, kind: 'change', text: 'deploy v3' }],
};
