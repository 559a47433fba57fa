import { describe, expect, it } from 'vitest';

import {
  celReads,
  compileCel,
  type CelEnvironment,
  type CelOutcome,
  type CelType,
} from '../../../src/lib/cel/index.ts';
import type { Json } from '../../../src/lib/json.ts';

const environment: CelEnvironment = {
  name: 'policy',
  variables: {
    diagnosis: {
      type: {
        is: 'record',
        name: 'diagnosis',
        fields: { cause: { type: { is: 'string' } }, confidence: { type: { is: 'double' } } },
      },
    },
    change: {
      type: {
        is: 'record',
        name: 'change',
        fields: {
          kind: { type: { is: 'string' } },
          age: { type: { is: 'duration' } },
          previous: { type: { is: 'string' }, optional: true },
          at: { type: { is: 'timestamp' } },
        },
      },
    },
    errors: { type: { is: 'double' } },
    baseline: { type: { is: 'double' } },
    restarts: { type: { is: 'int' } },
    tags: { type: { is: 'list', of: { is: 'string' } } },
    labels: { type: { is: 'map', of: { is: 'string' } } },
    params: { type: { is: 'dyn' } },
  },
  functions: [
    {
      name: 'budget',
      params: [{ is: 'string' }],
      returns: { is: 'record', name: 'budget', fields: { remaining: { type: { is: 'double' } } } },
    },
    { name: 'from', on: 'approval', params: [{ is: 'string' }], returns: { is: 'bool' } },
  ],
};

const variables: Record<string, Json> = {
  diagnosis: { cause: 'change', confidence: 0.9 },
  change: { kind: 'deploy', age: 6 * 60_000, at: Date.parse('2026-01-31T22:30:00Z') },
  errors: 0.05,
  baseline: 0.01,
  restarts: 3,
  tags: ['a', 'b'],
  labels: { env: 'prod' },
  params: { size: 3, name: 'x' },
};

function run(source: string, over: Record<string, Json> = {}, expected?: CelType): CelOutcome {
  const compiled = compileCel(source, environment, expected);
  if (!compiled.ok) throw new Error(compiled.issues.map((issue) => issue.message).join('; '));
  return compiled.value.evaluate({
    variables: { ...variables, ...over },
    functions: { budget: (slo) => ({ remaining: slo === 'availability' ? 0.5 : 0 }), 'approval.from': () => false },
  });
}

function value(source: string, over: Record<string, Json> = {}): Json {
  const outcome = run(source, over);
  if (!outcome.ok) throw new Error(outcome.reason);
  return outcome.value;
}

function problem(source: string, expected?: CelType): string {
  const compiled = compileCel(source, environment, expected);
  if (compiled.ok) return 'no problem';
  return compiled.issues
    .map(
      (issue) => `${issue.offset}: ${issue.message}${issue.suggestion === undefined ? '' : ` (${issue.suggestion}?)`}`,
    )
    .join('\n');
}

describe('a checked expression', () => {
  it.each<[string, Json]>([
    ["diagnosis.cause == 'change' && change.kind == 'deploy' && change.age < duration('2h')", true],
    ['errors < baseline * 1.2', false],
    ['errors + 1', 1.05],
    ['restarts + 1', 4],
    ['restarts / 2', 1],
    ['restarts / 2.0', 1.5],
    ['restarts > 2.5', true],
    ["budget('availability').remaining > 0.2", true],
    ["approval.from('group:x')", false],
    ['has(change.previous)', false],
    ["has(change.previous) ? change.previous : 'none'", 'none'],
    ["'a' in tags && !('z' in tags) && 'env' in labels", true],
    ["labels.env == 'prod' && labels['env'].startsWith('pr')", true],
    ["tags.exists(t, t == 'b') && tags.all(t, size(t) == 1)", true],
    ["tags.map(t, t + '!')", ['a!', 'b!']],
    ["tags.map(t, t == 'a', t + '!')", ['a!']],
    ["tags.filter(t, t > 'a')", ['b']],
    ["tags.exists_one(t, t == 'a')", true],
    ["'Checkout-7'.lowerAscii().matches('^[a-z]+-[0-9]+$')", true],
    ["change.at.getHours('Europe/Berlin')", 23],
    ['change.at.getDayOfWeek()', 6],
    ["timestamp('2026-01-31T22:36:00Z') - change.at == duration('6m')", true],
    ['params.size + 1', 4],
    ['{"a": [1, 2.5]}.a[1]', 2.5],
    ["duration('1h') * 2 > duration('90m')", true],
    ["size('héllo🙂')", 6],
    ["'\uFFFF' < '🙂' && 'a' < 'b' && '' < 'a'", true],
    ['([] + [7, 2]).map(x, x / 2)', [3, 1]],
    ["{'__proto__': 1}.size()", 1],
    ['[1, 2.5, restarts].exists(x, x == 3)', true],
    ["duration('90s').getMinutes() + timestamp('2026-03-29T00:59:59Z').getHours('+05:30')", 7],
    ["duration('1.5h') == duration('90m') && duration('1d') == duration('24h')", true],
    ["string(restarts) + ':' + string(errors)", '3:0.05'],
    ["int('42') + int(2.9)", 44],
    ["labels.exists(k, labels[k] == 'prod')", true],
    ["params.name == 'x' && params.size == 3", true],
    ['null == null', true],
    ['tags.all(t, has(change.kind) && tags.exists(u, u == t && !has(change.previous)))', true],
  ])('%s', (source, expected) => {
    expect(value(source)).toEqual(expected);
  });

  it('says which variables and functions it reads', () => {
    const compiled = compileCel("diagnosis.confidence > 0.5 && 'a' in tags && budget('x').remaining > 0", environment);
    expect(compiled.ok && celReads(compiled.value)).toEqual(['budget()', 'diagnosis.confidence', 'tags']);
  });
});

