import { describe, expect, test } from 'vitest';

import type { Change } from '../../../src/domain/change.ts';
import { openShop, type Shop } from './shop.ts';

async function changes(shop: Shop): Promise<readonly Change[]> {
  await shop.clock.advance(2_000);
  return (await shop.collect()).changes.filter(({ service }) => service === 'checkout.shop');
}

async function running(more = {}): Promise<Shop> {
  const shop = openShop();
  shop.deploy('v1', more);
  await changes(shop);
  await shop.clock.advance(60_000);
  return shop;
}

describe('rollouts', () => {
  test('a deploy says from which image to which, the exact difference, who did it, and when', async () => {
    const shop = await running({ env: { MODE: 'fast' }, memory: '128Mi' });
    shop.deploy('v2', { env: { MODE: 'safe', TOKEN: 'hunter2' }, memory: '256Mi', by: 'argocd-controller' });
    const [change, ...more] = await changes(shop);
    expect(more).toEqual([]);
    expect(change).toMatchObject({
      ...{ kind: 'deploy', what: 'deployment/checkout', from: 'v1', to: 'v2', actor: 'argocd-controller' },
      attributes: { revision: '2', previousRevision: '1', hash: 'h2', previousHash: 'h1', namespace: 'shop' },
    });
    const { diff = '' } = change?.attributes ?? {};
    expect(diff).toContain('app.image: shop/checkout:v1 -> shop/checkout:v2');
    expect(diff).toContain('app.limits.memory: 128Mi -> 256Mi');
    expect(diff).toMatch(/app\.env\.MODE: #[0-9a-f]{10} -> #[0-9a-f]{10}/);
    expect(diff).toContain('app.env.TOKEN: (none) -> #');
    expect(JSON.stringify(change)).not.toContain('hunter2');
    expect(change?.atMs).toBe(shop.clock.nowMs() - 2_000);
    expect(await changes(shop)).toEqual([]);
  });

  test('a return to an earlier state is a rollback', async () => {
    const shop = await running();
    shop.deploy('v2');
    await changes(shop);
    await shop.clock.advance(60_000);
    shop.deploy('v1', { by: 'watchkeeper' });
    const [change] = await changes(shop);
    expect(change).toMatchObject({ kind: 'rollback', from: 'v2', to: 'v1', actor: 'watchkeeper' });
    expect(change?.attributes['revision']).toBe('3');
  });

  test('the same image with other settings is told apart by its revision', async () => {
    const shop = await running();
    shop.deploy('v1', { env: { MODE: 'x' } });
    expect((await changes(shop))[0]).toMatchObject({ kind: 'deploy', from: 'revision 1', to: 'revision 2' });
  });

  test('kubectl rollout restart is a restart', async () => {
    const shop = await running();
    shop.deploy('v1', { templateAnnotations: { 'kubectl.kubernetes.io/restartedAt': '2026-01-01T00:00:00Z' } });
    expect((await changes(shop))[0]).toMatchObject({ kind: 'restart' });
  });

  test('rollouts that came one after another while nobody looked are all told', async () => {
    const shop = await running();
    shop.deploy('v2');
    shop.deploy('v3');
    shop.deploy('v4');
    expect((await changes(shop)).map(({ from, to }) => [from, to])).toEqual([
      ['v1', 'v2'],
      ['v2', 'v3'],
      ['v3', 'v4'],
    ]);
  });

  test('after a restart of the daemon the same change has the same id, and what was missed is told', async () => {
    const shop = await running();
    shop.deploy('v2');
    const [seen] = await changes(shop);
    const again = openShop();
    for (const kind of ['Namespace', 'Deployment', 'ReplicaSet', 'Pod'])
      for (const object of shop.cluster.all(kind)) again.cluster.put(object as never);
    await again.clock.advance(64_000);
    const found = await changes(again);
    expect(found.map(({ id }) => id)).toContain(seen?.id);
  });

  describe('whose new revision is heard of before the workload itself', () => {
    async function early(): Promise<{ readonly shop: Shop; readonly hear: (kind: string) => void }> {
      const [shop, ahead] = [await running({ by: 'kubectl' }), await running({ by: 'kubectl' })];
      ahead.deploy('v2', { by: 'watchkeeper' });
      const hear = (kind: string): void => {
        for (const object of ahead.cluster.all(kind)) shop.cluster.put(object as never);
      };
      hear('ReplicaSet');
      return { shop, hear };
    }

    test('waits for who made it, and is not the work of whoever edited the state before', async () => {
      const { shop, hear } = await early();
      expect(await changes(shop)).toEqual([]);
      hear('Deployment');
      const told = await changes(shop);
      expect(told.map(({ to, actor }) => [to, actor])).toEqual([['v2', 'watchkeeper']]);
      expect(await changes(shop)).toEqual([]);
    });

    test('is told without a name when the workload is not heard of for half a minute', async () => {
      const { shop, hear } = await early();
      expect(await changes(shop)).toEqual([]);
      await shop.clock.advance(30_000);
      hear('Pod');
      const [change, ...more] = await changes(shop);
      expect(more).toEqual([]);
      expect(change).toMatchObject({ from: 'v1', to: 'v2' });
      expect(change).not.toHaveProperty('actor');
    });
  });

  test('what happened more than a day ago is not told at the first look', async () => {
    const shop = openShop();
    shop.deploy('v1');
    await shop.clock.advance(25 * 3_600_000);
    expect(await changes(shop)).toEqual([]);
  });
});

describe('other changes', () => {
  test('scaling says from how many to how many, and by whom', async () => {
    const shop = await running();
    shop.deploy('v1', { replicas: 5, by: 'kubectl-scale' });
    const scale = (await changes(shop)).find(({ kind }) => kind === 'scale');
    expect(scale).toMatchObject({ from: '3', to: '5', actor: 'kubectl-scale' });
  });

  test('an edited ConfigMap that the workload reads is a config change: which keys, never what they hold', async () => {
    const shop = openShop();
    const settings = (level: string) => ({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: {
        ...{ name: 'settings', namespace: 'shop' },
        managedFields: [
          {
            ...{ manager: 'kubectl-edit', operation: 'Update', time: new Date(shop.clock.nowMs()).toISOString() },
            fieldsV1: { 'f:data': {} },
          },
        ],
      },
      data: { LOG_LEVEL: level, TIMEOUT: '5s' },
    });
    shop.cluster.put(settings('info-level'));
    shop.deploy('v1');
    await changes(shop);
    await shop.clock.advance(60_000);
    shop.cluster.put(settings('debug-level'));
    const [change] = await changes(shop);
    expect(change).toMatchObject({
      ...{ kind: 'config', what: 'configmap/settings', actor: 'kubectl-edit' },
      attributes: { keys: 'LOG_LEVEL' },
    });
    expect(change?.from).toMatch(/^#/);
    expect(JSON.stringify(change)).not.toContain('debug-level');
  });

  test('another kubelet version is a change of the node', async () => {
    const shop = await running();
    shop.cluster.patch('Node', { name: 'node-1' }, { status: { nodeInfo: { kubeletVersion: 'v1.35.0' } } });
    await shop.clock.advance(2_000);
    const { changes: all } = await shop.collect();
    expect(all).toContainEqual(
      expect.objectContaining({ service: 'node-node-1', kind: 'infrastructure', from: 'v1.34.2', to: 'v1.35.0' }),
    );
  });
});

describe('evidence for a diagnosis', () => {
  test('old and new pods are counted apart, with what is wrong with each', async () => {
    const shop = await running();
    shop.deploy('v2', { pods: 1, keep: true });
    shop.container('checkout-h2-0', { state: { waiting: { reason: 'ErrImagePull' } } });
    await shop.clock.advance(2_000);
    const { resources } = await shop.collect();
    const state = resources.find(({ kind }) => kind === 'Deployment');
    expect(state?.attributes).toMatchObject({
      revisions: [
        { hash: 'h1', current: false, pods: 3, ready: 3, troubled: 0 },
        { hash: 'h2', current: true, pods: 1, troubled: 1, reasons: ['image-pull'] },
      ],
    });
    expect(resources.filter(({ kind }) => kind === 'Pod')).toHaveLength(1);
  });

  test('when asked for the past it reads the logs of what fails, and says that there are no measurements', async () => {
    const shop = await running();
    shop.container('checkout-h1-0', { state: { waiting: { reason: 'CrashLoopBackOff' } }, restartCount: 1 });
    shop.cluster.log(
      { namespace: 'shop', name: 'checkout-h1-0' },
      'app',
      '2026-01-01T00:00:01Z error: no route\n',
      true,
    );
    const services = await shop.services();
    await shop.clock.advance(1_000);
    const { logs, gaps } = await shop.collect({ mode: 'history', services });
    expect(logs).toContainEqual(expect.objectContaining({ body: 'error: no route', severity: 'error' }));
    expect(gaps.map(({ reason }) => reason)).toEqual(['unsupported']);
  });
});
