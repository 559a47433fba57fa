import { compileCel } from './cel/index.ts';
import type { CelBindings, CelEnvironment, CelOutcome, CelProgram, CelType } from './cel/index.ts';
import type { Issue, Parsed } from './issues.ts';
import type { Json, JsonObject } from './json.ts';

/**
 * Text with holes (`{{ service.workload }}`), parsed once. Each hole is a checked CEL expression. What a hole yields is
 * data: it is put into the result and never read again as a template or an expression (I12).
 */
export interface Template {
  readonly source: string;
  /** The type of what `render` gives: the hole's own when the template is exactly one hole, else string. */
  readonly type: CelType;
  /** Variables the holes read, as dotted paths, sorted. */
  readonly reads: readonly string[];
  /** Durations are given as text (`1h30m`) and timestamps as RFC 3339, so that any JSON reader understands them. */
  render(bindings: CelBindings): CelOutcome;
}

/** A JSON value whose strings are templates; see `parseTemplateTree`. */
export interface TemplateTree {
  readonly reads: readonly string[];
  render(bindings: CelBindings): CelOutcome;
}

type Part = string | CelProgram;

/** Parses `source`; issues carry the offset inside it. A literal `{{` is written `{{ '{{' }}`. */
export function parseTemplate(source: string, environment: CelEnvironment): Parsed<Template> {
  const parts: Part[] = [];
  const issues: Issue[] = [];
  const offsets = new Map<Part, number>();
  let from = 0;
  for (let open = source.indexOf('{{'); open >= 0; open = source.indexOf('{{', from)) {
    if (open > from) parts.push(source.slice(from, open));
    const close = holeEnd(source, open + 2);
    if (close === undefined)
      return {
        ok: false,
        issues: [...issues, { path: [], message: 'this "{{" is never closed by "}}"', offset: open }],
      };
    const hole = compileHole(source.slice(open + 2, close), open + 2, environment);
    if (hole.ok) {
      parts.push(hole.value);
      offsets.set(hole.value, source.indexOf(hole.value.source, open));
    } else issues.push(...hole.issues);
    from = close + 2;
  }
  if (from < source.length) parts.push(source.slice(from));
  const [only] = parts;
  const whole = parts.length === 1 && typeof only === 'object';
  for (const part of whole ? [] : parts) {
    if (typeof part === 'string' || canBeText(part.type)) continue;
    const message = `{{ ${part.source} }} is a ${part.type.is} and cannot stand inside text`;
    issues.push({ path: [], message, offset: offsets.get(part) ?? 0 });
  }
  if (issues.length > 0) return { ok: false, issues };
  const reads = readsOf(parts.filter((part) => typeof part === 'object'));
  const type: CelType = whole ? only.type : { is: 'string' };
  const render = whole
    ? (bindings: CelBindings) => renderHole(only, bindings)
    : (b: CelBindings) => renderText(parts, b);
  return { ok: true, value: { source, type, reads, render } };
}

/** Parses every string inside `value` as a template (keys are left alone). Issue paths lead to the string. */
export function parseTemplateTree(value: Json, environment: CelEnvironment): Parsed<TemplateTree> {
  if (typeof value === 'string') return parseTemplate(value, environment);
  if (typeof value !== 'object' || value === null)
    return { ok: true, value: { reads: [], render: () => ({ ok: true, value }) } };
  const issues: Issue[] = [];
  const members: [string, TemplateTree][] = [];
  for (const [key, member] of Object.entries(value as JsonObject)) {
    if (member === undefined) continue;
    const parsed = parseTemplateTree(member, environment);
    const step = isList(value) ? Number(key) : key;
    if (parsed.ok) members.push([key, parsed.value]);
    else issues.push(...parsed.issues.map((issue) => ({ ...issue, path: [step, ...issue.path] })));
  }
  if (issues.length > 0) return { ok: false, issues };
  const reads = readsOf(members.map(([, tree]) => tree));
  return { ok: true, value: { reads, render: (bindings) => renderMembers(members, isList(value), bindings) } };
}

