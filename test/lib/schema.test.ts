import { describe, expect, test } from 'vitest';
import * as z from 'zod';

import { schemaOf } from '../../src/lib/schema.ts';

const schema = schemaOf(
  z.strictObject({
    kind: z.enum(['scrape', 'prometheus']),
    tls: z.strictObject({ caFile: z.string() }).exactOptional(),
    auth: z.union([z.string(), z.strictObject({ bearer: z.string() })]).exactOptional(),
    list: z.array(z.strictObject({ metric: z.string() })).exactOptional(),
  }),
);

const faults = (input: Parameters<typeof schema.parse>[0]) => {
  const parsed = schema.parse(input);
  return parsed.ok ? [] : parsed.issues;
};

describe('schemaOf', () => {
  test('gives the value when nothing is wrong', () => {
    expect(schema.parse({ kind: 'scrape' })).toEqual({ ok: true, value: { kind: 'scrape' } });
  });

  test('names an unknown key at its own path, with the nearest known key', () => {
    expect(faults({ kind: 'scrape', tsl: {} })).toEqual([
      { path: ['tsl'], message: 'unknown key tsl', atKey: true, suggestion: 'tls' },
    ]);
    expect(faults({ kind: 'scrape', list: [{ metric: 'a', metrik: 'b' }] })[0]).toMatchObject({
      path: ['list', 0, 'metrik'],
      suggestion: 'metric',
    });
  });

  test('suggests the nearest word of a closed set', () => {
    expect(faults({ kind: 'scrap' })).toEqual([
      { path: ['kind'], message: 'must be one of scrape, prometheus', suggestion: 'scrape' },
    ]);
  });

  test('tells a missing member from one of the wrong type', () => {
    expect(faults({})[0]?.message).toBe('missing: one of scrape, prometheus is required');
    expect(faults({ kind: 'scrape', tls: {} })[0]?.message).toBe('missing: a string is required');
    expect(faults({ kind: 'scrape', tls: { caFile: [1] } })[0]?.message).toBe('must be a string, not an array');
  });

  test('reports the branch of a union that the writer most likely meant', () => {
    expect(faults({ kind: 'scrape', auth: { baerer: 'x' } })).toContainEqual({
      path: ['auth', 'baerer'],
      message: 'unknown key baerer',
      atKey: true,
      suggestion: 'bearer',
    });
  });

  test('prints JSON Schema for editors', () => {
    expect(schema.jsonSchema()).toMatchObject({ type: 'object', additionalProperties: false, required: ['kind'] });
  });
});
