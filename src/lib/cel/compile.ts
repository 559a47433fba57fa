import type { Issue } from '../issues.ts';
import type { Json } from '../json.ts';
import { limits } from '../limits.ts';
import { checkFunction } from './functions.ts';
import { checkMacro } from './macros.ts';
import { checkIdent, checkIndex, checkSelect } from './names.ts';
import { checkOperator } from './operators.ts';
import { parse, Refusal, type Node } from './parse.ts';
import { charge, FAIL, type State, type Typed } from './runtime.ts';
import { expectType, known, POISON, refuse, type Scope } from './scope.ts';
import { BOOL, comparable, DOUBLE, INT, join, NOTHING, NULL, STRING, typeName } from './type-rules.ts';
import type { CelBindings, CelCompiled, CelEnvironment, CelOutcome, CelProgram, CelType } from './types.ts';

const constants: Readonly<Record<'bool' | 'int' | 'double' | 'string', CelType>> = {
  bool: BOOL,
  int: INT,
  double: DOUBLE,
  string: STRING,
};

/**
 * Parses and type-checks `source` against what `environment` offers, and against the type its reader `expected`.
 * Every unknown name, field, function and every mix of types is an issue with its offset; nothing is left to run time
 * but absent optional fields, values of the wrong shape, overflow, division by zero, and the budget.
 */
export function compileCel(source: string, environment: CelEnvironment, expected?: CelType): CelCompiled {
  const issues: Issue[] = [];
  const reads = new Set<string>();
  let tree: Node;
  try {
    tree = parse(source);
  } catch (thrown) {
    if (thrown instanceof Refusal) return { ok: false, issues: [thrown.issue] };
    return { ok: false, issues: [{ path: [], message: 'the expression cannot be read', offset: 0 }] };
  }
  const scope: Scope = { environment, locals: [], issues, reads, check };
  const checked = check(tree, scope);
  const root = expected ? expectType(scope, checked, expected, 0, 'the expression') : checked;
  if (issues.length === 0 && root.cost > limits.celSteps)
    refuse(scope, 0, `the expression may take ${Math.round(root.cost)} steps; the limit is ${limits.celSteps}`);
  if (issues.length > 0) return { ok: false, issues: issues.slice(0, 20) };
  return { ok: true, value: program(source, root, [...reads].sort()) };
}

/** Variables (as dotted paths) and functions (`budget()`) a program reads. */
export function celReads(program: CelProgram): readonly string[] {
  return program.reads;
}

function program(source: string, root: Typed, reads: readonly string[]): CelProgram {
  const { run, type, cost } = root;
  return { source, type, reads, evaluate: (bindings) => evaluate(run, cost, bindings) };
}

const noFunctions = {};

function evaluate(run: Typed['run'], _cost: number, bindings: CelBindings): CelOutcome {
  const state: State = {
    variables: bindings.variables,
    functions: bindings.functions ?? noFunctions,
    locals: [],
    steps: limits.celSteps,
    reason: '',
    overBudget: false,
  };
  try {
    const value = run(state);
    if (value !== FAIL) return { ok: true, value };
    return { ok: false, reason: state.reason, kind: state.overBudget ? 'budget' : 'error' };
  } catch (thrown) {
    return { ok: false, reason: thrown instanceof Error ? thrown.message : String(thrown), kind: 'error' };
  }
}

function check(node: Node, scope: Scope): Typed {
  switch (node.is) {
    case 'const':
      return known(constants[node.type], node.value);
    case 'null':
      return known(NULL, null);
    case 'ident':
      return checkIdent(node, scope);
    case 'select':
      return checkSelect(node, scope);
    case 'call':
      return checkCall(node, scope);
    case 'list':
      return checkList(node, scope);
    case 'map':
      return checkMap(node, scope);
    case 'macro':
      return checkMacro(node, scope);
  }
}

function checkCall(node: Extract<Node, { is: 'call' }>, scope: Scope): Typed {
  if (/^[A-Za-z]/.test(node.name)) return checkFunction(node, scope);
  const args = node.args.map((arg) => check(arg, scope));
  const [first = POISON, second = POISON] = args;
  if (node.name === '_[_]') return checkIndex([first, second], node.at, scope);
  return checkOperator(node.name, args, node.at, scope) ?? refuse(scope, node.at, `the operator is not supported`);
}

function checkList(node: Extract<Node, { is: 'list' }>, scope: Scope): Typed {
  const items = node.items.map((item) => check(item, scope));
  if (items.includes(POISON)) return POISON;
  let of = items[0]?.type ?? NOTHING;
  for (const [i, item] of items.entries()) {
    if (!comparable(of, item.type))
      return refuse(
        scope,
        node.items[i]?.at ?? node.at,
        `a list of ${typeName(of)} cannot hold a ${typeName(item.type)}`,
      );
    of = join(of, item.type);
  }
  const type: CelType = { is: 'list', of };
  const values = items.map((item) => item.constant);
  const length = items.length;
  const cost = items.reduce((sum, item) => sum + item.cost, 1);
  if (values.every((value) => value !== undefined)) return { ...known(type, values), length };
  const run = (state: State) => {
    if (!charge(state, length)) return FAIL;
    const result: Json[] = [];
    for (const item of items) {
      const value = item.run(state);
      if (value === FAIL) return FAIL;
      result.push(value);
    }
    return result;
  };
  return { type, run, cost, length };
}

function checkMap(node: Extract<Node, { is: 'map' }>, scope: Scope): Typed {
  let of: CelType | undefined;
  const entries: { readonly key: string; readonly value: Typed }[] = [];
  for (const entry of node.entries) {
    const value = check(entry.value, scope);
    const key = check(entry.key, scope).constant;
    if (value === POISON) return POISON;
    if (typeof key !== 'string') return refuse(scope, entry.key.at, 'the key of a map must be a text literal');
    if (entries.some((each) => each.key === key)) return refuse(scope, entry.key.at, `the key "${key}" is there twice`);
    if (of && !comparable(of, value.type))
      return refuse(scope, entry.value.at, `a map of ${typeName(of)} cannot hold a ${typeName(value.type)}`);
    of = of ? join(of, value.type) : value.type;
    entries.push({ key, value });
  }
  const run = (state: State) => {
    if (!charge(state, entries.length)) return FAIL;
    // No prototype, so that a key named __proto__ is a key like any other.
    const result = Object.create(null) as Record<string, Json>;
    for (const entry of entries) {
      const value = entry.value.run(state);
      if (value === FAIL) return FAIL;
      result[entry.key] = value;
    }
    return result;
  };
  const cost = entries.reduce((sum, entry) => sum + entry.value.cost, 1);
  return { type: { is: 'map', of: of ?? NOTHING }, run, cost, length: entries.length };
}
