import type { ClusterView } from './cluster.ts';
import type { KindName, Records } from './kinds.ts';
import type { ObjectRecord } from './records/parts.ts';

/** What changed since it was last asked: workloads by uid, nodes by name, and what workloads read or are delivered by. */
export interface Touched {
  readonly workloads: ReadonlySet<string>;
  readonly nodes: ReadonlySet<string>;
  /** What workloads read or are delivered by: `configmaps/shop/app`, `applications/checkout`. */
  readonly contents: ReadonlySet<string>;
}

/** Works out whom a difference concerns, and forgets it when taken. */
export interface TouchBook {
  /** True when somebody is concerned. */
  note<K extends KindName>(kind: K, before: Records[K] | undefined, after: Records[K] | undefined): boolean;
  take(): Touched;
}

/** An empty book over a view. */
export function createTouchBook(view: () => ClusterView): TouchBook {
  let workloads = new Set<string>();
  let nodes = new Set<string>();
  let contents = new Set<string>();
  const owner = (record: ObjectRecord): boolean => {
    const found = view().ownerOf(record);
    if (found !== undefined) workloads.add(found.uid);
    return found !== undefined;
  };
  return {
    note: (kind, before, after) => {
      const record = after ?? before;
      if (record === undefined) return false;
      switch (kind) {
        case 'pods':
          return owner(record);
        case 'replicasets':
        case 'controllerrevisions':
          workloads.add(record.owner?.uid ?? '');
          return true;
        case 'jobs':
          owner(record);
          workloads.add(record.uid);
          return true;
        case 'deployments':
        case 'statefulsets':
        case 'daemonsets':
        case 'cronjobs':
          workloads.add(record.uid);
          return true;
        case 'horizontalpodautoscalers': {
          const { target, namespace } = record as Records['horizontalpodautoscalers'];
          const [of = '', name = ''] = target.split('/');
          const scaled = of === 'Deployment' || of === 'StatefulSet' ? view().workload(of, namespace, name) : undefined;
          if (scaled !== undefined) workloads.add(scaled.uid);
          return scaled !== undefined;
        }
        case 'nodes':
          nodes.add(record.name);
          return true;
        case 'configmaps':
        case 'secrets':
          contents.add(`${kind}/${record.namespace}/${record.name}`);
          return true;
        case 'applications':
        case 'kustomizations':
        case 'helmreleases':
        case 'helmrecords':
          // Their controllers write to them all the time; little of it is news.
          if (JSON.stringify(before) === JSON.stringify(after)) return false;
          contents.add(keyOfDeliverer(kind, record));
          return true;
        case 'events': {
          const pod = view()
            .table('pods')
            .byUid((record as Records['events']).about.uid);
          return pod !== undefined && owner(pod);
        }
        default:
          return false;
      }
    },
    take: () => {
      const taken = { workloads, nodes, contents };
      workloads = new Set();
      nodes = new Set();
      contents = new Set();
      return taken;
    },
  };
}

/** Whether a difference may change which services there are, or what is measured of them. */
export function changesServices<K extends KindName>(
  kind: K,
  before: Records[K] | undefined,
  after: Records[K] | undefined,
): boolean {
  const came = before === undefined || after === undefined;
  switch (kind) {
    case 'deployments':
    case 'statefulsets':
    case 'daemonsets':
    case 'cronjobs':
    case 'namespaces': {
      if (came) return true;
      const [was, is] = [before, after] as readonly Records['namespaces'][];
      return JSON.stringify([was?.labels, was?.annotations]) !== JSON.stringify([is?.labels, is?.annotations]);
    }
    case 'jobs':
    case 'nodes':
    case 'horizontalpodautoscalers':
    case 'applications':
    case 'kustomizations':
    case 'helmreleases':
    case 'helmrecords':
      return came;
    default:
      return false;
  }
}

// As `delivererKey` has it of a workload.
function keyOfDeliverer(kind: KindName, { namespace, name, owner }: ObjectRecord): string {
  if (kind === 'applications') return `${kind}/${name}`;
  return `${kind}/${namespace}/${kind === 'helmrecords' ? (owner?.name ?? '') : name}`;
}
