import type { Json } from '../../lib/json.ts';
import type { ResourceState } from '../../domain/telemetry.ts';
import type { ClusterView, Part } from './cluster.ts';
import type { PodRecord } from './records/pod.ts';
import type { WorkloadFacts } from './signals/workload.ts';

const mostPods = 20;

/**
 * What diagnosis and people see of a workload: which revision runs, how many pods of each revision fail and how, and the
 * pods in trouble themselves. Old against new at the same moment is the strongest evidence there is.
 */
export function statesOf(service: string, facts: WorkloadFacts, view: ClusterView): readonly ResourceState[] {
  const { workload, pods, troubles, mishaps, nowMs } = facts;
  const id = `${workload.namespace}/${workload.name}`;
  const revisions = view.revisionsOf(workload);
  const current = revisions.at(-1);
  const images = Object.entries(workload.template.settings).filter(([name]) => name.endsWith('.image'));
  const summary: ResourceState = {
    ...{ kind: workload.kind, id, service, atMs: nowMs },
    attributes: {
      desired: workload.desired,
      ready: workload.ready,
      updated: workload.updated,
      available: workload.available,
      paused: workload.paused,
      revision: current?.revision ?? 0,
      images: Object.fromEntries(images),
      nodes: [...new Set(pods.flatMap(({ node }) => node ?? []))].sort().slice(0, 50),
      revisions: byRevision(facts, current?.hash ?? ''),
      oomKilled: mishaps.flatMap(({ what, why }) => (what === 'oom-kill' ? [why] : [])).slice(-3),
      ...budgetOf(facts, view),
    },
  };
  const ill = [...troubles].slice(0, mostPods).map(([pod, trouble]): ResourceState => ({
    ...{ kind: 'Pod', id: `${pod.namespace}/${pod.name}`, service, atMs: nowMs },
    attributes: {
      trouble: trouble.is,
      reason: trouble.reason,
      why: trouble.why,
      hash: pod.hash,
      phase: pod.phase,
      ...(pod.node === undefined ? {} : { node: pod.node }),
      ...endingsOf(pod),
    },
  }));
  return [summary, ...ill];
}

function byRevision({ pods, troubles }: WorkloadFacts, current: string): Json {
  const groups = new Map<string, { pods: number; ready: number; troubled: number; reasons: Set<string> }>();
  for (const pod of pods) {
    if (pod.deleting || pod.hash === '' || pod.phase === 'Succeeded') continue;
    const group = groups.get(pod.hash) ?? { pods: 0, ready: 0, troubled: 0, reasons: new Set<string>() };
    groups.set(pod.hash, group);
    group.pods += 1;
    group.ready += pod.ready ? 1 : 0;
    const trouble = troubles.get(pod);
    if (trouble === undefined) continue;
    group.troubled += 1;
    group.reasons.add(trouble.is);
  }
  return [...groups].map(([hash, { reasons, ...counts }]) => ({
    ...{ hash, current: hash === current || hash.endsWith(`-${current}`), ...counts, reasons: [...reasons].sort() },
  }));
}

function budgetOf({ workload, pods }: WorkloadFacts, view: ClusterView): { readonly disruptionsAllowed?: number } {
  if (pods.length === 0) return {};
  for (const budget of view.table('poddisruptionbudgets').all()) {
    const terms = Object.entries(budget.selector);
    if (budget.namespace !== workload.namespace || terms.length === 0) continue;
    if (terms.every(([name, value]) => workload.labels[name] === value)) return { disruptionsAllowed: budget.allowed };
  }
  return {};
}

function endingsOf(pod: PodRecord): { readonly endings?: Json } {
  const endings = pod.containers.flatMap(({ name, restarts, ending }) =>
    ending === undefined ? [] : [{ container: name, restarts, reason: ending.reason, exitCode: ending.exitCode }],
  );
  return endings.length === 0 ? {} : { endings };
}

/** What diagnosis and people see of the cluster: how well each part of it is known. */
export function clusterState(source: string, service: string, parts: readonly Part[], nowMs: number): ResourceState {
  const known = parts.map(({ kind, namespace, status, objects }) => ({
    ...{ kind, state: status.state, objects, lists: status.lists, watches: status.watches },
    ...(namespace === undefined ? {} : { namespace }),
    ...(status.heardMs === undefined ? {} : { heardAgoMs: Math.max(0, nowMs - status.heardMs) }),
  }));
  return { kind: 'Cluster', id: source, service, atMs: nowMs, attributes: { parts: known } };
}
