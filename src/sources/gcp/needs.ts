import type { GcpGrant } from '../../domain/ports/gcp.ts';
import type { GcpConfig } from './schema.ts';

/** The least that the source needs to be allowed in each project, by its configuration: one role, bound on the project. */
export function readingGrants(config: GcpConfig): readonly GcpGrant[] {
  const permissions = [
    ...['monitoring.timeSeries.list', 'run.services.get', 'run.revisions.list', 'logging.logEntries.list'],
    ...['compute.instanceGroupManagers.get', 'clouddeploy.rollouts.list', 'cloudsql.instances.get'],
    'cloudtrace.traces.list',
    ...(config.alerts ? ['monitoring.alerts.get', 'monitoring.alerts.list'] : []),
    ...(config.discover
      ? ['run.services.list', 'compute.instanceGroupManagers.list', 'compute.instances.list', 'cloudsql.instances.list']
      : []),
  ];
  return [{ permissions: permissions.sort(), on: { is: 'project' } }];
}
