import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { until } from './peers/peers.ts';
import { operate, type Operated } from './support/operator.ts';
import { deployment } from './support/workloads.ts';

/** Installed for some namespaces: without a right beyond them, and with a hand whose tokens end. */
describe('the daemon kept to one namespace of a cluster', () => {
  let shop: Operated;
  beforeAll(async () => {
    const policy = {
      allow: [{ actions: ['kubernetes.rollout-undo'], autonomy: 'act', bounds: { pods: '50%', parallel: 1 } }],
    };
    shop = await operate(
      policy,
      async (cluster) => {
        await cluster.namespace('elsewhere', { 'watchkeeper.dev/watch': 'true' });
        const other = deployment('other', 'shop/other:v1');
        await cluster.apply([
          ...Array.from({ length: 15 }, (_, index) => deployment(`calm-${index}`, 'shop/calm:v1', { replicas: 1 })),
          deployment('checkout', 'shop/checkout:v1'),
          { ...other, metadata: { name: 'other', namespace: 'elsewhere' } },
        ]);
        await cluster.kubectl(['-n', 'shop', 'rollout', 'status', 'deployment/checkout', '--timeout=60s']);
      },
      { values: { watch: { namespaces: ['shop'] } } },
    );
  }, 300_000);
  afterAll(() => (shop as Operated | undefined)?.stop());

  test('knows which workloads opted in by their namespace, misses nothing, and asks for nothing that it may not', async () => {
    const names = async (): Promise<readonly string[]> => (await shop.daemon.status()).services.map(({ name }) => name);
    await until('it has found them', async () => (await names()).includes('checkout.shop'), 60_000);
    expect((await names()).join()).not.toContain('elsewhere');
    await until('nothing is stale', async () => (await shop.daemon.readiness()).reasons.length === 0);
    const connections = JSON.parse(await shop.cli('doctor', '--output', 'json')) as object;
    expect(JSON.stringify(connections)).not.toContain('may not');
    const refused = [...shop.asked('pod'), ...shop.asked('hand')].filter((one) => one.responseStatus?.code === 403);
    expect(refused.map(({ requestURI, verb }) => `${verb} ${requestURI}`)).toEqual([]);
  });

  test('acts as another ServiceAccount, with a token that it asked for and that is written nowhere', async () => {
    await shop.cluster.apply(deployment('checkout', 'shop/checkout:v2-plays-image-pull'));
    const view = await shop.becomes('checkout.shop', 'it is over', ({ executions }) =>
      executions.some(({ endedAtMs }) => endedAtMs !== undefined),
    );
    expect(view.executions.map(({ status }) => status)).toEqual(['succeeded']);
    expect(shop.writesTo('deployments', 'checkout')).toHaveLength(1);
    const tokens = shop.asked('pod').filter(({ objectRef }) => objectRef?.subresource === 'token');
    expect(new Set(tokens.map(({ responseStatus }) => responseStatus?.code))).toEqual(new Set([201]));
    expect(tokens[0]?.requestObject).toMatchObject({ spec: { expirationSeconds: 900 } });
    expect(shop.daemon.said()).not.toMatch(/eyJ[\w-]{8,}\./);
    expect(await shop.cluster.kubectl(['-n', 'watchkeeper', 'get', 'secrets', '-o', 'name'])).toBe('');
  });

  test.each([
    ['a token of another ServiceAccount', ['-n', 'watchkeeper', 'create', 'token', 'default']],
    ['a token of another namespace', ['-n', 'shop', 'create', 'token', 'default']],
    ['a write', ['-n', 'shop', 'scale', 'deployment/checkout', '--replicas=0']],
    ['another namespace', ['get', 'namespace', 'elsewhere']],
    ['its pods', ['-n', 'elsewhere', 'get', 'pods']],
    ['all namespaces', ['get', 'namespaces']],
  ])('is refused %s', async (_what, argv) => {
    await expect(shop.cluster.kubectl([...argv], { kubeconfig: shop.podKubeconfig })).rejects.toThrow(/[Ff]orbidden/);
  });
});
