import type { ActionTraits, Observation, Plan, PlannedStep, Target, VerifyRule } from '../domain/remediation.ts';
import type { ActionPreview } from '../domain/ports/action.ts';
import { digest } from '../lib/canonical.ts';
import type { Issue, Parsed } from '../lib/issues.ts';
import type { Json, JsonObject } from '../lib/json.ts';
import { limits } from '../lib/limits.ts';
import { itemsOf } from './each.ts';
import { factBindings, type RunbookFacts } from './match.ts';
import { resolveParams } from './params.ts';
import type { Runbook, RunbookContext, RunbookStep } from './runbook.ts';
import { timeoutMs } from './steps.ts';

/** A step with its parameters filled in and checked by the action; its target has not been looked at. */
export interface ResolvedStep {
  readonly id: string;
  readonly action: string;
  readonly params: JsonObject;
  readonly traits: ActionTraits;
  readonly timeoutMs: number;
  readonly retries: number;
  readonly require: readonly string[];
  readonly abortIf: readonly string[];
  readonly each?: NonNullable<PlannedStep['each']>;
  readonly between?: readonly VerifyRule[];
}

/** A runbook filled in for an incident. */
export interface ResolvedRunbook {
  readonly runbook: Runbook;
  readonly params: JsonObject;
  readonly steps: readonly ResolvedStep[];
}

/**
 * Fills in a runbook's templates and lets each action check its parameters; what the world puts in (a version, a unit)
 * passes the action's own schema or the runbook is refused. `given` overrides defaults of the runbook's parameters.
 */
export function resolveSteps(
  runbook: Runbook,
  facts: RunbookFacts,
  context: RunbookContext,
  given: JsonObject = {},
): Parsed<ResolvedRunbook> {
  const params = resolveParams(runbook.params, given);
  if (!params.ok) return params;
  const variables = { ...factBindings(facts).variables, params: { ...params.value.values } };
  const issues: Issue[] = [];
  const steps = runbook.steps.flatMap((step, index) => expanded(step, index, variables, context, issues));
  if (steps.length > limits.planSteps)
    issues.push({
      path: ['spec', 'steps'],
      message: `come to ${steps.length}, and a plan has at most ${limits.planSteps}`,
    });
  if (issues.length > 0) return { ok: false, issues };
  return { ok: true, value: { runbook, params: params.value.written, steps } };
}

// A step with `each` is one step for each item, in order, under a name of its own: authorised, journalled and undone alone.
function expanded(
  step: RunbookStep,
  index: number,
  variables: Readonly<Record<string, Json>>,
  context: RunbookContext,
  issues: Issue[],
): readonly ResolvedStep[] {
  const once = step.once.length === 0 ? step : { ...step, require: [...step.once, ...step.require] };
  if (step.each === undefined) return resolveStep(once, index, variables, context, issues);
  const items = itemsOf(step.each, variables, ['spec', 'steps', index, 'each'], issues);
  return items.flatMap((item, at) =>
    resolveStep(at === 0 ? once : step, index, { ...variables, each: item }, context, issues).map((resolved) => ({
      ...resolved,
      id: `${step.id}[${item}]`,
      each: { step: step.id, item },
    })),
  );
}

function resolveStep(
  step: RunbookStep,
  index: number,
  variables: Readonly<Record<string, Json>>,
  context: RunbookContext,
  issues: Issue[],
): readonly ResolvedStep[] {
  const path = ['spec', 'steps', index];
  const action = context.actions.get(step.action);
  const filled = step.with.resolve(variables);
  const timeout = step.timeout.resolve(variables);
  const ms = timeout.ok ? timeoutMs(timeout.value) : undefined;
  if (!filled.ok) issues.push(...filled.issues);
  if (!timeout.ok) issues.push(...timeout.issues);
  else if (ms === undefined) issues.push({ path: [...path, 'timeout'], message: 'is not a duration' });
  if (action === undefined) issues.push({ path: [...path, 'do'], message: `unknown action ${step.action}` });
  if (!filled.ok || action === undefined || ms === undefined) return [];
  const params = action.params.parse(filled.value);
  if (!params.ok) {
    issues.push(...params.issues.map((issue) => ({ ...issue, path: [...path, 'with', ...issue.path] })));
    return [];
  }
  const { id, retries, require, abortIf } = step;
  // The traits are the action's of this moment, not those of when the runbook was loaded (I7).
  return [
    {
      ...{ id, action: step.action, params: params.value, traits: action.traits, timeoutMs: ms },
      ...{ retries, require, abortIf },
      ...(step.between.length === 0 ? {} : { between: step.between }),
    },
  ];
}

