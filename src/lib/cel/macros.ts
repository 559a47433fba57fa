import type { Json } from '../json.ts';
import type { Node } from './parse.ts';
import { charge, FAIL, fail, isList, type Run, type State, type Typed, type Value } from './runtime.ts';
import { expectType, POISON, refuse, type Scope } from './scope.ts';
import { BOOL, DYN, STRING, typeName } from './type-rules.ts';
import type { CelType } from './types.ts';

type Macro = Extract<Node, { is: 'macro' }>;

/** How many elements the cost estimate assumes a list has when that is not known. */
const assumedElements = 100;

/** `all`, `exists`, `exists_one`, `map` and `filter` over a list, or over the keys of a map. */
export function checkMacro(node: Macro, scope: Scope): Typed {
  const range = scope.check(node.range, scope);
  if (range === POISON) return POISON;
  const element = elementType(range.type);
  if (!element)
    return refuse(scope, node.at, `${node.name}() runs over a list or a map, not a ${typeName(range.type)}`);
  const slot = scope.locals.length;
  const inner: Scope = { ...scope, locals: [...scope.locals, { name: node.variable, type: element }] };
  const parts = node.args.map((arg) => scope.check(arg, inner));
  const first = parts[0] ?? POISON;
  const last = parts.at(-1) ?? POISON;
  if (parts.includes(POISON)) return POISON;
  const filters = node.name !== 'map' || parts.length === 2;
  const test = filters
    ? expectType(scope, first, BOOL, node.args[0]?.at ?? node.at, `the condition of ${node.name}()`)
    : undefined;
  const bodyCost = 1 + (test?.cost ?? 0) + (node.name === 'map' ? last.cost : 0);
  const cost = range.cost + bodyCost * (range.length ?? assumedElements);
  const each = iterator(range.run, slot, bodyCost, element);
  if (!test || node.name === 'map')
    return { type: { is: 'list', of: last.type }, run: runMap(each, test?.run, last.run), cost };
  if (node.name === 'filter')
    return {
      type: { is: 'list', of: element },
      run: runMap(each, test.run, (state) => state.locals[slot] ?? null),
      cost,
    };
  if (node.name === 'exists_one') return { type: BOOL, run: runOne(each, test.run), cost };
  return { type: BOOL, run: runSome(each, test.run, node.name === 'exists'), cost };
}

function elementType(type: CelType): CelType | undefined {
  if (type.is === 'list') return type.of;
  if (type.is === 'map') return STRING;
  return type.is === 'dyn' ? DYN : undefined;
}

/** Calls `visit` with each element in its slot until it answers something other than `undefined`. */
type Each = (state: State, visit: (state: State) => Value | undefined) => Value | undefined;

function iterator(range: Run, slot: number, bodyCost: number, _element: CelType): Each {
  return (state, visit) => {
    const holder = range(state);
    if (holder === FAIL) return FAIL;
    const items: readonly Json[] | undefined = isList(holder)
      ? holder
      : typeof holder === 'object' && holder !== null
        ? Object.keys(holder)
        : undefined;
    if (!items) return fail(state, 'the value is no list or map');
    for (const item of items) {
      if (!charge(state, bodyCost)) return FAIL;
      state.locals[slot] = item;
      const answer = visit(state);
      if (answer !== undefined) return answer;
    }
    return undefined;
  };
}

function runMap(each: Each, test: Run | undefined, body: Run): Run {
  return (state) => {
    const result: Json[] = [];
    const stop = each(state, () => {
      const wanted = test ? test(state) : true;
      if (wanted === FAIL) return FAIL;
      if (wanted !== true) return undefined;
      const value = body(state);
      if (value === FAIL) return FAIL;
      result.push(value);
      return undefined;
    });
    return stop === FAIL ? FAIL : result;
  };
}

function runOne(each: Each, test: Run): Run {
  return (state) => {
    let count = 0;
    const stop = each(state, () => {
      const value = test(state);
      if (value === FAIL) return FAIL;
      if (value === true) count++;
      return undefined;
    });
    return stop === FAIL ? FAIL : count === 1;
  };
}

// An element that fails is absorbed when another one decides.
function runSome(each: Each, test: Run, decisive: boolean): Run {
  return (state) => {
    let failure: string | undefined;
    const stop = each(state, () => {
      const value = test(state);
      if (value === decisive) return decisive;
      if (value !== FAIL) return undefined;
      if (state.overBudget) return FAIL;
      failure ??= state.reason;
      return undefined;
    });
    if (stop !== undefined) return stop;
    return failure === undefined ? !decisive : fail(state, failure);
  };
}
