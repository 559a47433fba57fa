import { describe, expect, test } from 'vitest';

import { WatchkeeperError } from '../../../src/lib/errors.ts';
import type { JsonObject } from '../../../src/lib/json.ts';
import { actionKinds } from '../../../src/actions/index.ts';
import type { ActionKind } from '../../../src/domain/ports/action.ts';
import type { Observation } from '../../../src/domain/remediation.ts';
import { refusal, type GivenObject } from '../../support/virtual-kubernetes.ts';
import { deploymentOf, illAt, kubeStage, nodeOf, placeIn, type KubeStage } from './stage.ts';

const kindOf = (name: string): ActionKind => actionKinds[`kubernetes.${name}`]!;
const undo = kindOf('rollout-undo');
const scale = kindOf('scale');
const raise = kindOf('resources-raise');
const evict = kindOf('pod-delete');
const drain = kindOf('node-drain');

const look = (at: KubeStage, kind: ActionKind, given: JsonObject = {}): Promise<Observation> => {
  const parsed = kind.params.parse(given);
  if (!parsed.ok) throw new Error(parsed.issues[0]?.message);
  return kind.observe(parsed.value, at.context());
};
const why = async (at: KubeStage, kind: ActionKind, given: JsonObject = {}): Promise<string> => {
  const parsed = kind.params.parse(given);
  if (!parsed.ok) throw new Error(parsed.issues[0]?.message);
  try {
    kind.preview(parsed.value, await look(at, kind, given));
  } catch (thrown) {
    return WatchkeeperError.from(thrown).message;
  }
  return 'it may be done';
};
const act = async (at: KubeStage, kind: ActionKind, given: JsonObject = {}, key = 'k1') => {
  const parsed = kind.params.parse(given);
  if (!parsed.ok) throw new Error(parsed.issues[0]?.message);
  const observed = await kind.observe(parsed.value, at.context());
  kind.preview(parsed.value, observed);
  const before = kind.before(parsed.value, observed);
  return { before, params: parsed.value, result: await kind.run(parsed.value, before, key, at.context()) };
};
const images = (at: KubeStage): string => JSON.stringify(at.template());

