import { fluxCommit, parseApplication, parseFlux } from '../../../io/clients/gitops/index.ts';
import { formatDuration } from '../../../lib/duration.ts';
import { textAt } from '../../../lib/dig.ts';
import { limits } from '../../../lib/limits.ts';
import type { KubernetesObject } from '../../../domain/ports/kubernetes.ts';
import { recordOf, text, type ObjectRecord } from './parts.ts';

/** One sync or release that was carried out. */
export interface Delivery {
  /** Names it among those of its owner. */
  readonly id: string;
  /** A commit, a chart's version, or Helm's number of it. */
  readonly revision: string;
  readonly startedMs?: number;
  readonly endedMs?: number;
  readonly by?: string;
}

/** What applies workloads from elsewhere: an Application, a Kustomization, a HelmRelease. */
export interface DeliveryRecord extends ObjectRecord {
  /** The newest last, few. */
  readonly deliveries: readonly Delivery[];
  /** Where its commits lie, as the object itself says. */
  readonly repo?: string;
  /** The GitRepository that says where. */
  readonly repository?: { readonly namespace: string; readonly name: string };
  /** Why it could not deliver, in its own words. */
  readonly trouble?: string;
}

const longest = 300;

/** The projection of an Argo CD Application. */
export function applicationOf(from: KubernetesObject): DeliveryRecord {
  const { history, source, state, errors, degraded, health, sync } = parseApplication(from);
  const failed = state?.phase === 'Failed' || state?.phase === 'Error';
  const [error] = errors;
  const trouble = failed
    ? `its sync${state.revision === undefined ? '' : ` to ${short(state.revision)}`} failed: ${state.message}`
    : error === undefined
      ? degradedWords(degraded, health)
      : `it cannot be synced (${sync.status}): ${error}`;
  return {
    ...recordOf(from),
    deliveries: history
      .slice(-limits.kubernetesRevisions)
      .map(({ id, revision, startedAtMs, deployedAtMs, ...how }) => ({
        id: String(id),
        revision,
        by: how.by ?? (how.automated ? 'argocd' : 'unknown'),
        ...(startedAtMs === undefined ? {} : { startedMs: startedAtMs }),
        ...(deployedAtMs === undefined ? {} : { endedMs: deployedAtMs }),
      })),
    ...(source.repo === undefined ? {} : { repo: source.repo.slice(0, longest) }),
    ...(trouble === undefined ? {} : { trouble: trouble.slice(0, longest) }),
  };
}

const watchedThemselves = /^(Deployment|StatefulSet|DaemonSet|ReplicaSet|Pod|Job|CronJob)\//;

// How workloads are is read of them directly. Argo CD 3 writes down the health of the whole, and no longer of each object.
function degradedWords(degraded: readonly string[], health: string): string | undefined {
  const others = degraded.filter((one) => !watchedThemselves.test(one));
  if (others.length > 0) return `degraded: ${others.slice(0, 3).join(', ')}`;
  return health === 'Degraded' && degraded.length === 0 ? 'it is degraded' : undefined;
}

/** The projection of a Flux Kustomization: it keeps no history, only what is applied now. */
export function kustomizationOf(from: KubernetesObject): DeliveryRecord {
  const flux = parseFlux('Kustomization', from);
  const revision = flux.applied === undefined ? undefined : fluxCommit(flux.applied);
  const { ready, source } = flux;
  const endedMs = ready?.status === 'True' ? ready.sinceMs : undefined;
  return {
    ...recordOf(from),
    deliveries:
      revision === undefined ? [] : [{ id: revision, revision, ...(endedMs === undefined ? {} : { endedMs }) }],
    ...(source?.kind === 'GitRepository' ? { repository: source } : {}),
    ...troubleOf(flux),
  };
}

/** The projection of a Flux HelmRelease. */
export function helmReleaseOf(from: KubernetesObject): DeliveryRecord {
  const flux = parseFlux('HelmRelease', from);
  const made = flux.releases.filter(({ status }) => status === 'deployed' || status === 'superseded');
  return {
    ...recordOf(from),
    deliveries: made
      .slice(0, limits.kubernetesRevisions)
      .map(({ revision, chart, chartVersion, deployedAtMs }) => ({
        id: String(revision),
        revision: chartVersion === '' ? String(revision) : `${chart}-${chartVersion}`,
        ...(deployedAtMs === undefined ? {} : { startedMs: deployedAtMs }),
      }))
      .reverse(),
    ...troubleOf(flux),
  };
}

function troubleOf({ ready, stalled, suspended, attempted }: ReturnType<typeof parseFlux>): {
  readonly trouble?: string;
} {
  if (suspended || (stalled === undefined && ready?.status !== 'False')) return {};
  const what = attempted === undefined ? '' : ` at ${short(fluxCommit(attempted))}`;
  const trouble =
    stalled === undefined
      ? `it is not ready${what} (${ready?.reason ?? ''}): ${ready?.message ?? ''}`
      : `it stalled${what} and will not try again by itself: ${stalled}`;
  return { trouble: trouble.slice(0, longest) };
}

/** Where Flux takes Git from. */
export interface RepositoryRecord extends ObjectRecord {
  readonly url: string;
}

/** The projection of a Flux GitRepository. An address may hold credentials: they are cut out. */
export function repositoryOf(from: KubernetesObject): RepositoryRecord {
  const url = text(textAt(from, 'spec', 'url'), longest) ?? '';
  return { ...recordOf(from), url: url.replace(/\/\/[^/@]*@/, '//') };
}

/** One record of a Helm release, as the labels of its Secret tell of it. What the Secret holds is never asked for. */
export interface HelmRecord extends ObjectRecord {
  readonly revision: number;
  /** deployed, superseded, failed, pending-upgrade, pending-rollback, uninstalling ... */
  readonly status: string;
  readonly startedMs: number;
  readonly endedMs?: number;
}

/** The projection of the Secret of a Helm release: the records of one release have one owner, itself. */
export function helmRecordOf(from: KubernetesObject): HelmRecord {
  const record = recordOf(from);
  const label = (name: string): string => text(from.metadata.labels?.[name]) ?? '';
  const [name, made, changed] = [label('name'), label('createdAt'), label('modifiedAt')];
  const endedMs = Number(changed) * 1_000;
  return {
    ...record,
    revision: Number(label('version')) || 0,
    status: label('status'),
    startedMs: Number(made) * 1_000 || record.createdMs,
    ...(endedMs > 0 ? { endedMs } : {}),
    owner: { kind: 'Release', name, uid: helmReleaseUid(record.namespace, name) },
  };
}

/** What the records of a release are found by. */
export function helmReleaseUid(namespace: string, name: string): string {
  return `helm/${namespace}/${name}`;
}

/** A release that has hung for this long will not end. */
const hungMs = 15 * 60_000;

/** Why a release could not be made, by its newest record. */
export function helmTrouble(newest: HelmRecord | undefined, nowMs: number): string | undefined {
  if (newest === undefined) return undefined;
  const { revision, status, startedMs } = newest;
  if (status === 'failed') return `revision ${revision} failed`;
  const hung = status.startsWith('pending-') && nowMs - startedMs >= hungMs;
  return hung
    ? `revision ${revision} is ${status} for ${formatDuration(nowMs - startedMs)}: Helm starts nothing else before it is rolled back`
    : undefined;
}

/** A commit as people write it; anything else as it is. */
export function short(revision: string): string {
  return /^[0-9a-f]{40,64}$/.test(revision) ? revision.slice(0, 12) : revision.slice(0, 80);
}
