import { isCelError, isCelList, isCelMap, run, type CelInput } from '@bufbuild/cel';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { compileCel, type CelEnvironment } from '../../../src/lib/cel/index.ts';
import type { Json } from '../../../src/lib/json.ts';

const environment: CelEnvironment = {
  name: 'oracle',
  variables: {
    i: { type: { is: 'int' } },
    d: { type: { is: 'double' } },
    s: { type: { is: 'string' } },
    b: { type: { is: 'bool' } },
    is: { type: { is: 'list', of: { is: 'int' } } },
    ss: { type: { is: 'list', of: { is: 'string' } } },
    m: { type: { is: 'map', of: { is: 'int' } } },
  },
};

interface Variables {
  readonly i: number;
  readonly d: number;
  readonly s: string;
  readonly b: boolean;
  readonly is: readonly number[];
  readonly ss: readonly string[];
  readonly m: Readonly<Record<string, number>>;
}

const word = fc.constantFrom('', 'a', 'b', 'ab', 'é', '🙂', 'Zz');
const quoted = word.map((text) => `'${text}'`);
const small = fc.integer({ min: -9, max: 9 });
const variables: fc.Arbitrary<Variables> = fc.record({
  i: small,
  d: fc.constantFrom(-1.5, 0, 0.25, 2, 3.75),
  s: word,
  b: fc.boolean(),
  is: fc.array(small, { maxLength: 4 }),
  ss: fc.array(word, { maxLength: 4 }),
  m: fc.dictionary(fc.constantFrom('a', 'b', 'ab'), small, { maxKeys: 3 }),
});

type Kind = 'int' | 'double' | 'text' | 'bool' | 'ints' | 'texts';
const expressions = fc.letrec<Record<Kind, string>>((tie) => {
  const both = (kind: Kind, signs: readonly string[], by: Kind = kind) =>
    fc.tuple(tie(kind), fc.constantFrom(...signs), tie(by)).map(([x, sign, y]) => `(${x} ${sign} ${y})`);
  const pick = (kind: Kind) => fc.tuple(tie('bool'), tie(kind), tie(kind)).map(([c, x, y]) => `(${c} ? ${x} : ${y})`);
  const macro = (list: Kind, names: readonly string[], body: fc.Arbitrary<string>) =>
    fc.tuple(tie(list), fc.constantFrom(...names), body).map(([range, name, inner]) => `${range}.${name}(x, ${inner})`);
  const overInt = fc
    .tuple(fc.constantFrom('x > i', 'x == 1', 'x / i > 0', 'is[x] == x', '10 / x > 2'), tie('bool'))
    .map(([test, other]) => `(${test} || ${other})`);
  const overText = fc.constantFrom('x == s', "x < 'b'", 'x in m', 'm[x] > 0', 'size(x) > 1', "x.contains('a')");
  const depth = { maxDepth: 4, depthIdentifier: 'cel' };
  return {
    int: fc.oneof(
      depth,
      fc.constantFrom('i', '1', '0', '7', '-3'),
      both('int', ['+', '-', '*', '/', '%']),
      pick('int'),
      fc.constantFrom('is', 'ss', 's', 'm').map((name) => `size(${name})`),
      tie('int').map((x) => `-(${x})`),
      fc.tuple(tie('ints'), tie('int')).map(([list, x]) => `${list}[${x}]`),
      quoted.map((key) => `m[${key}]`),
    ),
    double: fc.oneof(
      depth,
      fc.constantFrom('d', '0.5', '2.0', '-1.25'),
      both('double', ['+', '-', '*']),
      pick('double'),
    ),
    text: fc.oneof(depth, fc.constant('s'), quoted, both('text', ['+']), pick('text')),
    bool: fc.oneof(
      depth,
      fc.constantFrom('b', 'true', 'false', 'has(m.a)', "('a' in m)"),
      both('bool', ['&&', '||', '==', '!=']),
      tie('bool').map((x) => `!${x}`),
      both('int', ['<', '<=', '>', '>=', '==', '!=']),
      both('double', ['<', '<=', '>', '>=', '==', '!=']),
      both('text', ['<', '<=', '>', '>=', '==', '!=']),
      both('int', ['in'], 'ints'),
      both('text', ['in'], 'texts'),
      both('ints', ['==', '!=']),
      macro('ints', ['all', 'exists', 'exists_one'], overInt),
      macro('texts', ['all', 'exists', 'exists_one'], overText),
      fc
        .tuple(tie('text'), fc.constantFrom('contains', 'startsWith', 'endsWith'), tie('text'))
        .map(([x, name, y]) => `${x}.${name}(${y})`),
      fc.tuple(tie('text'), fc.constantFrom('^a', 'b$', '[a-z]+')).map(([x, pattern]) => `${x}.matches('${pattern}')`),
    ),
    ints: fc.oneof(
      depth,
      fc.constantFrom('is', '(is + [])', '[1, 2, 3]'),
      fc.tuple(tie('int'), tie('int')).map(([x, y]) => `[${x}, ${y}]`),
      both('ints', ['+']),
      macro('ints', ['map'], fc.constantFrom('x * 2', '10 / x', 'x > 0, x + i')),
      macro('ints', ['filter'], fc.constantFrom('x > i', '6 / x > 1')),
    ),
    texts: fc.oneof(depth, fc.constantFrom('ss', "['a', s]"), both('texts', ['+'])),
  };
});

function oracle(source: string, given: Variables): Json {
  const bindings: Record<string, CelInput> = {
    ...given,
    i: BigInt(given.i),
    is: given.is.map(BigInt),
    m: new Map(Object.entries(given.m).map(([key, value]) => [key, BigInt(value)])),
  };
  const value = run(source, bindings);
  return isCelError(value) ? 'error' : plain(value);
}

function plain(value: unknown): Json {
  if (typeof value === 'bigint') return Number(value);
  if (isCelList(value)) return [...value].map(plain);
  if (isCelMap(value))
    return Object.fromEntries([...value.entries()].map(([key, each]) => [plain(key) as string, plain(each)]));
  return value as Json;
}

describe('against the evaluator of @bufbuild/cel', () => {
  it.each(['int', 'double', 'text', 'bool', 'ints', 'texts'] as const)('%s expressions agree', (kind) => {
    let answers = 0;
    fc.assert(
      fc.property(expressions[kind], variables, (source, given) => {
        if (source.length > 3_000) return;
        const compiled = compileCel(source, environment);
        // Deep ones, and those whose cost is above the limit, are refused when loaded: no answer to compare.
        if (!compiled.ok) {
          expect(compiled.issues[0]?.message).toMatch(/nested|steps/);
          return;
        }
        const outcome = compiled.value.evaluate({ variables: { ...given } });
        if (!outcome.ok && (outcome.kind === 'budget' || outcome.reason.includes('2^53'))) return;
        answers++;
        expect({ source, given, value: outcome.ok ? outcome.value : 'error' }).toEqual({
          source,
          given,
          value: oracle(source, given),
        });
      }),
      { numRuns: 400 },
    );
    expect(answers).toBeGreaterThan(200);
  });
});
