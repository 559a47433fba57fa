import { createHash } from 'node:crypto';

import type { Json, JsonObject } from '../../src/lib/json.ts';
import type { KubernetesObject } from '../../src/domain/ports/kubernetes.ts';
import type { GivenObject, VirtualCluster } from './virtual-kubernetes.ts';

/** How the pods of a virtual cluster fare. */
export interface Controllers {
  /** Whether pods of this template become ready. Default: all do. */
  readonly healthy?: (template: JsonObject) => boolean;
  /** More of a new pod's status: a container that was killed for lack of memory. */
  readonly status?: (template: JsonObject) => JsonObject;
}

/**
 * What the controllers of a cluster would do next, done at once: ReplicaSets and pods of Deployments with their status,
 * and how many disruptions budgets allow. A template whose pods do not become ready gets one pod and leaves the rest.
 */
export function reconcile(cluster: VirtualCluster, controllers: Controllers): void {
  for (const deployment of cluster.all('Deployment')) rollOut(cluster, deployment, controllers);
  for (const pdb of cluster.all('PodDisruptionBudget')) {
    const ready = cluster.all('Pod').filter((pod) => coversPod(pdb, pod) && isReady(pod)).length;
    const least = part(pdb, 'spec')['minAvailable'];
    const disruptionsAllowed = Math.max(0, ready - (typeof least === 'number' ? least : 0));
    const status = { disruptionsAllowed, observedGeneration: pdb.metadata.generation ?? 1 };
    if (JSON.stringify(pdb['status']) !== JSON.stringify(status))
      cluster.patch('PodDisruptionBudget', pdb.metadata, { status });
  }
}

/** Whether a budget's selector matches a pod: by equality only. */
export function coversPod(pdb: KubernetesObject, pod: KubernetesObject): boolean {
  const wanted = Object.entries(part(part(pdb, 'spec'), 'selector', 'matchLabels'));
  return (
    pdb.metadata.namespace === pod.metadata.namespace &&
    wanted.every(([key, value]) => pod.metadata.labels?.[key] === value)
  );
}

function rollOut(cluster: VirtualCluster, deployment: KubernetesObject, controllers: Controllers): void {
  const { generation = 1 } = deployment.metadata;
  const spec = part(deployment, 'spec');
  const wanted = Number(spec['replicas'] ?? 1);
  const template = part(spec, 'template');
  const sets = cluster.all('ReplicaSet').filter((set) => ownedBy(set, deployment));
  const newest = Math.max(0, ...sets.map(revisionOf));
  if (spec['paused'] === true) {
    setStatus(cluster, deployment, { ...part(deployment, 'status'), observedGeneration: generation });
    return;
  }
  const known = sets.find((set) => JSON.stringify(part(set, 'spec', 'template')) === JSON.stringify(template));
  const revision = known !== undefined && revisionOf(known) === newest ? newest : newest + 1;
  const hash = createHash('sha256').update(JSON.stringify(template)).digest('hex').slice(0, 8);
  const isCurrent = known !== undefined && revisionOf(known) === revision;
  const set = isCurrent ? known : cluster.put(numbered(known ?? setFor(deployment, template, hash), revision));
  const well = controllers.healthy?.(template) ?? true;
  const mine = well ? wanted : Math.min(1, wanted);
  const old = well ? 0 : Math.max(0, wanted - 1);
  const kept = podsOf(cluster, deployment)
    .filter((pod) => pod.metadata.labels?.['hash'] !== hash && isReady(pod))
    .slice(0, old);
  for (const pod of podsOf(cluster, deployment))
    if (!kept.includes(pod) && pod.metadata.labels?.['hash'] !== hash) cluster.remove('Pod', pod.metadata);
  const there = podsOf(cluster, deployment).filter((pod) => pod.metadata.labels?.['hash'] === hash);
  for (const pod of there.slice(mine)) cluster.remove('Pod', pod.metadata);
  for (let more = there.length; more < mine; more++)
    cluster.put(podFor(cluster, deployment, set, hash, well, controllers.status?.(template)));
  const ready = podsOf(cluster, deployment).filter(isReady).length;
  const reason = well ? 'NewReplicaSetAvailable' : 'ReplicaSetUpdated';
  setStatus(cluster, deployment, {
    observedGeneration: generation,
    replicas: mine + kept.length,
    updatedReplicas: mine,
    readyReplicas: ready,
    availableReplicas: ready,
    conditions: [{ type: 'Progressing', status: 'True', reason }],
  });
}

