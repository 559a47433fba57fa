import * as z from 'zod';

import { canonicalJson, digest } from '../../lib/canonical.ts';
import { WatchkeeperError } from '../../lib/errors.ts';
import type { Json, JsonObject } from '../../lib/json.ts';
import type { KubernetesObject, KubernetesReader } from '../../domain/ports/kubernetes.ts';
import { at, isRecord, records, text } from './read.ts';
import { collections } from './resources.ts';

/**
 * One side of an edit: how the fields it touches are before it, or after it. Small ones are written out. A pod template
 * or the content of a ConfigMap, which may hold what is not for a journal, is named by an object of the cluster that
 * holds it, and by its digest.
 */
export type Side =
  | { readonly is: 'fields'; readonly fields: JsonObject }
  | {
      readonly is: 'copy';
      readonly in: 'replicasets' | 'controllerrevisions' | 'configmaps';
      readonly name: string;
      readonly digest: string;
    };

/** A side as a journal holds it. */
export const sideShape = z.discriminatedUnion('is', [
  z.strictObject({ is: z.literal('fields'), fields: z.record(z.string(), z.json()) }),
  z.strictObject({
    is: z.literal('copy'),
    in: z.enum(['replicasets', 'controllerrevisions', 'configmaps']),
    name: z.string(),
    digest: z.string(),
  }),
]);

/** What the object has at the places that `fields` names: absent ones are null, lists of named things go by name. */
export function pick(object: Json | undefined, fields: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(fields).map(([key, wanted]): [string, Json] => {
      const found = at(object, key);
      if (isRecord(wanted)) return [key, pick(found, wanted)];
      if (Array.isArray(wanted) && records(wanted).every((one) => typeof one['name'] === 'string'))
        return [key, records(wanted).map((one) => pickNamed(found, one))];
      return [key, found ?? null];
    }),
  );
}

function pickNamed(list: Json | undefined, wanted: JsonObject): JsonObject {
  const name = text(wanted['name']);
  return { ...pick(records(list).find((one) => one['name'] === name) ?? {}, wanted), name };
}

/** Whether an object is on a side. */
export function isOn(object: KubernetesObject, side: Side): boolean {
  if (side.is === 'fields') return canonicalJson(pick(object, side.fields)) === canonicalJson(side.fields);
  return contentDigest(side.in === 'configmaps' ? dataOf(object) : templateOf(object)) === side.digest;
}

/** The strategic merge patch that brings an object to a side. @throws `not-found`, `conflict` when the copy is gone or another. */
export async function patchTo(
  cluster: KubernetesReader,
  namespace: string | undefined,
  side: Side,
  signal: AbortSignal,
): Promise<JsonObject> {
  if (side.is === 'fields') return side.fields;
  const copy = await cluster.get(
    collections[side.in],
    { name: side.name, ...(namespace === undefined ? {} : { namespace }) },
    signal,
  );
  if (copy === undefined) throw new WatchkeeperError('not-found', `${side.in}/${side.name} is gone`);
  const content = side.in === 'configmaps' ? dataOf(copy) : templateOf(copy);
  if (contentDigest(content) !== side.digest)
    throw new WatchkeeperError('conflict', `${side.in}/${side.name} is not what it was when this was planned`);
  return side.in === 'configmaps'
    ? Object.fromEntries(Object.entries(content).map(([key, value]) => [key, replaced(value)]))
    : { spec: { template: replaced(content) } };
}

// Without this directive a merge would leave what the other side does not have.
function replaced(value: Json | undefined): Json {
  return { $patch: 'replace', ...(isRecord(value) ? value : {}) };
}

/** The pod template of a workload, a ReplicaSet or a ControllerRevision, without what its controller put in. */
export function templateOf(object: KubernetesObject): JsonObject {
  const inside = at(object, 'spec', 'template') ?? at(object, 'data', 'spec', 'template');
  if (!isRecord(inside)) return {};
  const { $patch: _directive, metadata, ...rest } = inside;
  if (!isRecord(metadata)) return { metadata: {}, ...rest };
  const { creationTimestamp: _never, labels, ...others } = metadata;
  if (!isRecord(labels)) return { metadata: others, ...rest };
  const { 'pod-template-hash': _hash, ...own } = labels;
  return { metadata: { ...others, labels: own }, ...rest };
}

/** What a ConfigMap holds. */
export function dataOf(object: KubernetesObject): JsonObject {
  return { data: at(object, 'data') ?? {}, binaryData: at(object, 'binaryData') ?? {} };
}

/** Names a content. */
export function contentDigest(content: JsonObject): string {
  return digest(content);
}
