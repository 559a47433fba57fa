import type { KubernetesObject } from '../../domain/ports/kubernetes.ts';
import { at, condition, count } from './read.ts';

/** How far a workload's pods are what its template says. */
export interface Rollout {
  readonly replicas: number;
  readonly ready: number;
  readonly updated: number;
  /** Its controller is still replacing pods. */
  readonly underWay: boolean;
  /** Its controller has given up waiting (Deployments only: `progressDeadlineSeconds`). */
  readonly stuck: boolean;
}

/** Why a new template would reach no pod by itself, or `undefined`. */
export function onlyOnDelete(object: KubernetesObject): string | undefined {
  if (at(object, 'spec', 'updateStrategy', 'type') !== 'OnDelete') return undefined;
  return `the pods of ${object.metadata.name} change only when somebody deletes them (updateStrategy: OnDelete)`;
}

/** Reads the rollout of a workload off its status. */
export function rolloutOf(object: KubernetesObject, kind: string): Rollout {
  const behind = count(at(object, 'status', 'observedGeneration')) < count(object.metadata.generation);
  const rolls = onlyOnDelete(object) === undefined;
  if (kind === 'DaemonSet') {
    const replicas = count(at(object, 'status', 'desiredNumberScheduled'));
    const updated = count(at(object, 'status', 'updatedNumberScheduled'));
    const ready = count(at(object, 'status', 'numberReady'));
    return { replicas, ready, updated, underWay: behind || (rolls && updated < replicas), stuck: false };
  }
  const replicas = count(at(object, 'spec', 'replicas'), 1);
  const updated = count(at(object, 'status', 'updatedReplicas'));
  const ready = count(at(object, 'status', 'readyReplicas'));
  const old = count(at(object, 'status', 'replicas')) - updated;
  const reason = condition(object, 'Progressing')?.['reason'];
  const stuck = reason === 'ProgressDeadlineExceeded';
  // What its controller has once called complete stays so until the template changes, however ill the pods become.
  const complete = kind === 'Deployment' && reason === 'NewReplicaSetAvailable' && !behind;
  return {
    replicas,
    ready,
    updated,
    underWay: !complete && !stuck && (behind || (rolls && (updated < replicas || old > 0))),
    stuck,
  };
}

/** What is still missing until every pod is new and ready, or `undefined` when nothing is. */
export function unfinished(object: KubernetesObject, kind: string): string | undefined {
  const { replicas, ready, updated, underWay } = rolloutOf(object, kind);
  const behind = count(at(object, 'status', 'observedGeneration')) < count(object.metadata.generation);
  if (behind) return 'its controller has not seen the change yet';
  if (updated < replicas) return `${updated} of ${replicas} pods are new`;
  if (ready < replicas) return `${ready} of ${replicas} pods are ready`;
  return underWay ? 'old pods are still there' : undefined;
}