function numbered(set: { readonly metadata: JsonObject & { readonly name: string } }, revision: number): GivenObject {
  const annotations = { 'deployment.kubernetes.io/revision': String(revision) };
  return { ...set, apiVersion: 'apps/v1', kind: 'ReplicaSet', metadata: { ...set.metadata, annotations } };
}

function setFor(deployment: KubernetesObject, template: JsonObject, hash: string) {
  const { namespace = '', name, uid = '', labels = {} } = deployment.metadata;
  return {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: {
      namespace,
      name: `${name}-${hash}`,
      labels: { ...labels, ...part(template, 'metadata', 'labels'), 'pod-template-hash': hash },
      ownerReferences: [{ kind: 'Deployment', name, uid, controller: true }],
    },
    spec: { template },
  };
}

const podsMade = new WeakMap<VirtualCluster, number>();

function podFor(
  cluster: VirtualCluster,
  deployment: KubernetesObject,
  set: KubernetesObject,
  hash: string,
  ready: boolean,
  status: JsonObject = {},
) {
  const { namespace = '' } = deployment.metadata;
  const template = part(deployment, 'spec', 'template');
  const nodes = cluster.all('Node').filter((node) => part(node, 'spec')['unschedulable'] !== true);
  const number = (podsMade.get(cluster) ?? 0) + 1;
  podsMade.set(cluster, number);
  const nodeName = nodes[number % Math.max(1, nodes.length)]?.metadata.name;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      namespace,
      name: `${set.metadata.name}-${number}`,
      labels: { ...(part(template, 'metadata', 'labels') as Record<string, string>), hash, 'pod-template-hash': hash },
      ownerReferences: [{ kind: 'ReplicaSet', name: set.metadata.name, uid: set.metadata.uid ?? '', controller: true }],
    },
    spec: { ...part(template, 'spec'), ...(nodeName === undefined ? {} : { nodeName }) },
    status: { phase: 'Running', conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }], ...status },
  };
}

function setStatus(cluster: VirtualCluster, deployment: KubernetesObject, status: JsonObject): void {
  if (JSON.stringify(deployment['status']) === JSON.stringify(status)) return;
  cluster.patch('Deployment', deployment.metadata, { status });
}

function podsOf(cluster: VirtualCluster, deployment: KubernetesObject): readonly KubernetesObject[] {
  const labels = Object.entries(part(deployment, 'spec', 'selector', 'matchLabels'));
  return cluster
    .all('Pod')
    .filter((pod) => pod.metadata.namespace === deployment.metadata.namespace)
    .filter((pod) => labels.every(([key, value]) => pod.metadata.labels?.[key] === value));
}

function isReady(pod: KubernetesObject): boolean {
  const conditions = (part(pod, 'status')['conditions'] ?? []) as readonly JsonObject[];
  return conditions.some((one) => one['type'] === 'Ready' && one['status'] === 'True');
}

function ownedBy(object: KubernetesObject, owner: KubernetesObject): boolean {
  const owners = (object.metadata['ownerReferences'] ?? []) as readonly JsonObject[];
  return owners.some((one) => one['uid'] === owner.metadata.uid);
}

function revisionOf(set: KubernetesObject): number {
  return Number(set.metadata.annotations?.['deployment.kubernetes.io/revision'] ?? 0);
}

function part(value: Json | undefined, ...path: readonly string[]): JsonObject {
  let found = value;
  for (const key of path) found = (found as JsonObject | undefined)?.[key];
  return (found ?? {}) as JsonObject;
}
