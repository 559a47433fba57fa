import { Validator } from '@seriousme/openapi-schema-validator';
import { describe, expect, it } from 'vitest';

import { openApiDocument } from '../../src/api/index.ts';
import { endpoint, ok } from '../../src/api/endpoint.ts';
import { openApi } from '../../src/api/openapi.ts';
import { named } from '../../src/api/schemas/common.ts';
import { table } from '../../src/api/table.ts';
import type { JsonObject } from '../../src/lib/json.ts';
import * as z from 'zod';

const document = openApiDocument();
const paths = document['paths'] as Readonly<Record<string, Readonly<Record<string, JsonObject>>>>;

describe('the OpenAPI document', () => {
  it('is one by the meta-schema of OpenAPI 3.1, and every reference in it leads somewhere', async () => {
    const validator = new Validator();
    const result = await validator.validate(structuredClone(document));
    expect(result.errors ?? []).toEqual([]);
    expect(result.valid).toBe(true);
    expect(validator.version).toBe('3.1');
    const whole = JSON.stringify(document);
    for (const [, where = ''] of whole.matchAll(/"\$ref":"#\/([^"]+)"/g)) {
      const found = where.split('/').reduce<unknown>((at, key) => (at as Record<string, unknown>)[key], document);
      expect([where, typeof found]).toEqual([where, 'object']);
    }
    expect(whole).not.toContain('$defs');
  });

  it('would not be one with a fault in it: the check can fail', async () => {
    const broken = { ...structuredClone(document), info: { title: 'x' } } as Record<string, unknown>;
    expect((await new Validator().validate(broken)).valid).toBe(false);
  });

  it('has every endpoint of the table once, under an id of its own, with every parameter of its path', () => {
    const operations = Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
    );
    expect(operations.map(({ path, method }) => `${method} ${path}`).sort()).toEqual(
      table.map(({ path, method }) => `${method} ${path}`).sort(),
    );
    expect(new Set(operations.map(({ operation }) => operation['operationId'])).size).toBe(table.length);
    for (const { path, operation } of operations) {
      const named = ((operation['parameters'] ?? []) as readonly JsonObject[])
        .filter((one) => one['in'] === 'path')
        .map((one) => one['name']);
      expect([path, named]).toEqual([path, [...path.matchAll(/\{(\w+)\}/g)].map((found) => found[1])]);
    }
  });

  it('says of every endpoint but probes that it needs credentials, and for which roles it is', () => {
    for (const [path, methods] of Object.entries(paths))
      for (const operation of Object.values(methods)) {
        const open = !path.startsWith('/api/');
        expect([path, operation['security']]).toEqual([path, open ? [] : expect.arrayContaining([{ bearer: [] }])]);
        if (!open) expect(operation['description']).toMatch(/For .*admin\.$/);
      }
  });

  it('cannot be made where two schemas have one name', () => {
    const one = (id: string, schema: z.ZodType) =>
      endpoint({
        method: 'get',
        path: `/${id}`,
        id,
        tag: 't',
        summary: 's',
        needs: 'nothing',
        answers: { 200: { description: 'd', schema } },
        handle: () => ok({}),
      });
    const a = named<{ readonly a: string }>('Same', 'One.', { a: z.string() });
    const b = named<{ readonly b: string }>('Same', 'Another.', { b: z.string() });
    expect(() => openApi([one('a', z.object({ a })), one('b', z.object({ b }))])).toThrow('Same');
  });
});