function renderMembers(
  members: readonly (readonly [string, TemplateTree])[],
  list: boolean,
  bindings: CelBindings,
): CelOutcome {
  const rendered: [string, Json][] = [];
  for (const [key, tree] of members) {
    const outcome = tree.render(bindings);
    if (!outcome.ok) return outcome;
    rendered.push([key, outcome.value]);
  }
  return { ok: true, value: list ? rendered.map(([, member]) => member) : Object.fromEntries(rendered) };
}

// The end of a hole: `}}` outside quotes and outside the braces of a map literal.
function holeEnd(source: string, from: number): number | undefined {
  let depth = 0;
  let quote = '';
  for (let i = from; i < source.length; i++) {
    const char = source[i] ?? '';
    if (quote !== '') {
      if (char === '\\') i++;
      else if (char === quote) quote = '';
    } else if (char === '"' || char === "'") quote = char;
    else if (char === '{') depth++;
    else if (char === '}' && depth > 0) depth--;
    else if (char === '}') return source[i + 1] === '}' ? i : undefined;
  }
  return undefined;
}

function compileHole(text: string, start: number, environment: CelEnvironment): Parsed<CelProgram> {
  const trimmed = text.trim();
  const lead = text.length - text.trimStart().length;
  const compiled = compileCel(trimmed, environment);
  if (compiled.ok) return compiled;
  return {
    ok: false,
    issues: compiled.issues.map((issue) => ({ ...issue, offset: start + lead + (issue.offset ?? 0) })),
  };
}

function canBeText(type: CelType): boolean {
  return type.is !== 'list' && type.is !== 'map' && type.is !== 'record' && type.is !== 'null';
}

function renderHole(program: CelProgram, bindings: CelBindings): CelOutcome {
  const outcome = program.evaluate(bindings);
  return outcome.ok ? { ok: true, value: readable(outcome.value, program.type) } : outcome;
}

function renderText(parts: readonly Part[], bindings: CelBindings): CelOutcome {
  let text = '';
  for (const part of parts) {
    if (typeof part === 'string') {
      text += part;
      continue;
    }
    const outcome = renderHole(part, bindings);
    if (!outcome.ok) return outcome;
    if (typeof outcome.value === 'object')
      return { ok: false, kind: 'error', reason: `{{ ${part.source} }} is not text, a number or a bool` };
    text += String(outcome.value);
  }
  return { ok: true, value: text };
}

function readable(value: Json, type: CelType): Json {
  if (type.is === 'duration' && typeof value === 'number') return exactDuration(value);
  if (type.is === 'timestamp' && typeof value === 'number')
    return Math.abs(value) <= 8.64e15 ? new Date(value).toISOString() : value;
  if (type.is === 'list' && isList(value)) return value.map((item) => readable(item, type.of));
  if ((type.is !== 'map' && type.is !== 'record') || typeof value !== 'object' || value === null || isList(value))
    return value;
  const entries = Object.entries(value).flatMap(([key, member]): [string, Json][] => {
    if (member === undefined) return [];
    const inner = type.is === 'map' ? type.of : type.fields[key]?.type;
    return [[key, inner ? readable(member, inner) : member]];
  });
  return Object.fromEntries(entries);
}

// Exact, unlike formatDuration, which rounds to two units for people.
function exactDuration(ms: number): string {
  let rest = Math.abs(Math.round(ms));
  let text = ms < 0 ? '-' : '';
  for (const [unit, size] of [
    ['h', 3_600_000],
    ['m', 60_000],
    ['s', 1_000],
    ['ms', 1],
  ] as const) {
    const amount = Math.floor(rest / size);
    if (amount > 0) text += `${amount}${unit}`;
    rest -= amount * size;
  }
  return ms === 0 ? '0s' : text;
}

function readsOf(parts: readonly { readonly reads: readonly string[] }[]): readonly string[] {
  return [...new Set(parts.flatMap((part) => part.reads))].sort();
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}