describe('what load refuses', () => {
  it.each<[string, string]>([
    ['diagnosis.confidense > 0.5', '10: diagnosis has no field "confidense" (confidence?)'],
    ['diagnosys.confidence > 0.5', '0: unknown name "diagnosys" (diagnosis?)'],
    ["restarts == '3'", '9: cannot compare int with string'],
    ['change.age < 5', '11: cannot order duration and int with "<"'],
    ['change.age + 5', "11: cannot compute duration + int; write a duration as duration('5m')"],
    ["duration('5 minutes') > change.age", '0: expected a duration such as 5m, got "5 minutes"'],
    ["diagnosis.cause.matchez('x')", '15: unknown function "matchez" (matches?)'],
    ["bugdet('x').remaining > 1", '0: unknown function "bugdet" (budget?)'],
    ['budget(1).remaining > 1', '0: expected budget(string), got budget(int)'],
    ['restarts = 3', '9: a single "=" means nothing in CEL; compare with "=="'],
    ['restarts > 3 and errors > 1', '13: CEL writes "&&" for "and"'],
    [
      "'x'.matches('(')",
      '3: the pattern is not a regular expression RE2 can read: error parsing regexp: missing closing ): `(`',
    ],
    ['', '0: the expression is empty'],
  ])('%s', (source, expected) => {
    expect(problem(source)).toBe(expected);
  });

  it('a result of another type than the reader wants', () => {
    expect(problem('restarts + 1', { is: 'bool' })).toBe('0: the expression must be a bool, not a int');
  });
});

describe('what evaluation answers when it cannot answer', () => {
  it.each<[string, string]>([
    ["change.previous == 'x'", 'change.previous is not known'],
    ['restarts / 0 == 1', 'division by zero'],
    ['errors / 0 == 1.0', 'division by zero'],
    ['9007199254740991 + restarts > 0', 'the whole number leaves the exact range of 2^53 - 1'],
    ["labels['nope'] == 'x'", 'the map has no such key'],
    ["tags[7] == 'x'", 'the list has no index 7'],
    ["params.absent == 'x'", 'params.absent is not known'],
  ])('%s', (source, reason) => {
    expect(run(source)).toEqual({ ok: false, kind: 'error', reason });
  });

  it('absorbs an error on one side of && and || when the other side decides', () => {
    expect(value("change.previous == 'x' && restarts == 0")).toBe(false);
    expect(value("change.previous == 'x' || restarts == 3")).toBe(true);
    expect(run("change.previous == 'x' || restarts == 0").ok).toBe(false);
    expect(value("tags.exists(t, labels[t] == 'x' || t == 'b')")).toBe(true);
  });

  it('treats a value of the wrong shape as an error, never as a coerced truth', () => {
    expect(run('errors < 5', { errors: null })).toEqual({ ok: false, kind: 'error', reason: 'errors is not known' });
    expect(run('errors < 5', { errors: '1' })).toEqual({ ok: false, kind: 'error', reason: 'errors is not a double' });
    expect(run('params.size', { params: { size: 'yes' } }, { is: 'bool' }).ok).toBe(false);
  });
});
