import { describe, expect, test } from 'vitest';

import { decide, policySet } from '../../src/policy/index.ts';
import { canonicalJson } from '../../src/lib/canonical.ts';
import type { Json } from '../../src/lib/json.ts';
import { act, input, NOW, observation, openSpec, plan, policy, service, step, verdict } from './world.ts';

describe('what a policy grants', () => {
  test('nothing is allowed where there is no policy', () => {
    expect(verdict(input([]))).toBe('deny/no-rule');
  });

  test('an act that a rule grants is allowed, and the sentence names the rule', () => {
    const decision = decide(input([openSpec]));
    expect(decision.outcome).toBe('allow');
    expect(decision.decidedBy).toBe('policy/p0 allow[0]');
    expect(decision.reasons[0]).toBe('Allowed by policy/p0 allow[0]: it allows host.service-restart on shop.service');
    expect(decision.considered.map((each) => each.rule)).toContain('guard/kill-switch');
  });

  test('a rule about other actions, services or targets grants nothing', () => {
    for (const rule of [
      { actions: ['kubernetes.*'], autonomy: 'act' },
      { actions: ['*'], services: { tier: 'minor' }, autonomy: 'act' },
      { actions: ['*'], services: { name: ['pay-*'] }, autonomy: 'act' },
      { actions: ['*'], resources: { kind: ['pod'] }, autonomy: 'act' },
      { actions: ['*'], resources: { id: 'other*' }, autonomy: 'act' },
    ])
      expect(verdict(input([{ allow: [rule] }]))).toBe('deny/no-rule');
  });

  test('of several policies the strictest wins, and one that only restricts need not grant', () => {
    const suggest = { allow: [{ actions: ['*'], autonomy: 'suggest' }] };
    expect(verdict(input([openSpec, suggest]))).toBe('deny/autonomy');
    expect(verdict(input([openSpec, { allow: [] }]))).toBe('deny/no-rule');
    expect(verdict(input([openSpec, { protect: ['service:other'] }]))).toBe('allow');
    expect(verdict(input([openSpec, { scope: { env: 'dev' }, allow: [] }]))).toBe('allow');
    expect(verdict(input([openSpec, { actions: ['kubernetes.*'], allow: [] }]))).toBe('allow');
  });

  test('the ladder: observe and suggest deny, approve asks, act acts, and the lowest cap counts', () => {
    const at = (autonomy: string): Json => ({ allow: [{ actions: ['*'], autonomy }] });
    expect(verdict(input([at('observe')]))).toBe('deny/autonomy');
    expect(verdict(input([at('suggest')]))).toBe('deny/autonomy');
    expect(verdict(input([at('approve')]))).toBe('require-approval');
    expect(verdict(input([at('act')]))).toBe('allow');
    expect(verdict(input([at('act')], { ceiling: 'suggest' }))).toBe('deny/autonomy');
    expect(verdict(input([at('act')], { ceiling: 'approve' }))).toBe('require-approval');
    expect(verdict(input([at('act')], { plan: plan({ autonomy: 'suggest' }) }))).toBe('deny/autonomy');
  });

  test('a condition that is false does not grant; one that cannot be evaluated refuses whatever else grants', () => {
    const when = (source: string): Json => ({
      allow: [{ actions: ['*'], autonomy: 'act', when: source }],
    });
    expect(verdict(input([when('diagnosis.confidence >= 0.8')]))).toBe('allow');
    expect(verdict(input([when('diagnosis.confidence >= 0.95')]))).toBe('deny/condition');
    expect(verdict(input([when("budget('availability').remaining > 0.2")]))).toBe('allow');
    expect(verdict(input([when("budget('latency').remaining > 0.2")]))).toBe('deny/evaluation-error');
    expect(verdict(input([when('target.revisions > 1')]))).toBe('deny/evaluation-error');
    expect(verdict(input([when("change.kind == 'deploy'")]))).toBe('deny/evaluation-error');
    const both = { allow: [{ actions: ['*'], autonomy: 'act', when: 'target.revisions > 1' }, ...openSpec.allow] };
    expect(verdict(input([both]))).toBe('deny/evaluation-error');
    const budgets = { availability: {} };
    expect(verdict(input([when("budget('availability').remaining > 0.2")], { budgets }))).toBe('deny/evaluation-error');
  });
});

