import type { Json, JsonObject } from './json.ts';

/*
 * Reading JSON whose shape nobody has promised: what is not there, or is something else than expected, is absent.
 */

/** What lies at a path of keys, or `undefined`. */
export function dig(value: Json | undefined, ...path: readonly string[]): Json | undefined {
  let at = value;
  for (const key of path) at = isObject(at) && Object.hasOwn(at, key) ? at[key] : undefined;
  return at;
}

/** The text at a path; an empty one counts as absent. */
export function textAt(value: Json | undefined, ...path: readonly string[]): string | undefined {
  const found = dig(value, ...path);
  return typeof found === 'string' && found !== '' ? found : undefined;
}

/** The finite number at a path. */
export function numberAt(value: Json | undefined, ...path: readonly string[]): number | undefined {
  const found = dig(value, ...path);
  return typeof found === 'number' && Number.isFinite(found) ? found : undefined;
}

/** Whether `true` lies at a path. */
export function flagAt(value: Json | undefined, ...path: readonly string[]): boolean {
  return dig(value, ...path) === true;
}

/** The list at a path; an empty one when there is none. */
export function listAt(value: Json | undefined, ...path: readonly string[]): readonly Json[] {
  const found = dig(value, ...path);
  return Array.isArray(found) ? (found as readonly Json[]) : [];
}

/** The object at a path. */
export function objectAt(value: Json | undefined, ...path: readonly string[]): JsonObject | undefined {
  const found = dig(value, ...path);
  return isObject(found) ? found : undefined;
}

/** Epoch milliseconds of the RFC 3339 time at a path. */
export function timeAt(value: Json | undefined, ...path: readonly string[]): number | undefined {
  const text = textAt(value, ...path);
  const ms = text === undefined ? Number.NaN : Date.parse(text);
  return Number.isNaN(ms) ? undefined : ms;
}

/** Whether it is an object, and no list. */
export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
