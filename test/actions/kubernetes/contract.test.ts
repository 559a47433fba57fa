import type { Json, JsonObject } from '../../../src/lib/json.ts';
import { actionKinds } from '../../../src/actions/index.ts';
import type { Place } from '../../../src/domain/places.ts';
import { actionContract, type Stage } from '../../contract/action.ts';
import type { GivenObject } from '../../support/virtual-kubernetes.ts';
import type { Controllers } from '../../support/virtual-controllers.ts';
import { kubeStage, nodeOf, placeIn, type KubeStage } from './stage.ts';

interface Given {
  readonly params?: JsonObject;
  readonly place?: Place;
  readonly controllers?: Controllers;
  readonly objects?: readonly GivenObject[];
  readonly set?: (at: KubeStage) => void;
  /** The effect that is counted. */
  readonly counts: string;
  /** What undo must bring back. */
  readonly restorable?: (at: KubeStage) => Json;
}

const spec = (at: KubeStage, kind: string, name: string): JsonObject =>
  (at.cluster.find(kind, kind === 'Node' ? { name } : { namespace: 'shop', name })?.['spec'] ?? {}) as JsonObject;

function on(kind: string, given: Given, refused: Readonly<Record<string, Json>>): void {
  const action = actionKinds[`kubernetes.${kind}`];
  if (action === undefined) throw new Error(`there is no kubernetes.${kind}`);
  actionContract(`kubernetes.${kind} on a cluster in memory`, {
    kind: action,
    probeTells: true,
    refused,
    set: (): Promise<Stage> => {
      const at = kubeStage(given.controllers ?? {}, given.place ?? placeIn('Deployment', 'web'));
      for (const object of given.objects ?? []) at.put(object);
      given.set?.(at);
      const { restorable } = given;
      return Promise.resolve({
        params: given.params ?? {},
        context: at.context,
        world: () => Promise.resolve(at.world()),
        effects: () =>
          Promise.resolve(at.hands.effects.filter(({ verb, kind: of }) => `${verb} ${of}` === given.counts).length),
        ...(restorable === undefined ? {} : { restorable: () => Promise.resolve(restorable(at)) }),
        remove: () => Promise.resolve(),
      });
    },
  });
}

const other = { workload: 'other' };

on(
  'rollout-undo',
  { counts: 'patch Deployment', restorable: (at) => at.template() },
  {
    'a revision that there is not': { toRevision: '9' },
    'the revision that it has': { toRevision: 'v3' },
    'a blamed revision that does not run any more': { from: 'v2' },
    'a workload that the service does not have': other,
  },
);

on('rollout-restart', { counts: 'patch Deployment' }, { 'a workload that the service does not have': other });

on(
  'rollout-pause',
  { counts: 'patch Deployment', restorable: (at) => spec(at, 'Deployment', 'web')['paused'] ?? null },
  { 'a workload that the service does not have': other },
);

on(
  'scale',
  {
    params: { factor: 1.5, max: 10 },
    counts: 'patch Deployment',
    restorable: (at) => spec(at, 'Deployment', 'web')['replicas'] ?? null,
  },
  {
    'nothing at all': { replicas: 0, max: 4 },
    'no bound': { replicas: 4 },
    'both a number and a factor': { replicas: 4, factor: 2, max: 10 },
    'what it has already': { replicas: 4, max: 10 },
    'a number beyond the bound, when it is at the bound': { replicas: 9, max: 4 },
  },
);

const killed: Controllers = {
  status: () => ({
    containerStatuses: [{ name: 'app', restartCount: 3, lastState: { terminated: { reason: 'OOMKilled' } } }],
  }),
};
on(
  'resources-raise',
  { params: { cap: '1Gi' }, controllers: killed, counts: 'patch Deployment', restorable: (at) => at.template() },
  {
    'no cap': {},
    'a cap that is reached': { cap: '512Mi' },
    'a cap that is no size': { cap: 'much' },
    'a container that there is not': { container: 'db', cap: '1Gi' },
    'a workload that the service does not have': { ...other, cap: '1Gi' },
  },
);

