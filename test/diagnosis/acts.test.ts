import { describe, expect, it } from 'vitest';

import { actsOf } from '../../src/diagnosis/acts.ts';
import type { Change } from '../../src/domain/change.ts';
import { change, diagnoseWorld, logs, minute, onset, series } from './world.ts';

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

describe('packages that a machine got one after the other', () => {
  const upgraded = (name: string, minutesBefore: number, more: Partial<Change> = {}): Change =>
    change('host-web', minutesBefore, { id: name, kind: 'package', what: `package:${name}`, ...more });
  const many = Array.from({ length: 17 }, (_, index) => upgraded(`lib${index}`, 40 - index / 10));

  it('are one upgrade, which names the first of them and says how many more', () => {
    const { changes, actOf } = actsOf([...many, change('checkout', 1)]);
    expect(changes.map(({ what }) => what)).toEqual(['lib0, lib1, lib2 and 14 more packages', 'current']);
    expect([actOf('lib16'), actOf('lib0')]).toEqual(['lib0', 'lib0']);
    expect(changes[0]).not.toHaveProperty('to');
  });

  it.each([
    ['one alone', [upgraded('a', 40)]],
    ['two of different machines', [upgraded('a', 40), upgraded('b', 40, { service: 'host-db' })]],
    ['two with a quarter of an hour between them', [upgraded('a', 40), upgraded('b', 25)]],
  ])('%s stay as they are', (_title, changes: readonly Change[]) => {
    expect(actsOf(changes).changes).toEqual(changes);
  });

  it('crowd out neither the guilty release nor what was ruled out', () => {
    const late = change('checkout', -3, { id: 'late', to: 'v3' });
    const found = diagnoseWorld({
      ...world,
      hosts: ['host-web'],
      changes: [...many, change('checkout', 1, { id: 'guilty' }), late],
      changeId: 'guilty',
    });
    expect(found).toMatchObject({ verdict: 'conclusive', changeId: 'guilty' });
    expect(found.hypotheses.find(({ changeId }) => changeId === 'late')?.ruledOut).toContain('after the trouble began');
    const upgrade = found.hypotheses.find(({ changeId }) => changeId === 'lib0');
    expect(upgrade?.title).toBe('the change of lib0, lib1, lib2 and 14 more packages on host-web broke it');
  });
});

describe('errors in the log that are older than the release', () => {
  const release = change('checkout', 0.1, { id: 'guilty' });
  const lines = logs('checkout', 'client went away: broken pipe', 6, release.atMs - 31_000);

  it('do not clear it where a detector compared before and after it: they speak against it, and may be about something else', () => {
    const found = diagnoseWorld({ ...world, changes: [release], logs: lines, changeId: 'guilty' });
    expect(found).toMatchObject({ verdict: 'conclusive', changeId: 'guilty' });
    expect(found.hypotheses[0]?.against).toContainEqual(
      expect.objectContaining({ text: expect.stringContaining('came 31s before it') }),
    );
  });

  it('clear it where nothing else is known', () => {
    const found = diagnoseWorld({ ...world, changes: [release], logs: lines });
    expect(found.hypotheses.find(({ changeId }) => changeId === 'guilty')?.ruledOut).toContain('came 31s before it');
  });
});
