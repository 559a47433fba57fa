import type { ResourceDocument } from '../domain/document.ts';
import type { Schema } from '../domain/ports/schema.ts';
import type { VerifyRule } from '../domain/remediation.ts';
import { digest } from '../lib/canonical.ts';
import { compileCel, type CelEnvironment, type CelProgram, type CelType } from '../lib/cel/index.ts';
import type { Issue, Parsed } from '../lib/issues.ts';
import { schemaOf } from '../lib/schema.ts';
import { clausesOf, conditionEnvironment, matchEnvironment } from './environment.ts';
import { paramRule } from './params.ts';
import type { Runbook, RunbookContext } from './runbook.ts';
import { runbookSpec, type RunbookSpec, type WrittenVerify } from './schema.ts';
import { parseStep } from './steps.ts';
import { compileExpectation } from './verify.ts';

/** The `spec` of a Runbook document, for editors and for parsing. */
export const runbookSchema: Schema<RunbookSpec> = schemaOf(runbookSpec);

const bool: CelType = { is: 'bool' };

/**
 * Parses a Runbook document: shape, every expression and template type-checked, action kinds and their parameters
 * checked against the actions there are. Paths start at the document's root.
 */
export function parseRunbook(doc: ResourceDocument, context: RunbookContext): Parsed<Runbook> {
  const parsed = runbookSchema.parse(doc.spec);
  if (!parsed.ok)
    return { ok: false, issues: parsed.issues.map((issue) => ({ ...issue, path: ['spec', ...issue.path] })) };
  const spec = parsed.value;
  const issues: Issue[] = [];
  const when = program(spec.when, matchEnvironment, ['spec', 'when'], issues);
  const conditions = conditionEnvironment(context.signals ?? []);
  const conditionsOfEach = conditionEnvironment(context.signals ?? [], true);
  for (const [index, source] of spec.require.entries()) program(source, conditions, ['spec', 'require', index], issues);
  const params = Object.fromEntries(
    Object.entries(spec.params).map(([name, written]) => [name, paramRule(written, ['spec', 'params', name], issues)]),
  );
  const ids = spec.steps.map((step) => step.id);
  const steps = spec.steps.flatMap((written, index) => {
    const path = ['spec', 'steps', index];
    if (ids.indexOf(written.id) < index)
      issues.push({ path: [...path, 'id'], message: `there are two steps ${written.id}` });
    const known = written.each === undefined ? conditions : conditionsOfEach;
    for (const key of ['require', 'abortIf'] as const)
      for (const [at, source] of written[key].entries()) program(source, known, [...path, key, at], issues);
    const between = (written.between ?? []).map((rule, at) =>
      verifyRule(rule, context, [...path, 'between', at], issues),
    );
    // What the whole runbook requires is asked before it begins: on its first step.
    const once = index === 0 ? spec.require : [];
    return parseStep(written, { context, params, once, between, path, issues });
  });
  const verify = spec.verify.map((written, index) => verifyRule(written, context, ['spec', 'verify', index], issues));
  if (issues.length > 0 || when === undefined) return { ok: false, issues };
  return {
    ok: true,
    value: {
      name: doc.metadata.name,
      digest: digest({ name: doc.metadata.name, spec: doc.spec }),
      summary: spec.summary,
      services: spec.services ?? {},
      priority: spec.priority,
      ...(spec.autonomy === undefined ? {} : { autonomy: spec.autonomy }),
      when,
      clauses: clausesOf(spec.when).flatMap((clause) => program(clause, matchEnvironment, [], []) ?? []),
      ...(spec.notWhen === undefined ? {} : { notWhen: spec.notWhen }),
      params,
      steps,
      verify,
      onFail: spec.onFail,
      attempts: { per: spec.attempts.per, max: spec.attempts.max, inMs: spec.attempts.in },
    },
  };
}

function program(
  source: string,
  environment: CelEnvironment,
  path: readonly (string | number)[],
  issues: Issue[],
): CelProgram | undefined {
  const compiled = compileCel(source, environment, bool);
  if (compiled.ok) return compiled.value;
  issues.push(...compiled.issues.map((issue) => ({ ...issue, path })));
  return undefined;
}

function verifyRule(
  written: WrittenVerify,
  context: RunbookContext,
  path: readonly (string | number)[],
  issues: Issue[],
): VerifyRule {
  const { within, for: forMs, at } = written;
  if ((within === undefined) === (at === undefined))
    issues.push({ path, message: 'needs either within (with for, if it must last) or at' });
  if (at !== undefined && forMs !== undefined)
    issues.push({ path: [...path, 'for'], message: 'goes with within, not with at' });
  if (within !== undefined && forMs !== undefined && forMs >= within)
    issues.push({ path: [...path, 'for'], message: 'must be shorter than within' });
  const compiled = compileExpectation(written.expect, context.signals);
  if (!compiled.ok) issues.push(...compiled.issues.map((issue) => ({ ...issue, path: [...path, 'expect'] })));
  return {
    expect: written.expect,
    ...(within === undefined ? {} : { withinMs: within }),
    ...(forMs === undefined ? {} : { forMs }),
    ...(at === undefined ? {} : { atMs: at }),
  };
}
