import { WatchkeeperError } from '../../src/lib/errors.ts';
import type { Json, JsonObject } from '../../src/lib/json.ts';
import type {
  KubernetesObject,
  KubernetesOperator,
  KubernetesOperators,
  KubernetesRef,
  KubernetesResource,
} from '../../src/domain/ports/kubernetes.ts';
import { coversPod, reconcile, type Controllers } from './virtual-controllers.ts';
import type { GivenObject, VirtualCluster } from './virtual-kubernetes.ts';

/** One write that took effect. */
export interface Effect {
  readonly verb: 'create' | 'patch' | 'replace' | 'remove' | 'evict';
  readonly kind: string;
  readonly name: string;
  readonly atMs: number;
}

/** The hands of a virtual cluster: preconditions, dry runs, strategic merges and evictions as an API server has them. */
export interface VirtualHands extends KubernetesOperators {
  readonly effects: readonly Effect[];
  /** Called when a write has passed its checks, before it takes effect; may throw, as a process that dies there. */
  onEffect: (effect: Effect, moment: 'before' | 'after') => void;
}

/** Hands for a virtual cluster. After each write its controllers do their part at once. */
export function virtualHands(cluster: VirtualCluster, controllers: Controllers = {}): VirtualHands {
  const effects: Effect[] = [];
  const hands: VirtualHands = {
    effects,
    onEffect: () => undefined,
    operator: (name) => operatorOf(name),
  };
  const take = (verb: Effect['verb'], kind: string, name: string, act: () => void): void => {
    const effect: Effect = { verb, kind, name, atMs: cluster.clock.nowMs() };
    hands.onEffect(effect, 'before');
    act();
    effects.push(effect);
    reconcile(cluster, controllers);
    hands.onEffect(effect, 'after');
  };
  const current = (resource: KubernetesResource, ref: KubernetesRef): KubernetesObject => {
    const found = cluster.find(resource.kind, ref);
    if (found === undefined) throw new WatchkeeperError('not-found', `404: ${resource.plural} "${ref.name}" not found`);
    return found;
  };

  const operatorOf = (name: string): KubernetesOperator => ({
    ...cluster.reader(name),
    create: async (resource, ref, body, { subresource, dryRun = false }, signal) => {
      const verb = { verb: 'create', resource: resource.plural + (subresource === undefined ? '' : `/${subresource}`) };
      await cluster.meet({ ...verb, ...spaceOf(ref) }, signal);
      if (subresource === 'eviction') {
        const pod = current(resource, { ...spaceOf(ref), name: ref.name ?? '' });
        checkEviction(cluster, pod, body);
        if (!dryRun) take('evict', 'Pod', pod.metadata.name, () => cluster.remove('Pod', pod.metadata));
        return {};
      }
      const given = body as GivenObject;
      if (cluster.find(resource.kind, given.metadata) !== undefined)
        throw new WatchkeeperError('conflict', `409: ${resource.plural} "${given.metadata.name}" already exists`);
      if (!dryRun) take('create', resource.kind, given.metadata.name, () => cluster.put(given));
      return body;
    },
    patch: async (resource, ref, patch, { dryRun = false }, signal) => {
      await cluster.meet({ verb: 'patch', resource: resource.plural, ...spaceOf(ref) }, signal);
      const before = current(resource, ref);
      if (patch.type === 'json' || patch.type === 'apply')
        throw new WatchkeeperError('unsupported', `the virtual cluster takes no ${patch.type} patch`);
      precondition(before, patch.body);
      const after = strategic(before, patch.body) as GivenObject;
      if (resource.kind === 'ConfigMap' && before['immutable'] === true)
        throw new WatchkeeperError('config-invalid', `422: ConfigMap "${ref.name}" is immutable`);
      if (dryRun) return after;
      take('patch', resource.kind, ref.name, () =>
        cluster.put(managed(before, after, 'watchkeeper', cluster.clock.nowMs())),
      );
      return current(resource, ref);
    },
    replace: () => Promise.reject(new WatchkeeperError('unsupported', 'the virtual cluster replaces nothing')),
    remove: async (resource, ref, uid, { dryRun = false }, signal) => {
      await cluster.meet({ verb: 'delete', resource: resource.plural, ...spaceOf(ref) }, signal);
      if (current(resource, ref).metadata.uid !== uid)
        throw new WatchkeeperError('conflict', '409: another object by now');
      if (!dryRun) take('remove', resource.kind, ref.name, () => cluster.remove(resource.kind, ref));
    },
  });
  return hands;
}

