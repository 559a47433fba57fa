import type { Amount } from '../lib/written.ts';
import { covers } from './history.ts';
import { targetKey, type InFlightAct } from './input.ts';
import type { AllowRule } from './policy.ts';
import type { StepView } from './view.ts';

/** Why an act is larger than a rule allows, or `undefined`. Everything in flight counts, ours and others' (I6). */
export function whyTooMuch(rule: AllowRule, view: StepView): string | undefined {
  const { bounds } = rule;
  const { observation } = view;
  if (observation === undefined) return 'the live state is not known';
  const { touched, total, healthyAfter, healthyNow, replicasAfter } = observation.blast;
  const counts = [touched, total, healthyAfter, healthyNow ?? 0, replicasAfter ?? 0];
  if (!counts.every((count) => Number.isSafeInteger(count) && count >= 0) || touched > total)
    return `the blast radius cannot be right: ${touched} of ${total}, ${healthyAfter} healthy`;
  const others = inFlightElsewhere(view);
  const alsoTouched =
    others
      .filter((act) => act.service === view.step.target.service)
      .reduce((sum, act) => sum + Math.max(1, act.touched), 0) + unlooked(view);

  if (bounds.units !== undefined) {
    const most = inUnits(bounds.units, total);
    const sum = touched + alsoTouched;
    if (sum > most)
      return `it would touch ${touched} of ${total}${alsoTouched > 0 ? ` beside ${alsoTouched} in flight` : ''}, and at most ${text(bounds.units)} may be`;
  }
  if (bounds.keepHealthy !== undefined) {
    const left = healthyAfter - alsoTouched;
    // What is ill already is not kept from being helped: the bound is on what an act takes away.
    const takesNone = healthyNow !== undefined && left >= healthyNow;
    if (!takesNone && left < inUnits(bounds.keepHealthy, total))
      return `${Math.max(0, left)} of ${total} would stay healthy, and ${text(bounds.keepHealthy)} must`;
  }
  if (bounds.replicasMax !== undefined) {
    const { replicas } = view.step.params;
    for (const asked of [replicas, replicasAfter])
      if (asked !== undefined && !(typeof asked === 'number' && asked <= bounds.replicasMax))
        return `${JSON.stringify(asked)} replicas are more than ${bounds.replicasMax}`;
  }
  if (bounds.parallel !== undefined) {
    const { input } = view;
    const running = new Set(
      others.filter((act) => covers(rule, input, act)).map((act) => act.executionId ?? `${act.by} ${act.targetKey}`),
    );
    if (running.size >= bounds.parallel) return `${running.size} of ${bounds.parallel} are already under way`;
  }
  return undefined;
}

function inFlightElsewhere({ input, step }: StepView): readonly InFlightAct[] {
  const key = targetKey(step.target);
  return input.inFlight.filter(
    (act) => act.targetKey !== key && (act.executionId === undefined || act.executionId !== input.executionId),
  );
}

// Steps before this one that do the same elsewhere, with no look between: what they touched is under way until the end.
function unlooked({ input, step }: StepView): number {
  const { each } = step;
  if (each === undefined) return 0;
  return input.plan.steps
    .slice(0, input.plan.steps.indexOf(step))
    .filter((other) => other.each?.step === each.step && other.between === undefined)
    .filter((other) => targetKey(other.target) !== targetKey(step.target))
    .reduce((sum, other) => sum + Math.max(1, other.blast.touched), 0);
}

function inUnits(amount: Amount, total: number): number {
  return 'count' in amount ? amount.count : amount.ratio * total;
}

function text(amount: Amount): string {
  return 'count' in amount ? String(amount.count) : `${Math.round(amount.ratio * 1_000) / 10}%`;
}
