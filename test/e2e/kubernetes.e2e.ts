import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { tokenReviewer } from '../../src/agent/token-reviewer.ts';
import { createScrubber, createSecrets, readFiles, systemClock } from '../../src/io/index.ts';
import { startCluster, type Cluster } from './peers/kubernetes/cluster.ts';
import { until } from './peers/peers.ts';

/** The control plane that other suites stand on: that it is a real one, and that its pods play what they are told to. */
describe('the control plane', () => {
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await startCluster({ audit: true });
    await cluster.namespace('shop');
  }, 1_800_000);
  afterAll(() => (cluster as Cluster | undefined)?.stop());

  interface Pods {
    readonly items: readonly {
      readonly metadata: { readonly name: string };
      readonly spec: { readonly nodeName?: string };
      readonly status: {
        readonly phase: string;
        readonly containerStatuses?: readonly {
          readonly restartCount: number;
          readonly state: { readonly waiting?: { readonly reason: string } };
          readonly lastState?: { readonly terminated?: { readonly reason: string } };
        }[];
      };
    }[];
  }
  const pods = async (name: string): Promise<Pods['items']> =>
    (await cluster.read<Pods>('-n', 'shop', 'pods', '-l', `app=${name}`)).items;
  const waitingFor = async (name: string, reason: string, last?: string): Promise<boolean> =>
    (await pods(name)).some(({ status }) =>
      status.containerStatuses?.some(
        ({ state, lastState, restartCount }) =>
          state.waiting?.reason === reason &&
          (last === undefined || (lastState?.terminated?.reason === last && restartCount >= 2)),
      ),
    );

  test('says whose a ServiceAccount token is, for the audience it was made for and no other', async () => {
    const secrets = createSecrets(readFiles, {}, createScrubber());
    const kubeconfig = await cluster.serviceAccount('shop', 'reviewer');
    await cluster.kubectl(
      'create clusterrolebinding reviewer --clusterrole=system:auth-delegator --serviceaccount=shop:reviewer'.split(
        ' ',
      ),
    );
    await cluster.kubectl('-n shop create serviceaccount deployer'.split(' '));
    const made = (audience: string): Promise<string> =>
      cluster.kubectl(`-n shop create token deployer --audience ${audience}`.split(' '));
    const { signal } = new AbortController();
    const { review } = tokenReviewer({ kubeconfig }, { clock: systemClock, secrets });
    expect(await review((await made('watchkeeper')).trim(), ['watchkeeper'], signal)).toMatchObject({
      username: 'system:serviceaccount:shop:deployer',
      groups: expect.arrayContaining(['system:serviceaccounts:shop']) as unknown,
    });
    expect(await review((await made('another')).trim(), ['watchkeeper'], signal)).toBeUndefined();
    expect(await review('no.such.token', ['watchkeeper'], signal)).toBeUndefined();
    const nobody = await cluster.serviceAccount('shop', 'nobody');
    const unbound = tokenReviewer({ kubeconfig: nobody }, { clock: systemClock, secrets });
    await expect(unbound.review('no.such.token', [], signal)).rejects.toMatchObject({ code: 'forbidden' });
  });

  test('rolls a Deployment out, and holds a bad version that crashes again and again', async () => {
    await cluster.apply(deployment('checkout', 'shop/checkout:v1', 3));
    await cluster.kubectl(['-n', 'shop', 'rollout', 'status', 'deployment/checkout', '--timeout=30s']);
    expect((await pods('checkout')).map(({ spec }) => spec.nodeName)).toHaveLength(3);
    await cluster.apply(deployment('checkout', 'shop/checkout:v2-plays-crash-loop', 3));
    await until('the new pod crashes', () => waitingFor('checkout', 'CrashLoopBackOff', 'Error'));
    await cluster.kubectl(['-n', 'shop', 'rollout', 'undo', 'deployment/checkout']);
    await cluster.kubectl(['-n', 'shop', 'rollout', 'status', 'deployment/checkout', '--timeout=30s']);
  });

  test('plays a container that is killed for its memory until it gets more', async () => {
    const hungry = (memory: string) => deployment('hungry', 'shop/hungry:v1', 1, { memory, needsMi: '256' });
    await cluster.apply(hungry('128Mi'));
    await until('it is killed', () => waitingFor('hungry', 'CrashLoopBackOff', 'OOMKilled'));
    await cluster.apply(hungry('512Mi'));
    await cluster.kubectl(['-n', 'shop', 'rollout', 'status', 'deployment/hungry', '--timeout=30s']);
  });

  test('plays an image that is not there, a pod that fits nowhere, and Jobs that end', async () => {
    await cluster.apply(deployment('missing', 'shop/missing:v1-plays-image-pull', 1));
    await cluster.apply(deployment('huge', 'shop/huge:v1', 1, { cpu: '999' }));
    await cluster.apply([job('good', 'shop/job:v1'), job('bad', 'shop/job:v1-plays-fails')]);
    await until('the image is not found', () => waitingFor('missing', 'ImagePullBackOff'));
    await until('the scheduler says why', async () =>
      (await cluster.kubectl(['-n', 'shop', 'get', 'events'])).includes('Insufficient cpu'),
    );
    await cluster.kubectl(['-n', 'shop', 'wait', '--for=condition=Complete', 'job/good', '--timeout=30s']);
    await cluster.kubectl(['-n', 'shop', 'wait', '--for=condition=Failed', 'job/bad', '--timeout=30s']);
  });

  test('hands out what containers logged, now and before they were restarted', async () => {
    writeFileSync(cluster.containerLog, '2026-01-01T00:00:00.000000000Z stdout F listening\n');
    writeFileSync(cluster.previousContainerLog, '2026-01-01T00:00:00.000000000Z stderr F out of memory\n');
    const name = (await pods('hungry'))[0]?.metadata.name ?? '';
    expect(await cluster.kubectl(['-n', 'shop', 'logs', name])).toContain('listening');
    expect(await cluster.kubectl(['-n', 'shop', 'logs', '--previous', name])).toContain('out of memory');
  });

  test('lets a ServiceAccount and a person do what a Role says, nothing else, and keeps who it was', async () => {
    const kubeconfig = await cluster.serviceAccount('shop', 'reader');
    const person = cluster.user('ana', ['operators']);
    const rules = [{ apiGroups: [''], resources: ['pods'], verbs: ['get', 'list'] }];
    await cluster.apply([
      { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'Role', metadata: { name: 'r', namespace: 'shop' }, rules },
      {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'RoleBinding',
        metadata: { name: 'r', namespace: 'shop' },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'r' },
        subjects: [
          { kind: 'ServiceAccount', name: 'reader', namespace: 'shop' },
          { kind: 'Group', name: 'operators', apiGroup: 'rbac.authorization.k8s.io' },
        ],
      },
    ]);
    const asks = ['-n', 'shop', 'get', 'pods', '-o', 'name'];
    await until('the Role is in force', async () => (await cluster.kubectl(asks, { kubeconfig })) !== '');
    await cluster.kubectl(asks, { kubeconfig: person });
    const refused = cluster.kubectl(['-n', 'shop', 'delete', 'pods', '--all'], { kubeconfig });
    await expect(refused).rejects.toThrow(/forbidden.*system:serviceaccount:shop:reader/i);
    const denied = cluster
      .audit()
      .filter(({ responseStatus, user }) => responseStatus?.code === 403 && user.username.endsWith(':shop:reader'));
    expect(denied.map(({ verb }) => verb)).toContain('delete');
  });

  test('keeps what it had, and its port, when the API server is killed', async () => {
    const before = (await pods('checkout')).map(({ metadata }) => metadata.name);
    await cluster.apiServer.kill();
    await expect(pods('checkout')).rejects.toThrow(/refused/);
    await cluster.apiServer.start();
    expect((await pods('checkout')).map(({ metadata }) => metadata.name)).toEqual(before);
    await cluster.apply(deployment('checkout', 'shop/checkout:v3', 3));
    await cluster.kubectl(['-n', 'shop', 'rollout', 'status', 'deployment/checkout', '--timeout=60s']);
  });
});

interface Wants {
  readonly cpu?: string;
  readonly memory?: string;
  readonly needsMi?: string;
}

function deployment(name: string, image: string, replicas: number, { cpu, memory, needsMi }: Wants = {}) {
  const resources = {
    requests: cpu === undefined ? {} : { cpu },
    limits: memory === undefined ? {} : { memory },
  };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace: 'shop' },
    spec: {
      replicas,
      selector: { matchLabels: { app: name } },
      template: {
        metadata: {
          labels: { app: name },
          annotations: needsMi === undefined ? {} : { 'play.watchkeeper.dev/needs-mi': needsMi },
        },
        spec: { containers: [{ name: 'main', image, resources }] },
      },
    },
  };
}

function job(name: string, image: string) {
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name, namespace: 'shop' },
    spec: { backoffLimit: 0, template: { spec: { restartPolicy: 'Never', containers: [{ name: 'main', image }] } } },
  };
}
