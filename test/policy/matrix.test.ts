import { expect, test } from 'vitest';

import { policyDiff, policyMatrix } from '../../src/policy/index.ts';
import type { MatrixInput } from '../../src/policy/index.ts';
import { NOW, openSpec, policies, service, step } from './world.ts';

const matrix: MatrixInput = {
  asOfMs: NOW,
  steps: ['host.service-restart', 'host.release-rollback'].map((action) => ({
    runbook: 'rb',
    step: 's',
    action,
    traits: step().traits,
    params: {},
  })),
  services: [service(), service({ name: 'cart', labels: { env: 'dev' } })],
  groups: {},
};

const restarts = {
  allow: [
    {
      actions: ['*-restart'],
      services: { env: 'prod' },
      autonomy: 'act',
      earn: { runs: 5, success: '90%' },
      when: "diagnosis.cause == 'host'",
    },
  ],
};

test('the matrix shows for every step and service the most that may happen, and when', () => {
  const rows = policyMatrix(policies(restarts), matrix);
  expect(rows.map((row) => `${row.action} ${row.service} ${row.outcome} ${row.code ?? ''}`.trim())).toEqual([
    'host.service-restart shop allow',
    'host.service-restart cart deny no-rule',
    'host.release-rollback shop deny no-rule',
    'host.release-rollback cart deny no-rule',
  ]);
  expect(rows[0]).toMatchObject({ rule: 'policy/p0 allow[0]', world: { cause: 'host', earned: true } });
});

test('a diff names what is newly allowed and newly denied, with a witness of each', () => {
  const same = policyDiff(policies(restarts), policies(restarts), matrix);
  expect(same).toEqual({ wider: [], narrower: [] });
  const opened = policyDiff(policies(restarts), policies(openSpec), matrix);
  expect(opened.narrower).toEqual([]);
  expect(opened.wider).toHaveLength(4);
  expect(opened.wider[0]).toMatchObject({
    before: { service: 'shop', outcome: 'deny', code: 'condition' },
    after: { outcome: 'allow', world: { cause: 'change' } },
  });
  const closed = policyDiff(policies(openSpec), policies(openSpec, { never: [{ services: { env: 'dev' } }] }), matrix);
  expect(closed.wider).toEqual([]);
  expect(closed.narrower.map((change) => `${change.after.service} ${change.after.code ?? ''}`)).toEqual([
    'cart never',
    'cart never',
  ]);
});

test('whether anybody can be asked for consent is told by who belongs to the groups', () => {
  const asking = policies({ allow: [{ actions: ['*'], autonomy: 'approve', approval: { from: ['group:oncall'] } }] });
  const because = (groups: MatrixInput['groups']) => policyMatrix(asking, { ...matrix, groups })[0]?.because;
  expect(because({})).toContain('nobody belongs to it');
  expect(because({ 'group:oncall': ['token:ana'] })).not.toContain('nobody belongs to it');
});
