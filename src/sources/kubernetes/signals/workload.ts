import type { ClusterView } from '../cluster.ts';
import { delivererOf } from '../deliveries.ts';
import type { Mishap, Mishaps } from '../mishaps.ts';
import type { PodRecord } from '../records/pod.ts';
import type { WorkloadRecord } from '../records/workload.ts';
import type { MetricName } from './catalogue.ts';
import { troubleOf, type PodTrouble } from './pods.ts';

/** One measured value, with the words that explain it. */
export interface Point {
  readonly v: number;
  readonly labels?: Readonly<Record<string, string>>;
  readonly note?: string;
  /** When it was measured, where that was not now. */
  readonly tMs?: number;
}

/** Everything that is known of a workload at one moment, worked out once. */
export interface WorkloadFacts {
  readonly workload: WorkloadRecord;
  readonly pods: readonly PodRecord[];
  readonly troubles: ReadonlyMap<PodRecord, PodTrouble>;
  /** Mishaps of the last ten minutes. */
  readonly mishaps: readonly Mishap[];
  readonly nowMs: number;
}

/** What is looked at beside the workload itself. */
export interface FactSources {
  readonly view: ClusterView;
  readonly mishaps: Mishaps;
  /** The newest complaint about a pod, by its uid. */
  readonly complaint: (uid: string) => string | undefined;
  /** Since when a rollout has made no progress. */
  readonly stillSinceMs: (uid: string) => number | undefined;
  /** The last line that a container wrote before it ended. */
  readonly lastWords: (pod: PodRecord, container: string) => string | undefined;
}

const recentMs = 600_000;
/** A StatefulSet or DaemonSet has no deadline of its own. */
const stuckAfterMs = 600_000;

/** Works the facts out. */
export function factsOf(workload: WorkloadRecord, sources: FactSources, nowMs: number): WorkloadFacts {
  const pods = sources.view.podsOf(workload);
  const troubles = new Map<PodRecord, PodTrouble>();
  for (const pod of pods) {
    const trouble = troubleOf(pod, nowMs, sources.complaint);
    if (trouble !== undefined) troubles.set(pod, trouble);
  }
  const owners = [...new Set(pods.map((pod) => pod.owner?.uid ?? pod.uid))];
  return { workload, pods, troubles, mishaps: sources.mishaps.of(owners, nowMs - recentMs), nowMs };
}

type Measure = (facts: WorkloadFacts, sources: FactSources, sinceSerial: number) => readonly Point[];

/** Measures one metric of a workload; `sinceSerial`: the newest mishap when this series was last given. Empty: there is no such thing here. */
export function measureWorkload(
  name: MetricName,
  facts: WorkloadFacts,
  sources: FactSources,
  sinceSerial: number,
): readonly Point[] {
  return measures[name]?.(facts, sources, sinceSerial) ?? [];
}

const measures: Partial<Record<MetricName, Measure>> = {
  availability: ({ workload: { desired, available } }) => [
    {
      v: desired === 0 ? 1 : Math.min(1, available / desired),
      ...(available < desired ? { note: `${available} of ${desired} replicas are available` } : {}),
    },
  ],
  replicas_desired: ({ workload }) => [{ v: workload.desired }],
  rollout_stuck: (facts, sources) => [stuckPoint(facts, sources)],
  autoscaler_saturated: ({ workload }, { view }) => {
    for (const scaler of view.table('horizontalpodautoscalers').all())
      if (scaler.namespace === workload.namespace && scaler.target === `${workload.kind}/${workload.name}`) {
        const full = scaler.current >= scaler.max && (scaler.limited || scaler.desired > scaler.max);
        return [
          full ? { v: 1, note: `${scaler.name} is at its maximum of ${scaler.max} replicas and wants more` } : { v: 0 },
        ];
      }
    return [];
  },
  delivery_failing: ({ workload, nowMs }, { view }) => {
    const found = delivererOf(workload, view, nowMs);
    if (found === undefined) return [];
    return [found.trouble === undefined ? { v: 0 } : { v: 1, note: `${found.what} (${found.id}): ${found.trouble}` }];
  },
  restarts: ({ mishaps }) => {
    const restarts = mishaps.filter(({ what }) => what === 'restart');
    const last = restarts.at(-1);
    return [{ v: restarts.length, ...(last === undefined ? {} : { note: `the last: ${last.why}` }) }];
  },
  oom_kills: (facts, _, sinceSerial) => [newMishaps(facts, 'oom-kill', sinceSerial)],
  evictions: (facts, _, sinceSerial) => [newMishaps(facts, 'eviction', sinceSerial)],
  crash_looping: (facts, sources) => {
    const point = countOf(facts, 'crash-loop');
    const first = [...facts.troubles].find(([, { is }]) => is === 'crash-loop');
    const words = first === undefined ? undefined : sources.lastWords(first[0], first[1].container ?? '');
    return [words === undefined ? point : { ...point, note: `${point.note ?? ''}; it last wrote: ${words}` }];
  },
  image_pull_failing: (facts) => [countOf(facts, 'image-pull')],
  start_failing: (facts) => [countOf(facts, 'start')],
  probes_failing: (facts) => [countOf(facts, 'probes')],
  pods_unschedulable: (facts) => [countOf(facts, 'unschedulable')],
  pods_pending: (facts) => [countOf(facts, 'pending')],
  jobs_failing: ({ workload }, { view }) => {
    const runs = workload.kind === 'Job' ? [workload] : [...view.table('jobs').ownedBy(workload.uid)];
    const newest = runs
      .filter((job) => job.ended !== undefined)
      .sort((a, b) => (a.ended?.atMs ?? 0) - (b.ended?.atMs ?? 0))
      .at(-1);
    if (newest?.ended?.how !== 'failed') return [{ v: 0 }];
    return [{ v: 1, note: `Job ${newest.name} failed: ${newest.ended.why}` }];
  },
};

function countOf(facts: WorkloadFacts, is: PodTrouble['is']): Point {
  const found = [...facts.troubles.values()].filter((trouble) => trouble.is === is);
  const [first] = found;
  return { v: found.length, ...(first === undefined ? {} : { note: first.why }) };
}

function newMishaps({ mishaps }: WorkloadFacts, what: Mishap['what'], sinceSerial: number): Point {
  const all = mishaps.filter((mishap) => mishap.what === what);
  const last = all.at(-1);
  return {
    v: all.filter(({ serial }) => serial > sinceSerial).length,
    ...(last === undefined ? {} : { note: last.why }),
  };
}

function stuckPoint({ workload, troubles, nowMs }: WorkloadFacts, { stillSinceMs }: FactSources): Point {
  const [trouble] = troubles.values();
  const because = trouble === undefined ? '' : `; ${trouble.why}`;
  if (workload.stuck !== undefined) return { v: 1, note: `${workload.stuck}${because}` };
  const wanted = workload.desired - (workload.partition ?? 0);
  const rolling = workload.kind !== 'Deployment' && !workload.paused && workload.updated < wanted;
  const stillMs = nowMs - (stillSinceMs(workload.uid) ?? nowMs);
  if (!rolling || stillMs < stuckAfterMs) return { v: 0 };
  return { v: 1, note: `${workload.updated} of ${wanted} pods were updated, and no more for ten minutes${because}` };
}
