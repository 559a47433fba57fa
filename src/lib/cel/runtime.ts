import type { Json } from '../json.ts';
import type { CelBindings, CelType } from './types.ts';

/** The one value that means "this failed"; the reason is in the state. Compared by identity, so a failure costs nothing. */
export const FAIL: unique symbol = Symbol('cel failure');

/** A value while evaluating. Durations and timestamps are milliseconds; maps and records are plain objects. */
export type Value = Json | typeof FAIL;

/** One evaluation. `locals` holds the variables of macros by depth; `steps` is what is left of the budget. */
export interface State {
  readonly variables: CelBindings['variables'];
  readonly functions: NonNullable<CelBindings['functions']>;
  readonly locals: Json[];
  steps: number;
  reason: string;
  overBudget: boolean;
}

/** A compiled piece of an expression. Closures never throw on values of their static types. */
export type Run = (state: State) => Value;

/** A checked node: its type, its closure, how many steps one run takes, and its value when it is known already. */
export interface Typed {
  readonly type: CelType;
  readonly run: Run;
  readonly cost: number;
  readonly constant?: Json;
  /** The dotted path when the node is a plain read of a variable. */
  readonly path?: string;
  /** How many elements a list literal has. */
  readonly length?: number;
}

/** Records why and returns FAIL. */
export function fail(state: State, reason: string): typeof FAIL {
  state.reason = reason;
  return FAIL;
}

/** Takes `steps` from the budget. Returns false, with the failure recorded, when it is used up. */
export function charge(state: State, steps: number): boolean {
  state.steps -= steps;
  if (state.steps >= 0) return true;
  state.reason = 'the evaluation budget is used up';
  state.overBudget = true;
  return false;
}

/**
 * The test whether a value handed in from outside has the declared type (one level; elements are checked as they are
 * read). Made once for each place, so that a read costs a `typeof` and not a walk over the type.
 */
export function fitsType(type: CelType): (value: Json) => boolean {
  switch (type.is) {
    case 'bool':
      return (value) => typeof value === 'boolean';
    case 'int':
      return (value) => Number.isSafeInteger(value);
    case 'double':
    case 'duration':
    case 'timestamp':
      return (value) => typeof value === 'number';
    case 'string':
      return (value) => typeof value === 'string';
    case 'null':
      return (value) => value === null;
    case 'list':
      return (value) => Array.isArray(value);
    case 'map':
    case 'record':
      return (value) => typeof value === 'object' && value !== null && !Array.isArray(value);
    case 'dyn':
      return () => true;
  }
}

/** Reads an own member of an object; `undefined` when there is none (or the value is not an object). */
export function member(value: Json, key: string): Json | undefined {
  if (typeof value !== 'object' || value === null || isList(value)) return undefined;
  return Object.hasOwn(value, key) ? value[key] : undefined;
}

/** Whether a value is a CEL list. */
export function isList(value: Value): value is readonly Json[] {
  return Array.isArray(value);
}

/** Deep equality of values, charged by what it visits. FAIL when the budget is used up. */
export function equal(state: State, a: Json, b: Json): boolean | typeof FAIL {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (!charge(state, 1)) return FAIL;
  if (isList(a) || isList(b)) {
    if (!isList(a) || !isList(b) || a.length !== b.length) return false;
    for (let i = 0; i < a.length; i++) {
      const same = equal(state, a[i] ?? null, b[i] ?? null);
      if (same !== true) return same;
    }
    return true;
  }
  const keys = Object.keys(a).filter((key) => a[key] !== undefined);
  if (keys.length !== Object.keys(b).filter((key) => b[key] !== undefined).length) return false;
  for (const key of keys) {
    const other = member(b, key);
    if (other === undefined) return false;
    const same = equal(state, member(a, key) ?? null, other);
    if (same !== true) return same;
  }
  return true;
}

/** Orders strings by code point, as CEL does (UTF-16 units order differently above U+FFFF). */
export function compareText(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x === y) continue;
    const surrogates = (isSurrogate(x) ? 1 : 0) - (isSurrogate(y) ? 1 : 0);
    return surrogates === 0 ? x - y : surrogates;
  }
  return a.length - b.length;
}

function isSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdfff;
}
