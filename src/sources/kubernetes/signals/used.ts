import type { Beside } from '../beside/index.ts';
import type { ClusterView } from '../cluster.ts';
import type { PodRecord } from '../records/pod.ts';
import type { WorkloadRecord } from '../records/workload.ts';
import type { MetricName } from './catalogue.ts';
import type { Point, WorkloadFacts } from './workload.ts';

type Measure = (facts: WorkloadFacts, beside: Beside, view: ClusterView) => readonly Point[];

/** Measures what is used, and what runs out in time. Empty: it is not known. */
export function measureUse(
  name: MetricName,
  facts: WorkloadFacts,
  beside: Beside,
  view: ClusterView,
): readonly Point[] {
  return measures[name]?.(facts, beside, view) ?? [];
}

const measures: Partial<Record<MetricName, Measure>> = {
  cpu: (facts, beside) => meanOf(facts, beside, ({ cpu }) => cpu),
  memory: (facts, beside) => meanOf(facts, beside, ({ memory }) => memory),
  memory_of_limit: ({ pods }, beside) => {
    let fullest: Point | undefined;
    for (const pod of pods) {
      const usage = beside.pod(pod.namespace, pod.name);
      for (const { name, memoryLimit } of usage === undefined ? [] : pod.containers) {
        const v = (usage?.containers.get(name) ?? 0) / (memoryLimit ?? Infinity);
        if (v > (fullest?.v ?? 0))
          fullest = { v, tMs: usage?.atMs ?? 0, note: `container ${name} of pod ${pod.name} is the fullest` };
      }
    }
    return fullest === undefined ? [] : [fullest];
  },
  disk: ({ pods }, beside) => filledOf(pods, beside, ({ used, capacity }) => used / capacity),
  inodes: ({ pods }, beside) =>
    filledOf(pods, beside, ({ inodesUsed, inodes }) =>
      inodesUsed === undefined || inodes === undefined ? undefined : inodesUsed / inodes,
    ),
  certificate_expiry: ({ workload, nowMs }, _, view) =>
    certificatesOf(workload, view).map(({ secret, endsMs, why }) => ({
      v: Math.round((endsMs - nowMs) / 1_000),
      labels: { secret },
      note: `the certificate in ${secret} ends at ${new Date(endsMs).toISOString()}${why === undefined ? '' : `; ${why}`}`,
    })),
};

/** A certificate that a workload mounts. */
export interface Mounted {
  readonly secret: string;
  readonly endsMs: number;
  /** Why it is not renewed, if so. */
  readonly why?: string;
}

/** The certificates that a workload mounts, as cert-manager or the Secrets themselves tell of them. */
export function certificatesOf(workload: WorkloadRecord, view: ClusterView): readonly Mounted[] {
  const secrets = workload.template.references.flatMap((reference) =>
    reference.startsWith('secrets/') ? [reference.slice('secrets/'.length)] : [],
  );
  if (secrets.length === 0) return [];
  const found = new Map<string, Mounted>();
  for (const secret of secrets) {
    const endsMs = view.table('secrets').get(workload.namespace, secret)?.endsMs;
    if (endsMs !== undefined) found.set(secret, { secret, endsMs });
  }
  for (const { namespace, secret, endsMs, why } of view.table('certificates').all())
    if (namespace === workload.namespace && endsMs !== undefined && secrets.includes(secret))
      found.set(secret, { secret, endsMs, ...(why === undefined ? {} : { why }) });
  return [...found.values()];
}

type Used = NonNullable<ReturnType<Beside['pod']>>;

function meanOf({ pods }: WorkloadFacts, beside: Beside, read: (usage: Used) => number): readonly Point[] {
  const usages = pods.flatMap((pod) => beside.pod(pod.namespace, pod.name) ?? []);
  if (usages.length === 0) return [];
  const sum = usages.reduce((total, usage) => total + read(usage), 0);
  return [{ v: sum / usages.length, tMs: Math.max(...usages.map(({ atMs }) => atMs)) }];
}

type Volume = NonNullable<ReturnType<Beside['volume']>>;

function filledOf(
  pods: readonly PodRecord[],
  beside: Beside,
  read: (filled: Volume) => number | undefined,
): readonly Point[] {
  const claims = new Set(pods.flatMap((pod) => pod.claims.map((claim) => `${pod.namespace}/${claim}`)));
  return [...claims].sort().flatMap((key): readonly Point[] => {
    const [namespace = '', claim = ''] = key.split('/');
    const filled = beside.volume(namespace, claim);
    const v = filled === undefined ? undefined : read(filled);
    return v === undefined || filled === undefined ? [] : [{ v, labels: { volume: claim }, tMs: filled.atMs }];
  });
}