/** What the action kind said of a step: what it touches, how that is now, and what it would do. */
export interface LookedAt {
  readonly target: Target;
  readonly observation: Observation;
  readonly preview: ActionPreview;
}

/** What a plan is put together from. */
export interface PlanParts {
  readonly resolved: ResolvedRunbook;
  /** By step id. */
  readonly looked: Readonly<Record<string, LookedAt>>;
  readonly incidentId: string;
  readonly service: string;
  readonly diagnosisId: string;
  readonly changeId?: string;
  /** Why this runbook, in a sentence. */
  readonly because: string;
  readonly proposedBy: string;
  readonly asOfMs: number;
  /** Default `limits.planTtlMs`. */
  readonly ttlMs?: number;
}

/**
 * Puts a plan together: immutable, and named by the digest of all that is in it, so that an approval of it is an
 * approval of exactly this. A step that was not looked at is an issue.
 */
export function assemblePlan(parts: PlanParts): Parsed<Plan> {
  const { resolved, asOfMs } = parts;
  const { runbook } = resolved;
  const issues: Issue[] = [];
  const steps = resolved.steps.flatMap((step): readonly PlannedStep[] => {
    const looked = Object.hasOwn(parts.looked, step.id) ? parts.looked[step.id] : undefined;
    if (looked !== undefined) return [plannedStep(step, looked)];
    issues.push({ path: ['steps', step.id], message: `the target of step ${step.id} was not looked at` });
    return [];
  });
  if (steps.length > limits.planSteps)
    issues.push({ path: ['steps'], message: `has more than ${limits.planSteps} steps` });
  if (issues.length > 0) return { ok: false, issues };
  const plan: Omit<Plan, 'id'> = {
    incidentId: parts.incidentId,
    service: parts.service,
    runbook: { name: runbook.name, digest: runbook.digest, summary: runbook.summary },
    diagnosisId: parts.diagnosisId,
    ...(parts.changeId === undefined ? {} : { changeId: parts.changeId }),
    params: resolved.params,
    steps,
    verify: runbook.verify,
    onFail: runbook.onFail,
    attempts: runbook.attempts,
    because: parts.because,
    ...(runbook.notWhen === undefined ? {} : { notWhen: runbook.notWhen }),
    ...(runbook.autonomy === undefined ? {} : { autonomy: runbook.autonomy }),
    proposedBy: parts.proposedBy,
    createdAtMs: asOfMs,
    expiresAtMs: asOfMs + (parts.ttlMs ?? limits.planTtlMs),
  };
  // A round trip through JSON, so that the digest is of what will be stored and read back.
  return { ok: true, value: { id: digest(JSON.parse(JSON.stringify(plan)) as Json), ...plan } };
}

function plannedStep(step: ResolvedStep, { target, observation, preview }: LookedAt): PlannedStep {
  const { id, action, params, traits, retries, require, abortIf } = step;
  return {
    id,
    action,
    params,
    target,
    traits,
    timeoutMs: step.timeoutMs,
    retries,
    require,
    abortIf,
    describe: preview.describe,
    diff: preview.diff,
    blast: observation.blast,
    stateHash: observation.stateHash,
    ...(step.each === undefined ? {} : { each: step.each }),
    ...(step.between === undefined ? {} : { between: step.between }),
  };
}
