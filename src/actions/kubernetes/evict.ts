import { WatchkeeperError } from '../../lib/errors.ts';
import type { ActionResult } from '../../domain/ports/action.ts';
import type { KubernetesObject, KubernetesOperator } from '../../domain/ports/kubernetes.ts';
import { at, records, text, texts } from './read.ts';
import { collections } from './resources.ts';
import { writeFault } from './write.ts';

/** Which pod, and which life of it. */
export interface PodId {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

/** The identity of a pod. */
export function podId(pod: KubernetesObject): PodId {
  const { namespace = '', name, uid = '' } = pod.metadata;
  return { namespace, name, uid };
}

/** What evicting takes. */
export const evictNeeds = [
  { in: 'namespace', group: '', resources: ['pods'], verbs: ['get'] },
  { in: 'namespace', group: '', resources: ['pods/eviction'], verbs: ['create'] },
] as const;

/**
 * Asks the API server to evict this very pod: it holds every PodDisruptionBudget, and answers 429 when one does not allow
 * it. That is told as a clear refusal, once: asking again is for whoever sees that the budget has changed.
 */
export async function evict(
  cluster: KubernetesOperator,
  pod: PodId,
  dryRun: boolean,
  signal: AbortSignal,
): Promise<ActionResult> {
  const { namespace, name, uid } = pod;
  const body = {
    apiVersion: 'policy/v1',
    kind: 'Eviction',
    metadata: { namespace, name },
    deleteOptions: { preconditions: { uid } },
  };
  try {
    await cluster.create(collections.pods, { namespace, name }, body, { subresource: 'eviction', dryRun }, signal);
    return { is: 'done', message: `pod ${namespace}/${name} is evicted` };
  } catch (thrown) {
    const error = WatchkeeperError.from(thrown);
    if (error.code === 'rate-limited')
      return {
        is: 'failed',
        message: `a disruption budget does not allow it: ${error.message}`,
        data: { budget: true },
      };
    if (error.code === 'not-found') return { is: 'done', message: `pod ${namespace}/${name} is gone already` };
    return writeFault(error);
  }
}

/** Whether this life of the pod is over or ending. */
export function isGoing(now: KubernetesObject | undefined, { uid }: PodId): boolean {
  return now === undefined || now.metadata.uid !== uid || now.metadata.deletionTimestamp !== undefined;
}

/** Why a pod must not be evicted, or `undefined`: nobody would start it again, or its kubelet alone has it. */
export function whyNotEvict(pod: KubernetesObject): string | undefined {
  if (texts(pod.metadata.annotations)['kubernetes.io/config.mirror'] !== undefined)
    return `${pod.metadata.name} is a static pod: only its node's kubelet can end it`;
  const owner = records(at(pod, 'metadata', 'ownerReferences')).find((one) => one['controller'] === true);
  return owner === undefined ? `${pod.metadata.name} has no controller: nothing would start it again` : undefined;
}

/** The kind of the controller that made a pod; empty for none. */
export function controllerKind(pod: KubernetesObject): string {
  const owner = records(at(pod, 'metadata', 'ownerReferences')).find((one) => one['controller'] === true);
  return text(owner?.['kind']);
}

/** Whether a pod keeps data on its node that would be lost with it. */
export function hasLocalData(pod: KubernetesObject): boolean {
  return records(at(pod, 'spec', 'volumes')).some((volume) => volume['emptyDir'] !== undefined);
}

/** Whether a pod has run to its end. */
export function isFinished(pod: KubernetesObject): boolean {
  return ['Succeeded', 'Failed'].includes(text(at(pod, 'status', 'phase')));
}
