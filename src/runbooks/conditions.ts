import type { Observation, PlannedStep } from '../domain/remediation.ts';
import { compileCel, type CelBindings } from '../lib/cel/index.ts';
import type { Json } from '../lib/json.ts';
import { conditionEnvironment, freeNames } from './environment.ts';
import { factBindings, type RunbookFacts } from './match.ts';

/** What conditions are checked on: the incident, and the target and the signals as they are right now. */
export interface ConditionFacts extends RunbookFacts {
  readonly observation: Observation;
  /** Latest value by signal, fresh ones only. One that is missing cannot be read. */
  readonly signals: Readonly<Record<string, number>>;
}

/** One `require` or `abortIf`, evaluated. */
export interface ConditionOutcome {
  readonly stepId: string;
  readonly is: 'require' | 'abortIf';
  readonly expression: string;
  readonly outcome: 'true' | 'false' | 'error';
  readonly because: string;
}

/** Evaluates all conditions of a step. One that cannot be evaluated is an `error`, which stops the step either way. */
export function checkConditions(
  step: Pick<PlannedStep, 'id' | 'require' | 'abortIf' | 'each'>,
  facts: ConditionFacts,
): readonly ConditionOutcome[] {
  const bindings = conditionBindings(facts, step.each?.item);
  return [
    ...step.require.map((expression) => check(step, 'require', expression, bindings)),
    ...step.abortIf.map((expression) => check(step, 'abortIf', expression, bindings)),
  ];
}

/** The first condition that stands in the way, or `undefined` when all is well. */
export function whyBlocked(outcomes: readonly ConditionOutcome[]): string | undefined {
  return outcomes.find((each) => each.outcome !== (each.is === 'require' ? 'true' : 'false'))?.because;
}

function check(
  step: Pick<PlannedStep, 'id' | 'each'>,
  is: ConditionOutcome['is'],
  expression: string,
  bindings: CelBindings,
): ConditionOutcome {
  const base = { stepId: step.id, is, expression } as const;
  const environment = conditionEnvironment(freeNames(expression), step.each !== undefined);
  const compiled = compileCel(expression, environment, { is: 'bool' });
  if (!compiled.ok)
    return { ...base, outcome: 'error', because: `${expression} cannot be read: ${compiled.issues[0]?.message ?? ''}` };
  const outcome = compiled.value.evaluate(bindings);
  if (!outcome.ok)
    return { ...base, outcome: 'error', because: `cannot tell whether ${expression}: ${outcome.reason}` };
  const holds = outcome.value === true;
  const because =
    is === 'require'
      ? `${expression} is required, and ${holds ? 'so it is' : 'is not so'}`
      : `it must stop if ${expression}, which is ${holds ? 'so' : 'not so'}`;
  return { ...base, outcome: holds ? 'true' : 'false', because };
}

function conditionBindings(facts: ConditionFacts, each: string | undefined): CelBindings {
  const base = factBindings(facts);
  const { target, facts: live, blast } = facts.observation;
  const variables: Record<string, Json> = {
    ...facts.signals,
    ...base.variables,
    ...(each === undefined ? {} : { each }),
    target: { ...live, kind: target.kind, id: target.id },
    blast: { touched: blast.touched, total: blast.total, healthyAfter: blast.healthyAfter },
  };
  return { ...base, variables };
}
