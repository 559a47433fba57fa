import type { Json, JsonObject } from '../../../lib/json.ts';

/** An answer of the SDK as plain JSON: moments in epoch milliseconds, bytes and functions left out, and no `$metadata`. */
export function plainAnswer(answer: object): JsonObject {
  const { $metadata: _about, ...rest } = answer as Readonly<Record<string, unknown>>;
  return plainObject(rest);
}

function plainObject(value: Readonly<Record<string, unknown>>): JsonObject {
  const pairs = Object.entries(value).flatMap(([key, inner]): readonly (readonly [string, Json])[] => {
    const made = plain(inner);
    return made === undefined ? [] : [[key, made]];
  });
  return Object.fromEntries(pairs);
}

function plain(value: unknown): Json | undefined {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number') return Number.isFinite(value) ? value : null;
  if (typeof value === 'bigint') return Number(value);
  if (value instanceof Date) return value.getTime();
  if (value instanceof Uint8Array || typeof value !== 'object') return undefined;
  if (Array.isArray(value)) return value.map((one) => plain(one) ?? null);
  return plainObject(value as Readonly<Record<string, unknown>>);
}
