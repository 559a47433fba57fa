import { describe, expect, test } from 'vitest';

import { buildCatalog } from '../../../src/catalog/index.ts';
import type { Service } from '../../../src/domain/service.ts';
import { WatchkeeperError } from '../../../src/lib/errors.ts';
import { never, openShop } from './shop.ts';

function named(services: readonly Service[], name: string): Service | undefined {
  return services.find((service) => service.name === name);
}

describe('services', () => {
  test('a workload in a namespace that opted in is a service, with the namespace’s labels and team', async () => {
    const shop = openShop();
    shop.deploy('v1');
    const service = named(await shop.services(), 'checkout.shop');
    expect(service).toMatchObject({
      labels: { app: 'checkout', env: 'prod', kind: 'workload', namespace: 'shop', cluster: 'kubernetes' },
      owner: { team: 'payments' },
      runsOn: [
        { on: 'kubernetes', kubernetes: { namespace: 'shop', workload: { kind: 'Deployment', name: 'checkout' } } },
      ],
    });
    expect(Object.keys(service?.telemetry ?? {})).toContain('availability');
  });

  test('one that says no is none, and one in another namespace that says yes is', async () => {
    const shop = openShop();
    shop.deploy('v1', { annotations: { 'watchkeeper.dev/watch': 'false' } });
    const put = (name: string, labels = {}) =>
      shop.cluster.put({
        ...{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name, namespace: 'other', labels } },
        ...{ spec: { replicas: 1, template: {} }, status: {} },
      });
    put('quiet');
    put('watched', { 'watchkeeper.dev/watch': 'true' });
    const names = (await shop.services()).map(({ name }) => name);
    expect(names).toEqual(['watched.other', 'node-node-1', 'kubernetes']);
  });

  test('annotations give it a name, an escalation and dependencies; Backstage gives it a name', async () => {
    const shop = openShop();
    shop.deploy('v1', {
      annotations: { 'watchkeeper.dev/escalate': 'payments-oncall', 'watchkeeper.dev/depends-on': 'cart, bank' },
    });
    shop.deploy('v1', { name: 'cart', annotations: { 'watchkeeper.dev/service': 'basket' } });
    shop.deploy('v1', { name: 'stock', annotations: { 'backstage.io/kubernetes-id': 'stock-service' } });
    const services = await shop.services();
    expect(named(services, 'checkout.shop')).toMatchObject({
      owner: { escalate: 'payments-oncall' },
      dependsOn: ['bank', 'cart'],
    });
    expect(services.map(({ name }) => name)).toEqual(expect.arrayContaining(['basket', 'stock-service']));
  });

  test('a bare dependency means the workload beside it', async () => {
    const shop = openShop();
    shop.deploy('v1', { annotations: { 'watchkeeper.dev/depends-on': 'cart' } });
    shop.deploy('v1', { name: 'cart' });
    expect(named(await shop.services(), 'checkout.shop')?.dependsOn).toEqual(['cart.shop']);
  });

  test('labels of a workload never override those of its namespace: who deploys does not choose the policies', async () => {
    const shop = openShop();
    shop.deploy('v1');
    shop.cluster.patch(
      'Deployment',
      { namespace: 'shop', name: 'checkout' },
      {
        metadata: { labels: { env: 'dev', kind: 'host', tier: 'critical' } },
      },
    );
    await shop.services();
    await shop.clock.advance(10);
    expect(named(await shop.services(), 'checkout.shop')?.labels).toMatchObject({
      ...{ env: 'prod', kind: 'workload', tier: 'critical' },
    });
  });

  test('new workloads are told of at once', async () => {
    const shop = openShop();
    await shop.services();
    await shop.clock.advance(10);
    await shop.source.newServices?.(never);
    let told = false;
    void shop.source.newServices?.(never).then(() => (told = true));
    await shop.clock.advance(10);
    expect(told).toBe(false);
    shop.deploy('v1');
    await shop.clock.advance(10);
    expect(told).toBe(true);
  });

  test('a cluster that cannot be listed yet is an error, not an empty cluster', async () => {
    const shop = openShop();
    shop.cluster.fault = () => new WatchkeeperError('unreachable', 'connection refused');
    await expect(shop.services()).rejects.toMatchObject({ code: 'unreachable' });
  });

  test('a declared service of the same workload takes the discovered one in, under its own name', async () => {
    const shop = openShop();
    shop.deploy('v1');
    shop.deploy('v1', { name: 'web', annotations: { 'watchkeeper.dev/depends-on': 'checkout' } });
    const discovered = await shop.services();
    const checkout = named(discovered, 'checkout.shop');
    const declared: Service = {
      ...{ name: 'till', labels: { tier: 'critical' }, owner: { team: 'x', escalate: 'y' }, dependsOn: [] },
      ...{ runsOn: checkout?.runsOn ?? [], telemetry: {}, slos: [], origin: 'declared' },
    };
    const built = buildCatalog([declared, ...discovered]);
    if (!built.ok) throw new Error('no catalog');
    expect(built.value.get('checkout.shop')).toBeUndefined();
    expect(Object.keys(built.value.get('till')?.telemetry ?? {})).toContain('crash_looping');
    expect(built.value.dependenciesOf('web.shop')).toEqual(['till']);
  });
});

test('check names every verb that is missing, and what to do', async () => {
  const shop = openShop();
  shop.cluster.fault = ({ verb, resource }) =>
    verb === 'watch' && resource === 'replicasets' ? new WatchkeeperError('forbidden', '403') : undefined;
  await expect(shop.source.check(never)).rejects.toMatchObject({
    code: 'forbidden',
    message: 'source kubernetes may not watch replicasets',
  });
});
