import type { ApprovalRequirement, Autonomy, DenyCode, RuleConsidered } from '../domain/authority.ts';
import { changeFacts, diagnosisFacts, incidentFacts, serviceFacts } from '../domain/facts.ts';
import type { Observation, PlannedStep } from '../domain/remediation.ts';
import type { CelBindings, CelProgram } from '../lib/cel/index.ts';
import type { Json } from '../lib/json.ts';
import { consentOf } from './approvals.ts';
import type { DecisionInput } from './input.ts';
import { anyGlob } from './policy-set.ts';
import type { RuleMatch } from './policy.ts';

/** What one gate has to say about one step. The strictest of all of them is the decision. */
export interface Verdict extends RuleConsidered {
  readonly code?: DenyCode;
  /** With `require-approval`: whose consent. With `deny`: whose consent would lift it. */
  readonly approval?: ApprovalRequirement;
  /** How far the machine may go by this verdict. */
  readonly autonomy?: Autonomy;
}

/** One step as the gates see it. */
export interface StepView {
  readonly input: DecisionInput;
  readonly step: PlannedStep;
  /** Live state; `undefined` is refused by the state gate. */
  readonly observation: Observation | undefined;
  /** The lowest cap that any storm brake sets; set by the storm gate. */
  readonly stormCap: Autonomy | undefined;
  /** Made when the first expression is evaluated: most decisions need few. */
  bindings(): CelBindings;
}

/** Makes the view of a step. */
export function stepView(input: DecisionInput, step: PlannedStep, stormCap: Autonomy | undefined): StepView {
  const observation = Object.hasOwn(input.observations, step.id) ? input.observations[step.id] : undefined;
  let bindings: CelBindings | undefined;
  return {
    input,
    step,
    observation,
    stormCap,
    bindings: () => (bindings ??= { variables: variables(input, step, observation), functions: functions(input) }),
  };
}

function variables(
  input: DecisionInput,
  step: PlannedStep,
  observation: Observation | undefined,
): Readonly<Record<string, Json>> {
  const { asOfMs, plan } = input;
  return {
    diagnosis: diagnosisFacts(input.diagnosis),
    incident: incidentFacts(input.incident, input.alerts, asOfMs),
    service: serviceFacts(input.service),
    ...(input.change === undefined ? {} : { change: changeFacts(input.change, asOfMs) }),
    ...(observation === undefined
      ? {}
      : {
          target: { ...observation.facts, kind: step.target.kind, id: step.target.id },
          blast: {
            touched: observation.blast.touched,
            total: observation.blast.total,
            healthyAfter: observation.blast.healthyAfter,
            dependents: observation.blast.dependents,
          },
        }),
    plan: {
      id: plan.id,
      runbook: plan.runbook.name,
      steps: plan.steps.length,
      age: asOfMs - plan.createdAtMs,
      proposedBy: plan.proposedBy,
    },
    step: { id: step.id, timeout: step.timeoutMs, retries: step.retries, params: step.params },
    action: {
      kind: step.action,
      reversible: step.traits.reversible,
      idempotent: step.traits.idempotent,
      destructive: step.traits.destructive,
      scope: step.traits.scope,
    },
    now: asOfMs,
  };
}

type Functions = NonNullable<CelBindings['functions']>;

function functions(input: DecisionInput): Functions {
  return {
    // null is not a budget, so an objective that is not known fails the expression.
    budget: (name) => (typeof name === 'string' && Object.hasOwn(input.budgets, name) ? budgetOf(input, name) : null),
    'approval.from': (group) => typeof group === 'string' && consentOf(input, group),
  };
}

function budgetOf(input: DecisionInput, name: string): Json {
  const budget = input.budgets[name];
  return budget === undefined ? null : { ...budget };
}

/** Evaluates a condition: true, false, or the reason it could not be evaluated. */
export function holds(program: CelProgram, view: StepView, functionsToo?: Functions): boolean | string {
  const bindings = view.bindings();
  const outcome = program.evaluate(
    functionsToo === undefined ? bindings : { ...bindings, functions: { ...bindings.functions, ...functionsToo } },
  );
  if (!outcome.ok) return outcome.reason;
  return typeof outcome.value === 'boolean' ? outcome.value : 'it is not true or false';
}

/** Why a rule whose actions and services match is not about this step's target, or `undefined` when it is. */
export function whyOtherTarget(match: RuleMatch, view: StepView): string | undefined {
  const { target } = view.step;
  if (match.kinds.length > 0 && !anyGlob(match.kinds, target.kind))
    return `it is about other kinds than ${target.kind}`;
  if (match.ids.length > 0 && !anyGlob(match.ids, target.id)) return `it is about others than ${target.id}`;
  return undefined;
}

const ladder: readonly Autonomy[] = ['observe', 'suggest', 'approve', 'act'];

/** The lower of two. */
export function lowerOf(a: Autonomy, b: Autonomy): Autonomy {
  return ladder.indexOf(a) <= ladder.indexOf(b) ? a : b;
}
