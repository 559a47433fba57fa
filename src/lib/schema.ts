import * as z from 'zod';

import { parseDuration } from './duration.ts';
import type { Issue, Parsed } from './issues.ts';
import type { Json, JsonObject } from './json.ts';
import { nearest } from './suggest.ts';
import { withArticle } from './text.ts';

/** What `schemaOf` gives: the same shape as the domain's `Schema<T>` port. */
export interface ZodBackedSchema<T> {
  parse(input: Json): Parsed<T>;
  jsonSchema(): JsonObject;
}

/**
 * Makes the product's Schema of a zod type: every fault becomes one Issue with its path, and an unknown key or a wrong
 * word from a closed set gets the nearest right one as a suggestion. Use `z.strictObject` for what people write, so
 * that an unknown key is an issue, and `.exactOptional()` so that absent members stay absent.
 */
export function schemaOf<T>(type: z.ZodType<T>): ZodBackedSchema<T> {
  const jsonSchema = (): JsonObject =>
    JSON.parse(JSON.stringify(z.toJSONSchema(type, jsonSchemaOptions))) as JsonObject;
  return {
    parse(input) {
      const result = type.safeParse(input);
      if (result.success) return { ok: true, value: result.data };
      const schema = jsonSchema();
      return { ok: false, issues: result.error.issues.flatMap((fault) => issuesOf(fault, [], input, schema)) };
    },
    jsonSchema,
  };
}

/** A duration as people write it (`90s`, `1h30m`), in milliseconds once parsed. */
export const durationMs = z
  .string()
  .refine((text) => parseDuration(text) !== undefined, 'must be a duration such as 90s, 5m or 2h')
  .transform((text) => parseDuration(text) ?? 0);

const jsonSchemaOptions = { io: 'input', unrepresentable: 'any' } as const;

function issuesOf(
  fault: z.core.$ZodIssue,
  base: readonly (string | number)[],
  input: Json,
  schema: JsonObject,
): readonly Issue[] {
  const path = [...base, ...fault.path.map((part) => (typeof part === 'number' ? part : String(part)))];
  if (fault.code === 'unrecognized_keys') {
    const known = keysAt(schema, path);
    return fault.keys.map((key) =>
      withSuggestion({ path: [...path, key], message: `unknown key ${key}`, atKey: true }, key, known),
    );
  }
  if (fault.code === 'invalid_union' && fault.errors.length > 0) {
    return closest(fault.errors).flatMap((inner) => issuesOf(inner, path, input, schema));
  }
  if (fault.code === 'invalid_value') {
    const words = fault.values.filter((value) => typeof value === 'string');
    const actual = valueAt(input, path);
    const choice = `one of ${fault.values.map(String).join(', ')}`;
    const message = actual === undefined ? `missing: ${choice} is required` : `must be ${choice}`;
    return [typeof actual === 'string' ? withSuggestion({ path, message }, actual, words) : { path, message }];
  }
  if (fault.code === 'invalid_type') {
    const actual = valueAt(input, path);
    const seen =
      actual === undefined ? 'missing' : `must be ${article(fault.expected)}, not ${article(typeName(actual))}`;
    return [{ path, message: actual === undefined ? `${seen}: ${article(fault.expected)} is required` : seen }];
  }
  return [{ path, message: fault.message }];
}

// Of a union's branches, the one the writer most likely meant: the deepest fault, then the fewest faults.
function closest(branches: readonly (readonly z.core.$ZodIssue[])[]): readonly z.core.$ZodIssue[] {
  const depth = (branch: readonly z.core.$ZodIssue[]): number =>
    Math.max(0, ...branch.map((fault) => fault.path.length + (fault.code === 'unrecognized_keys' ? 1 : 0)));
  const ranked = [...branches].sort((a, b) => depth(b) - depth(a) || a.length - b.length);
  return ranked[0] ?? [];
}

function withSuggestion(issue: Issue, word: string, candidates: Iterable<string>): Issue {
  const suggestion = nearest(word, candidates);
  return suggestion === undefined ? issue : { ...issue, suggestion };
}

function keysAt(schema: Json | undefined, path: readonly (string | number)[]): readonly string[] {
  let level: readonly JsonObject[] = branches(schema);
  for (const part of path) {
    level = level.flatMap((node) => {
      if (typeof part === 'number') return branches(node['items']);
      const properties = asObject(node['properties']);
      return branches(properties?.[part] ?? node['additionalProperties']);
    });
  }
  return level.flatMap((node) => Object.keys(asObject(node['properties']) ?? {}));
}

function branches(node: Json | undefined): readonly JsonObject[] {
  const object = asObject(node);
  if (object === undefined) return [];
  const inner = [object['anyOf'], object['oneOf'], object['allOf']].flatMap((list) => (isArray(list) ? list : []));
  return [object, ...inner.flatMap(branches)];
}

function valueAt(input: Json, path: readonly (string | number)[]): Json | undefined {
  let value: Json | undefined = input;
  for (const part of path) {
    if (isArray(value)) value = value[Number(part)];
    else value = asObject(value)?.[String(part)];
  }
  return value;
}

function asObject(value: Json | undefined): JsonObject | undefined {
  return typeof value === 'object' && value !== null && !isArray(value) ? value : undefined;
}

function isArray(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value);
}

function typeName(value: Json): string {
  if (value === null) return 'null';
  return isArray(value) ? 'array' : typeof value;
}

function article(word: string): string {
  return word === 'null' ? word : withArticle(word);
}
