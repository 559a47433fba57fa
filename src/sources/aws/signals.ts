import type { AwsPlace } from '../../domain/places.ts';
import type { TelemetryBinding } from '../../domain/service.ts';
import type { SeriesNature } from '../../domain/telemetry.ts';
import type { Json } from '../../lib/json.ts';

type JsonObject = Readonly<Record<string, Json>>;

/** The signals of a discovered resource: names that the shipped detectors know, units, and where AWS keeps them. */
export function signalsOf(source: string, place: AwsPlace): Readonly<Record<string, TelemetryBinding>> {
  const { region, account, resource } = place;
  const where: JsonObject = { region, ...(account === undefined ? {} : { account }) };
  const bind = (unit: string, nature: SeriesNature, query: JsonObject): TelemetryBinding => ({
    source,
    unit,
    nature,
    query,
  });
  const state = (unit: string, nature: SeriesNature, name: string): TelemetryBinding =>
    bind(unit, nature, { state: name });
  const metric = (
    unit: string,
    namespace: string,
    name: string,
    dimensions: JsonObject,
    stat = 'Average',
  ): TelemetryBinding => bind(unit, 'gauge', { ...where, metric: { namespace, name, dimensions, stat } });
  switch (resource.is) {
    case 'ecs': {
      const dimensions = { ClusterName: resource.cluster, ServiceName: resource.service };
      return {
        availability: state('ratio', 'ratio', 'availability'),
        rollout_failing: state('1', 'state', 'rollout_failing'),
        failed_tasks: state('1', 'gauge', 'failed_tasks'),
        cpu: metric('%', 'AWS/ECS', 'CPUUtilization', dimensions),
        memory: metric('%', 'AWS/ECS', 'MemoryUtilization', dimensions),
      };
    }
    case 'lambda': {
      const { alias } = resource;
      const dimensions: JsonObject = {
        FunctionName: resource.function,
        ...(alias === undefined ? {} : { Resource: `${resource.function}:${alias}` }),
      };
      const pick = (name: string, stat: string): JsonObject => ({ namespace: 'AWS/Lambda', name, dimensions, stat });
      const metrics = { bad: pick('Errors', 'Sum'), all: pick('Invocations', 'Sum') };
      return {
        errors: bind('ratio', 'ratio', { ...where, expression: 'bad/all', metrics }),
        traffic: bind('1/s', 'rate', {
          ...where,
          expression: 'all/PERIOD(all)',
          metrics: { all: pick('Invocations', 'Sum') },
        }),
        latency: bind('ms', 'latency', { ...where, metric: pick('Duration', 'p95') }),
        throttles: bind('1', 'gauge', { ...where, metric: pick('Throttles', 'Sum') }),
      };
    }
    case 'instance':
      return {
        cpu: metric('%', 'AWS/EC2', 'CPUUtilization', { InstanceId: resource.id }),
        status_failed: metric('1', 'AWS/EC2', 'StatusCheckFailed', { InstanceId: resource.id }, 'Maximum'),
      };
    case 'database':
      return {
        cpu: metric('%', 'AWS/RDS', 'CPUUtilization', { DBInstanceIdentifier: resource.id }),
        connections: metric('1', 'AWS/RDS', 'DatabaseConnections', { DBInstanceIdentifier: resource.id }),
        free_storage: metric('By', 'AWS/RDS', 'FreeStorageSpace', { DBInstanceIdentifier: resource.id }),
      };
    case 'database-cluster':
      return { cpu: metric('%', 'AWS/RDS', 'CPUUtilization', { DBClusterIdentifier: resource.id }) };
    case 'auto-scaling-group':
      return { cpu: metric('%', 'AWS/EC2', 'CPUUtilization', { AutoScalingGroupName: resource.name }) };
    case 'codedeploy':
    case 'stack':
      return {};
  }
}
