import type { Json, JsonObject } from '../json.ts';
import { nearest } from '../suggest.ts';
import type { Node } from './parse.ts';
import { FAIL, fail, fitsType, isList, member, type Run, type State, type Typed } from './runtime.ts';
import { expectType, POISON, refuse, type Scope } from './scope.ts';
import { BOOL, DYN, INT, STRING, typeName } from './type-rules.ts';
import type { CelField, CelType } from './types.ts';

/** A variable of a macro, or of the environment. */
export function checkIdent(node: Extract<Node, { is: 'ident' }>, scope: Scope): Typed {
  const { name, at } = node;
  const slot = scope.locals.findLastIndex((local) => local.name === name);
  const local = scope.locals[slot];
  if (local) return { type: local.type, run: (state) => state.locals[slot] ?? null, cost: 1 };
  const variables = scope.environment.variables;
  const field = Object.hasOwn(variables, name) ? variables[name] : undefined;
  if (!field) return unknownName(scope, name, at);
  scope.reads.add(name);
  const type = field.type;
  const missing = `${name} is not known`;
  const wrong = `${name} is not a ${typeName(type)}`;
  const fits = fitsType(type);
  const read = memberReader(name);
  const run = (state: State) => {
    const value = read(state.variables);
    if (value === undefined) return fail(state, missing);
    return fits(value) ? value : fail(state, value === null ? missing : wrong);
  };
  return { type, run, cost: 1, path: name };
}

function unknownName(scope: Scope, name: string, at: number): Typed {
  const functions = (scope.environment.functions ?? []).map((each) => each.on ?? each.name);
  const names = [...scope.locals.map((local) => local.name), ...Object.keys(scope.environment.variables), ...functions];
  return refuse(scope, at, `unknown name "${name}"`, nearest(name, names));
}

/** `a.b`, and `has(a.b)`. */
export function checkSelect(node: Extract<Node, { is: 'select' }>, scope: Scope): Typed {
  const operand = scope.check(node.operand, scope);
  if (operand === POISON) return POISON;
  const field = fieldOf(scope, operand.type, node);
  if (!field) return POISON;
  const path = operand.path === undefined ? undefined : `${operand.path}.${node.field}`;
  if (path !== undefined && operand.path !== undefined) {
    scope.reads.delete(operand.path);
    scope.reads.add(path);
  }
  const cost = operand.cost + 1;
  if (node.test) return { type: BOOL, run: runHas(operand.run, node.field, field.type), cost };
  const read = operand.type.is === 'dyn' ? (holder: Json) => member(holder, node.field) : memberReader(node.field);
  const run = runSelect(operand.run, read, field.type, path ?? `.${node.field}`);
  return { type: field.type, run, cost, ...(path !== undefined && { path }) };
}

function fieldOf(scope: Scope, type: CelType, node: { field: string; at: number }): CelField | undefined {
  if (type.is === 'dyn') return { type: DYN };
  if (type.is === 'map') return { type: type.of };
  if (type.is !== 'record') {
    refuse(scope, node.at, `a ${typeName(type)} has no field "${node.field}"`);
    return undefined;
  }
  const field = Object.hasOwn(type.fields, node.field) ? type.fields[node.field] : undefined;
  if (!field)
    refuse(
      scope,
      node.at + 1,
      `${type.name} has no field "${node.field}"`,
      nearest(node.field, Object.keys(type.fields)),
    );
  return field;
}

type Reader = (holder: Json) => Json | undefined;

// For holders known to be plain objects. Only a name that every object inherits needs the slower look.
function memberReader(field: string): Reader {
  if (field in Object.prototype) return (holder) => member(holder, field);
  return (holder) => (holder as JsonObject)[field];
}

function runSelect(operand: Run, read: Reader, type: CelType, path: string): Run {
  const fits = fitsType(type);
  const missing = `${path} is not known`;
  const wrong = `${path} is not a ${typeName(type)}`;
  return (state) => {
    const holder = operand(state);
    if (holder === FAIL) return FAIL;
    const value = read(holder);
    if (value === undefined) return fail(state, missing);
    return fits(value) ? value : fail(state, value === null ? missing : wrong);
  };
}

// A null stands for "absent" in the values handed in, unless the field may be null by its type.
function runHas(operand: Run, field: string, type: CelType): Run {
  const nullCounts = type.is === 'null';
  return (state) => {
    const holder = operand(state);
    if (holder === FAIL) return FAIL;
    const value = member(holder, field);
    return value !== undefined && (value !== null || nullCounts);
  };
}

/** `list[0]`, `map['key']`. */
export function checkIndex(args: readonly [Typed, Typed], at: number, scope: Scope): Typed {
  const [operand, index] = args;
  if (operand === POISON || index === POISON) return POISON;
  const cost = operand.cost + index.cost + 1;
  const type = operand.type;
  if (type.is === 'list') {
    const key = expectType(scope, index, INT, at, 'the index of a list');
    return { type: type.of, run: runListIndex(operand.run, key.run, type.of), cost };
  }
  if (type.is === 'map') {
    const key = expectType(scope, index, STRING, at, 'the key of a map');
    return { type: type.of, run: runMapIndex(operand.run, key.run, type.of), cost };
  }
  if (type.is !== 'dyn') return refuse(scope, at, `a ${typeName(type)} cannot be indexed`);
  const ofList = runListIndex(operand.run, index.run, DYN);
  const ofMap = runMapIndex(operand.run, index.run, DYN);
  const run = (state: State) => {
    const holder = operand.run(state);
    if (holder === FAIL) return FAIL;
    return isList(holder) ? ofList(state) : ofMap(state);
  };
  return { type: DYN, run, cost: cost + operand.cost };
}

function runListIndex(operand: Run, index: Run, type: CelType): Run {
  const fits = fitsType(type);
  return (state) => {
    const list = operand(state);
    if (list === FAIL) return FAIL;
    const at = index(state);
    if (at === FAIL) return FAIL;
    if (!isList(list) || typeof at !== 'number') return fail(state, 'this value cannot be indexed this way');
    const value = list[at];
    if (value === undefined) return fail(state, `the list has no index ${at}`);
    return fits(value) ? value : fail(state, `the element is not a ${typeName(type)}`);
  };
}

function runMapIndex(operand: Run, key: Run, type: CelType): Run {
  const fits = fitsType(type);
  return (state) => {
    const map = operand(state);
    if (map === FAIL) return FAIL;
    const name = key(state);
    if (name === FAIL) return FAIL;
    const value = typeof name === 'string' ? member(map, name) : undefined;
    if (value === undefined) return fail(state, 'the map has no such key');
    return fits(value) ? value : fail(state, `the value is not a ${typeName(type)}`);
  };
}
