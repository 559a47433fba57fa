import { parse as parseCel } from '@bufbuild/cel';

import type { Issue } from '../issues.ts';
import { limits } from '../limits.ts';

/** The five macros that loop; `has` is a `select` with `test`. */
export type MacroName = 'all' | 'exists' | 'exists_one' | 'map' | 'filter';

/** Our own syntax tree: macros unexpanded, every node with its character offset. */
export type Node = { readonly at: number } & (
  | {
      readonly is: 'const';
      readonly type: 'bool' | 'int' | 'double' | 'string';
      readonly value: boolean | number | string;
    }
  | { readonly is: 'null' }
  | { readonly is: 'ident'; readonly name: string }
  | { readonly is: 'select'; readonly operand: Node; readonly field: string; readonly test: boolean }
  | { readonly is: 'call'; readonly name: string; readonly target?: Node; readonly args: readonly Node[] }
  | { readonly is: 'list'; readonly items: readonly Node[] }
  | { readonly is: 'map'; readonly entries: readonly { readonly key: Node; readonly value: Node }[] }
  | {
      readonly is: 'macro';
      readonly name: MacroName;
      readonly range: Node;
      readonly variable: string;
      readonly args: readonly Node[];
    }
);

type ParsedCel = ReturnType<typeof parseCel>;
type Expr = ParsedCel['expr'];
type Info = NonNullable<ParsedCel['sourceInfo']>;

/** What stopped the parser, as an issue; private to this folder. */
export class Refusal extends Error {
  readonly issue: Issue;
  constructor(message: string, offset: number) {
    super(message);
    this.issue = { path: [], message, offset };
  }
}

/**
 * Parses CEL source into a tree, within `limits.celSourceBytes` and `limits.celDepth`.
 *
 * @throws Refusal with the offset of what cannot be read.
 */
export function parse(source: string): Node {
  if (source.length > limits.celSourceBytes || new TextEncoder().encode(source).length > limits.celSourceBytes)
    throw new Refusal(`the expression is longer than ${limits.celSourceBytes} bytes`, 0);
  if (source.trim() === '') throw new Refusal('the expression is empty', 0);
  refuseDepth(source);
  let parsed: ParsedCel;
  try {
    parsed = parseCel(source);
  } catch (thrown) {
    throw syntaxRefusal(thrown, source);
  }
  return new Converter(source, parsed.sourceInfo).node(parsed.expr, 0);
}

// The parser is recursive, so nesting is bounded before it runs: brackets, and runs of prefix operators.
function refuseDepth(source: string): void {
  let depth = 0;
  let quote = '';
  for (let i = 0; i < source.length; i++) {
    const char = source[i] ?? '';
    if (quote !== '') {
      if (char === '\\') i++;
      else if (char === quote) quote = '';
    } else if (char === '"' || char === "'") quote = char;
    else if ('([{'.includes(char)) depth++;
    else if (')]}'.includes(char)) depth--;
    if (depth > limits.celDepth) throw new Refusal(`the expression is nested deeper than ${limits.celDepth} levels`, i);
  }
  const prefix = new RegExp(`([!\\-]\\s*){${limits.celDepth},}`).exec(source);
  if (prefix) throw new Refusal(`the expression is nested deeper than ${limits.celDepth} levels`, prefix.index);
}

function syntaxRefusal(thrown: unknown, source: string): Refusal {
  const location = (thrown as { location?: { start?: { offset?: number } } }).location;
  const offset = Math.min(location?.start?.offset ?? 0, source.length);
  if (thrown instanceof RangeError) return new Refusal('the expression is nested too deeply', 0);
  if (location === undefined) return new Refusal(thrown instanceof Error ? thrown.message : String(thrown), 0);
  const rest = source.slice(offset).trimStart();
  if (rest === '') return new Refusal('the expression ends too early', offset);
  if (/^(=[^=]|=$)/.test(rest)) return new Refusal('a single "=" means nothing in CEL; compare with "=="', offset);
  if (/^(and|or|not)\b/.test(rest)) {
    const word = rest.slice(0, rest.search(/\W|$/));
    const right = word === 'and' ? '&&' : word === 'or' ? '||' : '!';
    return new Refusal(`CEL writes "${right}" for "${word}"`, offset);
  }
  const near = /^(\w+|&&|\|\||.)/u.exec(rest)?.[0] ?? rest.slice(0, 1);
  return new Refusal(`cannot read the expression at "${near}"`, offset);
}

