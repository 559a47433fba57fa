import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { CelEnvironment } from '../../src/lib/cel/index.ts';
import type { Json } from '../../src/lib/json.ts';
import { parseTemplate, parseTemplateTree } from '../../src/lib/template.ts';

const environment: CelEnvironment = {
  name: 'runbook',
  variables: {
    name: { type: { is: 'string' } },
    count: { type: { is: 'int' } },
    timeout: { type: { is: 'duration' } },
    at: { type: { is: 'timestamp' } },
    tags: { type: { is: 'list', of: { is: 'string' } } },
    params: { type: { is: 'dyn' } },
  },
};
const variables = { name: 'checkout', count: 3, timeout: 5_400_000, at: 0, tags: ['a'], params: { x: { y: 1 } } };

function render(source: string, over: Readonly<Record<string, Json>> = {}): Json {
  const parsed = parseTemplate(source, environment);
  if (!parsed.ok) throw new Error(parsed.issues.map((issue) => `${issue.offset}: ${issue.message}`).join('; '));
  const outcome = parsed.value.render({ variables: { ...variables, ...over } });
  if (!outcome.ok) throw new Error(outcome.reason);
  return outcome.value;
}

describe('a template', () => {
  it.each<[string, Json]>([
    ['plain', 'plain'],
    ['', ''],
    ['{{ count }}', 3],
    ['{{tags}}', ['a']],
    ['{{ params.x }}', { y: 1 }],
    ['v{{ count }}-{{ name }}', 'v3-checkout'],
    ['{{ timeout }}', '1h30m'],
    ['wait {{ timeout }} from {{ at }}', 'wait 1h30m from 1970-01-01T00:00:00.000Z'],
    ["{{ {'a': {'b': 1}}.a.b }}", 1],
    ["{{ '}}' }}", '}}'],
    ["a {{ '{{' }} b", 'a {{ b'],
    ['one } and }} two', 'one } and }} two'],
  ])('%s', (source, expected) => {
    expect(render(source)).toEqual(expected);
  });

  it('never reads its own output as a template (I12)', () => {
    expect(render('{{ name }}!', { name: '{{ count }}' })).toBe('{{ count }}!');
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(render('<{{ name }}>', { name: text })).toBe(`<${text}>`);
      }),
    );
  });

  it.each<[string, string]>([
    ['a {{ nmae }}', '5: unknown name "nmae"'],
    ['a {{ name', '2: this "{{" is never closed by "}}"'],
    ['a {{ tags }}', '5: {{ tags }} is a list and cannot stand inside text'],
    ['{{ }}', '3: the expression is empty'],
  ])('refuses %s', (source, expected) => {
    expect(() => render(source)).toThrow(expected);
  });

  it('says why it cannot be rendered', () => {
    const parsed = parseTemplate('x {{ params.none }}', environment);
    expect(parsed.ok && parsed.value.render({ variables })).toEqual({
      ok: false,
      kind: 'error',
      reason: 'params.none is not known',
    });
  });
});

describe('a tree of templates', () => {
  it('renders every string in place and keeps the rest', () => {
    const parsed = parseTemplateTree({ a: ['{{ count }}', 1, null], b: { c: 'x{{ name }}' } }, environment);
    expect(parsed.ok && parsed.value.reads).toEqual(['count', 'name']);
    expect(parsed.ok && parsed.value.render({ variables })).toEqual({
      ok: true,
      value: { a: [3, 1, null], b: { c: 'xcheckout' } },
    });
  });

  it('reads what a hole yields never again, as a template or an expression', () => {
    const parsed = parseTemplateTree({ a: ['{{ name }}'], b: 'x{{ name }}' }, environment);
    for (const name of ['{{ 1 + 1 }}', '{{ count }}', '{{'])
      expect(parsed.ok && parsed.value.render({ variables: { ...variables, name } })).toEqual({
        ok: true,
        value: { a: [name], b: `x${name}` },
      });
  });

  it('leads to the string that is wrong', () => {
    const parsed = parseTemplateTree({ a: ['ok', 'x {{ nope }}'] }, environment);
    expect(parsed.ok ? [] : parsed.issues).toMatchObject([{ path: ['a', 1], offset: 5 }]);
  });
});