const pdb = (minAvailable: number, name = 'web'): GivenObject => ({
  apiVersion: 'policy/v1',
  kind: 'PodDisruptionBudget',
  metadata: { namespace: 'shop', name },
  spec: { minAvailable, selector: { matchLabels: { app: 'web' } } },
});
const hpa = (lastScaleTime?: string): GivenObject => ({
  apiVersion: 'autoscaling/v2',
  kind: 'HorizontalPodAutoscaler',
  metadata: { namespace: 'shop', name: 'web' },
  spec: { scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' }, minReplicas: 2, maxReplicas: 6 },
  status: { currentReplicas: 4, ...(lastScaleTime === undefined ? {} : { lastScaleTime }) },
});

describe('going back to an earlier revision', () => {
  test('shows what the server says would change, and no value that may be a secret', async () => {
    const at = kubeStage();
    at.write('ci', 'Deployment', 'web', {
      spec: { template: { spec: { containers: [{ name: 'app', env: [{ name: 'TOKEN', value: 'an0ther' }] }] } } },
    });
    at.clock.pass(600_000);
    const observed = await look(at, undo, { toRevision: 'v2' });
    const { describe: words, diff } = undo.preview({ toRevision: 'v2' }, observed);
    expect(words).toContain('revision 4 (shop:v3, proxy:1) to 2 (shop:v2, proxy:1)');
    expect(diff).toEqual([
      'Deployment shop/web spec.template.spec.containers[app].env[TOKEN].value: a value (not shown) → a value (not shown)',
      'Deployment shop/web spec.template.spec.containers[app].image: shop:v3 → shop:v2',
    ]);
    expect(JSON.stringify(observed)).not.toMatch(/s3cret|an0ther/);
    expect(at.hands.effects).toEqual([]);
  });

  test('finds the revision by number, image, version or the hash that pods carry', async () => {
    const at = kubeStage();
    const hash = at.cluster.all('ReplicaSet')[0]!.metadata.name.slice('web-'.length);
    for (const toRevision of ['1', 'revision 1', 'shop:v1', 'v1', hash])
      expect((await look(at, undo, { toRevision })).facts).toMatchObject({ to: 1, revisions: 3 });
  });

  test('touches at once what the strategy lets go, and counts what stays healthy', async () => {
    const at = kubeStage();
    expect((await look(at, undo)).blast).toMatchObject({ touched: 1, total: 4, healthyAfter: 3, healthyNow: 4 });
    at.write('ci', 'Deployment', 'web', { spec: { strategy: { type: 'Recreate' } } });
    expect((await look(at, undo)).blast).toMatchObject({ touched: 4, healthyAfter: 0 });
  });

  test('marks the object with the key of the act, under our own name', async () => {
    const at = kubeStage();
    await act(at, undo, {}, 'key-in-the-ledger');
    const { metadata } = at.cluster.find('Deployment', { namespace: 'shop', name: 'web' })!;
    expect(metadata.annotations).toMatchObject({ 'watchkeeper.dev/last-act': 'key-in-the-ledger' });
    expect(JSON.stringify(metadata['managedFields'])).toContain('"manager":"watchkeeper"');
    expect(images(at)).toContain('shop:v2');
  });

  test('is not done when somebody deployed between the look and the act', async () => {
    const at = kubeStage();
    const before = undo.before({}, await look(at, undo));
    at.write('ci', 'Deployment', 'web', {
      spec: { template: { spec: { containers: [{ name: 'app', image: 'shop:v4' }] } } },
    });
    expect(await undo.run({}, before, 'k1', at.context())).toMatchObject({ is: 'failed' });
    expect(images(at)).toContain('shop:v4');
    expect(at.hands.effects).toEqual([]);
    // And going back on it does not take away what somebody else did.
    expect(await undo.undo({}, before, 'k1-undo', at.context())).toMatchObject({ is: 'done' });
    expect(images(at)).toContain('shop:v4');
  });

  test('a status that changes all the time does not stop it: the write is made for the state that it read last', async () => {
    const at = kubeStage();
    let races = 2;
    at.cluster.fault = ({ verb }) => {
      if (verb === 'patch' && races-- > 0)
        at.cluster.patch('Deployment', { namespace: 'shop', name: 'web' }, { status: { observedGeneration: 9 } });
      return undefined;
    };
    expect((await act(at, undo)).result.is).toBe('done');
  });

  test('a lost answer is told as unknown, and a probe knows', async () => {
    const at = kubeStage();
    at.hands.onEffect = (_effect, moment) => {
      if (moment === 'after') throw new WatchkeeperError('timeout', 'no answer in time');
    };
    const { before, result } = await act(at, undo);
    expect(result.is).toBe('unknown');
    expect(await undo.probe({}, before, at.context(), 'k1')).toMatchObject({ is: 'done' });
    expect(await undo.probe({}, before, at.context(), 'another key')).toMatchObject({ is: 'unknown' });
  });

  test('pods that do not come up fail it in time, with the write in place for undo', async () => {
    const at = kubeStage({ healthy: illAt('v2') });
    const { result, before } = await act(at, undo, { toRevision: 'v2' });
    expect(result).toMatchObject({ is: 'failed' });
    expect(result.message).toContain('1 of 4 pods are new');
    expect(await undo.undo({}, before, 'k1-undo', at.context())).toMatchObject({ is: 'done' });
    expect(images(at)).toContain('shop:v3');
  });

  test('what the cluster forbids is refused in its words, before anybody is asked', async () => {
    const at = kubeStage();
    at.cluster.fault = (call) => (call.verb === 'patch' ? refusal(call) : undefined);
    expect(await why(at, undo)).toContain('cannot patch resource "deployments" in the namespace "shop"');
    expect(at.hands.effects).toEqual([]);
  });

  test('what may not be seen is not taken to be absent', async () => {
    const at = kubeStage();
    at.cluster.fault = (call) => (call.resource === 'horizontalpodautoscalers' ? refusal(call) : undefined);
    await expect(look(at, undo)).rejects.toThrow('cannot list resource "horizontalpodautoscalers"');
  });
});

describe('somebody else at work holds us, by name', () => {
  test('a person who wrote a minute ago, and not one who wrote ten minutes ago', async () => {
    const at = kubeStage();
    expect((await look(at, undo)).busy).toBeUndefined();
    at.write('kubectl-edit', 'Deployment', 'web', { spec: { minReadySeconds: 5 } });
    at.clock.pass(60_000);
    expect((await look(at, undo)).busy).toBe('kubectl-edit changed it 1m ago');
    at.clock.pass(600_000);
    expect((await look(at, undo)).busy).toBeUndefined();
  });

  test('our own write does not', async () => {
    const at = kubeStage();
    await act(at, undo);
    expect((await look(at, undo)).busy).toBeUndefined();
  });

  test('a rollout under way, unless it is the one that is blamed', async () => {
    const at = kubeStage({ healthy: illAt('v4') });
    at.write('ci', 'Deployment', 'web', {
      spec: { template: { spec: { containers: [{ name: 'app', image: 'shop:v4' }] } } },
    });
    at.clock.pass(180_000);
    expect((await look(at, undo)).busy).toBe('a rollout by ci is under way: 1 of 4 pods are new');
    expect((await look(at, undo, { from: 'v4' })).busy).toBeUndefined();
    expect((await look(at, kindOf('rollout-pause'))).busy).toBeUndefined();
  });

  test('an autoscaler that has just scaled', async () => {
    const at = kubeStage();
    at.put(hpa(new Date(at.clock.nowMs() - 60_000).toISOString()));
    expect((await look(at, undo)).busy).toBe('the autoscaler web scaled it 1m ago');
  });

  test('a pod that is being evicted, and an object on its way out', async () => {
    const at = kubeStage();
    const pod = at.cluster.all('Pod')[0]!;
    at.cluster.patch('Pod', pod.metadata, {
      status: { conditions: [{ type: 'DisruptionTarget', status: 'True', reason: 'EvictionByEvictionAPI' }] },
    });
    expect((await look(at, undo)).busy).toBe(`pod ${pod.metadata.name} is being evicted (EvictionByEvictionAPI)`);
    at.cluster.patch(
      'Deployment',
      { namespace: 'shop', name: 'web' },
      { metadata: { deletionTimestamp: '2026-11-20T16:00:00Z' } },
    );
    expect((await look(at, undo)).busy).toContain('it is being deleted');
  });
});

describe('scaling', () => {
  test('never goes beyond its bound', async () => {
    const at = kubeStage();
    await act(at, scale, { factor: 4, max: 6 });
    expect((await look(at, scale, { factor: 1.5, max: 10 })).facts).toMatchObject({ replicas: 6, wanted: 9 });
  });

  test('does not fight an autoscaler: it refuses by name, or moves its bounds where that is said', async () => {
    const at = kubeStage();
    at.put(hpa());
    expect(await why(at, scale, { replicas: 5, max: 10 })).toBe(
      'the autoscaler web has the replicas of web, and would put back any number we set',
    );
    const { result, before } = await act(at, scale, { replicas: 8, max: 10, autoscaler: 'bounds' });
    expect(result.is).toBe('done');
    const bounds = (): unknown =>
      at.cluster.find('HorizontalPodAutoscaler', { namespace: 'shop', name: 'web' })?.['spec'];
    expect(bounds()).toMatchObject({ minReplicas: 8, maxReplicas: 8 });
    await scale.undo({ replicas: 8, max: 10, autoscaler: 'bounds' }, before, 'undo', at.context());
    expect(bounds()).toMatchObject({ minReplicas: 2, maxReplicas: 6 });
  });

  test('leaves alone what people switched off by scaling it to none', async () => {
    const at = kubeStage();
    at.write('ana', 'Deployment', 'web', { spec: { replicas: 0 } });
    expect(await why(at, scale, { replicas: 2, max: 4 })).toContain('scaled to none');
  });
});

describe('more memory', () => {
  const killed = {
    status: () => ({ containerStatuses: [{ name: 'app', lastState: { terminated: { reason: 'OOMKilled' } } }] }),
  };
  const limits = (at: KubeStage): unknown =>
    (at.template() as never as { spec: { containers: { resources: unknown }[] } }).spec.containers.map(
      (one) => one.resources,
    );

  test('goes to the container that ran out of it and to no other, and stops at the cap', async () => {
    const at = kubeStage(killed);
    const untouched = { limits: { memory: '64Mi' } };
    await act(at, raise, { cap: '1Gi' }, 'k1');
    expect(limits(at)).toEqual([{ limits: { memory: '768Mi' }, requests: { memory: '256Mi' } }, untouched]);
    await act(at, raise, { cap: '1Gi' }, 'k2');
    expect(limits(at)).toEqual([{ limits: { memory: '1024Mi' }, requests: { memory: '256Mi' } }, untouched]);
    expect((await look(at, raise, { cap: '1Gi' })).facts).toMatchObject({ atCap: true });
    expect(await why(at, raise, { cap: '1Gi' })).toBe('container app of web has 1024Mi already, and the cap is 1024Mi');
  });

  test('is not guessed when nobody, or more than one, ran out of it', async () => {
    expect(await why(kubeStage(), raise, { cap: '1Gi' })).toContain('none ran out of it');
  });

  test('stops at what the namespace and the nodes have', async () => {
    const at = kubeStage(killed);
    expect(await why(at, raise, { cap: '64Gi', factor: 4, container: 'app' })).toBe('it may be done');
    for (const name of ['n1', 'n2', 'n3'])
      at.put({
        ...nodeOf(name),
        status: { allocatable: { memory: '1Gi' }, conditions: [{ type: 'Ready', status: 'True' }] },
      });
    expect(await why(at, raise, { cap: '64Gi', factor: 4 })).toContain('the largest node that takes pods has 1024Mi');
    const quota = { hard: { 'limits.memory': '2560Mi' }, used: { 'limits.memory': '2304Mi' } };
    at.put({ apiVersion: 'v1', kind: 'ResourceQuota', metadata: { namespace: 'shop', name: 'team' }, status: quota });
    expect(await why(at, raise, { cap: '1Gi' })).toContain(
      'ResourceQuota team has 256Mi of limits.memory left, and 1792Mi',
    );
    const limit = { type: 'Container', max: { memory: '600Mi' } };
    at.put({
      apiVersion: 'v1',
      kind: 'LimitRange',
      metadata: { namespace: 'shop', name: 'small' },
      spec: { limits: [limit] },
    });
    expect(await why(at, raise, { cap: '1Gi' })).toContain('LimitRange small allows a container 600Mi');
  });
});

describe('evicting', () => {
  test('a budget that does not allow it refuses clearly, in the plan and in the act, and is asked once', async () => {
    const at = kubeStage({ healthy: illAt('v3') });
    at.put(pdb(3));
    const before = evict.before({}, await look(at, evict));
    expect(await why(at, evict)).toContain('The disruption budget web needs more healthy pods');
    const asked = at.cluster.calls.filter(({ resource }) => resource === 'pods/eviction').length;
    expect(await evict.run({}, before, 'k', at.context())).toMatchObject({ is: 'failed' });
    expect(at.cluster.calls.filter(({ resource }) => resource === 'pods/eviction')).toHaveLength(asked + 1);
    expect(at.hands.effects).toEqual([]);
  });

  test('takes no healthy pod away when the pod is ill, and says so', async () => {
    const at = kubeStage({ healthy: illAt('v3') });
    expect((await look(at, evict)).blast).toMatchObject({ touched: 1, healthyAfter: 3, healthyNow: 3 });
  });

  test('leaves alone a pod that nobody would start again, and one that would lose its data', async () => {
    const at = kubeStage();
    const pod = at.cluster.all('Pod')[0]!;
    const { name } = pod.metadata;
    at.cluster.patch('Pod', pod.metadata, { spec: { volumes: [{ name: 'tmp', emptyDir: {} }] } });
    expect(await why(at, evict, { pod: name })).toContain('has an emptyDir');
    at.cluster.patch('Pod', pod.metadata, { metadata: { ownerReferences: null } });
    expect(await why(at, evict, { pod: name })).toContain('nothing would start it again');
  });
});

describe('draining a node', () => {
  const daemonPod: GivenObject = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      namespace: 'kube-system',
      name: 'agent-n1',
      ownerReferences: [{ kind: 'DaemonSet', name: 'agent', controller: true }],
    },
    spec: { nodeName: 'n1' },
    status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] },
  };

  test('moves its pods one by one and leaves those of DaemonSets', async () => {
    const at = kubeStage();
    at.put(daemonPod);
    const observed = await look(at, drain, { node: 'n1' });
    const many = (observed.facts['evicts'] as readonly string[]).length;
    expect(observed.facts['leaves']).toBe(1);
    expect(observed.blast.names).toEqual(['namespace:shop']);
    const { result } = await act(at, drain, { node: 'n1' });
    expect(result).toMatchObject({ is: 'done', data: { evicted: many } });
    expect(at.cluster.all('Pod').filter((pod) => (pod['spec'] as JsonObject)['nodeName'] === 'n1')).toHaveLength(1);
    expect(at.cluster.all('Pod')).toHaveLength(5);
  });

  test('stops where a budget stops it, says how far it came, and undo lets pods come again', async () => {
    const at = kubeStage();
    at.put(pdb(4));
    const { result, before, params } = await act(at, drain, { node: 'n1' });
    expect(result).toMatchObject({ is: 'failed', data: { evicted: 0 } });
    expect(result.message).toContain('a disruption budget does not allow it');
    expect(at.hands.effects.map(({ verb }) => verb)).toEqual(['patch']);
    expect(await drain.probe(params, before, at.context(), 'k1')).toMatchObject({ is: 'unknown' });
    expect(await drain.undo(params, before, 'k1-undo', at.context())).toMatchObject({ is: 'done' });
    expect((at.cluster.find('Node', { name: 'n1' })?.['spec'] as JsonObject)['unschedulable']).toBeUndefined();
  });

  test('is refused when a pod would lose local data or never come back', async () => {
    const at = kubeStage();
    at.put({ ...daemonPod, metadata: { namespace: 'shop', name: 'lonely' } });
    expect(await why(at, drain, { node: 'n1' })).toContain('lonely has no controller');
  });
});

