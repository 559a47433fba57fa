import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import type { Change } from '../../src/domain/change.ts';
import type { Json } from '../../src/lib/json.ts';
import { startCluster, type Cluster } from './peers/kubernetes/cluster.ts';
import { until } from './peers/peers.ts';
import { makeHome, startDaemon, type DaemonProcess, type Home } from './support/daemon.ts';

/** The daemon beside a real control plane, with a ServiceAccount that may read and nothing else. */
describe('a daemon that watches a cluster', () => {
  let cluster: Cluster;
  let home: Home;
  let daemon: DaemonProcess;

  beforeAll(async () => {
    cluster = await startCluster();
    await cluster.namespace('shop', { 'watchkeeper.dev/watch': 'true', env: 'prod' });
    const kubeconfig = await cluster.serviceAccount('watch', 'reader');
    await grant(cluster);
    await cluster.apply(deployment('checkout', 'shop/checkout:v1'));
    await rolledOut('shop/checkout:v1');
    home = makeHome();
    home.write('watchkeeper.yaml', {
      sources: [{ kind: 'kubernetes', id: 'kubernetes', kubeconfig, usage: false, certificates: false }],
      incidents: { grace: '2s', patience: '2s' },
    });
    daemon = await startDaemon(home);
    await until('the service is discovered', async () => (await service('checkout.shop')) !== undefined, 60_000);
  }, 1_800_000);
  afterAll(async () => {
    await daemon.stop();
    home.remove();
    await cluster.stop();
  });

  // A rollout has begun when its ReplicaSet is there; how soon pods follow is the control plane's affair.
  const rolledOut = (image: string): Promise<void> =>
    until(
      `the ReplicaSet of ${image} is made`,
      async () => {
        const { items } = await cluster.read<{ items: readonly Json[] }>('-n', 'shop', 'replicasets');
        return items.some((set) => JSON.stringify(set).includes(`"image":"${image}"`));
      },
      90_000,
    );
  const service = async (name: string) => (await daemon.status()).services.find((one) => one.name === name);
  const changes = async (): Promise<readonly Change[]> =>
    (await daemon.ledger()).flatMap(({ entry, payload }) =>
      entry.type === 'change-observed' ? [payload as unknown as Change] : [],
    );

  test('a bad rollout is found, explained in the cluster’s words, and traced to its exact difference', async () => {
    await cluster.apply(deployment('checkout', 'shop/checkout:v2-plays-crash-loop'));
    const held = async () => {
      const found = (await daemon.incidents()).find((one) => one.service === 'checkout.shop');
      return found === undefined ? undefined : daemon.incident(found.id);
    };
    await until('it is diagnosed', async () => (await held())?.file?.diagnosis?.cause === 'change', 110_000);
    const view = await held();
    const alert = view?.alerts.find(({ detector }) => detector === 'kubernetes-crash-loop');
    expect(alert?.finding.reason).toMatch(/container main of pod checkout-\S+ was restarted .* exit code 1/);
    const change = (await changes()).find(({ to }) => to === 'v2-plays-crash-loop');
    expect(view?.file?.diagnosis?.changeId).toBe(change?.id);
    expect(change).toMatchObject({ kind: 'deploy', from: 'v1', actor: 'kubectl' });
    expect(change?.attributes['diff']).toBe('main.image: shop/checkout:v1 -> shop/checkout:v2-plays-crash-loop');
    await cluster.kubectl(['-n', 'shop', 'rollout', 'undo', 'deployment/checkout']);
    await until(
      'the rollback is told',
      async () => (await changes()).some(({ kind, to }) => kind === 'rollback' && to === 'v1'),
      60_000,
    );
  }, 180_000);

  test('the API server is killed and started again twenty times during an incident: no rollout is missed, memory is flat', async () => {
    await cluster.apply(deployment('hungry', 'shop/hungry:v1-plays-crash-loop'));
    const ill = async () => (await daemon.incidents()).filter((one) => one.service === 'hungry.shop');
    await until('there is an incident', async () => (await ill()).length > 0, 60_000);
    const [incident] = await ill();
    const versions = Array.from({ length: 20 }, (_, round) => `r${round + 1}`);
    const rss: number[] = [];
    const told = async (): Promise<readonly string[]> =>
      (await changes()).flatMap(({ to }) => (to?.startsWith('r') === true ? [to] : []));
    for (const version of versions) {
      await Promise.all([cluster.apiServer.kill(), cluster.controllerManager.kill()]);
      await cluster.apiServer.start();
      // One that was not restarted comes back to its API server after up to half a minute, more slowly each time.
      await Promise.all([
        cluster.controllerManager.start(),
        cluster.apply(deployment('checkout', `shop/checkout:${version}`)),
      ]);
      await rolledOut(`shop/checkout:${version}`);
      // Up to five of them come while it cannot look.
      if (Number(version.slice(1)) % 5 === 0)
        await until(`${version} is told`, async () => (await told()).includes(version), 60_000);
      rss.push(daemon.rss());
    }
    expect([...(await told())].sort(), 'every rollout is told, and once').toEqual([...versions].sort());
    process.stdout.write(
      `resident, MiB, after each restart: ${rss.map((one) => Math.round(one / 2 ** 20)).join(' ')}\n`,
    );
    // What is collected in between makes any one figure jump; the least of several is what is held.
    const [early, late] = [Math.min(...rss.slice(0, 5)), Math.min(...rss.slice(15))];
    expect(late - early, 'growth of what is held over fifteen restarts').toBeLessThan(16 * 2 ** 20);
    expect(await ill(), 'one incident from the first restart to the last').toMatchObject([
      { id: incident?.id, status: 'open' },
    ]);
  }, 900_000);

  test('one verb is taken away: a gap names it, what needs it is unknown, and the rest goes on', async () => {
    await grant(cluster, (rule) =>
      rule.resources.includes('pods') ? { ...rule, verbs: rule.verbs.filter((verb) => verb !== 'watch') } : rule,
    );
    await daemon.stop();
    daemon = await startDaemon(home);
    const gap = async () => (await daemon.status()).gaps.find(({ signal }) => signal === 'pods');
    await until('the gap is told', async () => (await gap()) !== undefined, 60_000);
    expect(await gap()).toMatchObject({ source: 'kubernetes', reason: 'unauthorized' });
    expect((await gap())?.message).toMatch(/cannot watch resource "pods"/);
    await until('what can be read is read', async () => {
      const signals = (await service('checkout.shop'))?.signals ?? [];
      return signals.some(({ signal, latest }) => signal === 'availability' && latest !== undefined);
    });
    await grant(cluster);
  }, 180_000);
});

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}

