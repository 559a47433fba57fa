import type { Schema } from '../domain/ports/schema.ts';
import type { VerifyRule } from '../domain/remediation.ts';
import type { Issue } from '../lib/issues.ts';
import type { Json, JsonObject } from '../lib/json.ts';
import { parseDuration } from '../lib/duration.ts';
import { nearest } from '../lib/suggest.ts';
import { parseEach } from './each.ts';
import { templateEnvironment } from './environment.ts';
import type { ParamRule, RunbookContext, RunbookStep } from './runbook.ts';
import type { WrittenStep } from './schema.ts';
import { compileTemplate } from './template.ts';

interface StepContext {
  readonly context: RunbookContext;
  readonly params: Readonly<Record<string, ParamRule>>;
  readonly once: readonly string[];
  readonly between: readonly VerifyRule[];
  readonly path: readonly (string | number)[];
  readonly issues: Issue[];
}

/** Checks a step against the action kind it names; its conditions were checked by the caller. */
export function parseStep(
  written: WrittenStep,
  { context, params: declared, once, between, path, issues }: StepContext,
): readonly RunbookStep[] {
  const action = context.actions.get(written.do);
  const templates = templateEnvironment(declared, written.each !== undefined);
  const each = parseEach(written.each, templateEnvironment(declared), [...path, 'each'], issues);
  const params = compileTemplate(written.with, templates, [...path, 'with']);
  const timeout = compileTemplate(written.timeout, templates, [...path, 'timeout']);
  if (!params.ok) issues.push(...params.issues);
  if (!timeout.ok) issues.push(...timeout.issues);
  if (action === undefined) {
    const suggestion = nearest(written.do, context.actions.keys());
    issues.push({ path: [...path, 'do'], message: `unknown action ${written.do}`, ...(suggestion && { suggestion }) });
    return [];
  }
  if (timeout.ok && timeout.value.constant && timeoutMs(written.timeout) === undefined)
    issues.push({ path: [...path, 'timeout'], message: 'must be a duration such as 90s, 5m or 2h' });
  if (params.ok) issues.push(...paramIssues(written.with, params.value.constant, action.params, [...path, 'with']));
  if (!params.ok || !timeout.ok) return [];
  return [
    {
      id: written.id,
      action: written.do,
      traits: action.traits,
      with: params.value,
      written: written.with,
      timeout: timeout.value,
      retries: written.retries,
      require: written.require,
      abortIf: written.abortIf,
      once,
      ...(each === undefined ? {} : { each }),
      between,
    },
  ];
}

/** Milliseconds of a resolved timeout. */
export function timeoutMs(value: Json): number | undefined {
  const ms = typeof value === 'string' ? parseDuration(value) : undefined;
  return ms !== undefined && ms > 0 ? ms : undefined;
}

// Constants are checked whole. Where something is yet to be filled in, only names can be: values are when it is.
function paramIssues(
  written: JsonObject,
  constant: boolean,
  schema: Schema<JsonObject>,
  path: readonly (string | number)[],
): readonly Issue[] {
  const parsed = schema.parse(written);
  if (parsed.ok) return [];
  const issues = parsed.issues.map((issue) => ({ ...issue, path: [...path, ...issue.path] }));
  if (constant) return issues;
  return issues.filter((issue) => issue.atKey === true || !holdsTemplate(written, issue.path.slice(path.length)));
}

// Whether the value at a path, or anything in it or around it as a text, is yet to be filled in.
function holdsTemplate(value: Json | undefined, path: readonly (string | number)[]): boolean {
  const [key, ...rest] = path;
  if (value === undefined) return false;
  if (key === undefined || typeof value !== 'object' || value === null) return JSON.stringify(value).includes('{{');
  const member = Array.isArray(value) ? (value as readonly Json[])[Number(key)] : (value as JsonObject)[key];
  return holdsTemplate(member, rest);
}
