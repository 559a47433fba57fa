import type { ResourceDocument } from '../domain/document.ts';
import type { Schema } from '../domain/ports/schema.ts';
import { digest } from '../lib/canonical.ts';
import { compileCel, type CelProgram } from '../lib/cel/index.ts';
import { cronWindow, type CronWindow } from '../lib/cron-window.ts';
import type { Issue, Parsed } from '../lib/issues.ts';
import { schemaOf } from '../lib/schema.ts';
import { policyEnvironment } from './environment.ts';
import type { AllowRule, FreezeRule, NeverRule, Policy, RuleMatch } from './policy.ts';
import { policySpec, type PolicySpec, type WrittenAllow, type WrittenFreeze, type WrittenNever } from './schema.ts';

/** The `spec` of a Policy document, for editors and for parsing. */
export const policySchema: Schema<PolicySpec> = schemaOf(policySpec);

type Path = readonly (string | number)[];

interface Reader {
  readonly policy: string;
  readonly issues: Issue[];
}

/** Parses a Policy document: shape, globs, times, and every expression type-checked. Paths start at the document's root. */
export function parsePolicy(doc: ResourceDocument): Parsed<Policy> {
  const parsed = policySchema.parse(doc.spec);
  if (!parsed.ok)
    return { ok: false, issues: parsed.issues.map((issue) => ({ ...issue, path: ['spec', ...issue.path] })) };
  const spec = parsed.value;
  const reader: Reader = { policy: doc.metadata.name, issues: [] };
  const { allow, never = [], freeze = [], storm, protect = [] } = spec;
  for (const [index, pattern] of protect.entries())
    if (!/^[^:]+:.+$/.test(pattern))
      reader.issues.push({ path: ['spec', 'protect', index], message: 'must be kind:id, such as service:checkout' });
  const policy: Policy = {
    name: doc.metadata.name,
    digest: digest({ name: doc.metadata.name, spec: doc.spec }),
    scope: spec.scope ?? {},
    actions: spec.actions ?? ['*'],
    ...(allow === undefined ? {} : { allow: allow.map((rule, index) => allowRule(reader, rule, index)) }),
    never: never.map((rule, index) => neverRule(reader, rule, index)),
    freeze: freeze.flatMap((rule, index) => freezeRule(reader, rule, index)),
    ...(storm === undefined
      ? {}
      : {
          storm: {
            rule: `policy/${doc.metadata.name} storm`,
            share: storm.if.unhealthyServices,
            atLeast: storm.if.atLeast,
            cap: storm.do,
            cooldownMs: storm.cooldown,
          },
        }),
    protect,
  };
  return reader.issues.length > 0 ? { ok: false, issues: reader.issues } : { ok: true, value: policy };
}

function allowRule(reader: Reader, written: WrittenAllow, index: number): AllowRule {
  const at: Path = ['spec', 'allow', index];
  const { units, pods, ...bounds } = written.bounds ?? {};
  if (units !== undefined && pods !== undefined)
    reader.issues.push({ path: [...at, 'bounds', 'pods'], message: 'units and pods mean the same: write one' });
  const most = units ?? pods;
  const { approval } = written;
  return {
    rule: `policy/${reader.policy} allow[${index}]`,
    match: ruleMatch(written),
    autonomy: written.autonomy,
    ...(written.earn === undefined ? {} : { earn: written.earn }),
    bounds: most === undefined ? bounds : { ...bounds, units: most },
    ...(written.when === undefined ? {} : program(reader, written.when, [...at, 'when'], 'when')),
    ...(approval === undefined
      ? {}
      : {
          approval: {
            from: approval.from,
            need: approval.need,
            notSelf: approval.notSelf,
            expiresMs: approval.expires,
            then: approval.then,
            finally: approval.finally,
          },
        }),
  };
}

function neverRule(reader: Reader, written: WrittenNever, index: number): NeverRule {
  const at: Path = ['spec', 'never', index];
  return {
    rule: `policy/${reader.policy} never[${index}]`,
    match: ruleMatch(written),
    ...(written.when === undefined ? {} : program(reader, written.when, [...at, 'when'], 'when')),
    ...(written.unless === undefined ? {} : program(reader, written.unless, [...at, 'unless'], 'unless')),
  };
}

function freezeRule(reader: Reader, written: WrittenFreeze, index: number): readonly FreezeRule[] {
  const at: Path = ['spec', 'freeze', index];
  const window = freezeWindow(reader, written, at);
  const unless = written.unless === undefined ? {} : program(reader, written.unless, [...at, 'unless'], 'unless');
  if (window === undefined) return [];
  return [
    { rule: `policy/${reader.policy} freeze[${written.name ?? index}]`, match: ruleMatch(written), window, ...unless },
  ];
}

function freezeWindow(reader: Reader, written: WrittenFreeze, at: Path): CronWindow | undefined {
  const { from, until, cron, for: forMs, timezone = 'UTC' } = written;
  if (cron !== undefined && forMs !== undefined && from === undefined && until === undefined) {
    const window = cronWindow(cron, forMs, timezone);
    if (window.ok) return window.value;
    reader.issues.push(...window.issues.map((issue) => ({ ...issue, path: [...at, ...issue.path] })));
    return undefined;
  }
  if (from === undefined || until === undefined || cron !== undefined || forMs !== undefined) {
    reader.issues.push({ path: at, message: 'needs either from and until, or cron and for' });
    return undefined;
  }
  const fromMs = instant(reader, from, [...at, 'from']);
  const untilMs = instant(reader, until, [...at, 'until']);
  if (fromMs === undefined || untilMs === undefined) return undefined;
  if (untilMs <= fromMs) reader.issues.push({ path: [...at, 'until'], message: 'must be after from' });
  return { openAt: (asOfMs) => (asOfMs >= fromMs && asOfMs < untilMs ? { fromMs, untilMs } : undefined) };
}

function instant(reader: Reader, text: string, path: Path): number | undefined {
  const ms = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d)$/.test(text) ? Date.parse(text) : NaN;
  if (Number.isFinite(ms)) return ms;
  reader.issues.push({ path, message: "must be a time with its offset, such as '2026-11-26T00:00:00Z'" });
  return undefined;
}

function program<K extends 'when' | 'unless'>(
  reader: Reader,
  source: string,
  path: Path,
  key: K,
): Partial<Record<K, CelProgram>> {
  const compiled = compileCel(source, policyEnvironment, { is: 'bool' });
  if (compiled.ok) return { [key]: compiled.value } as Record<K, CelProgram>;
  reader.issues.push(...compiled.issues.map((issue) => ({ ...issue, path })));
  return {};
}

function ruleMatch(written: Partial<Pick<WrittenAllow, 'actions' | 'services' | 'resources'>>): RuleMatch {
  const { actions = ['*'], services = {}, resources = {} } = written;
  return { actions, services, kinds: listOf(resources.kind), ids: listOf(resources.id) };
}

function listOf(value: string | readonly string[] | undefined): readonly string[] {
  if (value === undefined) return [];
  return typeof value === 'string' ? [value] : value;
}
