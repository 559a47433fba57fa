import { setTimeout as pause } from 'node:timers/promises';

import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';

import { startCluster, type Cluster } from './peers/kubernetes/cluster.ts';
import { until } from './peers/peers.ts';
import { startPostgres, type Postgres } from './peers/postgres.ts';
import { ledgerIsOne, midStep, stoppedAt } from './support/failover.ts';
import { openPair, calmLease, type Pair } from './support/replicas.ts';
import { startTarget, type Target } from './support/target.ts';

/** The same replicas with their lease in a real API server, under the rights that docs/operations.md names. */
let cluster: Cluster;
let server: Postgres;
let kubeconfig: string;
let schemas = 0;

beforeAll(async () => {
  [cluster, server] = await Promise.all([startCluster(), startPostgres()]);
  kubeconfig = await cluster.serviceAccount('watch', 'watchkeeper');
  await cluster.apply([
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'Role',
      metadata: { name: 'lease', namespace: 'watch' },
      rules: [{ apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['get', 'create', 'update'] }],
    },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata: { name: 'lease', namespace: 'watch' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'lease' },
      subjects: [{ kind: 'ServiceAccount', name: 'watchkeeper', namespace: 'watch' }],
    },
  ]);
}, 1_800_000);
afterAll(async () => {
  await Promise.all([(cluster as Cluster | undefined)?.stop(), (server as Postgres | undefined)?.stop()]);
});

const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const undo of cleanup.splice(0).reverse()) await undo();
});

async function open(
  services: number,
): Promise<{ readonly pair: Pair; readonly target: Target; readonly lease: string }> {
  const target = await startTarget(services + 1);
  cleanup.push(() => target.close());
  schemas += 1;
  const lease = `watchkeeper-${schemas}`;
  const leadership = { ...calmLease, kubernetes: { namespace: 'watch', lease, kubeconfig } };
  const pair = await openPair(server, `kube_${schemas}`, target, services, calmLease, { leadership });
  cleanup.push(() => pair.stop());
  return { pair, target, lease };
}

interface Lease {
  readonly spec: { readonly holderIdentity: string; readonly leaseTransitions: number };
}

test('the leader holds the Lease, is followed when it is stopped in the middle of a step, and does nothing more', async () => {
  const { pair, target, lease } = await open(midStep.length);
  for (const [service, moment] of midStep.entries()) {
    const { leader } = await pair.both();
    const { spec } = await cluster.read<Lease>('-n', 'watch', `lease/${lease}`);
    expect(spec.holderIdentity).toBe((await leader.status()).replica?.name);
    await stoppedAt(moment, pair, target, service);
  }
  expect((await cluster.read<Lease>('-n', 'watch', `lease/${lease}`)).spec.leaseTransitions).toBeGreaterThan(
    midStep.length,
  );
  await ledgerIsOne(pair, target);
});

test('SIGTERM gives the Lease back, and the other takes it at its next look', async () => {
  const { pair } = await open(1);
  const { leader, follower } = await pair.both();
  const askedMs = performance.now();
  const ended = leader.stop();
  await pair.leader([follower]);
  expect(performance.now() - askedMs).toBeLessThan(3_000);
  expect(await ended).toMatchObject({ code: 0, signal: null });
});

test('an API server that is away for longer than the lease ends the leader; nothing is done until one is elected again', async () => {
  const { pair, target } = await open(1);
  const { leader } = await pair.both();
  await cluster.apiServer.kill();
  const ended = await leader.ended;
  expect(ended.code, ended.said).toBe(7);
  target.setIll(0, true);
  await pause(3_000);
  expect(target.effects).toEqual([]);
  await cluster.apiServer.start();
  await pair.leader(undefined, 60_000);
  await until('it acts again', () => target.effects.length === 1, 60_000);
  await ledgerIsOne(pair, target);
});
