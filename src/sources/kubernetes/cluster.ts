import type { ReaderIo } from '../../domain/ports/io.ts';
import type { KubernetesReader } from '../../domain/ports/kubernetes.ts';
import { limits } from '../../lib/limits.ts';
import { createInformer, type Informer, type InformerStatus } from './informer/informer.ts';
import { createStream, createTable, type Listener, type Table } from './informer/table.ts';
import { placesOf, watchedKinds, workloadKinds, type KindName, type Records } from './kinds.ts';
import type { ObjectRecord } from './records/parts.ts';
import type { PodRecord } from './records/pod.ts';
import type { RevisionRecord, WorkloadRecord } from './records/workload.ts';

/** What is known of a cluster, as it is now. */
export interface ClusterView {
  table<K extends KindName>(kind: K): Table<Records[K]>;
  workload(kind: WorkloadRecord['kind'], namespace: string, name: string): WorkloadRecord | undefined;
  workloads(): Iterable<WorkloadRecord>;
  /** Its pods, through whatever stands between: ReplicaSets, Jobs. */
  podsOf(workload: WorkloadRecord): readonly PodRecord[];
  /** The states its pods were in, oldest first. */
  revisionsOf(workload: WorkloadRecord): readonly RevisionRecord[];
  /** The workload that a pod belongs to, at the top of its owners. */
  ownerOf(record: ObjectRecord): WorkloadRecord | undefined;
}

/** One kind in one namespace, or in all. */
export interface Part {
  readonly kind: KindName;
  readonly namespace?: string;
  readonly status: InformerStatus;
  readonly objects: number;
  readonly refused: number;
}

/** The watch over a cluster: the view, and how well each part of it is known. */
export interface ClusterWatch {
  readonly view: ClusterView;
  readonly parts: () => readonly Part[];
  /** Whether nothing is still at its first list. */
  readonly started: () => boolean;
  /** Runs until the signal fires. */
  run(signal: AbortSignal): Promise<void>;
}

/** What the watch is made of. `onChange` is told of every difference, `onNews` whenever something was heard. */
export interface ClusterOptions {
  readonly io: ReaderIo;
  readonly reader: KubernetesReader;
  readonly kinds: readonly KindName[];
  /** Empty: all. */
  readonly namespaces: readonly string[];
  readonly maxObjects: number;
  readonly onChange: <K extends KindName>(
    kind: K,
    before: Records[K] | undefined,
    after: Records[K] | undefined,
  ) => void;
  readonly onNews: () => void;
}

interface Watched {
  readonly kind: KindName;
  readonly namespace: string | undefined;
  readonly informer: Informer;
}

/** Makes the watch. Nothing is read before `run`. */
export function createClusterWatch(options: ClusterOptions): ClusterWatch {
  const tables = tablesOf(options);
  const watched = options.kinds.flatMap((kind) => informersOf(kind, tables[kind] as Table<ObjectRecord>, options));
  return {
    view: viewOf(tables),
    parts: () =>
      watched.map(({ kind, namespace, informer }) => ({
        kind,
        ...(namespace === undefined ? {} : { namespace }),
        status: informer.status(),
        objects: tables[kind].size,
        refused: tables[kind].refused,
      })),
    started: () => watched.every(({ informer }) => informer.status().state !== 'starting'),
    run: async (signal) => {
      await Promise.all(watched.map(({ informer }) => informer.run(signal)));
    },
  };
}

type Tables = { readonly [K in KindName]: Table<Records[K]> };

function tablesOf({ onChange, maxObjects }: ClusterOptions): Tables {
  const made = (Object.keys(watchedKinds) as KindName[]).map((kind) => {
    const listener: Listener<ObjectRecord> = (before, after) =>
      onChange(kind, before as Records[KindName] | undefined, after as Records[KindName] | undefined);
    return [kind, kind === 'events' ? createStream(listener) : createTable(maxObjects, listener)] as const;
  });
  return Object.fromEntries(made) as unknown as Tables;
}

function informersOf(kind: KindName, table: Table<ObjectRecord>, options: ClusterOptions): readonly Watched[] {
  const { io, reader, namespaces, onNews } = options;
  return placesOf(kind, namespaces).map(({ namespace, name }) => ({
    kind,
    namespace: namespace ?? name,
    informer: createInformer({
      kind: watchedKinds[kind],
      within: { ...(namespace === undefined ? {} : { namespace }), ...(name === undefined ? {} : { name }) },
      ...{ table, reader, onNews, clock: io.clock, random: io.random },
    }),
  }));
}

function viewOf(tables: Tables): ClusterView {
  const ownerOf = (record: ObjectRecord): WorkloadRecord | undefined => {
    const { owner } = record;
    if (owner === undefined) return undefined;
    if (owner.kind === 'ReplicaSet') {
      const set = tables.replicasets.byUid(owner.uid);
      return set?.owner === undefined ? undefined : tables.deployments.byUid(set.owner.uid);
    }
    if (owner.kind === 'Job') {
      const job = tables.jobs.byUid(owner.uid);
      return (job === undefined ? undefined : ownerOf(job)) ?? job;
    }
    return isWorkloadKind(owner.kind) ? tables[workloadKinds[owner.kind]].byUid(owner.uid) : undefined;
  };
  const revisionsOf = (workload: WorkloadRecord): readonly RevisionRecord[] => {
    const table = workload.kind === 'Deployment' ? tables.replicasets : tables.controllerrevisions;
    return [...table.ownedBy(workload.uid)].sort((a, b) => a.revision - b.revision).slice(-limits.kubernetesRevisions);
  };
  return {
    table: (kind) => tables[kind],
    workload: (kind, namespace, name) => tables[workloadKinds[kind]].get(namespace, name),
    workloads: function* () {
      for (const plural of Object.values(workloadKinds)) yield* tables[plural].all();
    },
    revisionsOf,
    ownerOf,
    podsOf: (workload) => {
      const owners: string[] = [workload.uid];
      if (workload.kind === 'Deployment')
        for (const set of tables.replicasets.ownedBy(workload.uid)) owners.push(set.uid);
      if (workload.kind === 'CronJob') for (const job of tables.jobs.ownedBy(workload.uid)) owners.push(job.uid);
      return owners.flatMap((uid) => [...tables.pods.ownedBy(uid)]);
    },
  };
}

function isWorkloadKind(kind: string): kind is keyof typeof workloadKinds {
  return Object.hasOwn(workloadKinds, kind);
}
