import { WatchkeeperError } from '../../src/lib/errors.ts';
import type { Json, JsonObject } from '../../src/lib/json.ts';
import type { Clock } from '../../src/domain/ports/io.ts';
import type {
  KubernetesAccess,
  KubernetesEvent,
  KubernetesMetadata,
  KubernetesObject,
  KubernetesReader,
  KubernetesReaders,
  KubernetesRef,
  KubernetesResource,
} from '../../src/domain/ports/kubernetes.ts';

/** What a test gives: an object with its kind, and as much of its metadata as matters. */
export type GivenObject = JsonObject & {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: JsonObject & { readonly name: string };
};

/** One call, as a fault sees it: `list`, `watch`, `get`, `log`, `read`; writes bring their own verbs. */
export interface ClusterCall {
  readonly verb: string;
  /** `pods`, or the path of a `read`. */
  readonly resource: string;
  readonly namespace?: string;
}

/** What befalls a call: an error, or no answer for ever. */
export type ClusterFault = WatchkeeperError | 'hang' | undefined;

interface Happened {
  readonly version: number;
  readonly collection: string;
  readonly is: 'added' | 'modified' | 'deleted';
  readonly object: KubernetesObject;
}

interface OpenWatch {
  readonly wake: () => void;
  ended: WatchkeeperError | 'closed' | undefined;
  bookmark: boolean;
}

/**
 * A cluster in memory, behind the reader's port: lists by page, watches with bookmarks and expiry, logs, faults. It plays
 * the API server and no controller: what a controller would do, the test does with `put`. Shared by the tests of sources
 * and actions.
 */
export interface VirtualCluster {
  readonly clock: Clock;
  /** Calls so far, oldest first. */
  readonly calls: readonly ClusterCall[];
  /** The version of the newest write. */
  readonly version: number;
  /** Open watches. */
  readonly watches: number;
  /** Asked before each call. */
  fault: (call: ClusterCall) => ClusterFault;
  reader(cluster?: string): KubernetesReader;
  readonly readers: KubernetesReaders;
  /** Creates, or replaces with the same uid. `generation` rises with the spec, `resourceVersion` always. */
  put(object: GivenObject): KubernetesObject;
  /** Changes members of the object that is there: `{spec: {replicas: 3}}`, merged as a merge patch is. */
  patch(kind: string, ref: KubernetesRef, change: JsonObject): KubernetesObject;
  find(kind: string, ref: KubernetesRef): KubernetesObject | undefined;
  all(kind: string): readonly KubernetesObject[];
  remove(kind: string, ref: KubernetesRef): void;
  /** What a container wrote; `previous`: before its last restart. */
  log(pod: KubernetesRef, container: string, text: string, previous?: boolean): void;
  /** What `read` finds at a path. */
  serve(path: string, body: JsonObject | undefined): void;
  /** Forgets history: watches from an older version expire, open ones as well. */
  compact(): void;
  /** Sends every open watch a bookmark. */
  bookmark(): void;
  /** Ends every open watch: as the server does every few minutes, or by a fault. */
  endWatches(fault?: WatchkeeperError): void;
  /** Throws what the fault says, waits for ever where it says `hang`; for those who add verbs of their own. */
  meet(call: ClusterCall, signal: AbortSignal): Promise<void>;
}

