import type { JsonObject } from '../../lib/json.ts';
import { asObject } from './structural.ts';

/** A place in a document whose keys are known: where, as people read it, and the keys. */
interface Place {
  readonly where: string;
  readonly keys: readonly string[];
  /** CEL that holds `test`, about the map `self`, against every value at this place. */
  readonly each: (test: (self: string) => string) => string;
}

/**
 * Validations for a ValidatingAdmissionPolicy, one for every level of a spec: keys that nobody knows are refused by the API
 * server, whichever client sends them. The definitions keep unknown fields, so they are there to be seen.
 */
export function knownKeyValidations(spec: JsonObject): readonly JsonObject[] {
  return places(spec, 'spec', (test) => test('object.spec')).map(({ where, keys, each }) => ({
    expression: each((self) => `${self}.all(key, key in ${JSON.stringify(keys)})`),
    message: `${where} has an unknown key; the keys are ${keys.join(', ')}`,
  }));
}

function places(schema: JsonObject, where: string, each: Place['each'], depth = 0): readonly Place[] {
  const properties = asObject(schema['properties']);
  const others = asObject(schema['additionalProperties']);
  const items = asObject(schema['items']);
  // A fresh name at every depth: an inner variable must not hide an outer one.
  const name = `v${depth}`;
  if (items)
    return places(items, `${where}[]`, (test) => each((self) => `${self}.all(${name}, ${test(name)})`), depth + 1);
  if (properties === undefined && others)
    return places(
      others,
      `${where}.*`,
      (test) => each((self) => `${self}.all(${name}, ${test(`${self}[${name}]`)})`),
      depth + 1,
    );
  if (properties === undefined) return [];
  const keys = Object.keys(properties);
  const inner = Object.entries(properties).flatMap(([key, property]) =>
    places(
      asObject(property) ?? {},
      `${where}.${key}`,
      (test) => each((self) => `(!(${quoted(key)} in ${self}) || ${test(`${self}[${quoted(key)}]`)})`),
      depth + 1,
    ),
  );
  // Where further keys are allowed, they are anybody's.
  return schema['additionalProperties'] === false ? [{ where, keys, each }, ...inner] : inner;
}

function quoted(key: string): string {
  return JSON.stringify(key);
}
