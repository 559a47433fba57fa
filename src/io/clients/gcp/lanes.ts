import type { GcpCall } from '../../../domain/ports/gcp.ts';
import type { Lane } from '../cloud/pace.ts';

/**
 * Calls a second that Google documents as the quota of a project, halved or less where others ask as well
 * (cloud.google.com/monitoring/quotas, /logging/quotas, /trace/docs/quotas). What is not here starts at five.
 */
const documented: Readonly<Record<string, number>> = {
  'monitoring timeSeries.list': 50,
  'logging entries.list': 0.8,
  'trace traces.list': 2,
  'compute instanceGroupManagers.get': 10,
  'run services.get': 10,
};
const usual = 5;
/** A diagnosis asks for several hours of log entries at once: with these in a first minute it stays within 60 a minute. */
const atOnce: Readonly<Record<string, number>> = { 'logging entries.list': 12 };

/** The lane of a call: each project and method has its own. */
export function laneOf({ project, service, method }: GcpCall): Lane {
  const most = documented[`${service} ${method}`] ?? usual;
  const burst = atOnce[`${service} ${method}`];
  const where = project === undefined ? '' : ` in ${project}`;
  return {
    ...{ key: `${project ?? ''} ${service} ${method}`, words: `Google Cloud ${service} ${method}${where}`, most },
    ...(burst === undefined ? {} : { atOnce: burst }),
  };
}
