import { describe, expect, test } from 'vitest';

import { approvalStage, decide, planStateHash, stormUnderway } from '../../src/policy/index.ts';
import type { Json } from '../../src/lib/json.ts';
import {
  act,
  approvalOf,
  HOUR,
  input,
  issuesOf,
  NOW,
  observation,
  openSpec,
  plan,
  policies,
  service,
  step,
  verdict,
} from './world.ts';

const MINUTE = 60_000;
const at = (iso: string) => {
  const asOfMs = Date.parse(iso);
  const planned = plan({ createdAtMs: asOfMs - 1, expiresAtMs: asOfMs + HOUR });
  return { asOfMs, plan: planned, observations: { restart: observation(step(), { atMs: asOfMs }) } };
};

describe('consent', () => {
  const ask = (approval: object = {}): Json => ({
    allow: [{ actions: ['*'], autonomy: 'approve', approval: { from: ['group:oncall'], ...approval } }],
  });

  test('whoever belongs to the group may give it, and nobody else', () => {
    const base = input([ask()]);
    expect(decide(base)).toMatchObject({
      outcome: 'require-approval',
      autonomy: 'approve',
      approval: { from: ['group:oncall'], need: 1, notSelf: true, expiresMs: 15 * MINUTE, finally: 'suggest' },
    });
    expect(verdict({ ...base, approvals: [approvalOf(base)] })).toBe('allow');
    const stranger = approvalOf(base, { by: { id: 'cli:eve', groups: ['group:oncall'] } });
    expect(verdict({ ...base, approvals: [stranger] })).toBe('require-approval');
  });

  test('a rule that says nothing asks those who are called for the service', () => {
    const spec = { allow: [{ actions: ['*'], autonomy: 'approve' }] };
    expect(decide(input([spec])).approval?.from).toEqual(['group:oncall']);
  });

  test.each([
    ['another plan', { planId: 'other' }],
    ['another state of the target', { stateHash: 'other' }],
    ['another policy', { policyDigest: 'other' }],
    ['another epoch', { epoch: 2 }],
    ['a time that is over', { expiresAtMs: NOW }],
    ['a time to come', { atMs: NOW + 1 }],
  ])('an approval bound to %s is refused, and the record says why', (_what, more) => {
    const base = input([ask()]);
    const decision = decide({ ...base, approvals: [approvalOf(base, more)] });
    expect(decision.outcome).toBe('require-approval');
    expect(decision.considered.find((each) => each.rule === 'approval/a1')?.because).toContain('is refused');
  });

  test('nobody approves what they proposed, unless the rule lets them', () => {
    const mine = plan({ proposedBy: 'cli:ana' });
    const base = input([ask()], { plan: mine });
    expect(verdict({ ...base, approvals: [approvalOf(base)] })).toBe('require-approval');
    const lenient = input([ask({ notSelf: false })], { plan: mine });
    expect(verdict({ ...lenient, approvals: [approvalOf(lenient)] })).toBe('allow');
  });

  test('a quorum counts people, not answers', () => {
    const base = input([ask({ need: 2 })]);
    const ana = approvalOf(base);
    const again = approvalOf(base, { id: 'a2' });
    const bo = approvalOf(base, { id: 'a3', by: { id: 'cli:bo', groups: [] } });
    expect(verdict({ ...base, approvals: [ana, again] })).toBe('require-approval');
    expect(verdict({ ...base, approvals: [ana, bo] })).toBe('allow');
  });

  test('the first no ends it, however many said yes, and for acts that need nobody too', () => {
    for (const spec of [ask(), openSpec]) {
      const base = input([spec]);
      const no = approvalOf(base, { id: 'no', verdict: 'deny', by: { id: 'cli:bo', groups: [] }, epoch: 9 });
      expect(verdict({ ...base, approvals: [approvalOf(base), no] })).toBe('deny/approval-refused');
      const stranger = { ...no, by: { id: 'cli:eve', groups: [] } };
      expect(verdict({ ...base, approvals: [approvalOf(base), stranger] })).toBe('allow');
    }
  });

  test('when nobody answers the next are asked, then it ends', () => {
    const base = input([ask({ then: ['group:leads'], expires: '5m' })], { approvalRequestedAtMs: NOW });
    const { approval } = decide(base);
    if (approval === undefined) throw new Error('no requirement');
    expect(approvalStage(approval, NOW, NOW + 4 * MINUTE)).toMatchObject({ is: 'asking', from: ['group:oncall'] });
    expect(approvalStage(approval, NOW, NOW + 5 * MINUTE)).toMatchObject({
      is: 'asking',
      from: ['group:oncall', 'group:leads'],
    });
    expect(approvalStage(approval, NOW, NOW + 10 * MINUTE)).toEqual({ is: 'ended', atMs: NOW + 10 * MINUTE });
    const later = (minutes: number) => ({
      ...base,
      approvalRequestedAtMs: NOW - minutes * MINUTE,
      approvals: [] as ReturnType<typeof approvalOf>[],
    });
    const lead = { id: 'l', by: { id: 'cli:lea', groups: [] } };
    expect(verdict({ ...later(4), approvals: [approvalOf(base, lead)] })).toBe('require-approval');
    expect(verdict({ ...later(6), approvals: [approvalOf(base, lead)] })).toBe('allow');
    expect(verdict(later(11))).toBe('deny/approval-refused');
    expect(verdict({ ...later(11), approvals: [approvalOf(base, lead)] })).toBe('deny/approval-refused');
  });

  test('the state it is bound to is that of every step', () => {
    const one = plan();
    const other = plan({ steps: [step({ stateHash: 's1' })] });
    expect(planStateHash(one)).not.toBe(planStateHash(other));
  });
});

