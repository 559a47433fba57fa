import { changeField, diagnosisField, incidentField, serviceField } from '../domain/facts.ts';
import type { CelEnvironment, CelField, CelFunction, CelType } from '../lib/cel/index.ts';
import type { ParamRule, ParamType } from './runbook.ts';

const double: CelType = { is: 'double' };

const facts = { diagnosis: diagnosisField, change: changeField, incident: incidentField, service: serviceField };

const eachField: CelField = { type: { is: 'string' }, doc: 'The item that this step is planned for.' };

const budgetFunctions: readonly CelFunction[] = [
  {
    name: 'burn',
    params: [{ is: 'string' }],
    returns: double,
    doc: 'How many times faster than sustainable the budget of an objective is being spent.',
  },
  {
    name: 'budget',
    params: [{ is: 'string' }],
    returns: {
      is: 'record',
      name: 'budget',
      fields: { remaining: { type: double, optional: true }, burn: { type: double, optional: true } },
    },
  },
];

/** `when`: whether a runbook is for this incident. */
export const matchEnvironment: CelEnvironment = {
  name: 'runbook when',
  variables: { ...facts, now: { type: { is: 'timestamp' } } },
  functions: budgetFunctions,
};

/** `require` and `abortIf`: how things stand right before, and while, a step is taken. */
export function conditionEnvironment(signals: Iterable<string>, withEach = false): CelEnvironment {
  return {
    name: 'runbook condition',
    variables: {
      ...signalFields(signals),
      ...facts,
      ...(withEach ? { each: eachField } : {}),
      now: { type: { is: 'timestamp' } },
      target: { doc: 'Live facts of the target.', type: { is: 'map', of: { is: 'dyn' } } },
      blast: {
        type: {
          is: 'record',
          name: 'blast',
          fields: {
            touched: { type: { is: 'int' } },
            total: { type: { is: 'int' } },
            healthyAfter: { type: { is: 'int' } },
          },
        },
      },
    },
    functions: budgetFunctions,
  };
}

/**
 * `verify.expect`: signals by name, and `baseline`. Written alone, `baseline` is that of the first signal the expression
 * names; written `baseline.errors`, that of the signal it says.
 */
export function verifyEnvironment(signals: readonly string[], form: 'alone' | 'by-signal'): CelEnvironment {
  const baseline: CelType =
    form === 'alone' ? double : { is: 'record', name: 'baseline', fields: optional(signalFields(signals)) };
  return { name: 'runbook verify', variables: { ...signalFields(signals), baseline: { type: baseline } } };
}

const paramTypes: Readonly<Record<ParamType, CelType>> = {
  string: { is: 'string' },
  int: { is: 'int' },
  number: double,
  bool: { is: 'bool' },
  duration: { is: 'duration' },
};

/** Templates in `with` and `timeout`, and in `each` itself. */
export function templateEnvironment(params: Readonly<Record<string, ParamRule>>, withEach = false): CelEnvironment {
  const fields = Object.entries(params).map(([name, rule]) => [name, { type: paramTypes[rule.type] }] as const);
  return {
    name: 'runbook template',
    variables: {
      ...facts,
      ...(withEach ? { each: eachField } : {}),
      params: { type: { is: 'record', name: 'params', fields: Object.fromEntries(fields) } },
    },
  };
}

function signalFields(signals: Iterable<string>): Record<string, CelField> {
  return Object.fromEntries([...signals].map((signal) => [signal, { type: double, doc: 'A signal of the service.' }]));
}

function optional(fields: Record<string, CelField>): Record<string, CelField> {
  return Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, { ...field, optional: true }]));
}

const words = new Set(['true', 'false', 'null', 'in', 'baseline']);

/** Names an expression reads that are neither fields, functions nor words of the language: in order, each once. */
export function freeNames(source: string): readonly string[] {
  const bare = withoutText(source);
  const names = [...bare.matchAll(/(?<![\w.])[A-Za-z_]\w*(?!\w|\s*\()/g)].map((match) => match[0]);
  return [...new Set(names)].filter((name) => !words.has(name));
}

/** Whether the expression says `baseline.signal`, or `baseline` alone. */
export function baselineForm(source: string): 'alone' | 'by-signal' {
  return /(?<![\w.])baseline\s*\./.test(withoutText(source)) ? 'by-signal' : 'alone';
}

// Blanks out text literals, keeping every offset.
function withoutText(source: string): string {
  return source.replace(/"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'/g, (text) => ' '.repeat(text.length));
}

/** Cuts a condition at its outermost `&&`. One that is not a plain conjunction stays whole. */
export function clausesOf(source: string): readonly string[] {
  const bare = withoutText(source);
  const cuts: number[] = [];
  let depth = 0;
  for (let at = 0; at < bare.length; at++) {
    const character = bare[at] ?? '';
    if ('([{'.includes(character)) depth++;
    else if (')]}'.includes(character)) depth--;
    else if (depth === 0 && (character === '?' || bare.startsWith('||', at))) return [source.trim()];
    else if (depth === 0 && bare.startsWith('&&', at)) cuts.push(at++);
  }
  return [...cuts, bare.length].map((end, index) =>
    source.slice(index === 0 ? 0 : (cuts[index - 1] ?? 0) + 2, end).trim(),
  );
}
