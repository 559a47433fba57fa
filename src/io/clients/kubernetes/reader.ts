import { WatchkeeperError } from '../../../lib/errors.ts';
import type { Json, JsonObject } from '../../../lib/json.ts';
import { limits } from '../../../lib/limits.ts';
import type { Clock } from '../../../domain/ports/io.ts';
import type {
  KubernetesEvent,
  KubernetesObject,
  KubernetesPage,
  KubernetesReader,
  KubernetesResource,
} from '../../../domain/ports/kubernetes.ts';
import { askedToWaitMs, statusOf } from './faults.ts';
import { kubernetesPath } from './paths.ts';
import { objectOf, parseObject } from './parse.ts';
import type { KubernetesCall, KubernetesTransport } from './transport.ts';

/** A cluster to look at. GETs wait and ask again when the server says 429 with Retry-After, a few times and not for long. */
export function kubernetesReader(cluster: string, clock: Clock, transport: KubernetesTransport): KubernetesReader {
  const get = async (call: Omit<KubernetesCall, 'method'>, signal: AbortSignal): Promise<string> =>
    patiently(clock, () => transport.call({ method: 'GET', ...call }, signal), signal);
  const optional = async (path: string, signal: AbortSignal): Promise<JsonObject | undefined> =>
    get({ path }, signal).then(
      (text) => parseObject(text, path),
      (thrown: unknown) => {
        if (thrown instanceof WatchkeeperError && thrown.code === 'not-found') return undefined;
        throw thrown;
      },
    );
  const named = async (path: string, signal: AbortSignal): Promise<KubernetesObject | undefined> => {
    const found = await optional(path, signal);
    return found === undefined ? undefined : objectOf(found, path);
  };
  const review = async (kind: string, spec: JsonObject, signal: AbortSignal): Promise<JsonObject> => {
    const path = `/apis/authorization.k8s.io/v1/${kind.toLowerCase()}s`;
    const body = JSON.stringify({ apiVersion: 'authorization.k8s.io/v1', kind, spec });
    const answer = parseObject(await transport.call({ method: 'POST', path, body }, signal), path);
    return (answer['status'] ?? {}) as JsonObject;
  };
  return {
    cluster,
    version: async (signal) => {
      const path = '/version';
      const { gitVersion } = parseObject(await get({ path }, signal), path);
      if (typeof gitVersion !== 'string') throw new WatchkeeperError('malformed', `${path}: no version`);
      return gitVersion;
    },
    get: async (resource, ref, signal) => named(kubernetesPath(resource, ref), signal),
    getSubresource: async (resource, ref, subresource, signal) =>
      named(kubernetesPath(resource, ref, subresource), signal),
    list: async (resource, { namespace, labelSelector, fieldSelector, metadataOnly, limit, next }, signal) => {
      const path = kubernetesPath(resource, namespace === undefined ? {} : { namespace });
      const query = { labelSelector, fieldSelector, limit: String(limit), continue: next };
      const accept = metadataOnly === true ? { accept: partial('PartialObjectMetadataList') } : {};
      return pageOf(parseObject(await get({ path, query, ...accept }, signal), path), resource, path);
    },
    watch: (resource, selection, signal) => watchEvents(transport, resource, selection, signal),
    logs: async ({ namespace, pod, container, previous, sinceMs, tailLines, maxBytes }, signal) => {
      const path = `${kubernetesPath(pods, { namespace, name: pod })}/log`;
      const query = {
        container,
        previous: previous === true ? 'true' : undefined,
        sinceTime: sinceMs === undefined ? undefined : new Date(sinceMs).toISOString(),
        tailLines: tailLines === undefined ? undefined : String(tailLines),
        limitBytes: String(maxBytes),
        timestamps: 'true',
      };
      return get({ path, query, accept: '*/*', maxBytes: maxBytes + 64 * 1_024 }, signal);
    },
    may: async ({ verb, group, resource, namespace, name }, signal) => {
      const [plural = resource, subresource] = resource.split('/', 2);
      const attributes = { verb, group, resource: plural, ...given({ subresource, namespace, name }) };
      const status = await review('SelfSubjectAccessReview', { resourceAttributes: attributes }, signal);
      return status['allowed'] === true;
    },
    rules: (namespace, signal) => review('SelfSubjectRulesReview', { namespace }, signal),
    read: optional,
  };
}