describe('freezes', () => {
  const absolute = { freeze: [{ name: 'bf', from: '2026-11-26T00:00:00Z', until: '2026-11-30T00:00:00Z' }] };
  const weekend = { freeze: [{ cron: '0 18 * * FRI', for: '62h', timezone: 'Europe/Berlin' }] };
  const night = { freeze: [{ cron: '30 2 * * *', for: '1h', timezone: 'Europe/Berlin' }] };

  test.each([
    [absolute, '2026-11-25T23:59:59Z', 'allow'],
    [absolute, '2026-11-26T00:00:00Z', 'deny/freeze'],
    [absolute, '2026-11-29T23:59:59Z', 'deny/freeze'],
    [absolute, '2026-11-30T00:00:00Z', 'allow'],
    // Winter: 18:00 is 17:00 UTC.
    [weekend, '2026-11-20T16:59:59Z', 'allow'],
    [weekend, '2026-11-20T17:00:00Z', 'deny/freeze'],
    [weekend, '2026-11-23T06:59:59Z', 'deny/freeze'],
    [weekend, '2026-11-23T07:00:00Z', 'allow'],
    // The clock goes back on the Sunday: begins at 16:00 UTC, lasts the same 62 hours.
    [weekend, '2026-10-23T15:59:59Z', 'allow'],
    [weekend, '2026-10-23T16:00:00Z', 'deny/freeze'],
    [weekend, '2026-10-26T05:59:59Z', 'deny/freeze'],
    [weekend, '2026-10-26T06:00:00Z', 'allow'],
    // The clock goes forward: begins at 17:00 UTC.
    [weekend, '2026-03-27T16:59:59Z', 'allow'],
    [weekend, '2026-03-27T17:00:00Z', 'deny/freeze'],
    [weekend, '2026-03-30T06:59:59Z', 'deny/freeze'],
    [weekend, '2026-03-30T07:00:00Z', 'allow'],
    // 02:30 does not exist on this day: it is frozen when the clock has jumped to 03:30.
    [night, '2026-03-29T01:29:59Z', 'allow'],
    [night, '2026-03-29T01:30:00Z', 'deny/freeze'],
    // 02:30 comes twice on this day: the first counts.
    [night, '2026-10-25T00:30:00Z', 'deny/freeze'],
    [night, '2026-10-25T01:29:59Z', 'deny/freeze'],
    [night, '2026-10-25T01:30:00Z', 'allow'],
  ] as const)('%#: at %s', (spec, iso, expected) => {
    expect(verdict(input([openSpec, spec], at(iso)))).toBe(expected);
    // Asked out of order, it answers the same.
    const shared = policies(openSpec, spec);
    verdict({ ...input([], at('2027-02-01T00:00:00Z')), policies: shared });
    expect(verdict({ ...input([], at(iso)), policies: shared })).toBe(expected);
  });

  test('a denial that consent would lift says whose, and consent lifts it', () => {
    const spec = { freeze: [{ ...absolute.freeze[0], unless: "approval.from('group:leads')" }] };
    const base = input([openSpec, spec], at('2026-11-27T00:00:00Z'));
    expect(decide(base)).toMatchObject({
      outcome: 'deny',
      code: 'freeze',
      autonomy: 'approve',
      approval: { from: ['group:leads'], need: 1 },
    });
    expect(decide(base).reasons[0]).toContain('frozen until 2026-11-30 00:00 UTC (3d more); group:leads may lift it');
    const lead = approvalOf(base, { by: { id: 'cli:lea', groups: [] } });
    expect(verdict({ ...base, approvals: [lead] })).toBe('allow');
    expect(verdict({ ...base, approvals: [approvalOf(base)] })).toBe('deny/freeze');
    expect(decide({ ...base, agent: { unwell: ['x'] } }).approval).toBeUndefined();
  });
});

