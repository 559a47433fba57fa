import { WatchkeeperError } from '../../lib/errors.ts';
import type { Decision } from '../../domain/authority.ts';
import type { Plan } from '../../domain/remediation.ts';
import type { Json } from '../../lib/json.ts';
import { assemblePlan, matchRunbooks, resolveSteps, type MatchReport, type Runbook } from '../../runbooks/index.ts';
import type { DecisionInput } from '../../policy/index.ts';
import { decideNow, decisionInput, runbookFacts, type CaseFacts } from './facts.ts';
import { lookAt } from './look.ts';
import type { Watch } from '../watch.ts';
import type { MatchView } from '../views.ts';

/** A plan with the decision on it and what the decision was made on. */
export interface Proposal {
  readonly plan: Plan;
  readonly decision: Decision;
  readonly input: DecisionInput;
}

/** What the runbooks have to say to a case. */
export interface Proposals {
  readonly matches: readonly MatchView[];
  /** The one to go by: the first that is not denied, else the first of all. */
  readonly chosen?: Proposal;
  readonly others: readonly Proposal[];
}

/** Goes through the runbooks that match, best first, until one may be carried out or asked about. Changes nothing. */
export async function propose(watch: Watch, facts: CaseFacts): Promise<Proposals> {
  const reports = matchRunbooks(watch.resources().runbooks, runbookFacts(watch, facts));
  const matches: MatchView[] = [];
  const made: Proposal[] = [];
  for (const report of reports) {
    if (!report.matched || made.some(({ decision }) => !settles(decision))) {
      matches.push(viewOf(report));
      continue;
    }
    const proposal = await proposeOne(watch, facts, report.runbook, {}, report.because, 'watchkeeper');
    if ('noPlan' in proposal) matches.push(planlessView(report.runbook.name, proposal));
    else {
      matches.push(viewOf(report));
      made.push(proposal);
    }
  }
  const chosen = made.find(({ decision }) => decision.outcome !== 'deny') ?? made[0];
  return { matches, ...(chosen ? { chosen } : {}), others: made.filter((one) => one !== chosen) };
}

// Only a precondition that is not met is a reason to look at the next runbook; every other denial is about acting at all.
function settles(decision: Decision): boolean {
  return decision.outcome === 'deny' && decision.code === 'require';
}

/** Why a runbook that matches has no plan. `misplaced`: what it does is not for what the service is. */
export interface Planless {
  readonly noPlan: string;
  readonly misplaced: boolean;
}

function planlessView(runbook: string, { noPlan, misplaced }: Planless): MatchView {
  if (misplaced) return { runbook, matched: false, because: `not for this service: ${noPlan}` };
  return { runbook, matched: true, because: `it matches, but no plan can be made: ${noPlan}`, noPlan };
}

/** Makes and decides one runbook's plan, or says why none can be made. */
export async function proposeOne(
  watch: Watch,
  facts: CaseFacts,
  runbook: Runbook,
  params: Readonly<Record<string, Json>>,
  because: string,
  proposedBy: string,
): Promise<Proposal | Planless> {
  const actions = new Map(Object.entries(watch.actions));
  const resolved = resolveSteps(runbook, runbookFacts(watch, facts), { actions }, params);
  if (!resolved.ok)
    return {
      noPlan: resolved.issues.map((issue) => `${issue.path.slice(1).join('.')}: ${issue.message}`).join('; '),
      misplaced: false,
    };
  const looked = await lookAt(watch, facts.service, resolved.value.steps);
  if (!looked.ok) return { noPlan: looked.because, misplaced: looked.misplaced };
  const assembled = assemblePlan({
    resolved: resolved.value,
    looked: looked.looked,
    incidentId: facts.incident.id,
    service: facts.service.name,
    diagnosisId: facts.diagnosis.id,
    ...(facts.change === undefined ? {} : { changeId: facts.change.id }),
    because,
    proposedBy,
    asOfMs: watch.clock.nowMs(),
    ttlMs: watch.settings.planTtlMs,
  });
  if (!assembled.ok) throw new WatchkeeperError('internal', assembled.issues.map((issue) => issue.message).join('; '));
  const observations = Object.fromEntries(Object.entries(looked.looked).map(([id, one]) => [id, one.observation]));
  const input = decisionInput(watch, facts, { plan: assembled.value, observations, approvals: [] });
  return { plan: assembled.value, decision: decideNow(watch, input), input };
}

function viewOf(report: MatchReport): MatchView {
  return { runbook: report.runbook.name, matched: report.matched, because: report.because };
}
