import { tests as suite } from '@bufbuild/cel-spec/testdata/conformance.js';
import { describe, expect, it } from 'vitest';

import { compileCel } from '../../../src/lib/cel/index.ts';
import type { Json } from '../../../src/lib/json.ts';

interface Suite {
  readonly name: string;
  readonly suites?: readonly Suite[];
  readonly tests?: readonly { readonly original: Readonly<Record<string, unknown>> & { readonly expr: string } }[];
}

interface Case {
  readonly name: string;
  readonly expr: string;
  readonly value: Json;
}

/** The parts of the suite about the language itself; the others are about messages, uints, bytes and extensions. */
const parts = new Set([
  'basic',
  'comparisons',
  'fp_math',
  'integer_math',
  'lists',
  'logic',
  'macros',
  'parse',
  'string',
  'timestamps',
  'conversions',
]);

function casesOf(node: Suite, path: string): readonly Case[] {
  const own = (node.tests ?? []).flatMap(({ original }, i): readonly Case[] => {
    const value = original['bindings'] === undefined ? expectedOf(original['value']) : undefined;
    return value === undefined
      ? []
      : [{ name: `${path}/${(original['name'] as string | undefined) ?? i}`, expr: original.expr, value }];
  });
  return [
    ...own,
    ...(node.suites ?? []).flatMap((each) => casesOf(each, path === '' ? each.name : `${path}/${each.name}`)),
  ];
}

// The suite's values are protobuf JSON: int64 as text, and one key that says the type.
function expectedOf(value: unknown): Json | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const [entry] = Object.entries(value);
  const [kind, written] = entry ?? [];
  if (kind === 'int64Value') return Number.isSafeInteger(Number(written)) ? Number(written) : undefined;
  if (kind === 'boolValue' || kind === 'stringValue') return written as Json;
  if (kind === 'doubleValue') return typeof written === 'number' ? written : undefined;
  return undefined;
}

const all = casesOf(suite as Suite, '').filter(({ name }) => parts.has(name.split('/')[0] ?? ''));

/** What we do otherwise on purpose; see the essay of src/lib/cel/index.ts. */
const onPurpose =
  /\d[uU]\b|\buint|\bbytes|\bb['"]|\br?b?'''|\btype\(|google\.|\{\s*(\d|true|false)|0x|\/ ?-?0\.0|infinity|NaN|9007|922337|-?\d{16,}/i;

describe('the conformance suite of CEL', () => {
  it('every expression we accept gives the value it says', () => {
    const wrong: string[] = [];
    let right = 0;
    for (const { name, expr, value } of all) {
      const compiled = compileCel(expr, { name: 'conformance', variables: {} });
      if (!compiled.ok) continue;
      const outcome = compiled.value.evaluate({ variables: {} });
      if (outcome.ok && Object.is(outcome.value, value)) right++;
      else if (!onPurpose.test(expr))
        wrong.push(`${name}: ${expr} gave ${JSON.stringify(outcome)}, not ${JSON.stringify(value)}`);
    }
    expect(wrong).toEqual([]);
    expect(right).toBeGreaterThan(150);
  });
});
