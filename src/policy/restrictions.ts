import type { ApprovalRequirement, Autonomy } from '../domain/authority.ts';
import { formatDuration } from '../lib/duration.ts';
import type { CelProgram } from '../lib/cel/index.ts';
import type { DecisionInput } from './input.ts';
import type { PolicyAbout, PolicySet } from './policy-set.ts';
import type { FreezeRule, NeverRule, StormRule } from './policy.ts';
import { holds, lowerOf, whyOtherTarget, type StepView, type Verdict } from './view.ts';

/** What the policies forbid: `never` first, then freezes. */
export function restrictions(about: readonly PolicyAbout[], view: StepView): readonly Verdict[] {
  const found: Verdict[] = [];
  const concerned = about.filter(({ applies, inScope }) => applies && inScope);
  for (const { never } of concerned)
    for (const { rule, silent } of never) found.push(silent ?? neverVerdict(rule, view));
  for (const { freeze } of concerned)
    for (const { rule, silent } of freeze) found.push(silent ?? freezeVerdict(rule, view));
  return found;
}

function neverVerdict(rule: NeverRule, view: StepView): Verdict {
  const quiet = (because: string): Verdict => ({ rule: rule.rule, says: 'not-applicable', because });
  const why = whyOtherTarget(rule.match, view);
  if (why !== undefined) return quiet(why);
  if (rule.when !== undefined) {
    const applies = holds(rule.when, view);
    if (typeof applies === 'string')
      return { rule: rule.rule, says: 'deny', code: 'evaluation-error', because: `its condition fails: ${applies}` };
    if (!applies) return quiet(`it holds only when ${rule.when.source}`);
  }
  const deny: Verdict = {
    rule: rule.rule,
    says: 'deny',
    code: 'never',
    because: `${view.step.action} on ${view.step.target.id} is never allowed`,
  };
  return rule.unless === undefined ? deny : lifted(deny, rule.unless, view);
}

function freezeVerdict(rule: FreezeRule, view: StepView): Verdict {
  const quiet = (because: string): Verdict => ({ rule: rule.rule, says: 'not-applicable', because });
  const why = whyOtherTarget(rule.match, view);
  if (why !== undefined) return quiet(why);
  const open = rule.window.openAt(view.input.asOfMs);
  if (open === undefined) return quiet('it is not in force now');
  const left = formatDuration(open.untilMs - view.input.asOfMs);
  const until = `${new Date(open.untilMs).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
  const deny: Verdict = {
    rule: rule.rule,
    says: 'deny',
    code: 'freeze',
    because: `changes are frozen until ${until} (${left} more)`,
  };
  return rule.unless === undefined ? deny : lifted(deny, rule.unless, view);
}

// `unless` lifts a prohibition when it is true. When only a consent is missing, the denial says whose.
function lifted(deny: Verdict, unless: CelProgram, view: StepView): Verdict {
  const now = holds(unless, view);
  if (now === true) return { rule: deny.rule, says: 'not-applicable', because: `lifted: ${unless.source}` };
  const because =
    typeof now === 'string' ? `${deny.because}; whether it is lifted cannot be told: ${now}` : deny.because;
  const asked = new Set<string>();
  const given = view.bindings().functions?.['approval.from'];
  const ifAllConsented = holds(unless, view, {
    'approval.from': (group) => {
      if (typeof group === 'string' && given?.(group) !== true) asked.add(group);
      return true;
    },
  });
  if (ifAllConsented !== true || asked.size === 0) return { ...deny, because };
  const approval: ApprovalRequirement = {
    from: [...asked],
    need: 1,
    notSelf: true,
    expiresMs: 15 * 60_000,
    then: [],
    finally: 'suggest',
  };
  return { ...deny, because: `${because}; ${approval.from.join(', ')} may lift it`, approval };
}

/** Whether a storm brake of any policy sees a storm right now. The caller keeps when that was last so: `lastStormMs`. */
export function stormUnderway(policies: PolicySet, health: DecisionInput['serviceHealth']): boolean {
  return policies.policies.some(({ storm }) => storm !== undefined && exceeds(storm, health));
}

function exceeds(storm: StormRule, { total, unhealthy }: DecisionInput['serviceHealth']): boolean {
  return unhealthy >= storm.atLeast && unhealthy >= storm.share * total;
}

/** What the storm brakes say, and the lowest cap on autonomy they set. */
export function stormBrakes(
  about: readonly PolicyAbout[],
  input: DecisionInput,
): { readonly verdicts: readonly Verdict[]; readonly cap: Autonomy | undefined } {
  const verdicts: Verdict[] = [];
  let cap: Autonomy | undefined;
  for (const { policy, inScope } of about) {
    const { storm } = policy;
    if (storm === undefined || !inScope) continue;
    const why = stormNow(storm, input);
    if (why === undefined) {
      verdicts.push({ rule: storm.rule, says: 'not-applicable', because: 'there is no storm' });
      continue;
    }
    cap = cap === undefined ? storm.cap : lowerOf(cap, storm.cap);
    // With `do: approve` the grant asks for consent itself, by the cap; only more than that is a denial here.
    verdicts.push(
      storm.cap === 'approve'
        ? { rule: storm.rule, says: 'not-applicable', because: `${why}, so a person must agree` }
        : { rule: storm.rule, says: 'deny', code: 'storm', because: why, autonomy: storm.cap },
    );
  }
  return { verdicts, cap };
}

function stormNow(storm: StormRule, input: DecisionInput): string | undefined {
  const { serviceHealth, lastStormMs, asOfMs } = input;
  if (exceeds(storm, serviceHealth))
    return `${serviceHealth.unhealthy} of ${serviceHealth.total} services are ill at once: something larger is going on`;
  if (input.incident.storm) return 'this incident is a storm of many services';
  if (lastStormMs !== undefined && asOfMs - lastStormMs < storm.cooldownMs)
    return `a storm ended ${formatDuration(asOfMs - lastStormMs)} ago, and hands stay off for ${formatDuration(storm.cooldownMs)}`;
  return undefined;
}
