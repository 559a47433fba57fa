import type { Issue } from '../issues.ts';
import type { Node } from './parse.ts';
import { FAIL, fail, fitsType, type Run, type Typed } from './runtime.ts';
import { assignable, DYN, typeName } from './type-rules.ts';
import type { CelEnvironment, CelType } from './types.ts';

/** What a checker function needs: where to report, what may be named, and how to check a child. */
export interface Scope {
  readonly environment: CelEnvironment;
  /** Variables of the macros around this node, innermost last; the index is the slot in `State.locals`. */
  readonly locals: readonly { readonly name: string; readonly type: CelType }[];
  readonly issues: Issue[];
  readonly reads: Set<string>;
  check(node: Node, scope: Scope): Typed;
}

/** A node that could not be checked: the issue is reported, and `dyn` keeps its parents quiet. */
export const POISON: Typed = { type: DYN, run: () => FAIL, cost: 1 };

/** Reports an issue and returns the poisoned node. */
export function refuse(scope: Scope, at: number, message: string, suggestion?: string): Typed {
  scope.issues.push({ path: [], message, offset: at, ...(suggestion !== undefined && { suggestion }) });
  return POISON;
}

/** A known value. */
export function known(type: CelType, constant: NonNullable<Typed['constant']> | null): Typed {
  return { type, run: () => constant, cost: 1, constant };
}

/** Adds a run-time check that what arrives has the type, failing with `<what> is not a <type>`. */
export function guarded(run: Run, type: CelType, what: string): Run {
  if (type.is === 'dyn') return run;
  const reason = `${what} is not a ${typeName(type)}`;
  const fits = fitsType(type);
  return (state) => {
    const value = run(state);
    if (value === FAIL || fits(value)) return value;
    return fail(state, reason);
  };
}

/** Makes `node` usable where `type` is wanted, or reports `<what> must be a <type>, not a <type>`. */
export function expectType(scope: Scope, node: Typed, type: CelType, at: number, what: string): Typed {
  if (node === POISON) return POISON;
  if (!assignable(node.type, type))
    return refuse(scope, at, `${what} must be a ${typeName(type)}, not a ${typeName(node.type)}`);
  if (node.type.is !== 'dyn' || type.is === 'dyn') return node;
  return { ...node, type, run: guarded(node.run, type, node.path ?? what) };
}
