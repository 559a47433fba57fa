import { canonicalJson } from '../../src/lib/canonical.ts';
import { isObject, objectAt, textAt } from '../../src/lib/dig.ts';
import { WatchkeeperError } from '../../src/lib/errors.ts';
import type { Json, JsonObject } from '../../src/lib/json.ts';
import type {
  KubernetesObject,
  KubernetesOperator,
  KubernetesRef,
  KubernetesResource,
} from '../../src/domain/ports/kubernetes.ts';

/** One write that took effect. */
export interface MemoryWrite {
  readonly verb: 'create' | 'patch' | 'replace' | 'delete';
  readonly what: string;
}

/** A cluster in memory with what preconditions, dry runs and refusals of a real one look like. No controller runs in it. */
export interface MemoryCluster {
  readonly operator: KubernetesOperator;
  /** Puts an object there, as somebody else would. */
  put(resource: KubernetesResource, object: JsonObject): KubernetesObject;
  /** Changes an object as somebody else would, by a merge patch. */
  change(resource: KubernetesResource, ref: KubernetesRef, patch: JsonObject): KubernetesObject;
  take(resource: KubernetesResource, ref: KubernetesRef): KubernetesObject | undefined;
  drop(resource: KubernetesResource, ref: KubernetesRef): void;
  /** Everything there is, less versions. */
  dump(): JsonObject;
  /** Our writes, dry runs not counted. */
  readonly writes: MemoryWrite[];
  /** Answers 403 to whatever this says of `verb what`. */
  forbid: (request: string) => boolean;
  /** Told after a write of ours, so that a test can play the controller. */
  onWrite: (write: MemoryWrite) => void;
  /** The next write takes effect, and its answer is lost. */
  loseAnswer: boolean;
}

/** Makes an empty one that serves `resources`. */
export function memoryCluster(resources: readonly KubernetesResource[], cluster = 'here'): MemoryCluster {
  const objects = new Map<string, KubernetesObject>();
  let version = 100;
  const keyOf = (resource: KubernetesResource, { namespace = '', name }: KubernetesRef): string =>
    `${resource.group}/${resource.plural}/${resource.namespaced ? namespace : ''}/${name}`;
  const stamped = (object: JsonObject, old?: KubernetesObject): KubernetesObject => {
    version += 1;
    const metadata = {
      ...objectAt(object, 'metadata'),
      uid: old?.metadata.uid ?? textAt(object, 'metadata', 'uid') ?? `uid-${version}`,
      resourceVersion: String(version),
    };
    return { ...object, metadata } as unknown as KubernetesObject;
  };
  const admit = (
    verb: string,
    resource: KubernetesResource,
    ref: Partial<KubernetesRef>,
    signal: AbortSignal,
  ): void => {
    if (signal.aborted) throw new WatchkeeperError('aborted', 'stopped');
    const what = `${verb} ${resource.plural}/${ref.name ?? ''}`;
    if (world.forbid(what)) throw new WatchkeeperError('forbidden', `403: ${what} is forbidden`);
  };
  const settle = (verb: MemoryWrite['verb'], what: string, dryRun: boolean | undefined, happen: () => void): void => {
    if (dryRun === true) return;
    happen();
    const write = { verb, what };
    world.writes.push(write);
    world.onWrite(write);
    if (!world.loseAnswer) return;
    world.loseAnswer = false;
    throw new WatchkeeperError('unreachable', 'the answer was lost');
  };
  const current = (resource: KubernetesResource, ref: KubernetesRef, body: JsonObject): KubernetesObject => {
    const found = objects.get(keyOf(resource, ref));
    if (found === undefined) throw new WatchkeeperError('not-found', `404: ${resource.plural} ${ref.name} not found`);
    for (const name of ['uid', 'resourceVersion'] as const) {
      const wanted = textAt(body, 'metadata', name);
      if (wanted !== undefined && wanted !== found.metadata[name])
        throw new WatchkeeperError(
          'conflict',
          `409: ${ref.name} has been modified: ${name} is ${found.metadata[name]}`,
        );
    }
    return found;
  };
  const operator: KubernetesOperator = {
    ...readerOf(cluster, objects, resources, admit, keyOf),
    create: (resource, ref, body, options, signal) => {
      const name = ref.name ?? textAt(body, 'metadata', 'name') ?? '';
      admit('create', resource, { ...ref, name }, signal);
      const full = { ...ref, name };
      if (objects.has(keyOf(resource, full))) throw new WatchkeeperError('conflict', `409: ${name} already exists`);
      const made = stamped(body);
      settle('create', `${resource.plural}/${name}`, options.dryRun, () => objects.set(keyOf(resource, full), made));
      return Promise.resolve(made);
    },
    patch: (resource, ref, patch, options, signal) => {
      admit('patch', resource, ref, signal);
      if (patch.type !== 'merge') throw new WatchkeeperError('unsupported', `415: no ${patch.type} patches here`);
      const old = current(resource, ref, patch.body);
      const merged = mergePatch(old, patch.body) as JsonObject;
      // A patch that changes nothing makes no new version.
      const isSame = canonicalJson(bare(merged)) === canonicalJson(bare(old));
      const made = isSame ? old : stamped(merged, old);
      settle('patch', `${resource.plural}/${ref.name}`, options.dryRun, () => objects.set(keyOf(resource, ref), made));
      return Promise.resolve(made);
    },
    replace: (resource, ref, body, options, signal) => {
      admit('update', resource, ref, signal);
      const made = stamped(body, current(resource, ref, body));
      settle('replace', `${resource.plural}/${ref.name}`, options.dryRun, () =>
        objects.set(keyOf(resource, ref), made),
      );
      return Promise.resolve(made);
    },
    remove: (resource, ref, uid, options, signal) => {
      admit('delete', resource, ref, signal);
      current(resource, ref, { metadata: { uid } });
      settle('delete', `${resource.plural}/${ref.name}`, options.dryRun, () => objects.delete(keyOf(resource, ref)));
      return Promise.resolve();
    },
  };
  const world: MemoryCluster = {
    operator: asynchronous(operator),
    put: (resource, object) => {
      const made = stamped(object);
      objects.set(keyOf(resource, made.metadata), made);
      return made;
    },
    change: (resource, ref, patch) => {
      const old = current(resource, ref, {});
      const made = stamped(mergePatch(old, patch) as JsonObject, old);
      objects.set(keyOf(resource, ref), made);
      return made;
    },
    take: (resource, ref) => objects.get(keyOf(resource, ref)),
    drop: (resource, ref) => void objects.delete(keyOf(resource, ref)),
    dump: () => Object.fromEntries([...objects].sort().map(([key, object]) => [key, bare(object)])),
    writes: [],
    forbid: () => false,
    onWrite: () => undefined,
    loseAnswer: false,
  };
  return world;
}

