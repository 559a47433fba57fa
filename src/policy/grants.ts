import type { ApprovalRequirement, DenyCode, RuleConsidered } from '../domain/authority.ts';
import { consentTo } from './approvals.ts';
import { whyTooMuch } from './bounds.ts';
import { whyNotEarned, whyTooOften } from './history.ts';
import type { PolicyAbout } from './policy-set.ts';
import type { AllowRule } from './policy.ts';
import { holds, lowerOf, whyOtherTarget, type StepView, type Verdict } from './view.ts';

/**
 * What the policies grant. Within a policy each `allow` is a complete grant of its own, and the widest that holds
 * counts. Every policy in scope that grants anything at all must grant this: the strictest wins. So taking a grant
 * away never widens what may be done, and neither does adding a policy. A condition that cannot be evaluated refuses,
 * whatever else would grant.
 */
export function grants(about: readonly PolicyAbout[], view: StepView): readonly Verdict[] {
  const found: Verdict[] = [];
  let granting = 0;
  for (const each of about) {
    if (!each.applies || each.policy.allow === undefined) continue;
    if (!each.inScope) {
      found.push(quiet(`policy/${each.policy.name}`, `it is about other services than ${view.input.service.name}`));
      continue;
    }
    granting++;
    found.push(...policyGrants(each, view));
  }
  if (granting === 0) {
    const because = `no policy says anything about ${view.step.action} on ${view.input.service.name}`;
    found.push({ rule: 'default', says: 'deny', code: 'no-rule', because });
  }
  return found;
}

// The closer a rule came to granting, the more it says about why nothing did.
const closeness: Readonly<Partial<Record<DenyCode, number>>> = {
  condition: 1,
  bounds: 2,
  'rate-budget': 3,
  autonomy: 4,
  'approval-refused': 5,
};

function policyGrants({ policy, allow }: PolicyAbout, view: StepView): readonly Verdict[] {
  const verdicts = allow.map(({ rule, silent }): Verdict => silent ?? ruleGrants(rule, view));
  if (verdicts.some((verdict) => verdict.code === 'evaluation-error')) return verdicts;
  const best = verdicts.reduce<Verdict | undefined>((best, next) => (rank(next) > rank(best) ? next : best), undefined);
  if (best === undefined || rank(best) === 0) {
    const because = `no rule of it speaks about ${view.step.action} on ${view.input.service.name}`;
    return [...verdicts, { rule: `policy/${policy.name}`, says: 'deny', code: 'no-rule', because }];
  }
  // The others are told, but the best of them speaks for the policy.
  return verdicts.map((verdict) => (verdict === best ? verdict : aside(verdict)));
}

function rank(verdict: Verdict | undefined): number {
  if (verdict === undefined || verdict.says === 'not-applicable') return 0;
  if (verdict.says === 'allow') return 200;
  if (verdict.says === 'require-approval') return 100;
  return verdict.code === undefined ? 0 : (closeness[verdict.code] ?? 0.5);
}

function aside(verdict: Verdict): RuleConsidered {
  if (verdict.says !== 'deny') return verdict.says === 'allow' ? verdict : quiet(verdict.rule, verdict.because);
  return quiet(verdict.rule, `would not do: ${verdict.because}`);
}

function quiet(rule: string, because: string): Verdict {
  return { rule, says: 'not-applicable', because };
}

function ruleGrants(rule: AllowRule, view: StepView): Verdict {
  const { input } = view;
  const deny = (code: DenyCode, because: string): Verdict => ({ rule: rule.rule, says: 'deny', code, because });
  const why = whyOtherTarget(rule.match, view);
  if (why !== undefined) return quiet(rule.rule, why);
  if (rule.when !== undefined) {
    const when = holds(rule.when, view);
    if (typeof when === 'string') return deny('evaluation-error', `its condition cannot be evaluated: ${when}`);
    if (!when) return deny('condition', `it holds only when ${rule.when.source}`);
  }
  const tooMuch = whyTooMuch(rule, view);
  if (tooMuch !== undefined) return deny('bounds', tooMuch);
  const tooOften = whyTooOften(rule, view);
  if (tooOften !== undefined) return deny('rate-budget', tooOften);

  const caps = [
    { autonomy: rule.autonomy, because: `the rule lets it go as far as ${rule.autonomy}` },
    { autonomy: input.ceiling, because: `the daemon may go as far as ${input.ceiling}` },
    {
      autonomy: input.plan.autonomy ?? 'act',
      because: `the runbook itself goes as far as ${input.plan.autonomy ?? 'act'}`,
    },
    { autonomy: view.stormCap ?? 'act', because: `the storm brake lets it go as far as ${view.stormCap ?? 'act'}` },
  ] as const;
  const lowest = caps.reduce((low, next) => (lowerOf(low.autonomy, next.autonomy) === low.autonomy ? low : next));
  if (lowest.autonomy === 'observe' || lowest.autonomy === 'suggest')
    return { ...deny('autonomy', lowest.because), autonomy: lowest.autonomy };
  const unearned = lowest.autonomy === 'act' ? whyNotEarned(rule, view) : undefined;
  if (lowest.autonomy === 'act' && unearned === undefined)
    return {
      rule: rule.rule,
      says: 'allow',
      because: `it allows ${view.step.action} on ${view.step.target.id}`,
      autonomy: 'act',
    };
  return withConsent(rule, rule.approval ?? ownersConsent(view), unearned ?? lowest.because, view);
}

function withConsent(rule: AllowRule, approval: ApprovalRequirement, why: string, view: StepView): Verdict {
  const consent = consentTo(approval, view.input);
  const base = { rule: rule.rule, autonomy: 'approve', approval } as const;
  if (consent.is === 'given') return { rule: rule.rule, says: 'allow', because: consent.because, autonomy: 'approve' };
  if (consent.is === 'unanswered')
    return {
      rule: rule.rule,
      says: 'deny',
      code: 'approval-refused',
      because: `${consent.because}; it is left at ${approval.finally}`,
      autonomy: approval.finally,
    };
  return { ...base, says: 'require-approval', because: `${why}; ${consent.because}` };
}

// A rule that needs consent and does not say whose asks those who are called for the service anyway.
function ownersConsent({ input }: StepView): ApprovalRequirement {
  return {
    from: [`group:${input.service.owner.escalate}`],
    need: 1,
    notSelf: true,
    expiresMs: 15 * 60_000,
    then: [],
    finally: 'suggest',
  };
}
