import { textAt } from '../../../lib/dig.ts';
import { WatchkeeperError } from '../../../lib/errors.ts';
import type { JsonObject } from '../../../lib/json.ts';
import type { KubernetesObject, KubernetesOperator } from '../../../domain/ports/kubernetes.ts';
import { readManifest, type ManifestObject } from './helm-manifest.ts';
import { threeWay } from './helm-merge.ts';
import type { ReleaseRef } from './helm-records.ts';

/** One write that brings the cluster from one revision's manifest to another's. */
export type HelmChange =
  | { readonly is: 'create'; readonly object: ManifestObject; readonly body: JsonObject }
  | {
      readonly is: 'patch';
      readonly object: ManifestObject;
      readonly live: KubernetesObject;
      readonly patch: JsonObject;
      /** What the server makes of it; filled in by a dry run. */
      readonly after?: KubernetesObject;
    }
  | { readonly is: 'delete'; readonly object: ManifestObject; readonly live: KubernetesObject };

/** What must be written to go from one manifest to another, in Helm's order: deletions last. Reads only. */
export async function helmChanges(
  cluster: KubernetesOperator,
  release: ReleaseRef,
  manifests: { readonly from: string; readonly to: string },
  signal: AbortSignal,
): Promise<readonly HelmChange[]> {
  const from = await readManifest(cluster, manifests.from, release.namespace, signal);
  const to = await readManifest(cluster, manifests.to, release.namespace, signal);
  const was = new Map(from.map((object) => [object.id, object]));
  const will = new Set(to.map(({ id }) => id));
  const changes: HelmChange[] = [];
  for (const object of to) {
    const live = await cluster.get(object.resource, object.ref, signal);
    if (live === undefined) changes.push({ is: 'create', object, body: withOwner(object.body, release) });
    else {
      refuseForeign(live, object, release);
      const patch = threeWay(was.get(object.id)?.body ?? {}, withOwner(object.body, release), live);
      if (patch !== undefined) changes.push({ is: 'patch', object, live, patch });
    }
  }
  for (const object of from.toReversed()) {
    if (will.has(object.id) || object.kept) continue;
    const live = await cluster.get(object.resource, object.ref, signal);
    if (live !== undefined && textAt(live.metadata.annotations, 'helm.sh/resource-policy') !== 'keep')
      changes.push({ is: 'delete', object, live });
  }
  return changes;
}

// Helm puts these on what it installs, and they are not in the manifest.
function withOwner(body: JsonObject, { namespace, name }: ReleaseRef): JsonObject {
  const metadata = body['metadata'] as JsonObject;
  const annotations = { 'meta.helm.sh/release-name': name, 'meta.helm.sh/release-namespace': namespace };
  return {
    ...body,
    metadata: {
      ...metadata,
      labels: { ...(metadata['labels'] as JsonObject | undefined), 'app.kubernetes.io/managed-by': 'Helm' },
      annotations: { ...(metadata['annotations'] as JsonObject | undefined), ...annotations },
    },
  };
}

function refuseForeign(live: KubernetesObject, { id }: ManifestObject, { name }: ReleaseRef): void {
  const owner = textAt(live.metadata.annotations, 'meta.helm.sh/release-name');
  if (owner !== name) throw new WatchkeeperError('conflict', `${id} is not of release ${name} any more`);
}

/** Asks the server what it would say to each change, and changes nothing. @throws what it refuses. */
export async function tryChanges(
  cluster: KubernetesOperator,
  changes: readonly HelmChange[],
  signal: AbortSignal,
): Promise<readonly HelmChange[]> {
  const tried: HelmChange[] = [];
  for (const change of changes) tried.push(await write(cluster, change, true, signal));
  return tried;
}

/** Makes one change, if the object is still the one that was looked at. */
export async function makeChange(cluster: KubernetesOperator, change: HelmChange, signal: AbortSignal): Promise<void> {
  await write(cluster, change, false, signal);
}

async function write(
  cluster: KubernetesOperator,
  change: HelmChange,
  dryRun: boolean,
  signal: AbortSignal,
): Promise<HelmChange> {
  const { resource, ref } = change.object;
  if (change.is === 'create') {
    await cluster.create(resource, ref, change.body, { dryRun }, signal);
    return change;
  }
  const { uid = '', resourceVersion = '' } = change.live.metadata;
  if (change.is === 'delete') {
    await cluster.remove(resource, ref, uid, { dryRun }, signal);
    return change;
  }
  const metadata = { ...(change.patch['metadata'] as JsonObject | undefined), uid, resourceVersion };
  const after = await cluster.patch(
    resource,
    ref,
    { type: 'merge', body: { ...change.patch, metadata } },
    { dryRun },
    signal,
  );
  return { ...change, after };
}
