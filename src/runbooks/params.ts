import { parseDuration } from '../lib/duration.ts';
import type { Issue, Parsed } from '../lib/issues.ts';
import type { Json, JsonObject } from '../lib/json.ts';
import { nearest } from '../lib/suggest.ts';
import type { ParamRule } from './runbook.ts';
import type { WrittenParam } from './schema.ts';

type Path = readonly (string | number)[];

/** Checks the declaration of a parameter, its own default included. */
export function paramRule(written: WrittenParam, path: Path, issues: Issue[]): ParamRule {
  const bound = (key: 'min' | 'max'): number | undefined => {
    const value = written[key];
    if (value === undefined) return undefined;
    const ms = written.type === 'duration' ? parseDuration(String(value)) : value;
    if (typeof ms === 'number' && written.type !== 'string' && written.type !== 'bool') return ms;
    issues.push({ path: [...path, key], message: `does not fit a parameter of type ${written.type}` });
    return undefined;
  };
  const min = bound('min');
  const max = bound('max');
  const rule: ParamRule = {
    type: written.type,
    ...(written.default === undefined ? {} : { default: written.default }),
    ...(min === undefined ? {} : { min }),
    ...(max === undefined ? {} : { max }),
    ...(written.oneOf === undefined ? {} : { oneOf: written.oneOf }),
  };
  if (rule.default !== undefined) {
    const fault = whyUnfit(rule, rule.default);
    if (fault !== undefined) issues.push({ path: [...path, 'default'], message: fault });
  }
  return rule;
}

/** Parameters as written (for the plan and its card) and as expressions see them. */
export interface ResolvedParams {
  readonly written: JsonObject;
  readonly values: Readonly<Record<string, Json>>;
}

/** Fills in defaults and checks what was given. */
export function resolveParams(rules: Readonly<Record<string, ParamRule>>, given: JsonObject): Parsed<ResolvedParams> {
  const issues: Issue[] = [];
  for (const name of Object.keys(given)) {
    if (Object.hasOwn(rules, name)) continue;
    const suggestion = nearest(name, Object.keys(rules));
    const message = `unknown parameter ${name}`;
    issues.push({ path: ['params', name], message, atKey: true, ...(suggestion && { suggestion }) });
  }
  const written: Record<string, Json> = {};
  const values: Record<string, Json> = {};
  for (const [name, rule] of Object.entries(rules)) {
    const value = (Object.hasOwn(given, name) ? given[name] : undefined) ?? rule.default;
    if (value === undefined) {
      issues.push({ path: ['params', name], message: `the parameter ${name} has no value` });
      continue;
    }
    const fault = whyUnfit(rule, value);
    if (fault !== undefined) issues.push({ path: ['params', name], message: `${name} ${fault}` });
    written[name] = value;
    values[name] = rule.type === 'duration' ? (typeof value === 'string' ? (parseDuration(value) ?? 0) : 0) : value;
  }
  return issues.length > 0 ? { ok: false, issues } : { ok: true, value: { written, values } };
}

function whyUnfit(rule: ParamRule, value: Json): string | undefined {
  const { type } = rule;
  const figure = type === 'duration' && typeof value === 'string' ? parseDuration(value) : value;
  const fits =
    type === 'string'
      ? typeof value === 'string'
      : type === 'bool'
        ? typeof value === 'boolean'
        : typeof figure === 'number' && (type !== 'int' || Number.isSafeInteger(figure));
  if (!fits) return `must be a ${type}`;
  if (typeof figure === 'number' && rule.min !== undefined && figure < rule.min) return 'is less than its min';
  if (typeof figure === 'number' && rule.max !== undefined && figure > rule.max) return 'is more than its max';
  if (rule.oneOf !== undefined && !rule.oneOf.some((one) => one === value))
    return `must be one of ${rule.oneOf.join(', ')}`;
  return undefined;
}
