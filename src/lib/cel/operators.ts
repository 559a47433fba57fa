import type { Json } from '../json.ts';
import { charge, compareText, equal, FAIL, fail, isList, member, type Run, type State, type Typed } from './runtime.ts';
import { expectType, known, POISON, refuse, type Scope } from './scope.ts';
import { BOOL, comparable, DYN, isNumeric, join, STRING, typeName } from './type-rules.ts';
import { checkArithmetic } from './arithmetic.ts';

/** Checks an operator call; `undefined` when `name` is no operator. */
export function checkOperator(name: string, args: readonly Typed[], at: number, scope: Scope): Typed | undefined {
  const [a = POISON, b = POISON, c = POISON] = args;
  switch (name) {
    case '_&&_':
      return logic(scope, a, b, at, '&&', runAnd);
    case '_||_':
      return logic(scope, a, b, at, '||', runOr);
    case '!_':
      return not(expectType(scope, a, BOOL, at, 'the operand of "!"'));
    case '_?_:_':
      return ternary(scope, a, b, c, at);
    case '_==_':
    case '_!=_':
      return equality(scope, a, b, at, name === '_==_');
    case '_<_':
    case '_<=_':
    case '_>_':
    case '_>=_':
      return ordering(scope, a, b, at, name.slice(1, -1));
    case '@in':
    case '_in_':
      return membership(scope, a, b, at);
    case '_+_':
    case '_-_':
    case '_*_':
    case '_/_':
    case '_%_':
      return checkArithmetic(scope, name.slice(1, -1), a, b, at);
    case '-_':
      return negate(scope, a, at);
    default:
      return undefined;
  }
}

function logic(scope: Scope, a: Typed, b: Typed, at: number, sign: string, run: (a: Run, b: Run) => Run): Typed {
  const left = expectType(scope, a, BOOL, at, `the left side of "${sign}"`);
  const right = expectType(scope, b, BOOL, at, `the right side of "${sign}"`);
  return { type: BOOL, run: run(left.run, right.run), cost: left.cost + right.cost };
}

// CEL absorbs an error on one side when the other side decides. A used-up budget is never absorbed.
function runAnd(a: Run, b: Run): Run {
  return (state) => {
    const left = a(state);
    if (left === false) return false;
    if (left !== FAIL) return b(state);
    const reason = state.reason;
    if (state.overBudget) return FAIL;
    if (b(state) === false) return false;
    if (!spent(state)) state.reason = reason;
    return FAIL;
  };
}

// A call, because the budget may have run out since the last look.
function spent(state: State): boolean {
  return state.overBudget;
}

function runOr(a: Run, b: Run): Run {
  return (state) => {
    const left = a(state);
    if (left === true) return true;
    if (left !== FAIL) return b(state);
    const reason = state.reason;
    if (state.overBudget) return FAIL;
    if (b(state) === true) return true;
    if (!spent(state)) state.reason = reason;
    return FAIL;
  };
}

function not(a: Typed): Typed {
  const run = (state: State) => {
    const value = a.run(state);
    return value === FAIL ? FAIL : value !== true;
  };
  return { type: BOOL, run, cost: a.cost };
}

function ternary(scope: Scope, condition: Typed, yes: Typed, no: Typed, at: number): Typed {
  if (yes === POISON || no === POISON || condition === POISON) return POISON;
  const test = expectType(scope, condition, BOOL, at, 'the condition before "?"');
  if (!comparable(yes.type, no.type))
    return refuse(
      scope,
      at,
      `both sides of ":" must have one type, not ${typeName(yes.type)} and ${typeName(no.type)}`,
    );
  const run = (state: State) => {
    const value = test.run(state);
    if (value === FAIL) return FAIL;
    return value === true ? yes.run(state) : no.run(state);
  };
  return { type: join(yes.type, no.type), run, cost: test.cost + Math.max(yes.cost, no.cost) };
}

function equality(scope: Scope, a: Typed, b: Typed, at: number, wanted: boolean): Typed {
  if (a === POISON || b === POISON) return POISON;
  if (!comparable(a.type, b.type))
    return refuse(scope, at, `cannot compare ${typeName(a.type)} with ${typeName(b.type)}`);
  const left = a.run;
  const right = b.run;
  const run = (state: State) => {
    const x = left(state);
    if (x === FAIL) return FAIL;
    const y = right(state);
    if (y === FAIL) return FAIL;
    if (typeof x !== 'object' || typeof y !== 'object') return (x === y) === wanted;
    const same = equal(state, x, y);
    return same === FAIL ? FAIL : same === wanted;
  };
  return { type: BOOL, run, cost: a.cost + b.cost + 1 };
}

