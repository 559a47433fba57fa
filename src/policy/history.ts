import { formatDuration } from '../lib/duration.ts';
import { selects } from '../lib/selector.ts';
import { defaultCaps, targetKey, type AttemptCap, type DecisionInput } from './input.ts';
import { anyGlob } from './policy-set.ts';
import type { AllowRule } from './policy.ts';
import { actsOf, countSince, endedExecutions, executionsSince, kindsOf } from './record.ts';
import type { ActKind, Common, Past } from './record.ts';
import type { StepView, Verdict } from './view.ts';

/*
 * What the record of past acts allows: attempt caps (I9), rate budgets and earned autonomy. All of it is counted from
 * ActRecords, which come from the store, so a restart neither refills a budget nor forgets a failure.
 */

/** Caps on attempts: the runbook's own, and the daemon's per target, per runbook and in total. */
export function attempts({ input, step }: StepView): readonly Verdict[] {
  const caps = input.caps ?? defaultCaps;
  const { plan, asOfMs } = input;
  const key = targetKey(step.target);
  const runbook = plan.runbook.name;
  const scopes: Readonly<Record<typeof plan.attempts.per, Common>> = {
    target: { runbook, targetKey: key },
    service: { runbook, service: plan.service },
    runbook: { runbook },
  };
  const capped: readonly (readonly [string, Common, AttemptCap])[] = [
    [`${runbook}, per ${plan.attempts.per}`, scopes[plan.attempts.per], plan.attempts],
    [`acts on ${step.target.id}`, { targetKey: key }, caps.perTarget],
    [`acts of ${runbook}`, { runbook }, caps.perRunbook],
    ['acts in total', {}, caps.total],
  ];
  for (const [what, common, cap] of capped) {
    const known = actsOf(input.history, common);
    const sinceMs = asOfMs - cap.inMs;
    if (countSince(known, sinceMs) < cap.max) continue;
    const used = executionsSince(known.acts, sinceMs, input.executionId).length;
    if (used < cap.max) continue;
    const because = `${used} of ${cap.max} attempts in ${formatDuration(cap.inMs)} are used up (${what})`;
    return [{ rule: 'guard/attempts', says: 'deny', code: 'attempts', because }];
  }
  const { acts } = actsOf(input.history, scopes.target);
  const tried = executionsSince(acts, asOfMs - caps.ineffective.inMs, input.executionId);
  const lastGood = tried.findLastIndex((past) => past.outcome === 'succeeded');
  const inVain = tried.length - 1 - lastGood;
  if (inVain >= caps.ineffective.max) {
    const because = `${runbook} did not help ${step.target.id} the last ${inVain} times: doing it again would not either`;
    return [{ rule: 'guard/attempts', says: 'deny', code: 'attempts', because }];
  }
  return [{ rule: 'guard/attempts', says: 'not-applicable', because: 'attempts are left' }];
}

/** Why a rule's rate budget is spent, or `undefined`. Executions the rule speaks about are counted, this one included. */
export function whyTooOften(rule: AllowRule, view: StepView): string | undefined {
  const { perHour, perDay } = rule.bounds;
  if (perHour === undefined && perDay === undefined) return undefined;
  const { input } = view;
  let covered: readonly ActKind[] | undefined;
  for (const [max, inMs, words] of [
    [perHour, 3_600_000, 'an hour'],
    [perDay, 24 * 3_600_000, 'a day'],
  ] as const) {
    if (max === undefined) continue;
    const sinceMs = input.asOfMs - inMs;
    covered ??= kindsOf(input.history).filter((kind) => covers(rule, input, kind));
    if (covered.reduce((sum, kind) => sum + countSince(kind, sinceMs), 0) < max) continue;
    const acts = covered.flatMap((kind) => kind.acts);
    const used = executionsSince(acts, sinceMs, input.executionId).length;
    if (used >= max) return `${used} of ${max} acts ${words} are used up`;
  }
  return undefined;
}

/** Whether a rule speaks about a past or running act. Where the labels of its service are not known, it does. */
export function covers(
  rule: AllowRule,
  input: DecisionInput,
  act: { readonly action: string; readonly service: string },
): boolean {
  if (!anyGlob(rule.match.actions, act.action)) return false;
  if (act.service === input.service.name) return true;
  const labelsOf = input.labelsOf ?? {};
  const labels = Object.hasOwn(labelsOf, act.service) ? labelsOf[act.service] : undefined;
  return labels === undefined || selects(rule.match.services, { name: act.service, labels });
}

// A record is judged on its newest executions, so that old successes do not hide new failures.
const recordExecutions = 20;

/** Whether this runbook has earned the right to act alone on this service; or what is missing. */
export function whyNotEarned(rule: AllowRule, view: StepView): string | undefined {
  const { earn } = rule;
  if (earn === undefined) return undefined;
  const { input } = view;
  const { name } = input.plan.runbook;
  const ended = endedExecutions(input.history, { runbook: name, service: input.plan.service });
  const record = newestOf(ended, input, Math.max(recordExecutions, earn.runs));
  const good = record.filter((past) => past.outcome === 'succeeded').length;
  if (record.length >= earn.runs && good >= earn.success * record.length) return undefined;
  const wanted = `${earn.runs} runs with ${Math.round(earn.success * 1_000) / 10}% success`;
  return `${name} has not yet earned to act alone on ${input.plan.service}: ${good} of ${record.length} succeeded, wanted are ${wanted}`;
}

// An execution dated in the future has earned nothing yet, and the one under way cannot vouch for itself.
function newestOf(ended: readonly Past[], input: DecisionInput, most: number): readonly Past[] {
  const record: Past[] = [];
  for (let at = ended.length - 1; at >= 0 && record.length < most; at--) {
    const past = ended[at];
    if (past !== undefined && past.atMs <= input.asOfMs && past.executionId !== input.executionId) record.push(past);
  }
  return record;
}
