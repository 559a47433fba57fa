import type { KubernetesObject, KubernetesResource } from '../../domain/ports/kubernetes.ts';
import {
  applications,
  gitRepositories,
  helmReleases,
  helmSecretType,
  kustomizations,
} from '../../io/clients/gitops/index.ts';
import {
  applicationOf,
  helmRecordOf,
  helmReleaseOf,
  kustomizationOf,
  repositoryOf,
  type DeliveryRecord,
  type HelmRecord,
  type RepositoryRecord,
} from './records/delivery.ts';
import {
  autoscalerOf,
  budgetOf,
  certificateOf,
  claimOf,
  configOf,
  eventOf,
  namespaceOf,
  nodeOf,
  type AutoscalerRecord,
  type BudgetRecord,
  type CertificateRecord,
  type ClaimRecord,
  type ConfigRecord,
  type EventRecord,
  type NamespaceRecord,
  type NodeRecord,
} from './records/others.ts';
import type { Within } from './informer/table.ts';
import type { ObjectRecord } from './records/parts.ts';
import { podOf, type PodRecord } from './records/pod.ts';
import {
  controllerRevisionOf,
  replicaSetOf,
  workloadOf,
  type RevisionRecord,
  type WorkloadRecord,
} from './records/workload.ts';

/** What is kept of each kind that is watched. */
export interface Records {
  readonly deployments: WorkloadRecord;
  readonly statefulsets: WorkloadRecord;
  readonly daemonsets: WorkloadRecord;
  readonly jobs: WorkloadRecord;
  readonly cronjobs: WorkloadRecord;
  readonly replicasets: RevisionRecord;
  readonly controllerrevisions: RevisionRecord;
  readonly pods: PodRecord;
  readonly namespaces: NamespaceRecord;
  readonly nodes: NodeRecord;
  readonly horizontalpodautoscalers: AutoscalerRecord;
  readonly persistentvolumeclaims: ClaimRecord;
  readonly poddisruptionbudgets: BudgetRecord;
  readonly events: EventRecord;
  readonly configmaps: ConfigRecord;
  readonly secrets: ConfigRecord;
  readonly certificates: CertificateRecord;
  readonly applications: DeliveryRecord;
  readonly kustomizations: DeliveryRecord;
  readonly helmreleases: DeliveryRecord;
  readonly gitrepositories: RepositoryRecord;
  readonly helmrecords: HelmRecord;
}

/** A watched kind, by its plural. */
export type KindName = keyof Records;

/** How one kind is watched. */
export interface WatchedKind<R extends ObjectRecord = ObjectRecord> {
  readonly resource: KubernetesResource;
  readonly project: (from: KubernetesObject) => R;
  readonly fieldSelector?: string;
  readonly labelSelector?: string;
  /** Only the metadata is asked for. */
  readonly metadataOnly?: boolean;
  /** An API that a cluster need not have: it is asked for before it is read, and its absence is no gap. */
  readonly addOn?: boolean;
}

