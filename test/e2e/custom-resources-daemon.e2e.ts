import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import type { JsonObject } from '../../src/lib/json.ts';
import { startCluster, type Cluster } from './peers/kubernetes/cluster.ts';
import { until } from './peers/peers.ts';
import { makeHome, runToEnd, startDaemon, type DaemonProcess } from './support/daemon.ts';

const crds = path.resolve(import.meta.dirname, '../../deploy/helm/watchkeeper/files/crds');
const apiVersion = 'watchkeeper.dev/v1alpha1';

interface Ready {
  readonly status: string;
  readonly reason: string;
  readonly message: string;
  readonly observedGeneration: number;
}

/** A daemon that reads documents from a real API server, with the rights that the chart gives it. */
describe('documents written as custom resources', () => {
  const home = makeHome();
  let cluster: Cluster;
  let daemon: DaemonProcess;

  const write = (kind: string, namespace: string, name: string, spec: JsonObject) =>
    cluster.apply({ apiVersion, kind, metadata: { name, namespace }, spec });
  const ready = async (kind: string, namespace: string, name: string): Promise<Ready | undefined> => {
    interface Stored {
      readonly metadata: { readonly generation: number };
      readonly status?: { readonly conditions: readonly (Ready & { readonly type: string })[] };
    }
    const stored = await cluster.read<Stored>('-n', namespace, `${kind}.watchkeeper.dev/${name}`);
    const condition = stored.status?.conditions.find(({ type }) => type === 'Ready');
    return condition?.observedGeneration === stored.metadata.generation ? condition : undefined;
  };
  const becomes = async (kind: string, namespace: string, name: string, reason: string): Promise<string> => {
    await until(
      `${kind} ${name} is ${reason}`,
      async () => (await ready(kind, namespace, name))?.reason === reason,
      40_000,
    );
    return (await ready(kind, namespace, name))?.message ?? '';
  };
  const services = async (): Promise<readonly string[]> =>
    (await daemon.get<{ services: { name: string }[] }>('/api/v1/services')).services.map(({ name }) => name);
  const reasons = async (): Promise<string> => JSON.stringify((await daemon.status()).unwell);

  beforeAll(async () => {
    cluster = await startCluster({ nodes: 0 });
    for (const name of ['platform', 'shop']) await cluster.namespace(name);
    await cluster.kubectl(['apply', '--server-side', '-k', crds]);
    await cluster.kubectl(['wait', '--for=condition=Established', 'crd', '--all', '--timeout=30s']);
    const kubeconfig = await cluster.serviceAccount('platform', 'watchkeeper');
    await cluster.apply(rights);
    home.write('watchkeeper.yaml', {
      reload: { every: '1s' },
      resources: { kubernetes: { kubeconfig, namespaces: ['*'], policyNamespaces: ['platform'] } },
      sources: [{ id: 'host', kind: 'host' }],
    });
    daemon = await startDaemon(home);
  }, 300_000);
  afterAll(async () => {
    await (daemon as DaemonProcess | undefined)?.stop();
    await (cluster as Cluster | undefined)?.stop();
    home.remove();
  });

  test('a team writes a Service, and it is watched: the answer is in its status', async () => {
    await write('Service', 'shop', 'checkout', inShop);
    expect(await becomes('service', 'shop', 'checkout', 'Accepted')).toBe('It is in force.');
    expect(await services()).toContain('checkout');
  });

  test('a team cannot have its runbooks act on what is not its own', async () => {
    await write('Service', 'shop', 'thief', {
      runsOn: [{ kubernetes: { namespace: 'kube-system', deployment: 'coredns' } }],
    });
    expect(await becomes('service', 'shop', 'thief', 'Refused')).toContain('runs on workloads of that namespace only');
    expect(await services()).not.toContain('thief');
    expect(await reasons(), 'one team must not stop the watch of all').not.toContain('not what is in force');
  });

  test('what becomes wrong is refused with its place, and its last good version stays', async () => {
    await write('Service', 'shop', 'checkout', { ...inShop, owner: { escalate: 'nobody' } });
    const message = await becomes('service', 'shop', 'checkout', 'Refused');
    expect(message).toContain('there is no Escalation named nobody');
    expect(message).toContain('Its last good version is in force.');
    expect(await services()).toContain('checkout');
    await write('Service', 'shop', 'checkout', inShop);
    await becomes('service', 'shop', 'checkout', 'Accepted');
  });

  test('a policy counts where the platform team writes, and nowhere else', async () => {
    const grant = { allow: [{ actions: ['*'], autonomy: 'act' }] };
    await write('Policy', 'shop', 'mine', grant);
    await write('Policy', 'platform', 'ours', { never: [{ actions: ['*.delete-*'] }] });
    await becomes('policy', 'platform', 'ours', 'Accepted');
    expect(await ready('policy', 'shop', 'mine')).toBeUndefined();
  });

  test('a broken policy of the platform team stops the hand until it is mended', async () => {
    await write('Policy', 'platform', 'ours', { never: [{ actions: ['*'], when: 'nonsense(' }] });
    await becomes('policy', 'platform', 'ours', 'Refused');
    await until('it observes only', async () => (await reasons()).includes('platform/policies/ours'));
    expect((await ready('service', 'shop', 'checkout'))?.reason).toBe('OthersRefused');
    await write('Policy', 'platform', 'ours', { never: [{ actions: ['*'] }] });
    await becomes('policy', 'platform', 'ours', 'Accepted');
    await until('it acts again', async () => !(await reasons()).includes('platform/policies/ours'));
  });

  test('an API server that is gone changes nothing, and what is written afterwards counts', async () => {
    await cluster.apiServer.kill();
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    expect(await services()).toContain('checkout');
    await cluster.apiServer.start();
    await write('Service', 'shop', 'cart', { runsOn: [{ kubernetes: { namespace: 'shop', deployment: 'cart' } }] });
    await becomes('service', 'shop', 'cart', 'Accepted');
    await cluster.kubectl(['-n', 'shop', 'delete', 'services.watchkeeper.dev', 'cart']);
    await until('it is not watched any more', async () => !(await services()).includes('cart'), 40_000);
  });

  test('a daemon whose cluster knows no such resources says so, and does not start', async () => {
    await daemon.stop();
    await cluster.kubectl(['delete', 'crd', 'escalations.watchkeeper.dev']);
    const ended = await runToEnd(home);
    expect(ended.said).toContain('does not know escalations.watchkeeper.dev');
    expect(ended.code).toBe(2);
  }, 90_000);
});

const inShop = { runsOn: [{ kubernetes: { namespace: 'shop', deployment: 'checkout' } }] };

const kinds = ['services', 'detectors', 'runbooks', 'policies', 'escalations'];
const rights = [
  {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: { name: 'documents' },
    rules: [
      { apiGroups: ['watchkeeper.dev'], resources: kinds, verbs: ['get', 'list', 'watch'] },
      { apiGroups: ['watchkeeper.dev'], resources: kinds.map((kind) => `${kind}/status`), verbs: ['patch'] },
    ],
  },
  {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name: 'documents' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'documents' },
    subjects: [{ kind: 'ServiceAccount', name: 'watchkeeper', namespace: 'platform' }],
  },
];
