import type { Json, JsonObject } from '../../lib/json.ts';

/** What stands for a value the API server takes as it is; the loader checks it, and says so in the object's status. */
const open: JsonObject = { 'x-kubernetes-preserve-unknown-fields': true };

/** Keys that mean the same in JSON Schema 2020-12 and in a structural schema. */
const kept = ['minLength', 'maxLength', 'pattern', 'enum', 'minimum', 'maximum', 'minItems', 'maxItems'] as const;

/**
 * Prints a JSON Schema as Kubernetes wants it: structural, every node with one type. What has no structural form (unions,
 * references, conditions) becomes a value of any kind; the loader checks it with the rest.
 *
 * Objects keep what they do not know instead of dropping it: a prohibition under a misspelt key must be refused by
 * somebody, not vanish on its way into the store. Defaults are left to the loader, so that the stored document stays the
 * one that was written.
 */
export function structural(schema: JsonObject): JsonObject {
  const said = typeof schema['description'] === 'string' ? { description: schema['description'] } : {};
  return { ...said, ...shape(schema) };
}

function shape(schema: JsonObject): JsonObject {
  const { type } = schema;
  if (schema['const'] !== undefined) return { type: 'string', enum: [schema['const']] };
  if (typeof type !== 'string' || schema['anyOf'] !== undefined || schema['oneOf'] !== undefined) return open;
  const bounds = Object.fromEntries(kept.flatMap((key) => (schema[key] === undefined ? [] : [[key, schema[key]]])));
  if (type === 'object') return objectShape(schema);
  if (type === 'array') return { type, items: structural(asObject(schema['items']) ?? {}), ...bounds };
  const above = schema['exclusiveMinimum'];
  return { type, ...bounds, ...(above === undefined ? {} : { minimum: above, exclusiveMinimum: true }) };
}

function objectShape(schema: JsonObject): JsonObject {
  const properties = asObject(schema['properties']);
  const others = asObject(schema['additionalProperties']);
  if (properties === undefined)
    return { type: 'object', ...(others ? { additionalProperties: structural(others) } : open) };
  return {
    type: 'object',
    ...open,
    properties: Object.fromEntries(
      Object.entries(properties).map(([name, property]) => [name, structural(asObject(property) ?? {})]),
    ),
    ...(schema['required'] === undefined ? {} : { required: schema['required'] }),
  };
}

/** The value as an object, when it is one. */
export function asObject(value: Json | undefined): JsonObject | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : undefined;
}