// https://kubernetes.io/docs/reference/using-api/api-concepts/#metadata-only-fetches
function partial(kind: string): string {
  return `application/json;as=${kind};g=meta.k8s.io;v=v1`;
}

const pods: KubernetesResource = { group: '', version: 'v1', plural: 'pods', kind: 'Pod', namespaced: true };

function given(values: Readonly<Record<string, string | undefined>>): JsonObject {
  return Object.fromEntries(
    Object.entries(values).flatMap(([name, value]): [string, string][] => (value === undefined ? [] : [[name, value]])),
  );
}

function pageOf(answer: JsonObject, resource: KubernetesResource, path: string): KubernetesPage {
  const metadata = (answer['metadata'] ?? {}) as JsonObject;
  const { items } = answer;
  if (!Array.isArray(items) || typeof metadata['resourceVersion'] !== 'string')
    throw new WatchkeeperError('malformed', `${path}: not a list`);
  const apiVersion = resource.group === '' ? resource.version : `${resource.group}/${resource.version}`;
  const next = metadata['continue'];
  return {
    // The items of a list carry neither of these; those of a watch do.
    items: (items as readonly Json[]).map((item) => ({ apiVersion, kind: resource.kind, ...objectOf(item, path) })),
    resourceVersion: metadata['resourceVersion'],
    ...(typeof next === 'string' && next !== '' ? { next } : {}),
  };
}

async function* watchEvents(
  transport: KubernetesTransport,
  resource: KubernetesResource,
  selection: Parameters<KubernetesReader['watch']>[1],
  signal: AbortSignal,
): AsyncGenerator<KubernetesEvent> {
  const path = kubernetesPath(resource, selection.namespace === undefined ? {} : { namespace: selection.namespace });
  const query = {
    watch: 'true',
    allowWatchBookmarks: 'true',
    resourceVersion: selection.resourceVersion,
    labelSelector: selection.labelSelector,
    fieldSelector: selection.fieldSelector,
    timeoutSeconds: String(limits.kubernetesWatchSeconds),
  };
  const accept = selection.metadataOnly === true ? { accept: partial('PartialObjectMetadata') } : {};
  try {
    for await (const line of transport.lines({ method: 'GET', path, query, ...accept }, selection.idleMs, signal)) {
      const event = eventOf(parseObject(line, path), path);
      yield event;
      if (event.is === 'expired') return;
    }
  } catch (thrown) {
    // The server may refuse an old version before the watch begins, too.
    if (!(thrown instanceof WatchkeeperError) || statusOf(thrown) !== 410) throw thrown;
    yield { is: 'expired', message: thrown.message };
  }
}

function eventOf(event: JsonObject, path: string): KubernetesEvent {
  const is = typeof event['type'] === 'string' ? event['type'].toLowerCase() : '';
  if (is === 'error') return errorEvent((event['object'] ?? {}) as JsonObject, path);
  if (is === 'bookmark') return { is, resourceVersion: versionOf(event['object'] as JsonObject, path) };
  if (is !== 'added' && is !== 'modified' && is !== 'deleted')
    throw new WatchkeeperError('malformed', `${path}: a watch event of unknown type`);
  const object = objectOf(event['object'], path);
  return { is, object, resourceVersion: versionOf(object, path) };
}

function errorEvent(status: JsonObject, path: string): KubernetesEvent {
  const message = typeof status['message'] === 'string' ? status['message'] : 'no message';
  if (status['code'] === 410) return { is: 'expired', message };
  throw new WatchkeeperError('unreachable', `${path}: the watch failed: ${message}`);
}

function versionOf(object: JsonObject, path: string): string {
  const version = ((object['metadata'] ?? {}) as JsonObject)['resourceVersion'];
  if (typeof version === 'string') return version;
  throw new WatchkeeperError('malformed', `${path}: a watch event without resourceVersion`);
}

async function patiently<T>(clock: Clock, ask: () => Promise<T>, signal: AbortSignal): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await ask();
    } catch (thrown) {
      const waitMs = thrown instanceof WatchkeeperError ? askedToWaitMs(thrown) : undefined;
      if (waitMs === undefined || tries > limits.kubernetesRetries || waitMs > limits.kubernetesRetryAfterMs)
        throw thrown;
      await clock.sleep(waitMs, signal);
    }
  }
}