describe('what runs to its end', () => {
  test('a Job is not run again while it runs, and never after it succeeded', async () => {
    const at = kubeStage({}, placeIn('Job', 'once'));
    const job = (status: JsonObject): GivenObject => ({
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { namespace: 'shop', name: 'once' },
      spec: { template: {} },
      status,
    });
    at.put(job({ active: 1 }));
    expect((await look(at, kindOf('job-rerun'))).busy).toBe('Job once runs right now');
    at.put(job({ conditions: [{ type: 'Complete', status: 'True' }] }));
    expect(await why(at, kindOf('job-rerun'))).toBe('Job once succeeded');
  });
});

test('every kind says which rules of RBAC it needs, and asks for no wildcard, no deletion and, but for the records of Helm, no secret', () => {
  for (const kind of Object.values(actionKinds).filter((one) => one.kind.startsWith('kubernetes.'))) {
    expect(kind.access?.length, kind.kind).toBeGreaterThan(0);
    for (const { resources, verbs } of kind.access ?? []) {
      const isHelm = kind.kind === 'kubernetes.helm-rollback';
      expect(resources.every((name) => (isHelm || name !== 'secrets') && !name.includes('*'))).toBe(true);
      expect(verbs.filter((verb) => verb === '*' || verb.startsWith('delete'))).toEqual([]);
    }
  }
});

test('a name from outside cannot reach another object: parameters take names only', () => {
  for (const workload of ['../secrets/x', 'web/scale', 'WEB', '', 'a'.repeat(300)])
    expect(undo.params.parse({ workload }).ok, workload).toBe(false);
  expect(deploymentOf('web', 'v1').metadata.name).toBe('web');
});

test('a workload whose pods change only when somebody deletes them is neither rolled out nor taken to be rolling', async () => {
  const at = kubeStage({}, placeIn('StatefulSet', 'db'));
  at.put({
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: { namespace: 'shop', name: 'db' },
    spec: { replicas: 3, selector: { matchLabels: { app: 'db' } }, updateStrategy: { type: 'OnDelete' }, template: {} },
    status: { replicas: 3, readyReplicas: 3, updatedReplicas: 1, observedGeneration: 1 },
  });
  expect((await look(at, kindOf('rollout-restart'))).busy).toBeUndefined();
  for (const kind of [undo, kindOf('rollout-restart')])
    expect(await why(at, kind)).toContain('updateStrategy: OnDelete');
});
