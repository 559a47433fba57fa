import { RE2JS } from '@bufbuild/re2';

import type { Json } from '../json.ts';
import { nearest } from '../suggest.ts';
import { checkCustom, customNames } from './custom.ts';
import type { Node } from './parse.ts';
import { charge, FAIL, fail, isList, type State, type Typed, type Value } from './runtime.ts';
import { expectType, known, POISON, refuse, type Scope } from './scope.ts';
import { durationGetters, durationText, getters, timestampText, zoneOf, type Zone } from './time.ts';
import { BOOL, DOUBLE, DURATION, DYN, INT, STRING, TIMESTAMP, typeName } from './type-rules.ts';
import type { CelType } from './types.ts';

type Call = Extract<Node, { is: 'call' }>;
type Convert = (state: State, value: Json) => Value;

const textMethods: Readonly<
  Record<string, { params: number; returns: CelType; call(text: string, arg: string): Json }>
> = {
  contains: { params: 1, returns: BOOL, call: (text, part) => text.includes(part) },
  startsWith: { params: 1, returns: BOOL, call: (text, part) => text.startsWith(part) },
  endsWith: { params: 1, returns: BOOL, call: (text, part) => text.endsWith(part) },
  lowerAscii: { params: 0, returns: STRING, call: (text) => text.replace(/[A-Z]/g, (char) => char.toLowerCase()) },
  upperAscii: { params: 0, returns: STRING, call: (text) => text.replace(/[a-z]/g, (char) => char.toUpperCase()) },
  trim: { params: 0, returns: STRING, call: (text) => text.trim() },
};

const conversions: Readonly<Record<string, { from: readonly CelType['is'][]; returns: CelType; convert: Convert }>> = {
  int: { from: ['int', 'double', 'string', 'timestamp', 'dyn'], returns: INT, convert: toInt },
  double: { from: ['int', 'double', 'string', 'dyn'], returns: DOUBLE, convert: toDouble },
  string: { from: ['bool', 'int', 'double', 'string', 'dyn'], returns: STRING, convert: toText },
  bool: { from: ['bool', 'string', 'dyn'], returns: BOOL, convert: toBool },
  dyn: {
    from: ['bool', 'int', 'double', 'string', 'null', 'list', 'map', 'record', 'dyn'],
    returns: DYN,
    convert: (_, v) => v,
  },
  size: { from: ['string', 'list', 'map', 'dyn'], returns: INT, convert: sizeOf },
  duration: { from: ['duration', 'string', 'dyn'], returns: DURATION, convert: toDuration },
  timestamp: { from: ['timestamp', 'string', 'dyn'], returns: TIMESTAMP, convert: toTimestamp },
};

/** Checks a call that is no operator: the environment's functions first, then CEL's own. */
export function checkFunction(node: Call, scope: Scope): Typed {
  const custom = checkCustom(node, scope);
  if (custom) return custom;
  if (!node.target) return checkGlobal(node, scope);
  const target = scope.check(node.target, scope);
  const args = node.args.map((arg) => scope.check(arg, scope));
  if (target === POISON || args.includes(POISON)) return POISON;
  if (node.name === 'size' && args.length === 0) return convert('size', target, node, scope);
  if (node.name === 'matches') return checkMatches(target, args, node, scope);
  if (Object.hasOwn(textMethods, node.name)) return checkText(target, args, node, scope);
  if (Object.hasOwn(getters, node.name)) return checkGetter(target, args, node, scope);
  return unknownFunction(node, scope, [...Object.keys(textMethods), ...Object.keys(getters), 'size', 'matches']);
}

function checkGlobal(node: Call, scope: Scope): Typed {
  const args = node.args.map((arg) => scope.check(arg, scope));
  const [first, second] = args;
  if (args.includes(POISON)) return POISON;
  if (node.name === 'matches' && first && second) return checkMatches(first, [second], node, scope);
  if (!Object.hasOwn(conversions, node.name)) return unknownFunction(node, scope, [...Object.keys(conversions), 'has']);
  if (!first || args.length !== 1)
    return refuse(scope, node.at, `${node.name}() takes one argument, not ${args.length}`);
  return convert(node.name, first, node, scope);
}

function unknownFunction(node: Call, scope: Scope, names: readonly string[]): Typed {
  const suggestion = nearest(node.name, [...names, ...customNames(scope)]);
  const end = /^[A-Za-z_]/.test(node.name)
    ? `unknown function "${node.name}"`
    : `the operator "${node.name}" is not supported`;
  return refuse(scope, node.at, end, suggestion);
}

function convert(name: string, arg: Typed, node: Call, scope: Scope): Typed {
  const rule = conversions[name];
  if (!rule?.from.includes(arg.type.is)) return refuse(scope, node.at, `${name}() cannot take a ${typeName(arg.type)}`);
  const convertValue =
    arg.type.is === rule.returns.is && name !== 'size' ? (_: State, value: Json) => value : rule.convert;
  if (typeof arg.constant === 'string' && (name === 'duration' || name === 'timestamp')) {
    const value = name === 'duration' ? durationText(arg.constant) : timestampText(arg.constant);
    const example = name === 'duration' ? 'a duration such as 5m' : 'a time such as 2026-01-31T08:00:00Z';
    if (value === undefined) return refuse(scope, node.at, `expected ${example}, got "${arg.constant}"`);
    return known(rule.returns, value);
  }
  // CEL's whole number of a timestamp is seconds.
  const unit = name === 'int' && arg.type.is === 'timestamp' ? 1_000 : 1;
  const run = (state: State) => {
    const value = arg.run(state);
    if (value === FAIL) return FAIL;
    return convertValue(state, typeof value === 'number' && unit !== 1 ? Math.floor(value / unit) : value);
  };
  return { type: rule.returns, run, cost: arg.cost + 1 };
}

