import type { Incident } from '../../domain/alert.ts';
import type { Principal } from '../../domain/authority.ts';
import type { Json } from '../../lib/json.ts';
import { matchRunbooks } from '../../runbooks/index.ts';
import type { RequestResult } from '../views.ts';
import { decisionDraft, planDraft } from './drafts.ts';
import { caseFacts, runbookFacts } from './facts.ts';
import { proposeOne } from './propose.ts';
import { askPeople, lineOf, standingOf, type CaseWork } from './work.ts';

/**
 * A person chooses another runbook, or other parameters: a new plan in their name, and a new decision on it. The runbook must
 * match and meet what it requires as if the watch had chosen it; policy decides as ever, and who proposed it counts as such.
 */
export async function choose(
  work: CaseWork,
  incident: Incident,
  who: Principal,
  runbookName: string,
  params: Readonly<Record<string, Json>>,
): Promise<RequestResult> {
  const { watch, files } = work;
  const refused = (message: string): RequestResult => ({ is: 'refused', message });
  const runbook = watch.resources().runbooks.find((one) => one.name === runbookName);
  if (!runbook) return refused(`there is no runbook ${runbookName}`);
  if (incident.mode === 'shadow') return refused('this incident is watched in shadow: nothing is done for it');
  const { diagnosis, plans, decisions } = files.get(incident.id);
  if (!diagnosis) return refused('its cause is not looked into yet; ask again in a moment');
  const acting = watch
    .executor()
    .active()
    .some(({ plan, status }) => plan.incidentId === incident.id && status !== 'verifying');
  if (acting) return refused('an act for it is under way');
  const facts = caseFacts(watch, incident, diagnosis);
  const [report] = matchRunbooks([runbook], runbookFacts(watch, facts));
  if (report?.matched !== true)
    return refused(`${runbookName} does not match: ${report?.because ?? 'no reason given'}`);
  const proposal = await proposeOne(watch, facts, runbook, params, `${who.id} chose it: ${report.because}`, who.id);
  if ('noPlan' in proposal) return refused(`no plan can be made of ${runbookName}: ${proposal.noPlan}`);
  const { plan, decision, input } = proposal;
  if (plans.some(({ id }) => id === plan.id)) return refused('that is the plan there is already');
  const drafts = [planDraft(plan), decisionDraft(decision, input)];
  const lines = [`${who.id} chose ${runbookName}`, lineOf(proposal)];
  if (decision.outcome === 'deny' && decision.approval === undefined) {
    await files.write(incident.id, {}, drafts, lines);
    return { ...refused(`it is denied: ${decision.reasons[0] ?? decision.decidedBy}`), plan, decision };
  }
  const record = { plans: [...plans, plan], decisions: [...decisions, decision], standing: standingOf(proposal) };
  await files.write(incident.id, record, drafts, lines);
  if (decision.outcome === 'allow') {
    await watch.approvals().withdraw(incident.id, `${who.id} chose ${runbookName} instead`);
    work.begin({ plan, decision });
    return { is: 'done', message: `Allowed by ${decision.decidedBy}: it is being carried out.`, plan, decision };
  }
  await askPeople(work, facts, proposal);
  const message = `It needs consent: ${decision.reasons[0] ?? decision.decidedBy}. Those asked are being called.`;
  return { is: 'done', message, plan, decision };
}
