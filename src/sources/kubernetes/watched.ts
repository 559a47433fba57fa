import type { Service } from '../../domain/service.ts';
import type { ClusterView } from './cluster.ts';
import type { WorkloadRecord } from './records/workload.ts';

/** A service with what it is in this cluster. */
export interface WatchedService {
  readonly service: Service;
  readonly workloads: readonly WorkloadRecord[];
  /** Workloads it names that the cluster does not have (now). */
  readonly missing: readonly string[];
  /** A node's name, for the service of a node. */
  readonly node?: string;
  readonly isCluster: boolean;
}

/** The services that have a place in this cluster. */
export function watchedServices(
  services: readonly Service[],
  source: string,
  view: ClusterView,
): readonly WatchedService[] {
  return services.flatMap((service): readonly WatchedService[] => {
    const { labels } = service;
    const here = labels['cluster'] === source && service.origin === 'discovered';
    if (here && labels['kind'] === 'host' && labels['node'] !== undefined)
      return [{ service, workloads: [], missing: [], node: labels['node'], isCluster: false }];
    if (here && labels['kind'] === 'cluster') return [{ service, workloads: [], missing: [], isCluster: true }];
    const workloads: WorkloadRecord[] = [];
    const missing: string[] = [];
    let any = false;
    for (const place of service.runsOn) {
      if (place.on !== 'kubernetes' || place.kubernetes.cluster !== source) continue;
      any = true;
      const { namespace, workload } = place.kubernetes;
      const found = view.workload(workload.kind, namespace, workload.name);
      if (found === undefined) missing.push(`${workload.kind} ${namespace}/${workload.name}`);
      else workloads.push(found);
    }
    return any ? [{ service, workloads, missing, isCluster: false }] : [];
  });
}
