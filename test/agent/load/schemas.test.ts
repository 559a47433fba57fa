import { describe, expect, it } from 'vitest';
import * as z from 'zod';

import { documentKinds, schemaFor, schemaForAny, schemaForConfig } from '../../../src/agent/load/index.ts';
import type { Json, JsonObject } from '../../../src/lib/json.ts';
import { schemaOf } from '../../../src/lib/schema.ts';
import { zDuration } from '../../../src/lib/zod-parts.ts';

const spec = schemaOf(z.strictObject({ wait: zDuration.optional(), any: z.json().optional() }));
const specs = { Service: spec, Detector: spec, Runbook: spec, Policy: spec, Escalation: spec };

/** Every `$ref` in a schema that leads nowhere. */
function dangling(schema: JsonObject): readonly string[] {
  const refs: string[] = [];
  const collect = (value: Json | undefined): void => {
    if (typeof value !== 'object' || value === null) return;
    for (const [key, member] of Object.entries(value)) {
      if (key === '$ref' && typeof member === 'string') refs.push(member);
      else collect(member);
    }
  };
  collect(schema);
  const definitions = Object.keys((schema['$defs'] ?? {}) as JsonObject).map((name) => `#/$defs/${name}`);
  expect(refs.length).toBeGreaterThan(0);
  return refs.filter((ref) => !definitions.includes(ref));
}

describe('JSON Schemas for editors', () => {
  it('describe a whole document of a kind', () => {
    const schema = schemaFor('Service', specs);
    expect(schema).toMatchObject({
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      properties: {
        apiVersion: { const: 'watchkeeper.dev/v1alpha1' },
        kind: { const: 'Service' },
        metadata: { properties: { name: { type: 'string' } }, required: ['name'] },
        spec: { properties: { wait: { type: 'string', description: 'a duration such as 5m' } } },
      },
      additionalProperties: false,
    });
    expect(dangling(schema)).toEqual([]);
  });

  it('describe any document, with every reference resolved', () => {
    const schema = schemaForAny(specs);
    expect(schema['oneOf']).toHaveLength(documentKinds.length);
    expect(dangling(schema)).toEqual([]);
  });

  it('describe watchkeeper.yaml with the block of every adapter', () => {
    const prometheus = schemaOf(z.strictObject({ url: z.string() }));
    expect(schemaForConfig({ sources: { prometheus }, channels: {} })).toMatchObject({
      properties: {
        sources: {
          items: {
            oneOf: [
              {
                properties: { id: {}, kind: { const: 'prometheus' }, url: { type: 'string' } },
                required: ['id', 'kind', 'url'],
                additionalProperties: false,
              },
            ],
          },
        },
        http: { properties: { listen: { type: 'string', default: '127.0.0.1:7777' } } },
        reload: { properties: { every: { type: 'string' } } },
      },
      additionalProperties: false,
    });
  });
});
