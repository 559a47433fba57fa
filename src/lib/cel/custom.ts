import type { Json } from '../json.ts';
import type { Node } from './parse.ts';
import { FAIL, fail, fitsType, type State, type Typed } from './runtime.ts';
import { expectType, POISON, refuse, type Scope } from './scope.ts';
import { assignable, typeName } from './type-rules.ts';
import type { CelFunction } from './types.ts';

type Call = Extract<Node, { is: 'call' }>;

/** The name a function is bound under: `budget`, or `approval.from` for a member function. */
function bindingName(fn: CelFunction): string {
  return fn.on === undefined ? fn.name : `${fn.on}.${fn.name}`;
}

/** Names of the environment's functions, for suggestions. */
export function customNames(scope: Scope): readonly string[] {
  return (scope.environment.functions ?? []).map((fn) => fn.name);
}

/** Checks a call of a function the environment offers; `undefined` when it offers none of that name. */
export function checkCustom(node: Call, scope: Scope): Typed | undefined {
  const on = node.target?.is === 'ident' ? node.target.name : undefined;
  if (node.target && on === undefined) return undefined;
  if (scope.locals.some((local) => local.name === on)) return undefined;
  const candidates = (scope.environment.functions ?? []).filter((fn) => fn.name === node.name && fn.on === on);
  const [only] = candidates;
  if (!only) return undefined;
  const args = node.args.map((arg) => scope.check(arg, scope));
  if (args.includes(POISON)) return POISON;
  const fitting = candidates.find(
    (fn) => fn.params.length === args.length && fn.params.every((type, i) => assignable(args[i]?.type ?? type, type)),
  );
  if (!fitting) {
    const wanted = candidates.map((fn) => `${bindingName(fn)}(${fn.params.map(typeName).join(', ')})`).join(' or ');
    const got = args.map((arg) => typeName(arg.type)).join(', ');
    return refuse(scope, node.at, `expected ${wanted}, got ${bindingName(only)}(${got})`);
  }
  scope.reads.add(`${bindingName(fitting)}()`);
  return call(fitting, node, args, scope);
}

function call(fn: CelFunction, node: Call, args: readonly Typed[], scope: Scope): Typed {
  const name = bindingName(fn);
  const checked = args.map((arg, i) => {
    const type = fn.params[i];
    return type ? expectType(scope, arg, type, node.args[i]?.at ?? node.at, `argument ${i + 1} of ${name}()`) : arg;
  });
  const cost = (fn.cost ?? 1) + checked.reduce((sum, arg) => sum + arg.cost, 0);
  const fits = fitsType(fn.returns);
  const runs = checked.map((arg) => arg.run);
  const unknown = `${name}(${args.map((arg) => (arg.constant === undefined ? '...' : JSON.stringify(arg.constant))).join(', ')}) is not known`;
  const run = (state: State) => {
    const implementation = Object.hasOwn(state.functions, name) ? state.functions[name] : undefined;
    if (!implementation) return fail(state, unknown);
    const values: Json[] = [];
    for (const each of runs) {
      const value = each(state);
      if (value === FAIL) return FAIL;
      values.push(value);
    }
    const value = implementation(...values);
    return fits(value) ? value : fail(state, unknown);
  };
  return { type: fn.returns, run, cost };
}
