import { describe, expect, it } from 'vitest';
import * as z from 'zod';

import type { Json } from '../../src/lib/json.ts';
import { schemaOf } from '../../src/lib/schema.ts';
import {
  zBytes,
  zDuration,
  zMultiple,
  zName,
  zRatio,
  zSecretRef,
  zSelector,
  zTimestamp,
  zUrl,
} from '../../src/lib/zod-parts.ts';

const schema = schemaOf(
  z.strictObject({
    duration: zDuration.optional(),
    ratio: zRatio.optional(),
    multiple: zMultiple.optional(),
    bytes: zBytes.optional(),
    name: zName.optional(),
    at: zTimestamp.optional(),
    url: zUrl.optional(),
    services: zSelector.optional(),
    token: zSecretRef.optional(),
  }),
);

function parse(key: string, written: Json): unknown {
  const parsed = schema.parse({ [key]: written });
  return parsed.ok ? (parsed.value as Record<string, unknown>)[key] : parsed.issues.map((issue) => issue.message)[0];
}

describe('the parts people write', () => {
  it.each<[string, Json, unknown]>([
    ['duration', '1h30m', 5_400_000],
    ['duration', 5, 'expected a duration such as 5m, got 5'],
    ['duration', 'soon', 'expected a duration such as 5m, got "soon"'],
    ['ratio', '25%', 0.25],
    ['ratio', '99.9%', 0.999],
    ['ratio', 0.25, 0.25],
    ['ratio', 25, 'expected a ratio such as 25% or 0.25, got 25'],
    ['ratio', '101%', 'expected a ratio such as 25% or 0.25, got "101%"'],
    ['multiple', '1.5x', 1.5],
    ['multiple', 3, 'expected a multiple such as 3x, got 3'],
    ['bytes', '10GiB', 10 * 2 ** 30],
    ['bytes', 4096, 4096],
    ['bytes', '10 Gib', 'expected a size such as 10GiB, got "10 Gib"'],
    ['name', 'payments-db', 'payments-db'],
    ['name', 'Payments DB', expect.stringContaining('expected a name such as payments-db')],
    ['at', '2026-01-31T08:00:00Z', Date.UTC(2026, 0, 31, 8)],
    ['at', '2026-13-31T08:00:00Z', expect.stringContaining('expected a quoted time')],
    ['url', 'http://127.0.0.1:9090', 'http://127.0.0.1:9090'],
    ['url', 'ftp://x', expect.stringContaining('expected an address')],
    ['url', 'https://user:pw@x', expect.stringContaining('no user or password')],
    ['services', { tier: ['a', 'b'], env: 'prod' }, { tier: ['a', 'b'], env: 'prod' }],
    ['services', { tier: 3 }, expect.stringContaining('expected a selector')],
    ['token', { env: 'PROM_TOKEN' }, { env: 'PROM_TOKEN' }],
    ['token', { file: '/run/secrets/x' }, { file: '/run/secrets/x' }],
  ])('%s: %j', (key, written, expected) => {
    expect(parse(key, written)).toEqual(expected);
  });

  it('refuses a secret written into the file without repeating it', () => {
    expect(parse('token', 'hunter2')).toMatch(/by handle/);
    expect(parse('token', 'hunter2')).not.toMatch(/hunter2/);
    expect(parse('token', { value: 'hunter2' })).not.toMatch(/hunter2/);
  });

  it('says what is missing', () => {
    const required = schemaOf(z.strictObject({ hold: zDuration }));
    const parsed = required.parse({});
    expect(parsed.ok ? [] : parsed.issues).toEqual([
      { path: ['hold'], message: 'missing: a duration such as 5m is required' },
    ]);
  });

  it('prints what is written as JSON Schema, not what it becomes', () => {
    expect(schemaOf(z.strictObject({ hold: zDuration, ratio: zRatio })).jsonSchema()).toMatchObject({
      properties: {
        hold: { type: 'string', pattern: expect.any(String), description: 'a duration such as 5m' },
        ratio: { anyOf: [{ type: 'string' }, { type: 'number' }] },
      },
      required: ['hold', 'ratio'],
    });
  });
});
