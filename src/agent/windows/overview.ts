import type { Alert } from '../../domain/alert.ts';
import type { Execution } from '../../domain/remediation.ts';
import type { Service } from '../../domain/service.ts';
import { compareText } from '../../lib/order.ts';
import { healthOf } from '../look-out.ts';
import type { Readiness, ServiceView, StatusView } from '../views.ts';
import type { SourceStatus } from '../watch-sources.ts';
import type { Watch } from '../watch.ts';
import { briefOf } from './incident-list.ts';
import type { ExecutionBrief, Overview, ServiceBrief, SourceBrief } from './views.ts';

const mostIncidents = 100;

/** What is happening now, of a status: nothing in it grows with signals, timelines or plans. */
export function overviewOf(
  status: Omit<StatusView, 'services'>,
  services: readonly ServiceBrief[],
  readiness: Readiness,
): Overview {
  const { version, asOfMs, startedAtMs, ceiling, paused, unwell, replica, ledger, approvals, resources } = status;
  const newest = [...status.incidents].sort((a, b) => compareText(b.id, a.id)).slice(0, mostIncidents);
  return {
    version,
    asOfMs,
    startedAtMs,
    ceiling,
    ...(paused && { paused }),
    unwell,
    ...(replica && { replica }),
    ledger,
    readiness,
    services,
    incidents: newest.map(briefOf),
    openIncidents: status.incidents.length,
    approvals,
    running: status.running.map(executionBrief),
    sources: status.sources.map(sourceBrief),
    resources: { ok: resources.ok, problems: resources.problems },
  };
}

/** Every service in a word. */
export function serviceBriefs(watch: Watch): readonly ServiceBrief[] {
  const byService = Map.groupBy(
    watch.state().alerts.filter((alert) => alert.status !== 'resolved'),
    (alert) => alert.service,
  );
  return watch.catalog().services.map((service) => brief(watch, service, byService.get(service.name) ?? []));
}

/** The same of a service that was looked at whole. */
export function briefOfService({ name, team, state, because }: ServiceView): ServiceBrief {
  return { name, team, state, because };
}

function brief(watch: Watch, service: Service, alerts: readonly Alert[]): ServiceBrief {
  const newest = Object.keys(service.telemetry).flatMap((signal) =>
    watch.window.latest(service.name, signal).map(({ sample }) => sample.tMs),
  );
  return { name: service.name, team: service.owner.team, ...healthOf(watch, service, alerts, newest) };
}

function executionBrief({ id, status, startedAtMs, plan }: Execution): ExecutionBrief {
  return { id, status, startedAtMs, incidentId: plan.incidentId, service: plan.service, runbook: plan.runbook.name };
}

function sourceBrief({ id, kind, gaps }: SourceStatus): SourceBrief {
  const [gap] = gaps;
  return { id, kind, ok: gap === undefined, because: gap?.message ?? 'it answers' };
}
