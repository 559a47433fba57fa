import type { KubernetesPlace } from '../../domain/places.ts';
import type { KubernetesObject, KubernetesOperator } from '../../domain/ports/kubernetes.ts';
import type { Budget } from './budgets.ts';
import type { Rollout } from './rollout.ts';

/** A workload and what stands around it, read just now. */
export interface Seen {
  readonly cluster: KubernetesOperator;
  readonly place: KubernetesPlace;
  readonly object: KubernetesObject;
  readonly pods: readonly KubernetesObject[];
  /** The autoscaler that has its number of replicas, if any. */
  readonly hpa?: KubernetesObject;
  readonly budgets: readonly Budget[];
  readonly rollout: Rollout;
}
