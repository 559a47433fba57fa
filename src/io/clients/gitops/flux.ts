import { flagAt, listAt, numberAt, objectAt, textAt, timeAt } from '../../../lib/dig.ts';
import type { KubernetesObject } from '../../../domain/ports/kubernetes.ts';

/** One release that helm-controller made, the newest first in a HelmRelease. */
export interface FluxRelease {
  readonly revision: number;
  readonly chart: string;
  readonly chartVersion: string;
  /** deployed, superseded, failed, uninstalled. */
  readonly status: string;
  readonly deployedAtMs?: number;
  /** Of the values it was made with. */
  readonly values?: string;
}

/** A Kustomization or HelmRelease, as far as it is read here. */
export interface FluxApplier {
  readonly kind: 'Kustomization' | 'HelmRelease';
  readonly namespace: string;
  readonly name: string;
  readonly suspended: boolean;
  /** Puts back what somebody else changed in the cluster: a Kustomization always, a HelmRelease with drift detection. */
  readonly corrects: boolean;
  readonly ready?: {
    readonly status: string;
    readonly reason: string;
    readonly message: string;
    readonly sinceMs?: number;
  };
  /** Why it will not try again by itself. */
  readonly stalled?: string;
  /** `main@sha1:…`, or a chart's version. */
  readonly applied?: string;
  readonly attempted?: string;
  readonly source?: { readonly kind: string; readonly namespace: string; readonly name: string };
  readonly releases: readonly FluxRelease[];
  /** How many objects a Kustomization applies. */
  readonly objects: number;
}

/** Reads a Kustomization or HelmRelease. Whatever it lacks is absent. */
export function parseFlux(kind: FluxApplier['kind'], object: KubernetesObject): FluxApplier {
  const { metadata } = object;
  const namespace = metadata.namespace ?? '';
  const ready = listAt(object, 'status', 'conditions').find((one) => textAt(one, 'type') === 'Ready');
  const stalled = listAt(object, 'status', 'conditions').find(
    (one) => textAt(one, 'type') === 'Stalled' && textAt(one, 'status') === 'True',
  );
  const sinceMs = timeAt(ready, 'lastTransitionTime');
  const applied = textAt(object, 'status', 'lastAppliedRevision');
  const attempted = textAt(object, 'status', 'lastAttemptedRevision');
  const source =
    objectAt(object, 'spec', 'sourceRef') ??
    objectAt(object, 'spec', 'chart', 'spec', 'sourceRef') ??
    objectAt(object, 'spec', 'chartRef');
  const [sourceKind, sourceName] = [textAt(source, 'kind'), textAt(source, 'name')];
  return {
    kind,
    namespace,
    name: metadata.name,
    suspended: flagAt(object, 'spec', 'suspend'),
    corrects: kind === 'Kustomization' || textAt(object, 'spec', 'driftDetection', 'mode') === 'enabled',
    releases: listAt(object, 'status', 'history').map(releaseOf),
    objects: listAt(object, 'status', 'inventory', 'entries').length,
    ...(ready === undefined
      ? {}
      : {
          ready: {
            status: textAt(ready, 'status') ?? 'Unknown',
            reason: textAt(ready, 'reason') ?? '',
            message: textAt(ready, 'message') ?? '',
            ...(sinceMs === undefined ? {} : { sinceMs }),
          },
        }),
    ...(stalled === undefined ? {} : { stalled: textAt(stalled, 'message') ?? textAt(stalled, 'reason') ?? '' }),
    ...(applied === undefined ? {} : { applied }),
    ...(attempted === undefined ? {} : { attempted }),
    ...(sourceKind === undefined || sourceName === undefined
      ? {}
      : { source: { kind: sourceKind, namespace: textAt(source, 'namespace') ?? namespace, name: sourceName } }),
  };
}

function releaseOf(entry: Parameters<typeof textAt>[0]): FluxRelease {
  const deployedAtMs = timeAt(entry, 'lastDeployed');
  const values = textAt(entry, 'configDigest');
  return {
    revision: numberAt(entry, 'version') ?? 0,
    chart: textAt(entry, 'chartName') ?? '',
    chartVersion: textAt(entry, 'chartVersion') ?? '',
    status: textAt(entry, 'status') ?? 'unknown',
    ...(deployedAtMs === undefined ? {} : { deployedAtMs }),
    ...(values === undefined ? {} : { values }),
  };
}

/** The commit in `main@sha1:…` and in the older `main/…`; the text itself when it holds none. */
export function fluxCommit(revision: string): string {
  return /(?:@sha1:|@sha256:|\/)([0-9a-f]{40,64})$/.exec(revision)?.[1] ?? revision;
}