/** Somebody else writes to an object: merged as ours are, and under their name in `managedFields`. */
export function writtenBy(
  cluster: VirtualCluster,
  by: string,
  kind: string,
  ref: KubernetesRef,
  change: JsonObject,
): void {
  const before = cluster.find(kind, ref);
  if (before === undefined) throw new Error(`there is no ${kind} ${ref.name}`);
  cluster.put(managed(before, strategic(before, change) as GivenObject, by, cluster.clock.nowMs()));
}

function managed(before: KubernetesObject, after: GivenObject, manager: string, nowMs: number): GivenObject {
  const fields = changedFields(only(before), only(after));
  if (Object.keys(fields).length === 0) return after;
  const known = (before.metadata['managedFields'] ?? []) as readonly JsonObject[];
  const entry = {
    manager,
    operation: 'Update',
    time: `${new Date(nowMs).toISOString().slice(0, 19)}Z`,
    fieldsV1: fields,
  };
  const managedFields = [...known.filter((one) => one['manager'] !== manager), entry];
  return { ...after, metadata: { ...after.metadata, managedFields } };
}

// What is meant, not how it fares.
function only({ spec, data, binaryData }: JsonObject): JsonObject {
  return { ...(spec && { spec }), ...(data && { data }), ...(binaryData && { binaryData }) };
}

// `{f:spec: {f:template: {...}}}`, as deep as there are maps.
function changedFields(before: JsonObject, after: JsonObject): JsonObject {
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  return Object.fromEntries(
    keys.flatMap((key): [string, JsonObject][] => {
      const [was, is] = [before[key], after[key]];
      if (JSON.stringify(was) === JSON.stringify(is)) return [];
      return [[`f:${key}`, isObject(was) && isObject(is) ? changedFields(was, is) : {}]];
    }),
  );
}

function precondition(before: KubernetesObject, body: JsonObject): void {
  const wanted = (body['metadata'] ?? {}) as JsonObject;
  for (const key of ['uid', 'resourceVersion'] as const)
    if (wanted[key] !== undefined && wanted[key] !== before.metadata[key])
      throw new WatchkeeperError(
        'conflict',
        `409: the object has been modified: ${key} is ${String(before.metadata[key])}`,
      );
}

function checkEviction(cluster: VirtualCluster, pod: KubernetesObject, body: JsonObject): void {
  const options = (body['deleteOptions'] ?? {}) as JsonObject;
  const { uid } = (options['preconditions'] ?? {}) as JsonObject;
  if (uid !== undefined && uid !== pod.metadata.uid) throw new WatchkeeperError('conflict', '409: another pod by now');
  const held = cluster
    .all('PodDisruptionBudget')
    .find(
      (pdb) => coversPod(pdb, pod) && ((pdb['status'] as JsonObject | undefined)?.['disruptionsAllowed'] ?? 0) === 0,
    );
  if (held === undefined) return;
  const why = `The disruption budget ${held.metadata.name} needs more healthy pods than there are`;
  throw new WatchkeeperError(
    'rate-limited',
    `429: Cannot evict pod as it would violate the pod's disruption budget. ${why}`,
  );
}

/** A strategic merge: maps merge, null removes, `$patch: replace` replaces, lists of named things merge by name. */
export function strategic(before: JsonObject, change: JsonObject): JsonObject {
  const { $patch: directive, ...rest } = change;
  const next = new Map<string, Json | undefined>(directive === 'replace' ? [] : Object.entries(before));
  for (const [key, value] of Object.entries(rest)) {
    const old = next.get(key);
    if (value === null) next.delete(key);
    else if (isObject(value)) next.set(key, strategic(isObject(old) ? old : {}, value));
    else if (Array.isArray(value) && Array.isArray(old) && directive !== 'replace')
      next.set(key, mergedByName(old as readonly Json[], value as readonly Json[]));
    else next.set(key, value);
  }
  return Object.fromEntries(next);
}

function mergedByName(old: readonly Json[], change: readonly Json[]): Json {
  const name = (one: Json): Json | undefined => (isObject(one) ? one['name'] : undefined);
  if (![...old, ...change].every((one) => typeof name(one) === 'string')) return change;
  const kept = old.map((one) => {
    const patch = change.find((each) => name(each) === name(one));
    return patch === undefined ? one : strategic(one as JsonObject, patch as JsonObject);
  });
  return [...kept, ...change.filter((one) => !old.some((each) => name(each) === name(one)))];
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function spaceOf({ namespace }: { readonly namespace?: string }): { readonly namespace?: string } {
  return namespace === undefined ? {} : { namespace };
}