const compares: Readonly<Record<string, (order: number) => boolean>> = {
  '<': (order) => order < 0,
  '<=': (order) => order <= 0,
  '>': (order) => order > 0,
  '>=': (order) => order >= 0,
};

const numbers: Readonly<Record<string, (x: number, y: number) => boolean>> = {
  '<': (x, y) => x < y,
  '<=': (x, y) => x <= y,
  '>': (x, y) => x > y,
  '>=': (x, y) => x >= y,
};

function ordering(scope: Scope, a: Typed, b: Typed, at: number, sign: string): Typed {
  if (a === POISON || b === POISON) return POISON;
  const orderable = (type: Typed['type']) => !['list', 'map', 'record', 'null'].includes(type.is);
  const byNumber = numbers[sign];
  const byOrder = compares[sign];
  if (!byNumber || !byOrder || !orderable(a.type) || !orderable(b.type) || !comparable(a.type, b.type))
    return refuse(scope, at, `cannot order ${typeName(a.type)} and ${typeName(b.type)} with "${sign}"`);
  const left = a.run;
  const right = b.run;
  const run = (state: State) => {
    const x = left(state);
    if (x === FAIL) return FAIL;
    const y = right(state);
    if (y === FAIL) return FAIL;
    if (typeof x === 'number' && typeof y === 'number') return byNumber(x, y);
    if (typeof x === 'string' && typeof y === 'string') return byOrder(compareText(x, y));
    if (typeof x === 'boolean' && typeof y === 'boolean') return byOrder(Number(x) - Number(y));
    return fail(state, `the two sides of "${sign}" have different types`);
  };
  return { type: BOOL, run, cost: a.cost + b.cost + 1 };
}

function membership(scope: Scope, a: Typed, b: Typed, at: number): Typed {
  if (a === POISON || b === POISON) return POISON;
  const cost = a.cost + b.cost + 1;
  if (b.type.is === 'list' || b.type.is === 'dyn') {
    const element = b.type.is === 'list' ? b.type.of : DYN;
    if (!comparable(a.type, element))
      return refuse(scope, at, `a ${typeName(a.type)} is never in a ${typeName(b.type)}`);
    return { type: BOOL, run: runIn(a.run, b.run), cost };
  }
  if (b.type.is !== 'map')
    return refuse(scope, at, `"in" wants a list or a map on its right, not a ${typeName(b.type)}`);
  const key = expectType(scope, a, STRING, at, 'the key of a map');
  return { type: BOOL, run: runIn(key.run, b.run), cost };
}

function runIn(needle: Run, haystack: Run): Run {
  return (state) => {
    const wanted = needle(state);
    if (wanted === FAIL) return FAIL;
    const holder = haystack(state);
    if (holder === FAIL) return FAIL;
    if (isList(holder)) return inList(state, wanted, holder);
    if (typeof holder !== 'object' || holder === null) return fail(state, 'the right side of "in" is no list or map');
    return typeof wanted === 'string' && member(holder, wanted) !== undefined;
  };
}

function inList(state: State, wanted: Json, list: readonly Json[]): boolean | typeof FAIL {
  if (!charge(state, list.length >> 3)) return FAIL;
  if (typeof wanted !== 'object') return list.includes(wanted);
  for (const each of list) {
    const same = equal(state, wanted, each);
    if (same !== false) return same;
  }
  return false;
}

function negate(scope: Scope, a: Typed, at: number): Typed {
  if (a === POISON) return POISON;
  if (!isNumeric(a.type) && a.type.is !== 'duration' && a.type.is !== 'dyn')
    return refuse(scope, at, `a ${typeName(a.type)} cannot be negated`);
  // Whole numbers have no -0.
  const negative = a.type.is === 'int' ? (value: number) => 0 - value : (value: number) => -value;
  if (typeof a.constant === 'number') return known(a.type, negative(a.constant));
  const run = (state: State) => {
    const value = a.run(state);
    if (value === FAIL) return FAIL;
    return typeof value === 'number' ? negative(value) : fail(state, 'this value cannot be negated');
  };
  return { type: a.type, run, cost: a.cost + 1 };
}
