import type { Json, JsonObject } from '../../lib/json.ts';
import type { Parsed } from '../../lib/issues.ts';

/**
 * A parser for something a person writes. Rooms implement it with zod (strict: an unknown key is an issue); the domain
 * names no library. `jsonSchema` feeds editors, CRDs and docs, so that there is one source of truth.
 */
export interface Schema<T> {
  parse(input: Json): Parsed<T>;
  jsonSchema(): JsonObject;
}
