import type { WorkloadKind } from '../../../domain/places.ts';
import type { SeriesNature } from '../../../domain/telemetry.ts';
import type { KindName } from '../kinds.ts';

/** What can be measured, of what, and which kinds it is read from: while one of them is not known, neither is it. */
export interface MetricDefinition {
  readonly unit: string;
  readonly nature: SeriesNature;
  readonly of: 'workload' | 'node' | 'cluster';
  /** Kinds of workload that it is bound to by default. */
  readonly kinds: readonly WorkloadKind[];
  readonly needs: readonly KindName[];
  /** Read beside the watch: from metrics.k8s.io, or from the kubelets. */
  readonly beside?: 'usage' | 'volumes';
  readonly about: string;
}

const running = ['Deployment', 'StatefulSet', 'DaemonSet'] as const;
const everything = [...running, 'Job', 'CronJob'] as const;

function count(about: string, kinds: readonly WorkloadKind[] = everything): MetricDefinition {
  return { unit: '1', nature: 'gauge', of: 'workload', kinds, needs: ['pods', 'replicasets'], about };
}

function state(
  of: MetricDefinition['of'],
  needs: readonly KindName[],
  kinds: readonly WorkloadKind[],
  about: string,
): MetricDefinition {
  return { unit: '1', nature: 'gauge', of, kinds, needs, about };
}

/** Every metric by its name; the default signals of a discovered service carry the same names. */
export const metrics = {
  availability: {
    ...{ unit: 'ratio', nature: 'ratio', of: 'workload', kinds: running, needs: [] },
    about: 'Available replicas of those wanted.',
  },
  replicas_desired: state('workload', [], running, 'Replicas wanted.'),
  rollout_stuck: state('workload', [], running, '1 when a rollout makes no progress.'),
  autoscaler_saturated: state(
    'workload',
    ['horizontalpodautoscalers'],
    [],
    '1 when the autoscaler is at its maximum and wants more.',
  ),
  delivery_failing: state(
    'workload',
    ['applications', 'kustomizations', 'helmreleases', 'helmrecords'],
    [],
    '1 when Argo CD, Flux or Helm could not deliver it: a sync or a release that failed, stalled or hangs.',
  ),
  restarts: count('Container restarts in the last 10 minutes.'),
  crash_looping: count('Pods with a container that crashes again and again.'),
  oom_kills: count('Containers killed for lack of memory since the last sample.'),
  image_pull_failing: count('Pods whose image cannot be pulled.'),
  start_failing: count(
    'Pods with a container that cannot be created or started: a missing ConfigMap, a wrong command.',
  ),
  probes_failing: count('Running pods that have not been ready for a minute.', running),
  pods_unschedulable: count('Pods that fit on no node.'),
  pods_pending: count(
    'Pods that were given a node and have not started for a minute, for another reason than their image.',
  ),
  evictions: count('Pods evicted by a kubelet since the last sample.'),
  jobs_failing: state(
    'workload',
    ['jobs'],
    ['Job', 'CronJob'],
    '1 when the Job, or the newest run of the CronJob, has failed.',
  ),
  cpu: {
    ...{
      unit: '{cpu}',
      nature: 'gauge',
      of: 'workload',
      kinds: running,
      needs: ['pods', 'replicasets'],
      beside: 'usage',
    },
    about: 'CPU used, mean of its pods, in cores.',
  },
  memory: {
    ...{ unit: 'By', nature: 'gauge', of: 'workload', kinds: running, needs: ['pods', 'replicasets'], beside: 'usage' },
    about: 'Memory used (working set), mean of its pods.',
  },
  memory_of_limit: {
    ...{
      unit: 'ratio',
      nature: 'gauge',
      of: 'workload',
      kinds: running,
      needs: ['pods', 'replicasets'],
      beside: 'usage',
    },
    about: 'Memory used of its limit, the fullest container.',
  },
  disk: {
    ...{ unit: 'ratio', nature: 'gauge', of: 'workload', kinds: [], needs: ['pods', 'replicasets'], beside: 'volumes' },
    about: 'How full each volume is; label `volume`.',
  },
  inodes: {
    ...{ unit: 'ratio', nature: 'gauge', of: 'workload', kinds: [], needs: ['pods', 'replicasets'], beside: 'volumes' },
    about: 'Inodes used of each volume; label `volume`.',
  },
  certificate_expiry: {
    ...{ unit: 's', nature: 'gauge', of: 'workload', kinds: [], needs: [] },
    about: 'Time until a certificate that it mounts ends; label `secret`.',
  },
  node_ready: state('node', ['nodes'], [], '1 while the node is ready.'),
  node_pressure: state('node', ['nodes'], [], 'How many of memory, disk and process ids the node is short of.'),
  node_cpu: {
    unit: 'ratio',
    nature: 'gauge',
    of: 'node',
    kinds: [],
    needs: ['nodes'],
    beside: 'usage',
    about: 'CPU used of what pods may have.',
  },
  node_memory: {
    unit: 'ratio',
    nature: 'gauge',
    of: 'node',
    kinds: [],
    needs: ['nodes'],
    beside: 'usage',
    about: 'Memory used of what pods may have.',
  },
  node_disk: {
    unit: 'ratio',
    nature: 'gauge',
    of: 'node',
    kinds: [],
    needs: ['nodes'],
    beside: 'volumes',
    about: "How full the node's file system is.",
  },
} as const satisfies Record<string, MetricDefinition>;

/** The name of a metric. */
export type MetricName = keyof typeof metrics;

/** All names, for schemas and docs. */
export const metricNames = Object.keys(metrics) as [MetricName, ...MetricName[]];

/** The definition of a metric, with its type widened. */
export function metricOf(name: MetricName): MetricDefinition {
  return metrics[name];
}
