import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { canonicalJson, digest, sha256Hex } from '../../src/lib/canonical.ts';
import type { Json } from '../../src/lib/json.ts';

/** RFC 8785 in the plainest words: sort the keys everywhere, then print. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return new Map(entries.map(([key, member]) => [key, sorted(member)]));
}

function printed(value: unknown): string {
  if (value instanceof Map)
    return `{${[...value].map(([key, member]) => `${JSON.stringify(key)}:${printed(member)}`).join(',')}}`;
  return Array.isArray(value) ? `[${value.map(printed).join(',')}]` : JSON.stringify(value);
}

describe('canonical JSON', () => {
  test('sorts keys by UTF-16 code units at every depth and prints as RFC 8785 does', () => {
    fc.assert(
      fc.property(fc.jsonValue({ depthSize: 'medium', stringUnit: 'binary' }), (value) => {
        expect(canonicalJson(value as Json)).toBe(printed(sorted(value)));
      }),
      { numRuns: 500 },
    );
  });

  test('escapes what must be escaped and nothing else', () => {
    expect(canonicalJson('a"b\\c\u0000\u001f\u007f\u2028é😀')).toBe('"a\\"b\\\\c\\u0000\\u001f\u007f\u2028é😀"');
    expect(canonicalJson({ 'b"': 1, a: '\n' })).toBe('{"a":"\\n","b\\"":1}');
  });

  test('prints numbers as ECMAScript does', () => {
    const numbers = [0, -0, 1, -1.5, 1e21, 1e-7, 333333333.3333333, Number.MAX_SAFE_INTEGER, 5e-324];
    expect(canonicalJson(numbers)).toBe('[0,0,1,-1.5,1e+21,1e-7,333333333.3333333,9007199254740991,5e-324]');
  });

  test('takes a member that is undefined for absent', () => {
    expect(canonicalJson({ b: undefined, a: { c: undefined } })).toBe('{"a":{}}');
  });

  test.each([
    ['NaN', Number.NaN],
    ['Infinity', Number.POSITIVE_INFINITY],
    ['a lone surrogate', '\ud800'],
    ['a lone surrogate beside what needs no escape', 'plain \udfff plain'],
    ['a lone surrogate as a key', { '\ud800': 1 }],
    ['a bigint', 1n as unknown as Json],
    ['undefined in a list', [undefined] as unknown as Json],
  ])('refuses %s', (_, value) => {
    expect(() => canonicalJson(value)).toThrow(/canonical JSON cannot carry/);
  });

  test('a digest is the SHA-256 of the canonical text, in lower-case hex', () => {
    expect(sha256Hex('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
    expect(digest({ b: 1, a: 2 })).toBe(sha256Hex(Buffer.from('{"a":2,"b":1}')));
  });
});
