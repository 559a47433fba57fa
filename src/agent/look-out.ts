import type { Alert, Incident } from '../domain/alert.ts';
import type { Sample } from '../domain/telemetry.ts';
import type { Service } from '../domain/service.ts';
import { recentChanges } from './observe.ts';
import type { IncidentView, ServiceState, ServiceView, SignalView } from './views.ts';
import type { Cases } from './cases/index.ts';
import type { Watch } from './watch.ts';

const recentMs = 60 * 60_000;
const pointsShown = 60;
const changesShown = 10;
const freshForMs = 10 * 60_000;

/** One service as people see it: is it well, how do its signals look, what was changed. */
export function serviceView(watch: Watch, service: Service): ServiceView {
  const alerts = watch.state().alerts.filter((alert) => alert.service === service.name && alert.status !== 'resolved');
  const signals = signalViews(watch, service.name);
  const changes = watch.changes.of(service.name).slice(-changesShown);
  const newest = signals.map((signal) => signal.latest?.tMs ?? -Infinity);
  const { state, because } = healthOf(watch, service, alerts, newest);
  return {
    name: service.name,
    team: service.owner.team,
    state,
    because,
    signals,
    changes,
    verdicts: [...watch.state().verdicts.values()].filter((verdict) =>
      changes.some((change) => change.id === verdict.changeId),
    ),
    alerts,
  };
}

/** The recent past of every series of a service, thinned for a sparkline. */
export function signalViews(watch: Watch, service: string): readonly SignalView[] {
  const untilMs = watch.clock.nowMs();
  return watch.window
    .read({ fromMs: untilMs - recentMs, untilMs, services: new Set([service]) })
    .map((series): SignalView => {
      const latest = series.samples.at(-1);
      return {
        signal: series.signal,
        unit: series.unit,
        labels: series.labels,
        seriesKey: series.key,
        ...(latest ? { latest } : {}),
        recent: thin(series.samples),
      };
    });
}

/** An incident with everything that belongs to it. */
export async function incidentView(watch: Watch, cases: Cases, incident: Incident): Promise<IncidentView> {
  const file = await cases.file(incident.id);
  const held = new Set(incident.alerts);
  const executions = (file?.executions ?? []).flatMap((id) => watch.executor().find(id) ?? []);
  return {
    incident,
    alerts: watch.state().alerts.filter((alert) => held.has(alert.fingerprint)),
    ...(file ? { file } : {}),
    approvals: watch
      .approvals()
      .all()
      .filter((pending) => pending.incidentId === incident.id),
    executions,
    changes: recentChanges(watch.changes, incident.services, 50),
    series: incident.services.flatMap((service) => [...signalViews(watch, service)]),
  };
}

/** Whether a service is well, by its alerts and by the times of its newest samples. */
export function healthOf(
  watch: Watch,
  service: Service,
  alerts: readonly Alert[],
  sampledMs: readonly number[],
): { readonly state: ServiceState; readonly because: string } {
  const firing = alerts.find((alert) => alert.status === 'firing' && alert.mode === 'active');
  if (firing) return { state: 'firing', because: firing.finding.reason };
  const pending = alerts.find((alert) => alert.status === 'pending' && alert.mode === 'active');
  if (pending) return { state: 'pending', because: pending.finding.reason };
  // No data is no health (I10).
  const newestMs = sampledMs.reduce((most, tMs) => Math.max(most, tMs), -Infinity);
  if (newestMs < watch.clock.nowMs() - freshForMs) {
    const why = gapOf(watch, service);
    return { state: 'unknown', because: `nothing has been measured lately${why === undefined ? '' : `: ${why}`}` };
  }
  return { state: 'ok', because: 'no detector objects' };
}

// Why its sources have nothing of it, in the words of the first that says so.
function gapOf(watch: Watch, service: Service): string | undefined {
  const bound = new Set(Object.values(service.telemetry).map(({ source }) => source));
  return watch.sources
    .statuses()
    .filter(({ id }) => bound.has(id))
    .flatMap(({ gaps }) => gaps)
    .find((gap) => (gap.service ?? service.name) === service.name)?.message;
}

// Takes the largest of each stretch, so that a spike stays visible.
function thin(samples: readonly Sample[]): readonly Sample[] {
  if (samples.length <= pointsShown) return samples;
  const width = samples.length / pointsShown;
  return Array.from({ length: pointsShown }, (_, index) => {
    const part = samples.slice(Math.floor(index * width), Math.floor((index + 1) * width));
    return part.reduce((most, sample) => (sample.v > most.v ? sample : most));
  });
}