on(
  'pod-delete',
  { controllers: { healthy: () => false }, counts: 'evict Pod' },
  {
    'a pod that there is not': { pod: 'web-0' },
    'a pod on an ill node, when every node is well': { choose: 'bad-node' },
  },
);

const illNode = (at: KubeStage): void => at.put(nodeOf('n1', false));
on(
  'node-cordon',
  { set: illNode, counts: 'patch Node', restorable: (at) => spec(at, 'Node', 'n1')['unschedulable'] ?? null },
  { 'a node that there is not': { node: 'n9' }, 'the last nodes that take pods': { node: 'n2', keepNodes: 2 } },
);

on(
  'node-drain',
  { set: illNode, counts: 'patch Node', restorable: (at) => spec(at, 'Node', 'n1')['unschedulable'] ?? null },
  { 'a node that there is not': { node: 'n9' }, 'the last nodes that take pods': { node: 'n2', keepNodes: 2 } },
);

const job = (status: string): GivenObject => ({
  apiVersion: 'batch/v1',
  kind: 'Job',
  metadata: { namespace: 'shop', name: 'nightly', labels: { 'batch.kubernetes.io/controller-uid': 'u1' } },
  spec: {
    selector: { matchLabels: { 'batch.kubernetes.io/controller-uid': 'u1' } },
    template: {
      metadata: { labels: { app: 'nightly', 'controller-uid': 'u1', 'job-name': 'nightly' } },
      spec: { restartPolicy: 'Never', containers: [{ name: 'job', image: 'job:1' }] },
    },
  },
  status: { conditions: [{ type: status, status: 'True', reason: 'BackoffLimitExceeded' }] },
});
on(
  'job-rerun',
  { place: placeIn('Job', 'nightly'), objects: [job('Failed')], counts: 'create Job' },
  { 'a Job that there is not': { job: 'weekly' } },
);

const cronJob: GivenObject = {
  apiVersion: 'batch/v1',
  kind: 'CronJob',
  metadata: { namespace: 'shop', name: 'report' },
  spec: { schedule: '0 * * * *', suspend: false },
};
on(
  'cronjob-suspend',
  {
    place: placeIn('CronJob', 'report'),
    objects: [cronJob],
    counts: 'patch CronJob',
    restorable: (at) => spec(at, 'CronJob', 'report')['suspend'] ?? null,
  },
  { 'a CronJob that the service does not have': other },
);

const claim = (storageClassName: string, name = 'data'): GivenObject => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { namespace: 'shop', name },
  spec: { storageClassName, resources: { requests: { storage: '10Gi' } } },
  status: { phase: 'Bound', capacity: { storage: '10Gi' } },
});
const storageClass = (name: string, allowVolumeExpansion: boolean): GivenObject => ({
  apiVersion: 'storage.k8s.io/v1',
  kind: 'StorageClass',
  metadata: { name },
  allowVolumeExpansion,
});
on(
  'pvc-expand',
  {
    params: { claim: 'data', cap: '20Gi' },
    objects: [storageClass('grows', true), storageClass('stays', false), claim('grows'), claim('stays', 'fixed')],
    counts: 'patch PersistentVolumeClaim',
  },
  {
    'a claim that there is not': { claim: 'nothing', cap: '20Gi' },
    'a volume that cannot grow': { claim: 'fixed', cap: '20Gi' },
    'a cap below what it has': { claim: 'data', cap: '5Gi' },
  },
);

const configMap = (name: string, level: string, more: JsonObject = {}): GivenObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: {
    namespace: 'shop',
    name,
    annotations: more['immutable'] === true ? { 'watchkeeper.dev/copy-of': 'web' } : {},
  },
  data: { level },
  ...more,
});
on(
  'configmap-restore',
  {
    params: { configMap: 'web' },
    objects: [configMap('web', 'debug'), configMap('web-old', 'info', { immutable: true }), configMap('loose', 'warn')],
    counts: 'patch ConfigMap',
    restorable: (at) => at.cluster.find('ConfigMap', { namespace: 'shop', name: 'web' })?.['data'] ?? null,
  },
  {
    'a ConfigMap that there is not': { configMap: 'nothing' },
    'a source that may have changed since': { configMap: 'web', from: 'loose' },
    'a ConfigMap without any copy': { configMap: 'loose' },
  },
);
