import { compileCel, type CelEnvironment, type CelProgram } from '../lib/cel/index.ts';
import type { Issue, Parsed } from '../lib/issues.ts';
import type { Json, JsonObject } from '../lib/json.ts';
import { limits } from '../lib/limits.ts';

/** A JSON value with CEL between `{{` and `}}` in its texts, checked when it was loaded. */
export interface Template {
  /** True when nothing is to be filled in. */
  readonly constant: boolean;
  /** As written. */
  readonly source: Json;
  /** Fills it in. A text that is one expression takes the expression's type; a duration is written `300000ms`. */
  resolve(variables: Readonly<Record<string, Json>>): Parsed<Json>;
}

type Path = readonly (string | number)[];

/** Checks every expression in `value` against `environment`. */
export function compileTemplate(value: Json, environment: CelEnvironment, path: Path): Parsed<Template> {
  const issues: Issue[] = [];
  const node = compileNode(value, environment, path, issues);
  if (issues.length > 0) return { ok: false, issues };
  return {
    ok: true,
    value: {
      constant: !hasHoles(node),
      source: value,
      resolve(variables) {
        const faults: Issue[] = [];
        const filled = fill(node, variables, path, faults);
        return faults.length > 0 ? { ok: false, issues: faults } : { ok: true, value: filled };
      },
    },
  };
}

type Node =
  | { readonly is: 'value'; readonly value: Json }
  | { readonly is: 'text'; readonly parts: readonly (string | CelProgram)[] }
  | { readonly is: 'list'; readonly items: readonly Node[] }
  | { readonly is: 'object'; readonly members: readonly (readonly [string, Node])[] };

function compileNode(value: Json, environment: CelEnvironment, path: Path, issues: Issue[]): Node {
  if (typeof value === 'string') return compileText(value, environment, path, issues);
  if (isList(value))
    return { is: 'list', items: value.map((item, index) => compileNode(item, environment, [...path, index], issues)) };
  if (typeof value === 'object' && value !== null)
    return {
      is: 'object',
      members: Object.entries(value).flatMap(([key, member]) =>
        member === undefined ? [] : [[key, compileNode(member, environment, [...path, key], issues)] as const],
      ),
    };
  return { is: 'value', value };
}

function compileText(text: string, environment: CelEnvironment, path: Path, issues: Issue[]): Node {
  const parts: (string | CelProgram)[] = [];
  let at = 0;
  while (at < text.length) {
    const open = text.indexOf('{{', at);
    if (open < 0) break;
    const close = text.indexOf('}}', open);
    if (close < 0) {
      issues.push({ path, message: '{{ is never closed', offset: open });
      return { is: 'value', value: text };
    }
    if (open > at) parts.push(text.slice(at, open));
    const compiled = compileCel(text.slice(open + 2, close), environment);
    if (compiled.ok) parts.push(compiled.value);
    else issues.push(...compiled.issues.map((issue) => ({ ...issue, path, offset: open + 2 + (issue.offset ?? 0) })));
    at = close + 2;
  }
  if (parts.length === 0) return { is: 'value', value: text };
  if (at < text.length) parts.push(text.slice(at));
  return { is: 'text', parts };
}

function hasHoles(node: Node): boolean {
  if (node.is === 'list') return node.items.some(hasHoles);
  if (node.is === 'object') return node.members.some(([, member]) => hasHoles(member));
  return node.is === 'text';
}

function fill(node: Node, variables: Readonly<Record<string, Json>>, path: Path, faults: Issue[]): Json {
  switch (node.is) {
    case 'value':
      return node.value;
    case 'list':
      return node.items.map((item, index) => fill(item, variables, [...path, index], faults));
    case 'object': {
      const members = node.members.map(
        ([key, member]) => [key, fill(member, variables, [...path, key], faults)] as const,
      );
      return Object.fromEntries(members) satisfies JsonObject;
    }
    case 'text': {
      const values = node.parts.map((part) =>
        typeof part === 'string' ? part : evaluate(part, variables, path, faults),
      );
      const only = values.length === 1 ? values[0] : undefined;
      if (only !== undefined) return only;
      if (values.some((value) => typeof value === 'object'))
        faults.push({ path, message: 'a list or map cannot stand inside a text' });
      return values.map(String).join('');
    }
  }
}

function evaluate(program: CelProgram, variables: Readonly<Record<string, Json>>, path: Path, faults: Issue[]): Json {
  const outcome = program.evaluate({ variables });
  if (!outcome.ok) {
    faults.push({ path, message: `{{ ${program.source.trim()} }}: ${outcome.reason}` });
    return null;
  }
  const value =
    program.type.is === 'duration' && typeof outcome.value === 'number' ? `${outcome.value}ms` : outcome.value;
  const unfit = unfitText(value);
  if (unfit !== undefined) faults.push({ path, message: `{{ ${program.source.trim()} }} ${unfit}` });
  return value;
}

// What fills a template comes from the world (I12). The action's schema decides what it may be; this much never may.
function unfitText(value: Json): string | undefined {
  if (isList(value)) return value.map(unfitText).find((why) => why !== undefined);
  if (typeof value === 'object' && value !== null) return 'is a map, not a value';
  if (typeof value !== 'string') return undefined;
  if (new TextEncoder().encode(value).length > limits.templateValueBytes) return 'is too long a text';
  if (/\p{Cc}/u.test(value)) return 'holds control characters';
  if (value.includes('{{')) return 'holds a template itself';
  return value.startsWith('-') ? 'begins with a dash, as an option would' : undefined;
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}