/** An empty cluster. */
export function virtualCluster(clock: Clock): VirtualCluster {
  const objects = new Map<string, Map<string, KubernetesObject>>();
  const history: Happened[] = [];
  const open = new Set<OpenWatch>();
  const logs = new Map<string, string>();
  const served = new Map<string, JsonObject>();
  const calls: ClusterCall[] = [];
  let version = 100;
  let uids = 0;
  let oldest = 0;

  const collectionOf = (name: string): Map<string, KubernetesObject> => {
    const known = objects.get(name) ?? new Map<string, KubernetesObject>();
    objects.set(name, known);
    return known;
  };
  const happen = (is: Happened['is'], collection: string, object: KubernetesObject): void => {
    history.push({ version, collection, is, object });
    for (const watch of open) watch.wake();
  };
  const find = (kind: string, ref: KubernetesRef): KubernetesObject | undefined =>
    collectionOf(pluralOf(kind)).get(keyOf(ref));

  const cluster: VirtualCluster = {
    clock,
    calls,
    get version() {
      return version;
    },
    get watches() {
      return open.size;
    },
    fault: () => undefined,
    reader: (name = 'kubernetes') => readerOf(name),
    readers: { reader: ({ cluster: name }) => readerOf(name) },
    find,
    all: (kind) => [...collectionOf(pluralOf(kind)).values()],
    put: (given) => {
      const collection = pluralOf(given.kind);
      const key = keyOf(given.metadata);
      const before = collectionOf(collection).get(key);
      version += 1;
      const changed = before !== undefined && JSON.stringify(before['spec']) !== JSON.stringify(given['spec']);
      const generation = (before?.metadata.generation ?? 1) + (changed ? 1 : 0);
      const metadata: KubernetesMetadata = {
        uid: before?.metadata.uid ?? `uid-${++uids}`,
        creationTimestamp: before?.metadata.creationTimestamp ?? new Date(clock.nowMs()).toISOString(),
        generation,
        ...given.metadata,
        resourceVersion: String(version),
      };
      const stored: KubernetesObject = { ...given, metadata };
      collectionOf(collection).set(key, stored);
      happen(before === undefined ? 'added' : 'modified', collection, stored);
      return stored;
    },
    patch: (kind, ref, change) => {
      const before = find(kind, ref);
      if (before === undefined) throw new Error(`there is no ${kind} ${keyOf(ref)}`);
      return cluster.put(merged(before, change) as GivenObject);
    },
    remove: (kind, ref) => {
      const collection = pluralOf(kind);
      const before = collectionOf(collection).get(keyOf(ref));
      if (before === undefined) return;
      version += 1;
      collectionOf(collection).delete(keyOf(ref));
      happen('deleted', collection, { ...before, metadata: { ...before.metadata, resourceVersion: String(version) } });
    },
    log: (pod, container, text, previous = false) =>
      void logs.set(`${keyOf(pod)}/${container}/${String(previous)}`, text),
    serve: (path, body) => {
      if (body === undefined) served.delete(path);
      else served.set(path, body);
    },
    compact: () => {
      oldest = version;
      history.length = 0;
      for (const watch of open) watch.wake();
    },
    bookmark: () => {
      for (const watch of open) {
        watch.bookmark = true;
        watch.wake();
      }
    },
    endWatches: (fault) => {
      for (const watch of open) {
        watch.ended = fault ?? 'closed';
        watch.wake();
      }
    },
    meet: async (call, signal) => {
      calls.push(call);
      if (signal.aborted) throw new WatchkeeperError('aborted', `${call.resource}: stopped`);
      const fault = cluster.fault(call);
      if (fault === undefined) return;
      if (fault !== 'hang') throw fault;
      await new Promise((_, reject) =>
        signal.addEventListener('abort', () => reject(stopped(signal, call.resource)), { once: true }),
      );
    },
  };

  const readerOf = (name: string): KubernetesReader => ({
    cluster: name,
    version: async (signal) => {
      await cluster.meet({ verb: 'read', resource: '/version' }, signal);
      return 'v1.34.2';
    },
    get: async (resource, ref, signal) => {
      await cluster.meet({ verb: 'get', resource: resource.plural, ...spaceOf(ref) }, signal);
      return collectionOf(resource.plural).get(keyOf(ref));
    },
    getSubresource: async (resource, ref, subresource, signal) => {
      await cluster.meet({ verb: 'get', resource: `${resource.plural}/${subresource}`, ...spaceOf(ref) }, signal);
      return collectionOf(resource.plural).get(keyOf(ref));
    },
    list: async (resource, selection, signal) => {
      await cluster.meet({ verb: 'list', resource: resource.plural, ...spaceOf(selection) }, signal);
      const [at = '0', from = ''] = (selection.next ?? '').split('@').reverse();
      if (from !== '' && Number(from) < oldest) throw new WatchkeeperError('conflict', 'the continue token expired');
      const found = [...collectionOf(resource.plural).values()].filter((one) => selects(selection, one));
      const start = Number(at === '' ? '0' : at);
      const items = found.slice(start, start + selection.limit).map((one) => shownOf(selection, one));
      const next = start + items.length;
      return {
        items,
        resourceVersion: String(version),
        ...(next < found.length ? { next: `${from === '' ? String(version) : from}@${String(next)}` } : {}),
      };
    },
    watch: (resource, selection, signal) => watchFrom(resource, selection, signal),
    logs: async ({ namespace, pod, container = '', previous = false, maxBytes }, signal) => {
      await cluster.meet({ verb: 'log', resource: 'pods', namespace }, signal);
      const text = logs.get(`${namespace}/${pod}/${container}/${String(previous)}`);
      if (text === undefined) throw new WatchkeeperError('not-found', `no log of ${pod} ${container}`);
      return text.slice(0, maxBytes);
    },
    may: (access, signal) => mayCall(cluster, access, signal),
    rules: () => Promise.resolve({ resourceRules: [], nonResourceRules: [], incomplete: false }),
    read: async (path, signal) => {
      await cluster.meet({ verb: 'read', resource: path }, signal);
      return served.get(path) ?? apiAt(objects, path);
    },
  });

  async function* watchFrom(
    resource: KubernetesResource,
    selection: Parameters<KubernetesReader['watch']>[1],
    signal: AbortSignal,
  ): AsyncGenerator<KubernetesEvent> {
    await cluster.meet({ verb: 'watch', resource: resource.plural, ...spaceOf(selection) }, signal);
    let seen = Number(selection.resourceVersion);
    let wake: () => void = () => undefined;
    const watch: OpenWatch = { wake: () => wake(), ended: undefined, bookmark: false };
    open.add(watch);
    try {
      for (;;) {
        if (seen < oldest) {
          yield { is: 'expired', message: 'too old resource version' };
          return;
        }
        const next = history.find(
          (one) => one.version > seen && one.collection === resource.plural && selects(selection, one.object),
        );
        if (next !== undefined) {
          seen = next.version;
          yield { is: next.is, object: shownOf(selection, next.object), resourceVersion: String(next.version) };
        } else if (watch.ended !== undefined) {
          if (watch.ended === 'closed') return;
          throw watch.ended;
        } else if (watch.bookmark) {
          watch.bookmark = false;
          seen = Math.max(seen, version);
          yield { is: 'bookmark', resourceVersion: String(version) };
        } else {
          const idle = clock.deadline(selection.idleMs, signal);
          const woken = new Promise<void>((resolve) => (wake = resolve));
          const over = new Promise<void>((resolve) =>
            idle.signal.addEventListener('abort', () => resolve(), { once: true }),
          );
          await Promise.race([woken, over]);
          idle.cancel();
          if (idle.signal.aborted) throw stopped(idle.signal, resource.plural);
        }
      }
    } finally {
      open.delete(watch);
    }
  }
  return cluster;
}

