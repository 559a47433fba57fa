import { parseAllDocuments } from 'yaml';

import { isObject, listAt, textAt } from '../../../lib/dig.ts';
import { WatchkeeperError } from '../../../lib/errors.ts';
import type { Json, JsonObject } from '../../../lib/json.ts';
import { limits } from '../../../lib/limits.ts';
import type { KubernetesReader, KubernetesRef, KubernetesResource } from '../../../domain/ports/kubernetes.ts';

/** One object of a manifest, and where it belongs. */
export interface ManifestObject {
  /** `Deployment shop/checkout`: the same object in two manifests has one. */
  readonly id: string;
  readonly resource: KubernetesResource;
  readonly ref: KubernetesRef;
  readonly body: JsonObject;
  /** `helm.sh/resource-policy: keep`: Helm leaves it when the chart drops it. */
  readonly kept: boolean;
}

/**
 * Reads a release's manifest, in the order Helm installs it. YAML 1.1, as Helm reads it: `0644` is octal, `on` is true.
 *
 * @throws WatchkeeperError `malformed`; `too-large` above `limits.helmObjects`; `unsupported` for a kind the cluster does not
 *   serve; what the reader throws.
 */
export async function readManifest(
  cluster: KubernetesReader,
  manifest: string,
  namespace: string,
  signal: AbortSignal,
): Promise<readonly ManifestObject[]> {
  const bodies = parse(manifest);
  if (bodies.length > limits.helmObjects)
    throw new WatchkeeperError('too-large', `the release has more than ${limits.helmObjects} objects`);
  const served = new Map<string, readonly Json[]>();
  const objects: ManifestObject[] = [];
  for (const body of bodies) {
    const [apiVersion, kind, name] = [
      textAt(body, 'apiVersion'),
      textAt(body, 'kind'),
      textAt(body, 'metadata', 'name'),
    ];
    if (apiVersion === undefined || kind === undefined || name === undefined)
      throw new WatchkeeperError('malformed', 'the manifest of the release holds what is no object');
    const kinds = served.get(apiVersion) ?? (await kindsOf(cluster, apiVersion, signal));
    served.set(apiVersion, kinds);
    const resource = resourceOf(apiVersion, kind, kinds);
    const space = resource.namespaced ? (textAt(body, 'metadata', 'namespace') ?? namespace) : undefined;
    objects.push({
      id: `${kind} ${space === undefined ? '' : `${space}/`}${name}`,
      resource,
      ref: space === undefined ? { name } : { namespace: space, name },
      body,
      kept: textAt(body, 'metadata', 'annotations', 'helm.sh/resource-policy') === 'keep',
    });
  }
  return objects;
}

function parse(manifest: string): readonly JsonObject[] {
  // Sexagesimals and timestamps are of YAML 1.1 too, and Helm's parser reads neither.
  const documents = parseAllDocuments(manifest, {
    version: '1.1',
    customTags: (tags) =>
      tags.filter((tag) => typeof tag === 'string' || (tag.format !== 'TIME' && !tag.tag.endsWith(':timestamp'))),
  });
  const bodies: JsonObject[] = [];
  for (const document of Array.isArray(documents) ? documents : []) {
    const [fault] = document.errors;
    if (fault !== undefined)
      throw new WatchkeeperError(
        'malformed',
        `the manifest of the release is not YAML: ${fault.message.slice(0, 200)}`,
      );
    const body = document.toJS({ maxAliasCount: 100 }) as Json;
    if (isObject(body)) bodies.push(body);
    else if (body !== null)
      throw new WatchkeeperError('malformed', 'the manifest of the release holds what is no object');
  }
  return bodies;
}

async function kindsOf(cluster: KubernetesReader, apiVersion: string, signal: AbortSignal): Promise<readonly Json[]> {
  if (!/^([a-z0-9.-]+\/)?v[a-z0-9]+$/.test(apiVersion))
    throw new WatchkeeperError('malformed', `${JSON.stringify(apiVersion)} is no apiVersion`);
  return listAt(await cluster.read(`/${apiVersion.includes('/') ? 'apis' : 'api'}/${apiVersion}`, signal), 'resources');
}

function resourceOf(apiVersion: string, kind: string, kinds: readonly Json[]): KubernetesResource {
  const found = kinds.find((one) => textAt(one, 'kind') === kind && textAt(one, 'name')?.includes('/') === false);
  const plural = textAt(found, 'name');
  if (plural === undefined || !isObject(found))
    throw new WatchkeeperError('not-found', `the cluster serves no ${kind} of ${apiVersion}, and the release has one`);
  const [group = '', version = ''] = apiVersion.includes('/') ? apiVersion.split('/', 2) : ['', apiVersion];
  return { group, version, plural, kind, namespaced: found['namespaced'] === true };
}