describe('prohibitions', () => {
  test('never beats whatever is granted, here or elsewhere', () => {
    expect(verdict(input([openSpec, { never: [{ actions: ['host.*'] }] }]))).toBe('deny/never');
    expect(verdict(input([{ ...openSpec, never: [{ resources: { kind: ['host.*'] } }] }]))).toBe('deny/never');
    expect(verdict(input([openSpec, { never: [{ services: { labels: { env: 'prod' } } }] }]))).toBe('deny/never');
    expect(verdict(input([openSpec, { never: [{ actions: ['*.delete-*'] }] }]))).toBe('allow');
    expect(verdict(input([openSpec, { never: [{ when: "incident.severity == 'info'" }] }]))).toBe('allow');
    expect(verdict(input([openSpec, { never: [{ when: 'target.x == 1' }] }]))).toBe('deny/evaluation-error');
    expect(verdict(input([openSpec, { never: [{ unless: 'target.x == 1' }] }]))).toBe('deny/never');
    expect(verdict(input([openSpec, { never: [{ unless: 'blast.touched == 1' }] }]))).toBe('allow');
  });

  test('what is protected is protected everywhere, whatever the scope of the policy', () => {
    for (const pattern of ['service:shop', 'service:s*', 'host.unit:shop.service', 'host:a'])
      expect(verdict(input([openSpec, { scope: { env: 'dev' }, protect: [pattern] }]))).toBe('deny/protected');
    expect(verdict(input([openSpec, { protect: ['service:cart', 'pod:*'] }]))).toBe('allow');
    const own = plan({ service: 'watchkeeper' });
    const itself = step({ target: { ...step().target, service: 'watchkeeper' } });
    expect(
      verdict(
        input([openSpec], {
          plan: { ...own, ...plan({ service: 'watchkeeper', steps: [itself] }) },
          service: service({ name: 'watchkeeper' }),
          observations: { restart: observation(itself) },
        }),
      ),
    ).toBe('deny/protected');
  });

  test('a storm stops everything until it has been over for a while; few ill services are none', () => {
    const spec = { storm: { if: { unhealthyServices: '30%' }, do: 'observe', cooldown: '10m' } };
    const storm = { serviceHealth: { total: 10, unhealthy: 3 } };
    expect(decide(input([openSpec, spec], storm))).toMatchObject({ code: 'storm', autonomy: 'observe' });
    expect(verdict(input([openSpec, spec], { serviceHealth: { total: 1, unhealthy: 1 } }))).toBe('allow');
    expect(verdict(input([openSpec, spec], { lastStormMs: NOW - 10 * MINUTE + 1 }))).toBe('deny/storm');
    expect(verdict(input([openSpec, spec], { lastStormMs: NOW - 10 * MINUTE }))).toBe('allow');
    const base = input([openSpec, spec]);
    expect(verdict({ ...base, incident: { ...base.incident, storm: true } })).toBe('deny/storm');
    expect(stormUnderway(base.policies, storm.serviceHealth)).toBe(true);
    expect(stormUnderway(base.policies, { total: 10, unhealthy: 2 })).toBe(false);
    const softer = { storm: { if: { unhealthyServices: '30%' }, do: 'approve' } };
    const asked = input([openSpec, softer], storm);
    expect(verdict(asked)).toBe('require-approval');
    expect(verdict({ ...asked, approvals: [approvalOf(asked)] })).toBe('allow');
  });
});

