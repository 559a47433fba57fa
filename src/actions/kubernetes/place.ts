import * as z from 'zod';

import { WatchkeeperError } from '../../lib/errors.ts';
import type { KubernetesPlace, WorkloadKind } from '../../domain/places.ts';
import type { ActionContext } from '../../domain/ports/action.ts';
import type { KubernetesOperator } from '../../domain/ports/kubernetes.ts';
import type { Target } from '../../domain/remediation.ts';
import type { Service } from '../../domain/service.ts';

/** A name as Kubernetes takes it. */
export const objectName = z
  .string()
  .max(253)
  .regex(/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/, 'must be a name as Kubernetes takes it: lower-case letters, digits, "-"');

/** The parameter that says which of a service's workloads is meant; needed only where it has several. */
export const workloadParam = { workload: objectName.exactOptional() };

/**
 * Where the service runs in a cluster: its one workload of these kinds, or the one that is named.
 *
 * @throws WatchkeeperError `unsupported` when there is none, `config-invalid` when there is more than one to choose from.
 */
export function placeOf(
  service: Service,
  kinds: readonly WorkloadKind[] | undefined,
  workload: string | undefined,
): KubernetesPlace {
  const places = service.runsOn
    .flatMap((place) => (place.on === 'kubernetes' ? [place.kubernetes] : []))
    .filter((place) => kinds === undefined || kinds.includes(place.workload.kind))
    .filter((place) => workload === undefined || place.workload.name === workload);
  const [place] = places;
  if (place !== undefined && places.length === 1) return place;
  const what = `${workload === undefined ? '' : `${workload}, `}${kinds?.join(', ') ?? 'any workload'}`;
  throw new WatchkeeperError(
    places.length === 0 ? 'unsupported' : 'config-invalid',
    `service ${service.name} runs in ${places.length} places in Kubernetes that fit (${what}); exactly one is needed`,
    { fix: 'Give the service one runsOn entry with kubernetes, or name the one in `workload`.' },
  );
}

/** The cluster of a place, with the credentials of a hand. @throws `config-invalid` when there are none. */
export function operatorAt(place: Pick<KubernetesPlace, 'cluster'>, context: ActionContext): KubernetesOperator {
  return context.io.kubernetes.operator(place.cluster);
}

/** A target in a namespace. Policies protect it by `namespace:` and `cluster:` too. */
export function targetIn(
  place: Pick<KubernetesPlace, 'cluster' | 'namespace'>,
  kind: string,
  name: string,
  service: Service,
): Target {
  return {
    kind,
    id: `${place.cluster}/${place.namespace}/${name}`,
    service: service.name,
    labels: { ...service.labels, cluster: place.cluster, namespace: place.namespace },
  };
}

/** The workload of a place as a target. */
export function workloadTarget(place: KubernetesPlace, service: Service): Target {
  return targetIn(place, place.workload.kind, place.workload.name, service);
}
