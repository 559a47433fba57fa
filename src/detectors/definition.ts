import * as z from 'zod';

import { canonicalJson, sha256Hex } from '../lib/canonical.ts';
import type { Issue, Parsed } from '../lib/issues.ts';
import type { Json, JsonObject } from '../lib/json.ts';
import { schemaOf } from '../lib/schema.ts';
import { zMultiple, zSelector } from '../lib/zod-parts.ts';
import { nearest } from '../lib/suggest.ts';
import type { DetectorDefinition } from '../domain/definitions.ts';
import type { ResourceDocument } from '../domain/document.ts';
import type { AfterChange } from '../domain/ports/detector.ts';
import { detectorKinds, type AnyDetectorKind } from './kinds.ts';
import { durationMs, severity } from './params.ts';

const afterChange = z.strictObject({
  expect: z.union([z.enum(['learned', 'none']), z.strictObject({ upTo: zMultiple, for: durationMs })]),
  of: z
    .array(z.enum(['self', 'dependencies', 'dependents']))
    .min(1)
    .default(['self']),
});

const spec = z.strictObject({
  services: zSelector.prefault({}),
  runsOn: z
    .enum(['host', 'ssh', 'kubernetes', 'aws', 'azure', 'gcp'])
    .exactOptional()
    .describe('only services that run there'),
  on: z.string().min(1).exactOptional().describe('the signal; may be a glob. Kinds without one leave it out'),
  kind: z.string(),
  params: z.json().exactOptional(),
  afterChange: afterChange.exactOptional(),
  hold: durationMs.exactOptional().describe('must be bad this long before the alert fires'),
  clear: durationMs.exactOptional().describe('must be good this long before the alert resolves'),
  severity: severity.default('warning'),
  mode: z.enum(['active', 'shadow']).default('active'),
});

const specSchema = schemaOf(spec);
type Spec = z.infer<typeof spec>;

/** Kinds that look at something else than a signal. */
const signalless: ReadonlySet<string> = new Set(['external', 'log-pattern', 'event']);

/** Parses a Detector document: strict, with the kind's own parameters checked by the kind. */
export function parseDetector(document: ResourceDocument): Parsed<DetectorDefinition> {
  const parsed = specSchema.parse(document.spec);
  if (!parsed.ok) return { ok: false, issues: under('spec', parsed.issues) };
  const { value } = parsed;
  const kind = detectorKinds.get(value.kind);
  if (kind === undefined) return { ok: false, issues: [unknownKind(value.kind)] };
  const issues = [...rulesAcross(value)];
  const params = kind.params.parse(value.params ?? {});
  if (!params.ok) issues.push(...under('spec', under('params', params.issues)));
  if (issues.length > 0 || !params.ok) return { ok: false, issues };
  return {
    ok: true,
    value: {
      name: document.metadata.name,
      services: value.services,
      ...(value.runsOn === undefined ? {} : { runsOn: value.runsOn }),
      on: value.on ?? '',
      kind: value.kind,
      params: params.value,
      afterChange: afterChangeOf(value),
      changesOf: value.afterChange?.of ?? ['self'],
      holdMs: value.hold ?? 0,
      clearMs: value.clear ?? 300_000,
      severity: value.severity,
      mode: value.mode,
      digest: sha256Hex(canonicalJson({ name: document.metadata.name, spec: document.spec })),
    },
  };
}

function unknownKind(word: string): Issue {
  const suggestion = nearest(word, detectorKinds.keys());
  const message = `unknown detector kind ${JSON.stringify(word)}; the kinds are ${[...detectorKinds.keys()].join(', ')}`;
  return { path: ['spec', 'kind'], message, ...(suggestion === undefined ? {} : { suggestion }) };
}

function rulesAcross(value: Spec): readonly Issue[] {
  const issues: Issue[] = [];
  if (value.on === undefined && !signalless.has(value.kind))
    issues.push({ path: ['spec'], message: `on is missing: kind ${value.kind} watches a signal` });
  const expect = value.afterChange?.expect;
  const at = ['spec', 'afterChange', 'expect'];
  if (value.kind === 'burn-rate' && expect !== undefined && expect !== 'none')
    issues.push({ path: at, message: 'burn-rate is never softened by a change: leave afterChange out' });
  else if (expect === 'learned' && value.kind !== 'regression')
    issues.push({ path: at, message: `only kind regression learns; kind ${value.kind} takes none or {upTo, for}` });
  else if (expect !== undefined && expect !== 'learned' && value.kind === 'regression')
    issues.push({
      path: at,
      message: 'kind regression always learns what a change does: write learned, or leave it out',
    });
  else if (typeof expect === 'object' && value.kind !== 'threshold')
    issues.push({ path: at, message: `kind ${value.kind} has no bound after a change; use none` });
  return issues;
}

function afterChangeOf(value: Spec): AfterChange {
  const expect = value.afterChange?.expect ?? (value.kind === 'regression' ? 'learned' : 'none');
  return typeof expect === 'string' ? { expect } : { expect: 'bound', upTo: expect.upTo, forMs: expect.for };
}

function under(key: string, issues: readonly Issue[]): readonly Issue[] {
  return issues.map((issue) => ({ ...issue, path: [key, ...issue.path] }));
}

/** JSON Schema of a Detector's `spec`, with each kind's parameters where that kind is chosen, for editors and CRDs. */
export function detectorSchema(): JsonObject {
  const base = specSchema.jsonSchema();
  const choices = [...detectorKinds.values()].map((kind: AnyDetectorKind): Json => ({
    if: { properties: { kind: { const: kind.kind } }, required: ['kind'] },
    then: { properties: { params: withoutMeta(kind.params.jsonSchema()) } },
  }));
  const properties = base['properties'] as JsonObject;
  const kind: JsonObject = { type: 'string', enum: [...detectorKinds.keys()] };
  return { ...base, properties: { ...properties, kind }, allOf: choices };
}

function withoutMeta(schema: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(schema).filter(([key]) => key !== '$schema'));
}
