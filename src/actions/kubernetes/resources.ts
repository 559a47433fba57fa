import { WatchkeeperError } from '../../lib/errors.ts';
import { limits } from '../../lib/limits.ts';
import type { WorkloadKind } from '../../domain/places.ts';
import type {
  KubernetesObject,
  KubernetesReader,
  KubernetesResource,
  KubernetesSelection,
} from '../../domain/ports/kubernetes.ts';

function of(group: string, plural: string, kind: string, version = 'v1', namespaced = true): KubernetesResource {
  return { group, version, plural, kind, namespaced };
}

/** The collections that actions read and write, by plural name. */
export const collections = {
  deployments: of('apps', 'deployments', 'Deployment'),
  statefulsets: of('apps', 'statefulsets', 'StatefulSet'),
  daemonsets: of('apps', 'daemonsets', 'DaemonSet'),
  replicasets: of('apps', 'replicasets', 'ReplicaSet'),
  controllerrevisions: of('apps', 'controllerrevisions', 'ControllerRevision'),
  jobs: of('batch', 'jobs', 'Job'),
  cronjobs: of('batch', 'cronjobs', 'CronJob'),
  pods: of('', 'pods', 'Pod'),
  configmaps: of('', 'configmaps', 'ConfigMap'),
  limitranges: of('', 'limitranges', 'LimitRange'),
  resourcequotas: of('', 'resourcequotas', 'ResourceQuota'),
  persistentvolumeclaims: of('', 'persistentvolumeclaims', 'PersistentVolumeClaim'),
  horizontalpodautoscalers: of('autoscaling', 'horizontalpodautoscalers', 'HorizontalPodAutoscaler', 'v2'),
  poddisruptionbudgets: of('policy', 'poddisruptionbudgets', 'PodDisruptionBudget'),
  nodes: of('', 'nodes', 'Node', 'v1', false),
  storageclasses: of('storage.k8s.io', 'storageclasses', 'StorageClass', 'v1', false),
} as const satisfies Record<string, KubernetesResource>;

/** The name of a collection that actions know. */
export type Collection = keyof typeof collections;

/** The collection that holds workloads of a kind. */
export const workloadCollection: Readonly<Record<WorkloadKind, Collection>> = {
  Deployment: 'deployments',
  StatefulSet: 'statefulsets',
  DaemonSet: 'daemonsets',
  Job: 'jobs',
  CronJob: 'cronjobs',
};

/** All objects of a selection, page by page. @throws WatchkeeperError `too-large` beyond `limits.kubernetesListed`. */
export async function listAll(
  cluster: KubernetesReader,
  collection: Collection,
  selection: KubernetesSelection,
  signal: AbortSignal,
): Promise<readonly KubernetesObject[]> {
  const found: KubernetesObject[] = [];
  let next: string | undefined;
  do {
    const page = await cluster.list(
      collections[collection],
      { ...selection, limit: limits.kubernetesPage, ...(next === undefined ? {} : { next }) },
      signal,
    );
    found.push(...page.items);
    if (found.length > limits.kubernetesListed)
      throw new WatchkeeperError('too-large', `there are more than ${limits.kubernetesListed} ${collection}`);
    next = page.next;
  } while (next !== undefined);
  return found;
}
