import type { JsonObject } from '../../lib/json.ts';
import type { KubernetesPlace } from '../../domain/places.ts';
import type { ActionContext } from '../../domain/ports/action.ts';
import type { KubernetesObject } from '../../domain/ports/kubernetes.ts';
import type { BlastRadius } from '../../domain/remediation.ts';
import { WatchkeeperError } from '../../lib/errors.ts';
import { budgetOver, covers, selectorText, type Budget } from './budgets.ts';
import { ownerOf } from './owners.ts';
import { operatorAt } from './place.ts';
import { amountOf, at, condition, count, records, text, timeMs } from './read.ts';
import { collections, listAll, workloadCollection } from './resources.ts';
import { rolloutOf } from './rollout.ts';
import type { Seen } from './seen.ts';

/** What looking at a workload needs. */
export const lookNeeds = [
  { in: 'namespace', group: 'apps', resources: ['deployments', 'statefulsets', 'daemonsets'], verbs: ['get'] },
  { in: 'namespace', group: '', resources: ['pods'], verbs: ['list'] },
  { in: 'namespace', group: 'autoscaling', resources: ['horizontalpodautoscalers'], verbs: ['list'] },
  { in: 'namespace', group: 'policy', resources: ['poddisruptionbudgets'], verbs: ['list'] },
] as const;

/**
 * Reads a workload, its pods, its autoscaler and its disruption budgets. What may not be read fails the look: nobody is
 * taken to be absent because we were not allowed to see them.
 *
 * @throws WatchkeeperError `not-found` when there is no such workload.
 */
export async function seeWorkload(place: KubernetesPlace, context: ActionContext): Promise<Seen> {
  const cluster = operatorAt(place, context);
  const { namespace, workload } = place;
  const { signal } = context;
  const object = await cluster.get(
    collections[workloadCollection[workload.kind]],
    { namespace, name: workload.name },
    signal,
  );
  if (object === undefined)
    throw new WatchkeeperError('not-found', `there is no ${workload.kind} ${namespace}/${workload.name}`);
  const labelSelector = selectorText(at(object, 'spec', 'selector'));
  const [pods, hpas, pdbs] = await Promise.all([
    labelSelector === undefined ? [] : listAll(cluster, 'pods', { namespace, labelSelector }, signal),
    listAll(cluster, 'horizontalpodautoscalers', { namespace }, signal),
    listAll(cluster, 'poddisruptionbudgets', { namespace }, signal),
  ]);
  const hpa = hpas.find(
    (one) =>
      at(one, 'spec', 'scaleTargetRef', 'kind') === workload.kind &&
      at(one, 'spec', 'scaleTargetRef', 'name') === workload.name,
  );
  const labels = at(object, 'spec', 'template', 'metadata', 'labels');
  return {
    cluster,
    place,
    object,
    pods,
    ...(hpa === undefined ? {} : { hpa }),
    budgets: pdbs.filter((pdb) => covers(pdb, labels)).map(budgetOver),
    rollout: rolloutOf(object, workload.kind),
  };
}

/** What `require` and policies can name as `target.*`. */
export function workloadFacts(seen: Seen): JsonObject {
  const { object, place, rollout, hpa, budgets, pods } = seen;
  const tightest = budgets.reduce<Budget | undefined>(
    (low, one) => (low === undefined || one.allowed < low.allowed ? one : low),
    undefined,
  );
  return {
    cluster: place.cluster,
    namespace: place.namespace,
    workload: place.workload.name,
    replicas: rollout.replicas,
    ready: rollout.ready,
    updated: rollout.updated,
    unavailable: Math.max(0, rollout.replicas - rollout.ready),
    paused: at(object, 'spec', 'paused') === true,
    rolling: rollout.underWay,
    stuck: rollout.stuck,
    generation: count(object.metadata.generation),
    observedGeneration: count(at(object, 'status', 'observedGeneration')),
    images: containersOf(object).map((container) => text(container['image'])),
    hpa: hpa?.metadata.name ?? '',
    hpaMin: count(at(hpa, 'spec', 'minReplicas'), hpa === undefined ? 0 : 1),
    hpaMax: count(at(hpa, 'spec', 'maxReplicas')),
    pdb: tightest?.name ?? '',
    // No budget: nothing is promised to anybody, so nothing is known that forbids.
    pdbAllowed: tightest?.allowed ?? rollout.ready,
    restarts: pods.reduce((sum, pod) => sum + restartsOf(pod), 0),
    oomKilled: [...new Set(pods.flatMap(oomKilledIn))].sort(),
    owner: ownerOf(object) ?? '',
  };
}

/** How much a new pod template touches at once, by the workload's own strategy. */
export function rolloutBlast(seen: Seen): BlastRadius {
  const { rollout, pods, place, object } = seen;
  const { replicas, ready } = rollout;
  const atOnce = Math.min(replicas, Math.max(1, replacedAtOnce(object, place.workload.kind, replicas)));
  return {
    touched: atOnce,
    total: replicas,
    healthyAfter: Math.max(0, Math.min(ready, replicas - atOnce)),
    healthyNow: ready,
    targets: [`${place.workload.kind} ${place.namespace}/${place.workload.name}`, ...namesOf(pods)],
    dependents: [],
  };
}

function replacedAtOnce(object: KubernetesObject, kind: string, replicas: number): number {
  if (kind === 'Deployment') {
    if (at(object, 'spec', 'strategy', 'type') === 'Recreate') return replicas;
    return amountOf(at(object, 'spec', 'strategy', 'rollingUpdate', 'maxUnavailable'), replicas, 'down', 1);
  }
  return amountOf(at(object, 'spec', 'updateStrategy', 'rollingUpdate', 'maxUnavailable'), replicas, 'up', 1);
}

const shownPods = 20;

/** Pods by name for a card; bounded. */
export function namesOf(pods: readonly KubernetesObject[]): readonly string[] {
  const names = pods.map((pod) => `${pod.metadata.namespace ?? ''}/${pod.metadata.name}`).sort();
  return names.length <= shownPods ? names : [...names.slice(0, shownPods), `${names.length - shownPods} more pods`];
}

/** The containers of a pod template. */
export function containersOf(object: KubernetesObject): readonly JsonObject[] {
  return records(at(object, 'spec', 'template', 'spec', 'containers'));
}

/** Whether a pod is ready and not on its way out. */
export function isReady(pod: KubernetesObject): boolean {
  return pod.metadata.deletionTimestamp === undefined && condition(pod, 'Ready')?.['status'] === 'True';
}

/** How often the containers of a pod were started again. */
export function restartsOf(pod: KubernetesObject): number {
  return records(at(pod, 'status', 'containerStatuses')).reduce((sum, one) => sum + count(one['restartCount']), 0);
}

/** The containers of a pod that were last ended for lack of memory. */
export function oomKilledIn(pod: KubernetesObject): readonly string[] {
  return records(at(pod, 'status', 'containerStatuses'))
    .filter((one) => ['lastState', 'state'].some((when) => at(one, when, 'terminated', 'reason') === 'OOMKilled'))
    .map((one) => text(one['name']));
}

/** When a pod was made. */
export function madeMs(object: KubernetesObject): number {
  return timeMs(object.metadata.creationTimestamp) ?? 0;
}