async function mayCall(cluster: VirtualCluster, access: KubernetesAccess, signal: AbortSignal): Promise<boolean> {
  try {
    await cluster.meet({ verb: access.verb, resource: access.resource, ...spaceOf(access) }, signal);
    return true;
  } catch (thrown) {
    if (thrown instanceof WatchkeeperError && thrown.code === 'forbidden') return false;
    throw thrown;
  }
}

/** A refusal as the API server words it. */
export function refusal(call: ClusterCall): WatchkeeperError {
  const where = call.namespace === undefined ? 'at the cluster scope' : `in the namespace "${call.namespace}"`;
  const text = `403: ${call.resource} is forbidden: User "watchkeeper" cannot ${call.verb} resource "${call.resource}" ${where}`;
  return new WatchkeeperError('forbidden', text);
}

function stopped(signal: AbortSignal, what: string): WatchkeeperError {
  const reason: unknown = signal.reason;
  const code = reason instanceof WatchkeeperError && reason.code === 'timeout' ? 'timeout' : 'aborted';
  return new WatchkeeperError(code, `${what}: ${code === 'timeout' ? 'no answer in time' : 'stopped'}`);
}

function shownOf({ metadataOnly }: { readonly metadataOnly?: boolean }, object: KubernetesObject): KubernetesObject {
  return metadataOnly === true ? { kind: 'PartialObjectMetadata', metadata: object.metadata } : object;
}

// `/apis/apps/v1`: the kinds of which there is an object.
function apiAt(objects: ReadonlyMap<string, ReadonlyMap<string, KubernetesObject>>, path: string) {
  const version = path.startsWith('/apis/') ? path.slice('/apis/'.length) : undefined;
  const names = [...objects].flatMap(([name, held]) =>
    [...held.values()].some((one) => one['apiVersion'] === version) ? [{ name }] : [],
  );
  return version === undefined || names.length === 0 ? undefined : { resources: names };
}

function spaceOf({ namespace }: { readonly namespace?: string }): { readonly namespace?: string } {
  return namespace === undefined ? {} : { namespace };
}

function keyOf({ namespace, name }: KubernetesRef): string {
  return `${namespace ?? ''}/${name}`;
}

function pluralOf(kind: string): string {
  if (kind.endsWith('y')) return `${kind.slice(0, -1).toLowerCase()}ies`;
  return kind.endsWith('s') ? `${kind.toLowerCase()}es` : `${kind.toLowerCase()}s`;
}

// Equality only: `a=b,c!=d`.
function selects(
  selection: { readonly namespace?: string; readonly labelSelector?: string; readonly fieldSelector?: string },
  object: KubernetesObject,
): boolean {
  if (selection.namespace !== undefined && object.metadata.namespace !== selection.namespace) return false;
  const terms = (text: string | undefined): readonly string[] => (text ?? '').split(',').filter((term) => term !== '');
  const holds = (term: string, read: (path: string) => Json | undefined): boolean => {
    const [path = '', value = ''] = term.split(/!=|==?/);
    return (read(path) === value) !== term.includes('!=');
  };
  return (
    terms(selection.labelSelector).every((term) => holds(term, (name) => object.metadata.labels?.[name])) &&
    terms(selection.fieldSelector).every((term) => holds(term, (path) => at(object, path)))
  );
}

function at(value: Json | undefined, path: string): Json | undefined {
  return path
    .split('.')
    .reduce<Json | undefined>(
      (part, name) =>
        typeof part === 'object' && part !== null && !Array.isArray(part) ? (part as JsonObject)[name] : undefined,
      value,
    );
}

function merged(before: JsonObject, change: JsonObject): JsonObject {
  const next = new Map(Object.entries(before));
  for (const [key, value] of Object.entries(change)) {
    const old = next.get(key);
    if (value === null) next.delete(key);
    else if (value !== undefined) next.set(key, isObject(value) && isObject(old) ? merged(old, value) : value);
  }
  return Object.fromEntries(next);
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
