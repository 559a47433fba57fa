import { argoNamespace, type GitopsOwner } from '../../io/clients/gitops/index.ts';
import type { ClusterView } from './cluster.ts';
import { helmReleaseUid, helmTrouble, type Delivery, type DeliveryRecord } from './records/delivery.ts';
import type { WorkloadRecord } from './records/workload.ts';
import type { KindName } from './kinds.ts';

/** What delivers a workload, as it is known now. */
export interface Deliverer {
  /** `application/checkout`, `helmrelease/checkout`, `release/checkout`: what a change of it is called. */
  readonly what: string;
  /** `argocd/checkout`. */
  readonly id: string;
  /** What it delivered, the newest last. */
  readonly deliveries: readonly Delivery[];
  readonly repo?: string;
  readonly trouble?: string;
}

/** Finds who delivers a workload. `undefined`: nobody that is known, or it is not watched. */
export function delivererOf({ delivered }: WorkloadRecord, view: ClusterView, nowMs: number): Deliverer | undefined {
  const owner = delivered?.owner;
  if (owner === undefined || owner.by === 'controller') return undefined;
  if (owner.by === 'helm') return releaseOf(owner, view, nowMs);
  const record = recordFor(owner, view);
  if (record === undefined) return undefined;
  const kind = owner.by === 'argo' ? 'application' : owner.kind.toLowerCase();
  const { repository } = record;
  const repo =
    repository === undefined
      ? record.repo
      : view.table('gitrepositories').get(repository.namespace, repository.name)?.url;
  return {
    what: `${kind}/${record.name}`,
    id: `${record.namespace}/${record.name}`,
    deliveries: record.deliveries,
    ...(repo === undefined ? {} : { repo }),
    ...(record.trouble === undefined ? {} : { trouble: record.trouble }),
  };
}

function recordFor(
  owner: GitopsOwner & { readonly by: 'argo' | 'flux' },
  view: ClusterView,
): DeliveryRecord | undefined {
  if (owner.by === 'flux')
    return view
      .table(owner.kind === 'HelmRelease' ? 'helmreleases' : 'kustomizations')
      .get(owner.namespace, owner.name);
  const table = view.table('applications');
  const found = table.get(owner.namespace ?? argoNamespace, owner.name);
  if (found !== undefined || owner.namespace !== undefined) return found;
  // Argo CD was installed elsewhere: the only one of that name is it.
  const named = [...table.all()].filter(({ name }) => name === owner.name);
  return named.length === 1 ? named[0] : undefined;
}

function releaseOf(
  { namespace, name }: GitopsOwner & { readonly by: 'helm' },
  view: ClusterView,
  nowMs: number,
): Deliverer | undefined {
  const records = [...view.table('helmrecords').ownedBy(helmReleaseUid(namespace, name))].sort(
    (a, b) => a.revision - b.revision,
  );
  if (records.length === 0) return undefined;
  const trouble = helmTrouble(records.at(-1), nowMs);
  return {
    ...{ what: `release/${name}`, id: `${namespace}/${name}` },
    // One that failed has changed what it came to, too.
    deliveries: records
      .filter(({ status }) => status === 'deployed' || status === 'superseded' || status === 'failed')
      .map(({ revision, startedMs, endedMs }) => ({
        ...{ id: String(revision), revision: `revision ${revision}`, startedMs },
        ...(endedMs === undefined ? {} : { endedMs }),
      })),
    ...(trouble === undefined ? {} : { trouble }),
  };
}

const kinds = ['applications', 'kustomizations', 'helmreleases', 'helmrecords'] as const satisfies readonly KindName[];

/** Whether deliveries are read from a kind. */
export function isDeliverer(kind: KindName): boolean {
  return (kinds as readonly KindName[]).includes(kind);
}

/** The kind that what is known of an owner is read from. */
export function delivererKind(owner: GitopsOwner): (typeof kinds)[number] {
  if (owner.by === 'argo') return 'applications';
  if (owner.by === 'flux') return owner.kind === 'HelmRelease' ? 'helmreleases' : 'kustomizations';
  return 'helmrecords';
}

/** What a workload's owner is touched by: `applications/checkout`. Where an Application lies is not always known. */
export function delivererKey(owner: GitopsOwner): string {
  const kind = delivererKind(owner);
  return owner.by === 'argo' || owner.by === 'controller'
    ? `${kind}/${owner.name}`
    : `${kind}/${owner.namespace}/${owner.name}`;
}
