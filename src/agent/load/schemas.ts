import type { Json, JsonObject } from '../../lib/json.ts';
import { apiVersion, type DocumentKind } from '../../domain/document.ts';
import { configSchema } from './config-schema.ts';
import { documentKinds, metadataJsonSchema } from './document.ts';

/** What prints the `spec` of each kind; the rooms' Schema objects fit. */
export type SpecSchemas = Readonly<Record<DocumentKind, { jsonSchema(): JsonObject }>>;

const draft = 'https://json-schema.org/draft/2020-12/schema';

/** The JSON Schema of a whole resource document of this kind, for editors and for `watchkeeper schema`. */
export function schemaFor(kind: DocumentKind, specs: SpecSchemas): JsonObject {
  const { $schema: _spec, $defs, ...spec } = moved(specs[kind].jsonSchema(), kind) as JsonObject;
  const { $schema: _metadata, ...metadata } = metadataJsonSchema();
  return {
    $schema: draft,
    title: `Watchkeeper ${kind}`,
    type: 'object',
    properties: {
      apiVersion: { type: 'string', const: apiVersion },
      kind: { type: 'string', const: kind },
      metadata,
      spec,
    },
    required: ['apiVersion', 'kind', 'metadata', 'spec'],
    additionalProperties: false,
    ...($defs !== undefined && { $defs }),
  };
}

/** The JSON Schema of any resource document: one of the kinds. */
export function schemaForAny(specs: SpecSchemas): JsonObject {
  const schemas = documentKinds.map((kind) => schemaFor(kind, specs));
  return {
    $schema: draft,
    title: 'Watchkeeper resource',
    oneOf: schemas.map(({ $schema: _draft, $defs: _defs, ...schema }) => schema),
    $defs: Object.assign({}, ...schemas.map((schema) => schema['$defs'] ?? {})) as JsonObject,
  };
}

// References start at the root of the document they are printed in: definitions get the kind's name in front, so that
// several specs can be printed together.
function moved(value: Json, prefix: string): Json {
  if (isList(value)) return value.map((item) => moved(item, prefix));
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).flatMap(([key, member]): [string, Json][] => {
    if (member === undefined) return [];
    if (key === '$ref' && typeof member === 'string') return [[key, member.replace('#/$defs/', `#/$defs/${prefix}.`)]];
    if (key !== '$defs' || typeof member !== 'object' || member === null) return [[key, moved(member, prefix)]];
    return [
      [
        key,
        Object.fromEntries(
          Object.entries(member).map(([name, each]) => [`${prefix}.${name}`, moved(each as Json, prefix)]),
        ),
      ],
    ];
  });
  return Object.fromEntries(entries);
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}

/** The JSON Schema of watchkeeper.yaml. `adapters` are the blocks of each kind of source and channel. */
export function schemaForConfig(adapters: {
  readonly sources: Readonly<Record<string, { jsonSchema(): JsonObject }>>;
  readonly channels: Readonly<Record<string, { jsonSchema(): JsonObject }>>;
}): JsonObject {
  const { $schema: _draft, properties, ...schema } = configSchema.jsonSchema();
  return {
    $schema: draft,
    title: 'watchkeeper.yaml',
    ...schema,
    properties: {
      ...(properties as JsonObject),
      sources: listOf(adapters.sources, 'Where telemetry and changes come from.'),
      channels: listOf(adapters.channels, 'How people are told, beside the log and the terminal.'),
    },
  };
}

function listOf(kinds: Readonly<Record<string, { jsonSchema(): JsonObject }>>, description: string): JsonObject {
  return {
    type: 'array',
    description,
    items:
      Object.keys(kinds).length === 0
        ? false
        : { oneOf: Object.entries(kinds).map(([kind, each]) => block(kind, each.jsonSchema())) },
  };
}

function block(kind: string, schema: JsonObject): JsonObject {
  const { $schema: _draft, properties, required, ...rest } = schema;
  return {
    ...rest,
    type: 'object',
    properties: {
      id: { type: 'string', pattern: '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$' },
      kind: { type: 'string', const: kind },
      ...(properties as JsonObject | undefined),
    },
    required: ['id', 'kind', ...((required as readonly string[] | undefined) ?? [])],
  };
}
