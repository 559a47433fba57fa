import type { ActRecord } from '../../domain/authority.ts';
import type { Service } from '../../domain/service.ts';
import { serviceView } from '../look-out.ts';
import type { MatrixDesk } from '../matrix.ts';
import type { Watch } from '../watch.ts';
import type { RunbookView, ServiceDetail, TrackRecord } from './views.ts';

/** One service with its owner, objectives, what may be done to it, and what came of what was done. */
export function serviceDetail(watch: Watch, service: Service, matrix: MatrixDesk): ServiceDetail {
  const figures = watch.budgets.of(service);
  return {
    service: serviceView(watch, service),
    labels: service.labels,
    owner: service.owner,
    dependsOn: watch.catalog().dependenciesOf(service.name),
    dependents: watch.catalog().dependentsOf(service.name),
    runsOn: service.runsOn,
    origin: service.origin,
    slos: service.slos.map(({ name, objective, windowMs, errors }) => ({
      name,
      objective,
      windowMs,
      signal: errors,
      ...figures[name],
    })),
    autonomy: matrix.of(service),
    record: trackRecord(watch.executor().history(), service.name),
  };
}

/** What became of each execution on a service, by runbook. An execution ends as its last act did. */
export function trackRecord(acts: readonly ActRecord[], service: string): readonly TrackRecord[] {
  const ended = new Map<string, ActRecord>();
  for (const act of acts)
    if (act.service === service && act.outcome !== 'running' && (ended.get(act.executionId)?.atMs ?? 0) <= act.atMs)
      ended.set(act.executionId, act);
  const byRunbook = Map.groupBy(ended.values(), (act) => act.runbook);
  return [...byRunbook]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([runbook, runs]) => {
      const count = (outcome: ActRecord['outcome']): number => runs.filter((run) => run.outcome === outcome).length;
      return {
        runbook,
        runs: runs.length,
        succeeded: count('succeeded'),
        failed: count('failed'),
        undone: count('undone'),
        unknown: count('unknown'),
        lastAtMs: Math.max(...runs.map((run) => run.atMs)),
      };
    });
}

/** The runbooks in force, as a form asks for them. */
export function runbookViews(watch: Watch): readonly RunbookView[] {
  return watch.resources().runbooks.map(({ name, summary, autonomy, notWhen, params, steps }) => ({
    name,
    summary,
    ...(autonomy !== undefined && { autonomy }),
    ...(notWhen !== undefined && { notWhen }),
    params,
    steps: steps.map(({ id, action, traits }) => ({ id, action, traits })),
  }));
}
