import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { compileCel, type CelEnvironment } from '../../../src/lib/cel/index.ts';
import { limits } from '../../../src/lib/limits.ts';

const environment: CelEnvironment = {
  name: 'hostile',
  variables: {
    a: { type: { is: 'int' } },
    b: { type: { is: 'bool' } },
    l: { type: { is: 'list', of: { is: 'int' } } },
    s: { type: { is: 'string' } },
    any: { type: { is: 'dyn' } },
  },
  functions: [{ name: 'boom', params: [], returns: { is: 'bool' } }],
};

describe('sources that want to hurt', () => {
  it.each<[string, string]>([
    ['5,000 parentheses', `${'('.repeat(5_000)}1${')'.repeat(5_000)}`],
    ['65 open brackets', '['.repeat(65)],
    ['2,000 negations', `${'!'.repeat(2_000)}b`],
    ['2,000 signs', `${'- '.repeat(1_900)}a`],
    ['900 ternaries', `${'b?a:'.repeat(900)}a`],
    ['2,000 additions', `a${'+a'.repeat(2_000)}`],
    ['2,000 fields', `any${'.f'.repeat(2_000)}`],
    ['2,000 comparisons', `a${'<a'.repeat(2_000)}`],
    ['three nested loops', 'l.all(x, l.all(y, l.all(z, x + y + z > 0)))'],
    ['a repeat that explodes', "s.matches('((a{1000}){1000}){1000}')"],
    ['a name of every object', 'constructor'],
    ['a prototype', 'a.__proto__'],
    ['an internal variable', '@result'],
    ['a message', 'google.protobuf.Any{}'],
    ['nothing but quotes', '"""'],
    ['a million characters', 'a'.repeat(1_000_000)],
  ])('%s are refused with an offset', (_title, source) => {
    const compiled = compileCel(source, environment);
    expect(compiled.ok).toBe(false);
    if (!compiled.ok) expect(compiled.issues[0]?.offset).toBeGreaterThanOrEqual(0);
  });

  it('no text whatever throws, and issues stay inside it', () => {
    const pieces = fc.array(
      fc.oneof(
        fc.constantFrom(
          'a',
          'b',
          'l',
          '(',
          ')',
          '[',
          ']',
          '{',
          '}',
          '.',
          ',',
          '?',
          ':',
          '&&',
          '||',
          '!',
          '-',
          '==',
          ' in ',
        ),
        fc.constantFrom(
          'has(',
          '.all(x, ',
          '.map(',
          '1',
          '1u',
          "b'x'",
          '0x',
          '1e999',
          "'",
          '"',
          '\\',
          '\n',
          '//',
          'null',
        ),
        fc.string({ maxLength: 3 }),
      ),
      { maxLength: 30 },
    );
    fc.assert(
      fc.property(pieces, (parts) => {
        const source = parts.join('');
        const compiled = compileCel(source, environment);
        if (compiled.ok) expect(compiled.value.evaluate({ variables: {} }).ok).toBeTypeOf('boolean');
        else
          for (const issue of compiled.issues) {
            expect(issue.offset).toBeGreaterThanOrEqual(0);
            expect(issue.offset).toBeLessThanOrEqual(source.length);
          }
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('evaluations that want to run for ever', () => {
  const long = Array.from({ length: 10_000 }, (_, i) => i);
  it.each<[string, string]>([
    ['two nested loops over 10,000 elements', 'l.all(x, l.all(y, x + y >= 0))'],
    ['lists that grow', 'l.map(x, l + l + l)[0] == l'],
    ['deep comparisons', 'l.all(x, l == l.map(y, y))'],
    ['long searches', 'l.all(x, (x + 100000) in l || true)'],
  ])('%s end within the budget of steps', (_title, source) => {
    const compiled = compileCel(source, environment);
    if (!compiled.ok) throw new Error(compiled.issues[0]?.message);
    expect(compiled.value.evaluate({ variables: { l: long } })).toEqual({
      ok: false,
      kind: 'budget',
      reason: 'the evaluation budget is used up',
    });
  });

  it('a used-up budget is not absorbed by || or exists', () => {
    const heavy = 'l.all(x, l.all(y, x + y >= 0))';
    for (const source of [`${heavy} || true`, `!(${heavy} && false)`, `[1].exists(z, ${heavy} || z == 1)`]) {
      const compiled = compileCel(source, environment);
      expect(compiled.ok && compiled.value.evaluate({ variables: { l: long } })).toMatchObject({ kind: 'budget' });
    }
  });

  it('a pattern that would backtrack for ever is linear', () => {
    const compiled = compileCel("s.matches('^(a+)+$')", environment);
    expect(compiled.ok && compiled.value.evaluate({ variables: { s: `${'a'.repeat(20_000)}!` } })).toEqual({
      ok: true,
      value: false,
    });
    expect(compiled.ok && compiled.value.evaluate({ variables: { s: 'a'.repeat(limits.celSteps) } })).toMatchObject({
      kind: 'budget',
    });
  });

  it('what a bound function throws is an error outcome', () => {
    const compiled = compileCel('boom()', environment);
    const functions = {
      boom: () => {
        throw new Error('no answer');
      },
    };
    expect(compiled.ok && compiled.value.evaluate({ variables: {}, functions })).toEqual({
      ok: false,
      kind: 'error',
      reason: 'no answer',
    });
  });

  it('gives the same answer for the same values, and changes none of them', () => {
    const compiled = compileCel('l.map(x, x * 2) + [a]', environment);
    const variables = Object.freeze({ l: Object.freeze([1, 2]), a: 3 });
    for (let i = 0; i < 3; i++)
      expect(compiled.ok && compiled.value.evaluate({ variables })).toEqual({ ok: true, value: [2, 4, 3] });
  });
});
