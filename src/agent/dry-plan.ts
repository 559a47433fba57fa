import type { Incident } from '../domain/alert.ts';
import type { Diagnosis } from '../domain/diagnosis.ts';
import { WatchkeeperError } from '../lib/errors.ts';
import type { Json } from '../lib/json.ts';
import { oneLine } from '../lib/text.ts';
import { matchRunbooks } from '../runbooks/index.ts';
import { proposeOne, type Cases } from './cases/index.ts';
import { caseFacts, runbookFacts } from './cases/facts.ts';
import type { PlanView } from './views.ts';
import type { Watch } from './watch.ts';

/** What a runbook would do to a service now, and what policy says of it. Looks at targets read-only; records nothing. @throws `not-found` for a name that is nobody's. */
export async function dryPlan(
  watch: Watch,
  cases: Cases,
  runbookName: string,
  serviceName: string,
  params: Readonly<Record<string, Json>>,
): Promise<PlanView> {
  const runbook = watch.resources().runbooks.find((one) => one.name === runbookName);
  const service = watch.catalog().get(serviceName);
  const base = { runbook: runbookName, service: serviceName };
  if (!runbook) throw unknown('runbook', runbookName, 'watchkeeper check names every runbook in force');
  if (!service) throw unknown('service', serviceName, 'watchkeeper status names every service that is watched');
  const open = watch
    .state()
    .incidents.findLast((one) => one.status !== 'resolved' && one.services.includes(serviceName));
  const incident = open ?? quiet(serviceName, watch.clock.nowMs());
  const file = open ? await cases.file(open.id) : undefined;
  const facts = caseFacts(watch, incident, file?.diagnosis ?? supposed(watch, incident));
  const [report] = matchRunbooks([runbook], runbookFacts(watch, facts));
  const match = { runbook: runbookName, matched: report?.matched ?? false, because: report?.because ?? '' };
  const proposal = await proposeOne(watch, facts, runbook, params, 'asked for by a person', 'watchkeeper');
  return 'noPlan' in proposal
    ? { ...base, match, because: proposal.noPlan }
    : { ...base, match, plan: proposal.plan, decision: proposal.decision };
}

function unknown(what: string, name: string, fix: string): WatchkeeperError {
  return new WatchkeeperError('not-found', `there is no ${what} ${JSON.stringify(oneLine(name, 100))}`, { fix });
}

// With no incident open, the question is "what if": the latest change of the service is supposed to be the cause.
function supposed(watch: Watch, incident: Incident): Diagnosis {
  const change = watch.changes.of(incident.service).at(-1);
  return {
    id: 'supposed',
    incidentId: incident.id,
    asOfMs: watch.clock.nowMs(),
    verdict: change ? 'conclusive' : 'inconclusive',
    cause: change ? 'change' : 'unknown',
    service: incident.service,
    ...(change ? { changeId: change.id } : {}),
    confidence: change ? 1 : 0,
    summary: change
      ? `supposing that ${change.to ?? change.what} broke it`
      : 'there is no incident and no change to suppose',
    hypotheses: [],
    gaps: [],
  };
}

function quiet(service: string, nowMs: number): Incident {
  return {
    id: 'what-if',
    status: 'open',
    severity: 'critical',
    title: `what if ${service} were in trouble`,
    service,
    services: [service],
    alerts: [],
    openedAtMs: nowMs,
    updatedAtMs: nowMs,
    storm: false,
    mode: 'active',
    quietForMs: 0,
    timeline: [],
  };
}