describe('bounds', () => {
  const bounded = (bounds: object): Json => ({ allow: [{ actions: ['*'], autonomy: 'act', bounds: bounds as Json }] });
  const other = {
    by: 'ansible',
    service: 'shop',
    targetKey: 'host.unit/b',
    action: 'host.service-restart',
    touched: 1,
    sinceMs: NOW,
  };

  test('units count everything in flight on the service, ours and others', () => {
    expect(verdict(input([bounded({ units: '25%' })]))).toBe('allow');
    expect(verdict(input([bounded({ pods: '24%' })]))).toBe('deny/bounds');
    expect(verdict(input([bounded({ units: 1 })]))).toBe('allow');
    expect(verdict(input([bounded({ units: '25%' })], { inFlight: [other] }))).toBe('deny/bounds');
    expect(verdict(input([bounded({ units: '50%' })], { inFlight: [other] }))).toBe('allow');
    expect(verdict(input([bounded({ units: '25%' })], { inFlight: [{ ...other, service: 'cart' }] }))).toBe('allow');
    expect(verdict(input([bounded({ keepHealthy: '75%' })]))).toBe('allow');
    expect(verdict(input([bounded({ keepHealthy: '75%' })], { inFlight: [other] }))).toBe('deny/bounds');
    expect(verdict(input([bounded({ keepHealthy: 4 })]))).toBe('deny/bounds');
    expect(verdict(input([bounded({ parallel: 1 })], { inFlight: [other] }))).toBe('deny/bounds');
    expect(verdict(input([bounded({ parallel: 2 })], { inFlight: [other] }))).toBe('allow');
  });

  test('figures that cannot be right are refused', () => {
    const wrong = [
      ...[{ touched: 5 }, { touched: Number.NaN }, { healthyAfter: -1 }, { touched: 0.5 }],
      ...[{ healthyNow: -1 }, { replicasAfter: Number.NaN }],
    ];
    for (const blast of wrong) {
      const observations = { restart: observation(step(), { blast: { ...step().blast, ...blast } }) };
      expect(verdict(input([openSpec], { observations }))).toMatch(/^deny\//);
    }
  });

  test('an act that takes no healthy unit away is not barred by how few there are, one that takes one is', () => {
    const few = (healthyNow: number, healthyAfter: number) => ({
      observations: { restart: observation(step(), { blast: { ...step().blast, healthyNow, healthyAfter } }) },
    });
    expect(verdict(input([bounded({ keepHealthy: '51%' })], few(1, 1)))).toBe('allow');
    expect(verdict(input([bounded({ keepHealthy: '51%' })], few(0, 0)))).toBe('allow');
    expect(verdict(input([bounded({ keepHealthy: '51%' })], few(2, 1)))).toBe('deny/bounds');
    const other = {
      by: 'ana',
      service: 'shop',
      targetKey: 'host.unit/other',
      action: 'host.service-restart',
      touched: 1,
      sinceMs: NOW,
    };
    expect(verdict(input([bounded({ keepHealthy: '51%' })], { ...few(1, 1), inFlight: [other] }))).toBe('deny/bounds');
  });

  test('replicas are bounded as they would be, where the action says so and no parameter does', () => {
    const after = (replicasAfter: number) => ({
      observations: { restart: observation(step(), { blast: { ...step().blast, replicasAfter } }) },
    });
    expect(verdict(input([bounded({ replicasMax: 20 })], after(20)))).toBe('allow');
    expect(verdict(input([bounded({ replicasMax: 20 })], after(21)))).toBe('deny/bounds');
  });

  test('what an act touches elsewhere is protected by its other names', () => {
    const drain = {
      observations: { restart: observation(step(), { blast: { ...step().blast, names: ['namespace:kube-system'] } }) },
    };
    expect(verdict(input([openSpec], drain))).toBe('allow');
    expect(verdict(input([{ ...openSpec, protect: ['namespace:kube-*'] }], drain))).toBe('deny/protected');
  });

  test('a kind of target is forbidden by name, whatever grants it', () => {
    const never = { never: [{ resources: { kind: ['Namespace', 'PersistentVolumeClaim'] } }] };
    const on = (kind: string) => {
      const one = step({
        target: { kind, id: 'kubernetes/shop/data', service: 'shop', labels: { namespace: 'shop' } },
      });
      return { plan: plan({ steps: [one] }), observations: { restart: observation(one) } };
    };
    expect(verdict(input([openSpec, never], on('Deployment')))).toBe('allow');
    expect(verdict(input([openSpec, never], on('PersistentVolumeClaim')))).toBe('deny/never');
    expect(verdict(input([{ ...openSpec, protect: ['namespace:shop'] }], on('Deployment')))).toBe('deny/protected');
  });

  test('replicas are bounded by their parameter', () => {
    const scale = (replicas: Json) => plan({ steps: [step({ params: { replicas } })] });
    expect(verdict(input([bounded({ replicasMax: 20 })], { plan: scale(20) }))).toBe('allow');
    expect(verdict(input([bounded({ replicasMax: 20 })], { plan: scale(21) }))).toBe('deny/bounds');
    expect(verdict(input([bounded({ replicasMax: 20 })], { plan: scale('9') }))).toBe('deny/bounds');
  });

  test('rates count executions, whatever became of them, and only those the rule speaks about', () => {
    const past = (more: Parameters<typeof act>[0] = {}) =>
      [1, 2, 3].map((n) => act({ executionId: `x${n}`, targetKey: `host.unit/${n}`, ...more }));
    const hourly = bounded({ perHour: 3 });
    expect(verdict(input([hourly], { history: past().slice(1) }))).toBe('allow');
    expect(verdict(input([hourly], { history: past() }))).toBe('deny/rate-budget');
    expect(verdict(input([hourly], { history: past({ outcome: 'failed' }) }))).toBe('deny/rate-budget');
    expect(verdict(input([hourly], { history: past({ executionId: 'same' }) }))).toBe('allow');
    expect(verdict(input([hourly], { history: past({ atMs: NOW - HOUR }) }))).toBe('allow');
    expect(verdict(input([hourly], { history: past({ atMs: NOW + HOUR }) }))).toBe('deny/rate-budget');
    expect(verdict(input([bounded({ perDay: 3 })], { history: past({ atMs: NOW - HOUR }) }))).toBe('deny/rate-budget');
    expect(verdict(input([hourly], { history: past({ service: 'unheard-of' }) }))).toBe('deny/rate-budget');
    const rule = { allow: [{ actions: ['*'], services: { env: 'prod' }, autonomy: 'act', bounds: { perHour: 3 } }] };
    const labelsOf = { cart: { env: 'dev' } };
    expect(verdict(input([rule], { history: past({ service: 'cart' }), labelsOf }))).toBe('allow');
    const more = { allow: [...rule.allow, { actions: ['*'], autonomy: 'approve' }] };
    expect(verdict(input([more], { history: past() }))).toBe('require-approval');
  });

  test('a history that was stored and read back counts the same', () => {
    const history = [1, 2, 3].map((n) => act({ executionId: `x${n}`, targetKey: `host.unit/${n}` }));
    const before = input([bounded({ perHour: 3 })], { history });
    const after = { ...before, history: JSON.parse(JSON.stringify(history)) as typeof history };
    expect(decide(after)).toEqual(decide(before));
    expect(verdict(after)).toBe('deny/rate-budget');
  });
});

describe('attempts and trust', () => {
  test('caps hold per runbook and target, per target, per runbook, and in total', () => {
    const many = (count: number, more: Parameters<typeof act>[0]) =>
      Array.from({ length: count }, (_, n) => act({ executionId: `x${n}`, ...more }));
    expect(verdict(input([openSpec], { history: many(2, {}) }))).toBe('allow');
    expect(verdict(input([openSpec], { history: many(3, {}) }))).toBe('deny/attempts');
    expect(verdict(input([openSpec], { history: many(3, { atMs: NOW - 6 * HOUR }) }))).toBe('allow');
    expect(verdict(input([openSpec], { history: many(4, { runbook: 'other' }) }))).toBe('deny/attempts');
    expect(verdict(input([openSpec], { history: many(20, { targetKey: 'a/b' }) }))).toBe('deny/attempts');
    expect(verdict(input([openSpec], { history: many(50, { targetKey: 'a/b', runbook: 'o' }) }))).toBe('deny/attempts');
    expect(verdict(input([openSpec], { history: many(49, { targetKey: 'a/b', runbook: 'o' }) }))).toBe('allow');
    const own = { history: many(3, { executionId: 'me' }), executionId: 'me' };
    expect(verdict(input([openSpec], own))).toBe('allow');
  });

  test('what did not help twice is not tried again; a success in between clears it', () => {
    const past = (...outcomes: readonly ('failed' | 'undone' | 'succeeded')[]) =>
      outcomes.map((outcome, n) => act({ executionId: `x${n}`, outcome, atMs: NOW - (12 - n) * HOUR }));
    expect(verdict(input([openSpec], { history: past('failed') }))).toBe('allow');
    expect(verdict(input([openSpec], { history: past('failed', 'undone') }))).toBe('deny/attempts');
    expect(verdict(input([openSpec], { history: past('failed', 'undone', 'succeeded') }))).toBe('allow');
    expect(decide(input([openSpec], { history: past('failed', 'undone') })).reasons[0]).toContain('did not help');
  });

  test('trust is earned by this runbook on this service, by its newest runs, and lost again', () => {
    const spec = { allow: [{ actions: ['*'], autonomy: 'act', earn: { runs: 10, success: '95%' } }] };
    const runs = (good: number, bad = 0, more: Parameters<typeof act>[0] = {}) =>
      Array.from({ length: good + bad }, (_, n) =>
        act({
          executionId: `x${n}`,
          targetKey: 'host.unit/other',
          atMs: NOW - 40 * 24 * HOUR + n * HOUR,
          outcome: n < good ? 'succeeded' : 'failed',
          ...more,
        }),
      );
    expect(verdict(input([spec]))).toBe('require-approval');
    expect(verdict(input([spec], { history: runs(9) }))).toBe('require-approval');
    expect(verdict(input([spec], { history: runs(10) }))).toBe('allow');
    expect(verdict(input([spec], { history: runs(19, 1) }))).toBe('allow');
    expect(verdict(input([spec], { history: runs(100, 2) }))).toBe('require-approval');
    expect(verdict(input([spec], { history: runs(10, 0, { service: 'cart' }) }))).toBe('require-approval');
    expect(verdict(input([spec], { history: runs(10, 0, { runbook: 'other' }) }))).toBe('require-approval');
  });
});

test.each([
  [{ alow: [] }, 'spec.alow: unknown key alow'],
  [
    { allow: [{ actions: ['*'], autonomy: 'auto' }] },
    'spec.allow.0.autonomy: must be one of observe, suggest, approve, act',
  ],
  [
    { allow: [{ actions: ['*'], autonomy: 'act', when: 'diagnosis.x > 1' }] },
    'spec.allow.0.when: diagnosis has no field "x"',
  ],
  [{ never: [{ unless: 'aproval.from("g")' }] }, /^spec.never.0.unless: /],
  [{ freeze: [{ from: '2026-11-26', until: '2026-11-30' }] }, /^spec.freeze.0.from: must be a time with its offset/],
  [{ freeze: [{ cron: '0 18 * *', for: '1h' }] }, /^spec.freeze.0.cron: must have five fields/],
  [
    { freeze: [{ cron: '0 18 * * FRI', for: '1h', timezone: 'Berlin' }] },
    'spec.freeze.0.timezone: unknown time zone Berlin',
  ],
  [{ freeze: [{ name: 'x' }] }, 'spec.freeze.0: needs either from and until, or cron and for'],
  [{ protect: ['watchkeeper'] }, 'spec.protect.0: must be kind:id, such as service:checkout'],
  [
    { allow: [{ actions: ['*'], autonomy: 'approve', approval: { from: ['g'], finally: 'act' } }] },
    /finally: must be one of/,
  ],
  [
    { allow: [{ actions: ['*'], autonomy: 'act', bounds: { units: 1.5 } }] },
    /^spec.allow.0.bounds.units: must be a share/,
  ],
] as const)('%#: what is written wrong is refused where it stands', (spec, expected) => {
  const issues = issuesOf(spec);
  if (typeof expected === 'string') expect(issues[0]).toBe(expected);
  else expect(issues.join('\n')).toMatch(expected);
});

describe('a plan that goes from host to host', () => {
  const between = [{ expect: 'errors < 1', withinMs: 10 * MINUTE }];
  const steps = ['web-1', 'web-2', 'web-3'].map((host) =>
    step({
      id: `restart[${host}]`,
      target: { kind: 'unit', id: `${host}/shop.service`, service: 'shop', labels: { host } },
      each: { step: 'restart', item: host },
      between,
    }),
  );
  const planned = plan({ steps });
  const last = steps[2]!.id;
  const atMinute = (minute: number) => ({
    ...{ asOfMs: NOW + minute * MINUTE, plan: planned, stepId: last },
    observations: { [last]: observation(steps[2]!, { atMs: NOW + minute * MINUTE }) },
  });

  test('is good for as long as it takes to look between its steps, and no longer', () => {
    // It expires in 15 minutes; before the third step there are twice one minute of acting and ten of looking.
    expect(verdict(input([openSpec], atMinute(36)))).toBe('allow');
    expect(verdict(input([openSpec], atMinute(38)))).toBe('deny/stale-plan');
    expect(
      verdict(
        input([openSpec], { ...atMinute(36), plan: plan({ steps: steps.map(({ between: _no, ...one }) => one) }) }),
      ),
    ).toBe('deny/stale-plan');
  });

  test('has the consent that was given for it for as long, and no longer', () => {
    const ask = { allow: [{ actions: ['*'], autonomy: 'approve', approval: { from: ['group:oncall'] } }] };
    const asked = input([ask], { plan: planned });
    const given = approvalOf(asked, { expiresAtMs: NOW + 5 * MINUTE });
    const late = (minute: number) => ({
      ...input([ask], atMinute(minute)),
      approvals: [given],
      approvalRequestedAtMs: NOW,
    });
    expect(verdict(late(26))).toBe('allow');
    expect(verdict(late(28))).not.toBe('allow');
  });

  test('counts hosts before it where nobody looked between, and none where somebody did', () => {
    const one = { allow: [{ actions: ['*'], autonomy: 'act', bounds: { units: 1 } }] };
    expect(verdict(input([one], { plan: planned }))).toBe('allow');
    const blind = plan({ steps: steps.map(({ between: _none, ...rest }) => rest) });
    expect(verdict(input([one], { plan: blind }))).toBe('deny/bounds');
    const three = { allow: [{ actions: ['*'], autonomy: 'act', bounds: { units: 3 } }] };
    expect(verdict(input([three], { plan: blind }))).toBe('allow');
  });
});