function checkText(target: Typed, args: readonly Typed[], node: Call, scope: Scope): Typed {
  const method = textMethods[node.name];
  if (!method || args.length !== method.params)
    return refuse(scope, node.at, `${node.name}() takes ${method?.params ?? 0} arguments, not ${args.length}`);
  const text = expectType(scope, target, STRING, node.at, `what ${node.name}() is called on`);
  const arg = args[0]
    ? expectType(scope, args[0], STRING, node.at, `the argument of ${node.name}()`)
    : known(STRING, '');
  const call = method.call.bind(method);
  const run = (state: State) => {
    const value = text.run(state);
    if (value === FAIL) return FAIL;
    const part = arg.run(state);
    if (part === FAIL) return FAIL;
    if (typeof value !== 'string' || typeof part !== 'string') return fail(state, `${node.name}() wants text`);
    return charge(state, 1 + (value.length >> 5)) ? call(value, part) : FAIL;
  };
  return { type: method.returns, run, cost: text.cost + arg.cost + 1 };
}

// RE2 matches in linear time. The pattern is a literal so that it is checked, and compiled, when the document is loaded.
function checkMatches(target: Typed, args: readonly Typed[], node: Call, scope: Scope): Typed {
  const pattern = args[0]?.constant;
  if (args.length !== 1 || typeof pattern !== 'string')
    return refuse(scope, node.at, 'matches() takes one pattern, written as a literal');
  const text = expectType(scope, target, STRING, node.at, 'what matches() is called on');
  let compiled: RE2JS;
  try {
    compiled = RE2JS.compile(pattern);
  } catch (thrown) {
    const reason = thrown instanceof Error ? thrown.message : String(thrown);
    return refuse(scope, node.at, `the pattern is not a regular expression RE2 can read: ${reason}`);
  }
  const weight = 1 + (pattern.length >> 3);
  const run = (state: State) => {
    const value = text.run(state);
    if (value === FAIL) return FAIL;
    if (typeof value !== 'string') return fail(state, 'matches() wants text');
    return charge(state, 1 + value.length * weight) ? compiled.test(value) : FAIL;
  };
  return { type: BOOL, run, cost: text.cost + 1 };
}

function checkGetter(target: Typed, args: readonly Typed[], node: Call, scope: Scope): Typed {
  const ofDuration = durationGetters[node.name];
  const cost = target.cost + 8;
  if (target.type.is === 'duration' && ofDuration && args.length === 0)
    return { type: INT, run: numeric(target, ofDuration), cost };
  const getter = getters[node.name];
  if (target.type.is !== 'timestamp' || !getter)
    return refuse(scope, node.at, `${node.name}() cannot be called on a ${typeName(target.type)}`);
  const zone = args[0]?.constant;
  if (args.length === 0) return { type: INT, run: numeric(target, (ms) => getter(new Date(ms))), cost };
  const known = typeof zone === 'string' && args.length === 1 ? zoneOf(zone) : undefined;
  if (!known) return refuse(scope, node.at, `${node.name}() takes a time zone literal such as 'Europe/Berlin'`);
  return { type: INT, run: numeric(target, (ms) => getter(new Date(shift(known, ms)))), cost: cost + 32 };
}

function shift(zone: Zone, ms: number): number {
  return Math.abs(ms) <= 8.64e15 ? zone.shift(ms) : Number.NaN;
}

function numeric(target: Typed, read: (ms: number) => number) {
  return (state: State): Value => {
    const ms = target.run(state);
    if (ms === FAIL) return FAIL;
    const value = typeof ms === 'number' ? read(ms) : Number.NaN;
    return Number.isNaN(value) ? fail(state, 'the time is out of range') : value;
  };
}

function toInt(state: State, value: Json): Value {
  const number = typeof value === 'string' && /^[+-]?\d{1,19}$/.test(value) ? Number(value) : value;
  const whole = typeof number === 'number' ? Math.trunc(number) + 0 : Number.NaN;
  return Number.isSafeInteger(whole) ? whole : fail(state, 'int() cannot convert this value');
}

function toDouble(state: State, value: Json): Value {
  if (typeof value === 'number') return value;
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : Number.NaN;
  return Number.isFinite(number) ? number : fail(state, 'double() cannot convert this value');
}

function toText(state: State, value: Json): Value {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return fail(state, 'string() cannot convert this value');
}

function toBool(state: State, value: Json): Value {
  if (typeof value === 'boolean') return value;
  if (typeof value === 'string' && ['true', 'True', 'TRUE', 't', '1'].includes(value)) return true;
  if (typeof value === 'string' && ['false', 'False', 'FALSE', 'f', '0'].includes(value)) return false;
  return fail(state, 'bool() cannot convert this value');
}

function toDuration(state: State, value: Json): Value {
  const ms = typeof value === 'string' ? durationText(value) : undefined;
  return ms ?? fail(state, 'duration() wants text such as 5m');
}

function toTimestamp(state: State, value: Json): Value {
  const ms = typeof value === 'string' ? timestampText(value) : undefined;
  return ms ?? fail(state, 'timestamp() wants text such as 2026-01-31T08:00:00Z');
}

function sizeOf(state: State, value: Json): Value {
  if (isList(value)) return value.length;
  if (typeof value === 'string') {
    if (!charge(state, 1 + (value.length >> 4))) return FAIL;
    let size = 0;
    for (const _ of value) size++;
    return size;
  }
  if (typeof value !== 'object' || value === null) return fail(state, 'size() cannot measure this value');
  let size = 0;
  for (const key of Object.keys(value)) if (value[key] !== undefined) size++;
  return charge(state, size >> 3) ? size : FAIL;
}
