import { limits } from '../../lib/limits.ts';
import type { KubernetesObject } from '../../domain/ports/kubernetes.ts';
import { controllerKind, hasLocalData, isFinished, whyNotEvict } from './evict.ts';
import { texts } from './read.ts';
import { namesOf } from './workload.ts';

/** The pods of a node, as a drain sees them. */
export interface DrainPods {
  /** To be evicted, in a fixed order. */
  readonly evict: readonly KubernetesObject[];
  /** Left alone: of DaemonSets, static, finished, or on their way out. */
  readonly left: readonly KubernetesObject[];
  /** Why the node must not be drained, if so. */
  readonly refused?: string;
}

/** Sorts out what a drain touches and what it leaves alone. */
export function drainPods(pods: readonly KubernetesObject[], localData: boolean): DrainPods {
  const stays = (pod: KubernetesObject): boolean =>
    controllerKind(pod) === 'DaemonSet' ||
    texts(pod.metadata.annotations)['kubernetes.io/config.mirror'] !== undefined ||
    isFinished(pod) ||
    pod.metadata.deletionTimestamp !== undefined;
  const left = pods.filter(stays);
  const evict = pods.filter((pod) => !stays(pod)).sort(byName);
  const alone = evict.flatMap((pod) => whyNotEvict(pod) ?? []);
  const local = localData ? [] : evict.filter(hasLocalData);
  const refused =
    alone[0] ??
    (local.length > 0
      ? `these would lose their emptyDir: ${namesOf(local).join(', ')} (localData: true accepts that)`
      : undefined) ??
    (evict.length > limits.kubernetesDrainPods ? `${evict.length} pods are more than one drain may evict` : undefined);
  return { evict, left, ...(refused === undefined ? {} : { refused }) };
}

function byName(a: KubernetesObject, b: KubernetesObject): number {
  const key = (pod: KubernetesObject): string => `${pod.metadata.namespace ?? ''}/${pod.metadata.name}`;
  return key(a) < key(b) ? -1 : 1;
}