describe('the guards before any policy', () => {
  test('a paused, an unwell agent, or an unreadable policy denies', () => {
    const paused = { by: 'cli:ana', atMs: NOW, reason: 'maintenance' };
    const decision = decide(input([openSpec], { agent: { paused, unwell: [] } }));
    expect(decision).toMatchObject({ outcome: 'deny', code: 'paused', autonomy: 'observe' });
    expect(decision.reasons[0]).toContain('cli:ana paused everything: maintenance');
    expect(verdict(input([openSpec], { agent: { unwell: ['the clock jumped'] } }))).toBe('deny/unwell');
    const policies = policySet([policy('open', openSpec)], ['broken']);
    expect(verdict(input([], { policies }))).toBe('deny/policy-invalid');
  });

  test('an incident that only shadow detectors saw is never acted on', () => {
    const base = input([openSpec]);
    expect(verdict({ ...base, incident: { ...base.incident, mode: 'shadow' } })).toBe('deny/autonomy');
  });

  test('a plan that was edited, has expired, or belongs elsewhere is stale', () => {
    const base = plan();
    expect(verdict(input([openSpec], { plan: { ...base, because: 'edited' } }))).toBe('deny/stale-plan');
    expect(verdict(input([openSpec], { plan: plan({ expiresAtMs: NOW }) }))).toBe('deny/stale-plan');
    expect(verdict(input([openSpec], { plan: plan({ createdAtMs: NOW + 1 }) }))).toBe('deny/stale-plan');
    expect(verdict(input([openSpec], { plan: plan({ incidentId: 'other' }) }))).toBe('deny/stale-plan');
    expect(verdict(input([openSpec], { service: service({ name: 'cart' }) }))).toBe('deny/stale-plan');
    expect(verdict(input([openSpec], { plan: plan({ steps: [] }) }))).toBe('deny/stale-plan');
    expect(verdict(input([openSpec], { stepId: 'nope' }))).toBe('deny/stale-plan');
  });

  test('live state that is missing, old, of another target, or changed denies; our own change does not', () => {
    const at = (more: Parameters<typeof observation>[1]) => ({ observations: { restart: observation(step(), more) } });
    expect(verdict(input([openSpec], { observations: {} }))).toBe('deny/stale-plan');
    expect(verdict(input([openSpec], at({ atMs: NOW - 60_001 })))).toBe('deny/stale-plan');
    expect(verdict(input([openSpec], at({ atMs: NOW + 60_000 })))).toBe('deny/stale-plan');
    expect(verdict(input([openSpec], at({ target: { ...step().target, id: 'x' } })))).toBe('deny/stale-plan');
    expect(verdict(input([openSpec], at({ stateHash: 's1' })))).toBe('deny/stale-plan');
    expect(verdict(input([openSpec], { ...at({ stateHash: 's1' }), expectedState: { restart: 's1' } }))).toBe('allow');
  });

  test('a target that somebody else is at work on is left alone', () => {
    const busy = { observations: { restart: observation(step(), { busy: 'ansible' }) } };
    expect(verdict(input([openSpec], busy))).toBe('deny/busy');
    const other = {
      by: 'watchkeeper',
      executionId: 'x9',
      service: 'shop',
      targetKey: 'host.unit/shop.service',
      action: 'host.service-restart',
      touched: 1,
      sinceMs: NOW - 1_000,
    };
    expect(verdict(input([openSpec], { inFlight: [other] }))).toBe('deny/busy');
    expect(verdict(input([openSpec], { inFlight: [other], executionId: 'x9' }))).toBe('allow');
    expect(verdict(input([openSpec], { history: [act({ outcome: 'unknown' })] }))).toBe('deny/busy');
  });

  test('every require must be true and every abortIf false, and each must have been looked at', () => {
    const planned = plan({ steps: [step({ require: ['target.revisions > 1'], abortIf: ["burn('a') > 20"] })] });
    const result = (is: 'require' | 'abortIf', expression: string, outcome: 'true' | 'false' | 'error') => ({
      stepId: 'restart',
      is,
      expression,
      outcome,
      because: `${expression} is ${outcome}`,
    });
    const with_ = (a: 'true' | 'false' | 'error', b: 'true' | 'false' | 'error'): string =>
      verdict(
        input([openSpec], {
          plan: planned,
          conditions: [result('require', 'target.revisions > 1', a), result('abortIf', "burn('a') > 20", b)],
        }),
      );
    expect(with_('true', 'false')).toBe('allow');
    for (const [a, b] of [
      ['false', 'false'],
      ['error', 'false'],
      ['true', 'true'],
      ['true', 'error'],
    ] as const)
      expect(with_(a, b)).toBe('deny/require');
    expect(verdict(input([openSpec], { plan: planned }))).toBe('deny/require');
  });
});

test('the same input gives the same bytes, and any change of it another digest', () => {
  const one = decide(input([openSpec]));
  expect(canonicalJson(decide(input([openSpec])) as unknown as Json)).toBe(canonicalJson(one as unknown as Json));
  const others = [
    input([openSpec], { asOfMs: NOW + 1 }),
    input([openSpec], { epoch: 2 }),
    input([openSpec], { history: [act()] }),
    input([openSpec], { ceiling: 'approve' }),
    input([openSpec, { protect: ['a:b'] }]),
  ].map((each) => decide(each).inputDigest);
  expect(new Set([one.inputDigest, ...others]).size).toBe(6);
});
