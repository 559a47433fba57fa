import type { GcpPlace } from '../../domain/places.ts';
import type { TelemetryBinding } from '../../domain/service.ts';
import type { SeriesNature } from '../../domain/telemetry.ts';
import type { Json } from '../../lib/json.ts';

type JsonObject = Readonly<Record<string, Json>>;

/** The signals of a discovered resource: names that the shipped detectors know, units, and where Google keeps them. */
export function signalsOf(
  source: string,
  project: string,
  place: GcpPlace,
): Readonly<Record<string, TelemetryBinding>> {
  const { location, resource } = place;
  const bind = (unit: string, nature: SeriesNature, query: JsonObject): TelemetryBinding => ({
    ...{ source, unit, nature, query: 'state' in query ? query : { project, ...query } },
  });
  const state = (unit: string, nature: SeriesNature, name: string): TelemetryBinding =>
    bind(unit, nature, { state: name });
  switch (resource.is) {
    case 'run': {
      const of = { resourceType: 'cloud_run_revision', resource: { service_name: resource.service, location } };
      const pick = (type: string, align: string, reduce: string, labels: JsonObject = {}): JsonObject => ({
        ...{ type: `run.googleapis.com/${type}`, ...of, align, reduce, labels },
      });
      const requests = (labels?: JsonObject): JsonObject => pick('request_count', 'ALIGN_RATE', 'REDUCE_SUM', labels);
      const spread = (type: string): JsonObject => pick(type, 'ALIGN_DELTA', 'REDUCE_PERCENTILE_95');
      return {
        rollout_failing: state('1', 'state', 'rollout_failing'),
        errors: bind('ratio', 'ratio', { ratio: { of: requests({ response_code_class: '5xx' }), to: requests() } }),
        traffic: bind('1/s', 'rate', { metric: requests() }),
        latency: bind('ms', 'latency', { metric: spread('request_latencies') }),
        cpu: bind('ratio', 'gauge', { metric: spread('container/cpu/utilizations') }),
        memory: bind('ratio', 'gauge', { metric: spread('container/memory/utilizations') }),
        instances: bind('1', 'gauge', { metric: pick('container/instance_count', 'ALIGN_MAX', 'REDUCE_SUM') }),
      };
    }
    case 'instance-group':
      return {
        availability: state('ratio', 'ratio', 'availability'),
        size: state('1', 'gauge', 'size'),
        unhealthy_instances: state('1', 'gauge', 'unhealthy'),
      };
    case 'instance': {
      const metric = {
        ...{ type: 'compute.googleapis.com/instance/cpu/utilization', resourceType: 'gce_instance' },
        ...{ resource: { zone: location }, labels: { instance_name: resource.name } },
      };
      return { cpu: bind('ratio', 'gauge', { metric }) };
    }
    case 'sql': {
      const metric = (name: string): JsonObject => ({
        ...{ type: `cloudsql.googleapis.com/database/${name}`, resourceType: 'cloudsql_database' },
        resource: { database_id: `${project}:${resource.instance}` },
      });
      return {
        availability: bind('ratio', 'ratio', { metric: metric('up') }),
        cpu: bind('ratio', 'gauge', { metric: metric('cpu/utilization') }),
        memory: bind('ratio', 'gauge', { metric: metric('memory/utilization') }),
        disk: bind('ratio', 'gauge', { metric: metric('disk/utilization') }),
      };
    }
    case 'deploy':
      return {};
  }
}

/** The filter of a Cloud Run service's own log. */
export function runLogFilter(service: string, location: string): string {
  return `resource.type="cloud_run_revision" AND resource.labels.service_name="${service}" AND resource.labels.location="${location}"`;
}
