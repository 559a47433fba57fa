import type { Alert, Incident } from '../../domain/alert.ts';
import type { Diagnosis } from '../../domain/diagnosis.ts';
import type { Notice } from '../../domain/ports/channel.ts';
import type { Plan } from '../../domain/remediation.ts';
import type { Service } from '../../domain/service.ts';
import { WatchkeeperError } from '../../lib/errors.ts';
import type { Watch } from '../watch.ts';
import { chartOf } from './chart.ts';
import { serviceOf } from './facts.ts';
import type { CaseFiles } from './file-store.ts';
import { noticeOf, renewed, type NoticeParts } from './notices.ts';

/** What a notice about a case is told with. */
export interface Telling {
  readonly incident: Incident;
  readonly alerts: readonly Alert[];
  readonly diagnosis?: Diagnosis;
  readonly service: Service;
}

/** As much of a plan as its notice needs when nothing else is left. */
type PlanNamed = Pick<Plan, 'incidentId' | 'service' | 'createdAtMs'> & { readonly runbook: { readonly name: string } };

type Desk = { readonly watch: Watch; readonly files: CaseFiles };

/** Tells people about a case, once per notice id, up the ladder of the service's owner. */
export async function tell(
  { watch, files }: Desk,
  about: Telling,
  kind: Parameters<typeof noticeOf>[0],
  climbs: boolean,
  parts: Partial<NoticeParts>,
): Promise<void> {
  const { incident, alerts, diagnosis, service } = about;
  const known = { incident, alerts, ...(diagnosis ? { diagnosis } : {}) };
  const notice = noticeOf(kind, { ...known, atMs: watch.clock.nowMs(), ...parts });
  const { noticed } = files.get(incident.id);
  if (noticed.includes(notice.id)) return;
  await files.write(incident.id, { noticed: [...noticed, notice.id] }, []);
  const chart = chartOf(watch, incident, alerts);
  await watch.ladder.call(chart === undefined ? notice : { ...notice, chart }, service.owner.escalate, climbs);
}

/** A notice with what is known by now, for whoever is called after others did not answer. */
export function renewedNotice({ watch, files }: Desk, notice: Notice): Notice {
  const { alerts, incidents } = watch.state();
  const incident = incidents.find(({ id }) => id === notice.incident?.id);
  if (incident === undefined) return notice;
  const held = new Set(incident.alerts);
  const { diagnosis, suggestions } = files.get(incident.id);
  return renewed(notice, {
    ...{ incident, suggestions, alerts: alerts.filter(({ fingerprint }) => held.has(fingerprint)) },
    ...(diagnosis ? { diagnosis } : {}),
  });
}

/**
 * What is known of a plan's incident, however long it is over: from memory, else from the store, else from the plan
 * itself. What became of an act must reach people even when nothing else of it is left (I14).
 */
export async function tellingOf({ watch, files }: Desk, plan: PlanNamed): Promise<Telling> {
  const { alerts, incidents } = watch.state();
  const incident =
    incidents.find((one) => one.id === plan.incidentId) ?? (await storedIncident(watch, plan.incidentId)) ?? lost(plan);
  const held = new Set(incident.alerts);
  const { diagnosis } = files.get(plan.incidentId);
  return {
    incident,
    alerts: alerts.filter((alert) => held.has(alert.fingerprint)),
    ...(diagnosis ? { diagnosis } : {}),
    service: watch.catalog().get(plan.service) ?? serviceOf(watch, incident),
  };
}

async function storedIncident(watch: Watch, id: string): Promise<Incident | undefined> {
  try {
    return (await watch.store.get('incident', id))?.value as unknown as Incident | undefined;
  } catch (thrown) {
    watch.log.error('an incident could not be read back', { incident: id, error: WatchkeeperError.from(thrown) });
    return undefined;
  }
}

function lost(plan: PlanNamed): Incident {
  return {
    id: plan.incidentId,
    status: 'resolved',
    severity: 'warning',
    title: `${plan.runbook.name} for ${plan.service}, whose incident is not kept any more`,
    service: plan.service,
    services: [plan.service],
    alerts: [],
    openedAtMs: plan.createdAtMs,
    updatedAtMs: plan.createdAtMs,
    storm: false,
    mode: 'active',
    quietForMs: 0,
    timeline: [],
  };
}
