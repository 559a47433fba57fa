import type { Decision, RuleConsidered } from '../domain/authority.ts';
import type { PlannedStep } from '../domain/remediation.ts';
import { sha256Hex } from '../lib/canonical.ts';
import { answersConsidered } from './approvals.ts';
import { inputDigest } from './digests.ts';
import { grants } from './grants.ts';
import { guards } from './guards.ts';
import { attempts } from './history.ts';
import type { DecisionInput } from './input.ts';
import { restrictions, stormBrakes } from './restrictions.ts';
import { lowerOf, stepView, type Verdict } from './view.ts';

/**
 * Decides on a plan, or on one of its steps right before it is taken. A function of its input and nothing else (I1):
 * the same input gives the same bytes. Whatever is not granted is denied; `never` beats consent beats `allow`; doubt,
 * an error or a missing fact is a denial (I2). It does not throw: a fault of our own denies too.
 */
export function decide(input: DecisionInput): Decision {
  let verdicts: readonly Verdict[];
  let answers: readonly RuleConsidered[] = [];
  let digest = '';
  try {
    digest = inputDigest(input);
    answers = answersConsidered(input);
    verdicts = verdictsOf(input);
  } catch (thrown) {
    const because = `the decision could not be made: ${thrown instanceof Error ? thrown.message : String(thrown)}`;
    verdicts = [{ rule: 'guard/decision', says: 'deny', code: 'evaluation-error', because }];
  }
  return concluded(input, verdicts, answers, digest);
}

function verdictsOf(input: DecisionInput): readonly Verdict[] {
  const { plan, stepId } = input;
  const steps = stepId === undefined ? plan.steps : plan.steps.filter((step) => step.id === stepId);
  if (steps.length === 0) {
    const because = stepId === undefined ? 'the plan has no steps' : `the plan has no step ${stepId}`;
    return [{ rule: 'guard/plan', says: 'deny', code: 'stale-plan', because }];
  }
  if (steps.length === 1) return steps.flatMap((step) => stepVerdicts(input, step));
  return steps.flatMap((step) =>
    stepVerdicts(input, step).map((verdict) => ({ ...verdict, rule: `${verdict.rule} (step ${step.id})` })),
  );
}

function stepVerdicts(input: DecisionInput, step: PlannedStep): readonly Verdict[] {
  const about = input.policies.about(step.action, input.service);
  const storm = stormBrakes(about, input);
  const view = stepView(input, step, storm.cap);
  const verdicts: Verdict[] = [];
  for (const guard of guards) verdicts.push(...guard(view));
  verdicts.push(...attempts(view));
  verdicts.push(...restrictions(about, view));
  verdicts.push(...storm.verdicts);
  const granted = grants(about, view);
  verdicts.push(...granted);
  // What follows from the code above is said again, because everything rests on it: no grant, no act.
  if (!granted.some((verdict) => verdict.says !== 'not-applicable'))
    verdicts.push({ rule: 'default', says: 'deny', code: 'no-rule', because: 'nothing grants it' });
  return verdicts;
}

function concluded(
  input: DecisionInput,
  verdicts: readonly Verdict[],
  answers: readonly RuleConsidered[],
  digest: string,
): Decision {
  // Most verdicts are of rules that do not apply; the lists below are made of the few that do.
  const applied = verdicts.filter((verdict) => verdict.says !== 'not-applicable');
  const denials = applied.filter((verdict) => verdict.says === 'deny');
  const asking = applied.filter((verdict) => verdict.says === 'require-approval');
  // A prohibition that consent would lift is named last: lifting it helps only when nothing else stands in the way.
  const hard = denials.find((verdict) => verdict.approval === undefined);
  const deciding = hard ?? denials[0] ?? asking.find((verdict) => verdict.approval !== undefined) ?? asking[0];
  const granted = applied.filter((verdict) => verdict.says === 'allow');
  const outcome = denials.length > 0 ? 'deny' : asking.length > 0 ? 'require-approval' : 'allow';
  const decidedBy = deciding?.rule ?? granted[0]?.rule ?? 'default';
  const approval = hard === undefined ? deciding?.approval : undefined;
  return {
    id: sha256Hex(`decision ${digest}`).slice(0, 32),
    planId: input.plan.id,
    ...(input.stepId === undefined ? {} : { stepId: input.stepId }),
    outcome,
    ...(outcome === 'deny' && deciding?.code !== undefined ? { code: deciding.code } : {}),
    decidedBy,
    reasons: reasonsOf(outcome, decidedBy, deciding, [...denials, ...asking, ...granted]),
    considered: [...verdicts.map(consideredOf), ...answers],
    autonomy: autonomyOf(outcome, deciding, granted),
    ...(approval === undefined ? {} : { approval }),
    policyDigest: input.policies.digest,
    inputDigest: digest,
    atMs: input.asOfMs,
  };
}

function consideredOf(verdict: Verdict): RuleConsidered {
  const { rule, says, because, code } = verdict;
  // A rule that does not apply has nothing more to say than the record keeps of it.
  if (says === 'not-applicable') return verdict;
  return { rule, says, because, ...(says === 'deny' && code !== undefined ? { code } : {}) };
}

const headlines = { allow: 'Allowed', 'require-approval': 'A person must agree', deny: 'Denied' } as const;

function reasonsOf(
  outcome: Decision['outcome'],
  decidedBy: string,
  deciding: Verdict | undefined,
  rest: readonly Verdict[],
): readonly string[] {
  const first = deciding ?? rest[0];
  const headline = `${headlines[outcome]} by ${decidedBy}: ${first?.because ?? 'nothing grants it'}`;
  const others = rest.filter((verdict) => verdict !== first).map((verdict) => `${verdict.rule}: ${verdict.because}`);
  return [headline, ...others];
}

function autonomyOf(
  outcome: Decision['outcome'],
  deciding: Verdict | undefined,
  granted: readonly Verdict[],
): Decision['autonomy'] {
  if (outcome === 'allow')
    return granted.reduce<Decision['autonomy']>((low, { autonomy }) => lowerOf(low, autonomy ?? 'act'), 'act');
  if (outcome === 'require-approval') return 'approve';
  // People may still be shown what would have been done, except while nobody should be led to act at all.
  if (deciding?.code === 'paused' || deciding?.code === 'unwell') return 'observe';
  return deciding?.autonomy ?? (deciding?.approval === undefined ? 'suggest' : 'approve');
}
