import type { Change } from '../../../domain/change.ts';
import { digest } from '../../../lib/canonical.ts';
import { limits } from '../../../lib/limits.ts';
import type { ClusterView } from '../cluster.ts';
import { delivererKey } from '../deliveries.ts';
import type { ClusterState } from '../state.ts';
import type { Touched } from '../touched.ts';
import type { WatchedService } from '../watched.ts';
import type { WorkloadRecord } from '../records/workload.ts';
import { changeReaders } from './index.ts';
import type { FoundChange, WorkloadMemory } from './reader.ts';

/** Asks the change readers, gives each change once, and remembers what it gave. */
export interface ChangeDesk {
  take(watched: readonly WatchedService[], touched: Touched, state: ClusterState, nowMs: number): readonly Change[];
  between(services: ReadonlySet<string>, fromMs: number, untilMs: number): readonly Change[];
  /** Changes that did not fit into the last answer. */
  waiting(): number;
}

/** How far back the first look goes. */
const lookBackMs = 24 * 3_600_000;
const mostRemembered = 5_000;

/** A desk with no memory. */
export function createChangeDesk(source: string, view: ClusterView): ChangeDesk {
  const memories = new Map<string, WorkloadMemory>();
  const given = new Map<string, Change>();
  const kubelets = new Map<string, string>();
  let queue: Change[] = [];
  let versionMs: number | undefined;

  const give = (service: string, found: FoundChange): void => {
    // One change of a workload that is part of two services is a change of each.
    const id = digest([found.id, service]);
    if (given.has(id)) return;
    const change = { ...found, id, service, source };
    given.set(id, change);
    queue.push(change);
    const oldest = given.size > mostRemembered ? given.keys().next().value : undefined;
    if (oldest !== undefined) given.delete(oldest);
  };
  const ofWorkload = (workload: WorkloadRecord, services: readonly string[], nowMs: number): void => {
    const memory: WorkloadMemory = memories.get(workload.uid) ?? new Map<string, string>();
    memories.set(workload.uid, memory);
    const context = { cluster: source, view, nowMs, sinceMs: nowMs - lookBackMs };
    for (const reader of changeReaders)
      for (const found of reader(workload, memory, context)) for (const service of services) give(service, found);
  };
  const ofNode = (service: string, node: string, nowMs: number): void => {
    const record = view.table('nodes').get('', node);
    if (record === undefined) return;
    const known = kubelets.get(record.uid);
    kubelets.set(record.uid, record.kubelet);
    if (known === undefined || known === record.kubelet) return;
    give(service, upgrade(['kubelet', record.uid, record.kubelet], 'kubelet', known, record.kubelet, nowMs));
  };
  const ofCluster = (service: string, state: ClusterState): void => {
    const { now, before, atMs } = state.version();
    if (now === undefined || before === undefined || atMs === undefined || atMs === versionMs) return;
    versionMs = atMs;
    give(service, upgrade(['cluster', source, now, before], 'control-plane', before, now, atMs));
  };

  return {
    take: (watched, touched, state, nowMs) => {
      const byUid = new Map<string, { readonly workload: WorkloadRecord; readonly services: string[] }>();
      for (const { service, workloads, node, isCluster } of watched) {
        if (node !== undefined) ofNode(service.name, node, nowMs);
        if (isCluster) ofCluster(service.name, state);
        for (const workload of workloads) {
          const entry = byUid.get(workload.uid) ?? { workload, services: [] };
          entry.services.push(service.name);
          byUid.set(workload.uid, entry);
        }
      }
      for (const { workload, services } of byUid.values())
        if (!memories.has(workload.uid) || isTouched(workload, touched)) ofWorkload(workload, services, nowMs);
      for (const uid of memories.keys()) if (!byUid.has(uid)) memories.delete(uid);
      const taken = queue.slice(0, limits.changesPerCollect);
      queue = queue.slice(limits.changesPerCollect);
      return taken;
    },
    between: (services, fromMs, untilMs) =>
      [...given.values()].filter(({ service, atMs }) => services.has(service) && atMs >= fromMs && atMs <= untilMs),
    waiting: () => queue.length,
  };
}

function isTouched(workload: WorkloadRecord, { workloads, contents }: Touched): boolean {
  if (workloads.has(workload.uid)) return true;
  if (contents.size === 0) return false;
  const owner = workload.delivered?.owner;
  if (owner !== undefined && contents.has(delivererKey(owner))) return true;
  return workload.template.references.some((reference) => {
    const [kind = '', name = ''] = reference.split('/');
    return contents.has(`${kind}/${workload.namespace}/${name}`);
  });
}

function upgrade(id: readonly string[], what: string, from: string, to: string, atMs: number): FoundChange {
  return { id: digest([...id]), kind: 'infrastructure', atMs, what, from, to, attributes: {} };
}