const rules: readonly Rule[] = [
  { apiGroups: [''], resources: ['pods'], verbs: ['list', 'watch'] },
  { apiGroups: [''], resources: ['pods/log'], verbs: ['get'] },
  {
    apiGroups: [''],
    resources: ['nodes', 'namespaces', 'persistentvolumeclaims', 'events', 'configmaps'],
    verbs: ['list', 'watch'],
  },
  {
    apiGroups: ['apps'],
    resources: ['deployments', 'statefulsets', 'daemonsets', 'replicasets', 'controllerrevisions'],
    verbs: ['list', 'watch'],
  },
  { apiGroups: ['batch'], resources: ['jobs', 'cronjobs'], verbs: ['list', 'watch'] },
  { apiGroups: ['autoscaling'], resources: ['horizontalpodautoscalers'], verbs: ['list', 'watch'] },
  { apiGroups: ['policy'], resources: ['poddisruptionbudgets'], verbs: ['list', 'watch'] },
];

async function grant(cluster: Cluster, change: (rule: Rule) => Rule = (rule) => rule): Promise<void> {
  const api = { apiVersion: 'rbac.authorization.k8s.io/v1', metadata: { name: 'watchkeeper-reader' } };
  await cluster.apply([
    { ...api, kind: 'ClusterRole', rules: rules.map(change) as unknown as Json },
    {
      ...{ ...api, kind: 'ClusterRoleBinding' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'watchkeeper-reader' },
      subjects: [{ kind: 'ServiceAccount', name: 'reader', namespace: 'watch' }],
    },
  ]);
}

function deployment(name: string, image: string): Json {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace: 'shop' },
    spec: {
      replicas: 2,
      selector: { matchLabels: { app: name } },
      template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: 'main', image }] } },
    },
  };
}