class Converter {
  readonly #source: string;
  readonly #info: Info | undefined;

  constructor(source: string, info: Info | undefined) {
    this.#source = source;
    this.#info = info;
  }

  // The parser puts some operators at the white space before them.
  #offset(expr: Expr): number {
    let at = this.#info?.positions[String(expr.id)] ?? 0;
    while (/\s/.test(this.#source[at] ?? '')) at++;
    return at;
  }

  node(expr: Expr, depth: number): Node {
    const at = this.#offset(expr);
    if (depth > limits.celDepth * 4) throw new Refusal('the expression is nested too deeply', at);
    const kind = expr.exprKind;
    const child = (inner: Expr | undefined): Node => {
      if (!inner) throw new Refusal('part of the expression is missing', at);
      return this.node(inner, depth + 1);
    };
    switch (kind.case) {
      case 'constExpr':
        return constant(kind.value.constantKind, at);
      case 'identExpr':
        return { is: 'ident', name: kind.value.name, at };
      case 'selectExpr':
        return {
          is: 'select',
          operand: child(kind.value.operand),
          field: kind.value.field,
          test: kind.value.testOnly,
          at,
        };
      case 'callExpr':
        return {
          is: 'call',
          name: kind.value.function,
          ...(kind.value.target && { target: child(kind.value.target) }),
          args: kind.value.args.map(child),
          at,
        };
      case 'listExpr':
        return { is: 'list', items: kind.value.elements.map(child), at };
      case 'structExpr':
        if (kind.value.messageName !== '')
          throw new Refusal(`there is no message type "${kind.value.messageName}"`, at);
        return {
          is: 'map',
          entries: kind.value.entries.map((entry) => ({
            key: child(entry.keyKind.case === 'mapKey' ? entry.keyKind.value : undefined),
            value: child(entry.value),
          })),
          at,
        };
      case 'comprehensionExpr':
      case undefined:
        return this.#macro(expr, at, child);
    }
  }

  #macro(expr: Expr, at: number, child: (inner: Expr | undefined) => Node): Node {
    const call = this.#info?.macroCalls[String(expr.id)]?.exprKind;
    if (call?.case !== 'callExpr') throw new Refusal('this macro is not supported', at);
    // Inside another macro's arguments `has(a.b)` is kept as a call.
    const [tested] = call.value.args;
    if (call.value.function === 'has' && tested?.exprKind.case === 'selectExpr') {
      const { operand, field } = tested.exprKind.value;
      return { is: 'select', operand: child(operand), field, test: true, at: this.#offset(tested) };
    }
    const name = macroName(call.value.function);
    const [variable, ...args] = call.value.args;
    if (name === undefined || variable?.exprKind.case !== 'identExpr')
      throw new Refusal(`the macro "${call.value.function}" is not supported`, at);
    return {
      is: 'macro',
      name,
      range: child(call.value.target),
      variable: variable.exprKind.value.name,
      args: args.map(child),
      at,
    };
  }
}

function macroName(name: string): MacroName | undefined {
  if (name === 'existsOne') return 'exists_one';
  return name === 'all' || name === 'exists' || name === 'exists_one' || name === 'map' || name === 'filter'
    ? name
    : undefined;
}

type ConstantKind = Extract<Expr['exprKind'], { case: 'constExpr' }>['value']['constantKind'];

function constant(kind: ConstantKind, at: number): Node {
  switch (kind.case) {
    case 'boolValue':
      return { is: 'const', type: 'bool', value: kind.value, at };
    case 'stringValue':
      return { is: 'const', type: 'string', value: kind.value, at };
    case 'doubleValue':
      return { is: 'const', type: 'double', value: kind.value, at };
    case 'nullValue':
      return { is: 'null', at };
    case 'int64Value': {
      const value = Number(kind.value);
      if (!Number.isSafeInteger(value)) throw new Refusal('the whole number is larger than 2^53 - 1', at);
      return { is: 'const', type: 'int', value, at };
    }
    case 'uint64Value':
      throw new Refusal('unsigned literals are not used here; leave the "u" away', at);
    default:
      throw new Refusal('bytes literals are not used here; write a string', at);
  }
}
