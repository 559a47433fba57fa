import * as z from 'zod';

import type { Issue, Parsed } from '../../lib/issues.ts';
import type { Json, JsonObject } from '../../lib/json.ts';
import { schemaOf } from '../../lib/schema.ts';
import { nearest } from '../../lib/suggest.ts';
import { apiVersion, type DocumentKind, type ResourceDocument } from '../../domain/document.ts';

/** Every kind a resource file may hold, in the order people write them. */
export const documentKinds: readonly DocumentKind[] = ['Service', 'Detector', 'Runbook', 'Policy', 'Escalation'];

const name = z
  .string()
  .min(1, 'a name is required')
  .max(253)
  .regex(/^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$/, 'a name is letters, digits, ".", "_" and "-"');

const metadata = z.strictObject({
  name: name.describe('Unique among the documents of its kind.'),
  labels: z.record(z.string(), z.string()).exactOptional().describe('What selectors select by. Values are text.'),
  annotations: z
    .record(z.string(), z.string())
    .exactOptional()
    .describe('Notes for people and tools; never read here.'),
});

const metadataSchema = schemaOf(metadata);

/** JSON Schema of `metadata`. */
export function metadataJsonSchema(): JsonObject {
  return metadataSchema.jsonSchema();
}

const topKeys = ['apiVersion', 'kind', 'metadata', 'spec'] as const;

/** Checks the Kubernetes-style envelope of a document; `spec` is left to the room of its kind. */
export function parseDocument(value: Json): Parsed<ResourceDocument> {
  if (!isObject(value))
    return {
      ok: false,
      issues: [{ path: [], message: 'expected a document with apiVersion, kind, metadata and spec' }],
    };
  const issues: Issue[] = [];
  for (const key of Object.keys(value))
    if (!topKeys.some((known) => known === key))
      issues.push(issue([key], `unknown key "${key}"`, nearest(key, topKeys), true));
  const version = value['apiVersion'];
  if (version !== apiVersion)
    issues.push(
      version === undefined
        ? { path: [], message: `missing: apiVersion: ${apiVersion}` }
        : issue(['apiVersion'], `unknown apiVersion ${shown(version)}`, apiVersion),
    );
  const kind = documentKinds.find((known) => known === value['kind']);
  if (kind === undefined) issues.push(kindIssue(value['kind']));
  const checked = metadataSchema.parse(value['metadata'] ?? {});
  if (value['metadata'] === undefined) issues.push({ path: [], message: 'missing: metadata with a name' });
  else if (!checked.ok) issues.push(...checked.issues.map((each) => ({ ...each, path: ['metadata', ...each.path] })));
  if (issues.length > 0 || kind === undefined || !checked.ok) return { ok: false, issues };
  const { name, labels = {} } = checked.value;
  return { ok: true, value: { apiVersion, kind, metadata: { name, labels }, spec: value['spec'] ?? {} } };
}

function kindIssue(kind: Json | undefined): Issue {
  if (kind === undefined) return { path: [], message: `missing: kind, one of ${documentKinds.join(', ')}` };
  const suggestion = typeof kind === 'string' ? nearest(kind, documentKinds) : undefined;
  return issue(['kind'], `unknown kind ${shown(kind)}; the kinds are ${documentKinds.join(', ')}`, suggestion);
}

function issue(path: readonly string[], message: string, suggestion?: string, atKey?: boolean): Issue {
  return { path, message, ...(suggestion !== undefined && { suggestion }), ...(atKey && { atKey }) };
}

function shown(value: Json): string {
  return JSON.stringify(value).slice(0, 60);
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