/** Every kind that can be watched. Those a configuration does not want are left out by `wantedKinds`. */
export const watchedKinds: { readonly [K in KindName]: WatchedKind<Records[K]> } = {
  deployments: { resource: namespaced('apps', 'v1', 'Deployment'), project: workloadOf('Deployment') },
  statefulsets: { resource: namespaced('apps', 'v1', 'StatefulSet'), project: workloadOf('StatefulSet') },
  daemonsets: { resource: namespaced('apps', 'v1', 'DaemonSet'), project: workloadOf('DaemonSet') },
  jobs: { resource: namespaced('batch', 'v1', 'Job'), project: workloadOf('Job') },
  cronjobs: { resource: namespaced('batch', 'v1', 'CronJob'), project: workloadOf('CronJob') },
  replicasets: { resource: namespaced('apps', 'v1', 'ReplicaSet'), project: replicaSetOf },
  controllerrevisions: { resource: namespaced('apps', 'v1', 'ControllerRevision'), project: controllerRevisionOf },
  pods: { resource: namespaced('', 'v1', 'Pod'), project: podOf },
  namespaces: { resource: clusterWide('', 'v1', 'Namespace'), project: namespaceOf },
  nodes: { resource: clusterWide('', 'v1', 'Node'), project: nodeOf },
  horizontalpodautoscalers: {
    resource: namespaced('autoscaling', 'v2', 'HorizontalPodAutoscaler'),
    project: autoscalerOf,
  },
  persistentvolumeclaims: { resource: namespaced('', 'v1', 'PersistentVolumeClaim'), project: claimOf },
  poddisruptionbudgets: { resource: namespaced('policy', 'v1', 'PodDisruptionBudget'), project: budgetOf },
  events: { resource: namespaced('', 'v1', 'Event'), project: eventOf, fieldSelector: 'type=Warning' },
  configmaps: { resource: namespaced('', 'v1', 'ConfigMap'), project: configOf },
  secrets: { resource: namespaced('', 'v1', 'Secret'), project: configOf, fieldSelector: `type!=${helmSecretType}` },
  certificates: { resource: namespaced('cert-manager.io', 'v1', 'Certificate'), project: certificateOf, addOn: true },
  applications: { resource: applications, project: applicationOf, addOn: true },
  kustomizations: { resource: kustomizations, project: kustomizationOf, addOn: true },
  helmreleases: { resource: helmReleases, project: helmReleaseOf, addOn: true },
  gitrepositories: { resource: gitRepositories, project: repositoryOf, addOn: true },
  helmrecords: {
    ...{ resource: namespaced('', 'v1', 'Secret'), project: helmRecordOf },
    ...{ labelSelector: 'owner=helm', fieldSelector: `type=${helmSecretType}`, metadataOnly: true },
  },
};

/** The kinds of workload, with the plural under which each is watched. */
export const workloadKinds = {
  Deployment: 'deployments',
  StatefulSet: 'statefulsets',
  DaemonSet: 'daemonsets',
  Job: 'jobs',
  CronJob: 'cronjobs',
} as const satisfies Record<WorkloadRecord['kind'], KindName>;

const beside: ReadonlySet<KindName> = new Set<KindName>([
  ...(['events', 'configmaps', 'secrets', 'certificates', 'persistentvolumeclaims'] as const),
  ...(['applications', 'kustomizations', 'helmreleases', 'gitrepositories', 'helmrecords'] as const),
]);

/** Whether to act without knowing a kind would be to act blind: how workloads, their pods and what bounds them are. */
export function isVital(kind: KindName): boolean {
  return !beside.has(kind);
}

/** Which optional kinds a configuration asks for. */
export interface KindChoice {
  readonly nodes: boolean;
  readonly events: boolean;
  readonly configMaps: boolean;
  readonly secrets: boolean;
  readonly certificates: boolean;
  readonly gitops: boolean;
  readonly helm: boolean;
  /** Given: only these namespaces are watched, and cluster-wide kinds only where the configuration says so. */
  readonly namespaces: readonly string[];
}

/** The kinds to watch. */
export function wantedKinds(choice: KindChoice): readonly KindName[] {
  const optional: Partial<Record<KindName, boolean>> = {
    nodes: choice.nodes,
    events: choice.events,
    configmaps: choice.configMaps,
    secrets: choice.secrets,
    certificates: choice.certificates,
    applications: choice.gitops,
    kustomizations: choice.gitops,
    helmreleases: choice.gitops,
    gitrepositories: choice.gitops,
    helmrecords: choice.helm,
  };
  return (Object.keys(watchedKinds) as KindName[]).filter((kind) => optional[kind] !== false);
}

/**
 * Where a kind is watched: in each namespace that the configuration names, or in the whole cluster. A Namespace itself is in
 * none, and is watched by its name.
 */
export function placesOf(kind: KindName, namespaces: readonly string[]): readonly Within[] {
  if (namespaces.length === 0) return [{}];
  if (kind === 'namespaces') return namespaces.map((name) => ({ name }));
  return watchedKinds[kind].resource.namespaced ? namespaces.map((namespace) => ({ namespace })) : [{}];
}

function namespaced(group: string, version: string, kind: string): KubernetesResource {
  return { group, version, kind, plural: `${kind.toLowerCase()}s`, namespaced: true };
}

function clusterWide(group: string, version: string, kind: string): KubernetesResource {
  return { ...namespaced(group, version, kind), namespaced: false };
}
