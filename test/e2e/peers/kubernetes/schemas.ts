import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import type { Json, JsonObject } from '../../../../src/lib/json.ts';
import type { Cluster } from './cluster.ts';

interface OpenApi {
  readonly definitions: Readonly<Record<string, JsonObject>>;
}

interface Gvk {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

/**
 * Writes what kubeconform wants from the API server's own description, custom resources included: a file for every kind,
 * each strict. Answers the argument of -schema-location.
 */
export async function writeSchemas(cluster: Cluster, folder: string): Promise<string> {
  const { definitions } = JSON.parse(await cluster.kubectl(['get', '--raw', '/openapi/v2'])) as OpenApi;
  mkdirSync(folder, { recursive: true });
  const all = Object.fromEntries(Object.entries(definitions).map(([name, schema]) => [name, strict(name, schema)]));
  writeFileSync(path.join(folder, 'all.json'), JSON.stringify({ definitions: all }));
  for (const [name, schema] of Object.entries(definitions))
    for (const { group, version, kind } of (schema['x-kubernetes-group-version-kind'] ??
      []) as unknown as readonly Gvk[]) {
      const file = [kind, ...(group === '' ? [] : [group.split('.')[0]]), version].join('-').toLowerCase();
      writeFileSync(path.join(folder, `${file}.json`), JSON.stringify({ $ref: `all.json#/definitions/${name}` }));
    }
  return path.join(folder, '{{.ResourceKind}}{{.KindSuffix}}.json');
}

function strict(name: string, schema: JsonObject): JsonObject {
  if (/\.(IntOrString|Quantity)$/.test(name)) return { type: ['string', 'integer', 'number'] };
  return closed(schema) as JsonObject;
}

function closed(value: Json): Json {
  if (Array.isArray(value)) return (value as readonly Json[]).map(closed);
  if (typeof value !== 'object' || value === null) return value;
  const object = value as JsonObject;
  const inner = Object.fromEntries(Object.entries(object).map(([key, member]) => [key, closed(member ?? null)]));
  const isObject = typeof object['properties'] === 'object' && object['additionalProperties'] === undefined;
  const open = object['x-kubernetes-preserve-unknown-fields'] === true;
  return isObject && !open && object['type'] === 'object' ? { ...inner, additionalProperties: false } : inner;
}
