import { charge, FAIL, fail, isList, type Run, type State, type Typed, type Value } from './runtime.ts';
import { known, POISON, refuse, type Scope } from './scope.ts';
import { DOUBLE, DURATION, INT, isNumeric, join, STRING, TIMESTAMP, typeName } from './type-rules.ts';
import type { CelType } from './types.ts';

type Operate = (state: State, x: number, y: number) => number | typeof FAIL;

const overflow = 'the whole number leaves the exact range of 2^53 - 1';

function exact(state: State, value: number): number | typeof FAIL {
  return Number.isSafeInteger(value) ? value : fail(state, overflow);
}

// Ints are exact: leaving the safe range fails rather than rounds. `+ 0` turns -0 into 0, which ints do not have.
const ints: Readonly<Record<string, Operate>> = {
  '+': (state, x, y) => exact(state, x + y),
  '-': (state, x, y) => exact(state, x - y),
  '*': (state, x, y) => exact(state, x * y + 0),
  '/': (state, x, y) => (y === 0 ? fail(state, 'division by zero') : exact(state, Math.trunc(x / y) + 0)),
  '%': (state, x, y) => (y === 0 ? fail(state, 'division by zero') : (x % y) + 0),
};

// Dividing by zero fails for doubles too: an infinite error ratio must not compare as a very large one.
const doubles: Readonly<Record<string, Operate>> = {
  '+': (_state, x, y) => x + y,
  '-': (_state, x, y) => x - y,
  '*': (_state, x, y) => x * y,
  '/': (state, x, y) => (y === 0 ? fail(state, 'division by zero') : x / y),
};

/** `+ - * / %` over numbers, text, lists, durations and timestamps. */
export function checkArithmetic(scope: Scope, sign: string, a: Typed, b: Typed, at: number): Typed {
  if (a === POISON || b === POISON) return POISON;
  const cost = a.cost + b.cost + 1;
  if (sign === '+' && a.type.is === 'string' && b.type.is === 'string')
    return { type: STRING, run: runText(a.run, b.run), cost };
  if (sign === '+' && a.type.is === 'list' && b.type.is === 'list')
    return { type: { is: 'list', of: join(a.type.of, b.type.of) }, run: runLists(a.run, b.run), cost };
  if (sign === '+' && (a.type.is === 'dyn' || b.type.is === 'dyn')) return dynamicPlus(scope, a, b, at, cost);
  const type = resultType(sign, a.type, b.type);
  const operate = type && (type.is === 'int' ? ints : doubles)[sign];
  if (!operate)
    return refuse(scope, at, `cannot compute ${typeName(a.type)} ${sign} ${typeName(b.type)}${hint(a.type, b.type)}`);
  const run = runNumbers(a.run, b.run, operate, sign);
  if (typeof a.constant === 'number' && typeof b.constant === 'number') {
    const value = run({ variables: {}, functions: {}, locals: [], steps: 0, reason: '', overBudget: false });
    if (typeof value === 'number') return known(type, value);
  }
  return { type, run, cost };
}

function resultType(sign: string, a: CelType, b: CelType): CelType | undefined {
  const numeric = (type: CelType) => isNumeric(type) || type.is === 'dyn';
  if (numeric(a) && numeric(b)) return a.is === 'int' && b.is === 'int' ? INT : sign === '%' ? undefined : DOUBLE;
  const pair = `${a.is} ${sign} ${b.is}`;
  if (pair === 'duration + duration' || pair === 'duration - duration') return DURATION;
  if (pair === 'timestamp + duration' || pair === 'timestamp - duration') return TIMESTAMP;
  if (pair === 'duration + timestamp') return TIMESTAMP;
  if (pair === 'timestamp - timestamp') return DURATION;
  if ((sign === '*' || sign === '/') && a.is === 'duration' && isNumeric(b)) return DURATION;
  if (sign === '*' && isNumeric(a) && b.is === 'duration') return DURATION;
  return undefined;
}

function hint(a: CelType, b: CelType): string {
  const one = (type: CelType) => type.is === 'duration';
  if (one(a) !== one(b) && (isNumeric(a) || isNumeric(b))) return "; write a duration as duration('5m')";
  if (a.is === 'string' || b.is === 'string') return '; turn the other side into text with string(...)';
  return '';
}

function runNumbers(a: Run, b: Run, operate: Operate, sign: string): Run {
  return (state) => {
    const x = a(state);
    if (x === FAIL) return FAIL;
    const y = b(state);
    if (y === FAIL) return FAIL;
    if (typeof x === 'number' && typeof y === 'number') return operate(state, x, y);
    return fail(state, `the two sides of "${sign}" are not numbers`);
  };
}

function runText(a: Run, b: Run): Run {
  return (state) => {
    const x = a(state);
    if (x === FAIL) return FAIL;
    const y = b(state);
    return y === FAIL ? FAIL : concat(state, x, y);
  };
}

const runLists = runText;

function concat(state: State, x: Value, y: Value): Value {
  if (typeof x === 'string' && typeof y === 'string')
    return charge(state, 1 + ((x.length + y.length) >> 5)) ? x + y : FAIL;
  if (isList(x) && isList(y)) return charge(state, x.length + y.length) ? [...x, ...y] : FAIL;
  if (typeof x === 'number' && typeof y === 'number') return x + y;
  return fail(state, 'the two sides of "+" have different types');
}

function dynamicPlus(scope: Scope, a: Typed, b: Typed, at: number, cost: number): Typed {
  const other = a.type.is === 'dyn' ? b.type : a.type;
  if (!['dyn', 'int', 'double', 'string', 'list'].includes(other.is))
    return refuse(scope, at, `cannot compute ${typeName(a.type)} + ${typeName(b.type)}`);
  const type = isNumeric(other) ? DOUBLE : other;
  return { type: other.is === 'list' ? { is: 'list', of: { is: 'dyn' } } : type, run: runText(a.run, b.run), cost };
}
