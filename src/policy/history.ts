import type { ActRecord } from '../domain/authority.ts';
import { formatDuration } from '../lib/duration.ts';
import { selects } from '../lib/selector.ts';
import { defaultCaps, targetKey, type AttemptCap, type DecisionInput } from './input.ts';
import { anyGlob } from './policy-set.ts';
import type { AllowRule } from './policy.ts';
import type { StepView, Verdict } from './view.ts';

/*
 * What the record of past acts allows: attempt caps (I9), rate budgets and earned autonomy. All of it is counted from
 * ActRecords, which come from the store, so a restart neither refills a budget nor forgets a failure.
 */

/** One past execution, folded from its acts. */
interface Past {
  readonly atMs: number;
  readonly outcome: 'succeeded' | 'failed' | 'open';
}

// Executions since a time other than our own, oldest first, each with the worst of its acts. A record dated in the
// future (the clock was set back) counts: doubt never refills a budget.
function pastOf(input: DecisionInput, sinceMs: number, counts: (act: ActRecord) => boolean): readonly Past[] {
  const byExecution = new Map<string, Past>();
  for (const act of input.history) {
    if (act.atMs <= sinceMs || act.executionId === input.executionId || !counts(act)) continue;
    const known = byExecution.get(act.executionId);
    const outcome = known === undefined ? outcomeOf(act) : worse(known.outcome, outcomeOf(act));
    byExecution.set(act.executionId, { atMs: Math.max(known?.atMs ?? act.atMs, act.atMs), outcome });
  }
  return [...byExecution.values()].sort((a, b) => a.atMs - b.atMs);
}

function outcomeOf(act: ActRecord): Past['outcome'] {
  if (act.outcome === 'succeeded') return 'succeeded';
  return act.outcome === 'running' ? 'open' : 'failed';
}

function worse(a: Past['outcome'], b: Past['outcome']): Past['outcome'] {
  if (a === 'failed' || b === 'failed') return 'failed';
  return a === 'open' || b === 'open' ? 'open' : 'succeeded';
}

/** Caps on attempts: the runbook's own, and the daemon's per target, per runbook and in total. */
export function attempts({ input, step }: StepView): readonly Verdict[] {
  const caps = input.caps ?? defaultCaps;
  const { plan, asOfMs } = input;
  const key = targetKey(step.target);
  const runbook = plan.runbook.name;
  const onTarget = (act: ActRecord): boolean => act.targetKey === key;
  const ofRunbook = (act: ActRecord): boolean => act.runbook === runbook;
  const scopes: Readonly<Record<typeof plan.attempts.per, (act: ActRecord) => boolean>> = {
    target: (act) => ofRunbook(act) && onTarget(act),
    service: (act) => ofRunbook(act) && act.service === plan.service,
    runbook: ofRunbook,
  };
  const capped: readonly (readonly [string, (act: ActRecord) => boolean, AttemptCap])[] = [
    [`${runbook}, per ${plan.attempts.per}`, scopes[plan.attempts.per], plan.attempts],
    [`acts on ${step.target.id}`, onTarget, caps.perTarget],
    [`acts of ${runbook}`, ofRunbook, caps.perRunbook],
    ['acts in total', () => true, caps.total],
  ];
  for (const [what, counts, cap] of capped) {
    const used = pastOf(input, asOfMs - cap.inMs, counts).length;
    if (used < cap.max) continue;
    const because = `${used} of ${cap.max} attempts in ${formatDuration(cap.inMs)} are used up (${what})`;
    return [{ rule: 'guard/attempts', says: 'deny', code: 'attempts', because }];
  }
  const tried = pastOf(input, asOfMs - caps.ineffective.inMs, scopes.target);
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
  for (const [max, inMs, words] of [
    [perHour, 3_600_000, 'an hour'],
    [perDay, 24 * 3_600_000, 'a day'],
  ] as const) {
    if (max === undefined) continue;
    const used = pastOf(input, input.asOfMs - inMs, (act) => covers(rule, input, act)).length;
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

// The record is the same for every rule, so it is looked up once a view.
const records = new WeakMap<StepView, readonly Past[]>();

function recordOf(view: StepView, look: () => readonly Past[]): readonly Past[] {
  const known = records.get(view) ?? look();
  records.set(view, known);
  return known;
}

// A record is judged on its newest executions, so that old successes do not hide new failures.
const recordExecutions = 20;

/** Whether this runbook has earned the right to act alone on this service; or what is missing. */
export function whyNotEarned(rule: AllowRule, view: StepView): string | undefined {
  const { earn } = rule;
  if (earn === undefined) return undefined;
  const { input } = view;
  const { name } = input.plan.runbook;
  const ended = recordOf(view, () =>
    pastOf(input, Number.NEGATIVE_INFINITY, (act) => act.runbook === name && act.service === input.plan.service).filter(
      (past) => past.outcome !== 'open' && past.atMs <= input.asOfMs,
    ),
  );
  const record = ended.slice(-Math.max(recordExecutions, earn.runs));
  const good = record.filter((past) => past.outcome === 'succeeded').length;
  if (record.length >= earn.runs && good >= earn.success * record.length) return undefined;
  const wanted = `${earn.runs} runs with ${Math.round(earn.success * 1_000) / 10}% success`;
  return `${name} has not yet earned to act alone on ${input.plan.service}: ${good} of ${record.length} succeeded, wanted are ${wanted}`;
}
