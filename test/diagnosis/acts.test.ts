import { describe, expect, it } from 'vitest';

import { actsOf } from '../../src/diagnosis/acts.ts';
import type { Change } from '../../src/domain/change.ts';
import { change, diagnoseWorld, minute, onset, series } from './world.ts';

const at = onset - 3 * minute;
const sync: Change = change('checkout', 3, {
  ...{ id: 'sync', what: 'application/checkout', from: 'aaaa', to: 'bbbb', actor: 'ana', ref: 'https://x/commit/bbbb' },
  carried: { by: 'argocd-controller', fromMs: at - 10_000, untilMs: at + minute },
});
const rollout: Change = change('checkout', 3, {
  ...{ id: 'rollout', what: 'deployment/checkout', actor: 'argocd-controller', atMs: at + 2_000 },
  attributes: { hash: 'h2', diff: 'app.image: shop:v1 -> shop:v2' },
});
const world = {
  graph: { checkout: ['cart'] },
  series: [series('checkout/errors', 0.001, 0.2), series('checkout/traffic', 60), series('cart/errors', 0.001)],
};

describe('a sync and the rollout that it made', () => {
  it('are one act, with the commit of the one and the versions and the diff of the other', () => {
    const { changes, actOf } = actsOf([sync, rollout]);
    expect(changes).toEqual([
      expect.objectContaining({ id: 'sync', from: 'v1', to: 'v2', actor: 'ana', ref: 'https://x/commit/bbbb' }),
    ]);
    expect(changes[0]?.attributes).toMatchObject({ hash: 'h2', diff: 'app.image: shop:v1 -> shop:v2' });
    expect([actOf('rollout'), actOf('sync'), actOf('other')]).toEqual(['sync', 'sync', 'other']);
  });

  it('are as sure a cause as the rollout alone', () => {
    const alone = diagnoseWorld({ ...world, changes: [rollout], changeId: 'rollout' });
    const both = diagnoseWorld({ ...world, changes: [rollout, sync], changeId: 'rollout' });
    expect(both).toMatchObject({ verdict: 'conclusive', changeId: 'sync' });
    expect(both.confidence).toBeGreaterThanOrEqual(alone.confidence - 0.01);
  });
});

describe('what stays a change of its own', () => {
  it.each([
    ['what a person did meanwhile', { actor: 'kubectl-edit' }],
    ['what the same manager did before', { atMs: at - minute }],
    ['what the same manager did afterwards', { atMs: at + 2 * minute }],
    ['what it did to another service', { service: 'cart' }],
  ])('%s', (_title, more: Partial<Change>) => {
    expect(actsOf([sync, { ...rollout, ...more }]).changes).toHaveLength(2);
  });

  it('two syncs', () => {
    expect(actsOf([sync, { ...sync, id: 'sync 2', actor: 'argocd-controller' }]).changes).toHaveLength(2);
  });
});