function readerOf(
  cluster: string,
  objects: ReadonlyMap<string, KubernetesObject>,
  resources: readonly KubernetesResource[],
  admit: (verb: string, resource: KubernetesResource, ref: Partial<KubernetesRef>, signal: AbortSignal) => void,
  keyOf: (resource: KubernetesResource, ref: KubernetesRef) => string,
): Omit<KubernetesOperator, 'create' | 'patch' | 'replace' | 'remove'> {
  return {
    cluster,
    version: () => Promise.resolve('v1.36.3'),
    get: (resource, ref, signal) => {
      admit('get', resource, ref, signal);
      return Promise.resolve(objects.get(keyOf(resource, ref)));
    },
    getSubresource: () => Promise.resolve(undefined),
    list: (resource, { namespace, labelSelector, fieldSelector, limit }, signal) => {
      admit('list', resource, {}, signal);
      const items = [...objects]
        .filter(([key]) => key.startsWith(`${resource.group}/${resource.plural}/${namespace ?? ''}`))
        .map(([, object]) => object)
        .filter((one) => selected(labelSelector, (name) => one.metadata.labels?.[name]))
        .filter((one) => selected(fieldSelector, (name) => textAt(one, ...name.split('.'))));
      return Promise.resolve({ items: items.slice(0, limit), resourceVersion: '1' });
    },
    watch: () => ({
      [Symbol.asyncIterator]: () => ({ next: () => Promise.resolve({ done: true, value: undefined }) }),
    }),
    logs: () => Promise.resolve(''),
    may: () => Promise.resolve(true),
    rules: () => Promise.resolve({}),
    read: (path) => {
      const served = resources.filter(
        ({ group, version }) => path === (group === '' ? `/api/${version}` : `/apis/${group}/${version}`),
      );
      const list = served.map(({ plural, kind, namespaced }) => ({ name: plural, kind, namespaced }));
      return Promise.resolve(list.length === 0 ? undefined : { resources: list });
    },
  };
}

function selected(selector: string | undefined, value: (name: string) => string | undefined): boolean {
  return (selector ?? '')
    .split(',')
    .filter((part) => part !== '')
    .every((part) => value(part.split('=')[0] ?? '') === part.split('=').at(-1));
}

function bare(object: JsonObject): JsonObject {
  const { resourceVersion: _version, ...metadata } = objectAt(object, 'metadata') ?? {};
  return { ...object, metadata };
}

/** RFC 7386. */
export function mergePatch(target: Json | undefined, patch: Json): Json {
  if (!isObject(patch)) return patch;
  const merged = new Map<string, Json | undefined>(isObject(target) ? Object.entries(target) : []);
  for (const [name, value] of Object.entries(patch)) {
    if (value === undefined) continue;
    if (value === null) merged.delete(name);
    else merged.set(name, mergePatch(merged.get(name), value));
  }
  return Object.fromEntries(merged);
}

// What a call throws, its promise does.
function asynchronous(operator: KubernetesOperator): KubernetesOperator {
  return Object.fromEntries(
    Object.entries(operator).map(([name, value]) => [
      name,
      typeof value !== 'function' || name === 'watch'
        ? value
        : (...given: unknown[]) => Promise.resolve().then(() => (value as (...all: unknown[]) => unknown)(...given)),
    ]),
  ) as unknown as KubernetesOperator;
}
