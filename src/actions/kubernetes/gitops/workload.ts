import { numberAt, textAt, dig } from '../../../lib/dig.ts';
import { WatchkeeperError } from '../../../lib/errors.ts';
import type { JsonObject } from '../../../lib/json.ts';
import type { KubernetesPlace } from '../../../domain/places.ts';
import type { ActionContext, KubernetesNeed } from '../../../domain/ports/action.ts';
import type { KubernetesObject, KubernetesOperator } from '../../../domain/ports/kubernetes.ts';
import type { BlastRadius } from '../../../domain/remediation.ts';
import { readGitops, type GitopsState } from '../../../io/clients/gitops/index.ts';
import { ownerNeeds } from '../needs.ts';
import { operatorAt, placeOf } from '../place.ts';

/** What looking at a workload and its owner needs. */
export const lookNeeds: readonly KubernetesNeed[] = [
  { in: 'namespace', group: 'apps', resources: ['deployments', 'statefulsets', 'daemonsets'], verbs: ['get'] },
  { in: 'namespace', group: 'batch', resources: ['jobs', 'cronjobs'], verbs: ['get'] },
  ...ownerNeeds,
];

/** A service's workload as it is now, and who owns it. */
export interface OwnedWorkload {
  readonly place: KubernetesPlace;
  readonly cluster: KubernetesOperator;
  readonly object: KubernetesObject;
  readonly state: GitopsState | undefined;
}

/** The place that parameters name. All kinds of workload may be owned. */
export function placeFor(given: { readonly workload?: string }, service: ActionContext['service']): KubernetesPlace {
  return placeOf(service, undefined, given.workload);
}

/** @throws WatchkeeperError `not-found` when there is no such workload; what the cluster answers. */
export async function lookAtOwned(
  given: { readonly workload?: string },
  context: ActionContext,
): Promise<OwnedWorkload> {
  const place = placeFor(given, context.service);
  const cluster = operatorAt(place, context);
  const { kind, name } = place.workload;
  const group = kind === 'Job' || kind === 'CronJob' ? 'batch' : 'apps';
  const resource = { group, version: 'v1', plural: `${kind.toLowerCase()}s`, kind, namespaced: true };
  const { namespace } = place;
  const object = await cluster.get(resource, { namespace, name }, context.signal);
  if (object === undefined)
    throw new WatchkeeperError('not-found', `there is no ${kind} ${namespace}/${name} in ${place.cluster}`);
  // The items of a cluster's answer to a get carry both; a tracking id is compared with them.
  const full = { apiVersion: `${group}/v1`, kind, ...object };
  return { place, cluster, object: full, state: await readGitops(cluster, full, context.signal) };
}

/**
 * What a rollout of the workload would touch: as many of its pods at once as its own strategy replaces. What else the
 * owner applies is named in `targets`, and not counted in pods.
 */
export function rolloutBlast({ object, place }: OwnedWorkload, also: readonly string[]): BlastRadius {
  const wanted = numberAt(object, 'spec', 'replicas') ?? numberAt(object, 'status', 'desiredNumberScheduled') ?? 1;
  const total = Math.max(1, wanted);
  const ready = numberAt(object, 'status', 'readyReplicas') ?? numberAt(object, 'status', 'numberReady') ?? 0;
  const touched = Math.min(total, Math.max(1, atOnce(object, total)));
  const targets = [`${place.workload.kind} ${place.namespace}/${place.workload.name}`, ...also];
  return { touched, total, healthyAfter: Math.max(0, Math.min(ready, total - touched)), targets, dependents: [] };
}

/** What switching an owner off touches: the owner itself, and no pod. */
export function switchBlast(owner: string): BlastRadius {
  return { touched: 1, total: 1, healthyAfter: 1, targets: [owner], dependents: [] };
}

function atOnce(object: KubernetesObject, total: number): number {
  const isDeployment = object['kind'] === 'Deployment';
  if (isDeployment && textAt(object, 'spec', 'strategy', 'type') === 'Recreate') return total;
  const strategy = isDeployment ? 'strategy' : 'updateStrategy';
  const written = dig(object, 'spec', strategy, 'rollingUpdate', 'maxUnavailable');
  if (typeof written === 'number') return written;
  const percent = /^(\d{1,3})%$/.exec(typeof written === 'string' ? written : '')?.[1];
  if (percent !== undefined) return Math.ceil((Number(percent) * total) / 100);
  return isDeployment ? Math.ceil(total / 4) : 1;
}

/** A fact as a word of a sentence. */
export function word(facts: JsonObject | undefined, key: string): string {
  const value = facts?.[key];
  return typeof value === 'object' || value === undefined ? 'none' : String(value);
}

/** When to stop waiting, by the monotonic clock: some time is kept back to say so. */
export function waitUntilMs(context: ActionContext): number {
  return context.io.clock.monotonicMs() + context.timeoutMs - Math.min(5_000, context.timeoutMs / 10);
}
