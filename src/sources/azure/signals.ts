import { azureResourcePath, type AzurePlace } from '../../domain/places.ts';
import type { TelemetryBinding } from '../../domain/service.ts';
import type { SeriesNature } from '../../domain/telemetry.ts';
import type { Json } from '../../lib/json.ts';
import { named } from './watched.ts';

type JsonObject = Readonly<Record<string, Json>>;

/** The signals of a discovered resource: names that the shipped detectors know, units, and where Azure keeps them. */
export function signalsOf(source: string, place: AzurePlace): Readonly<Record<string, TelemetryBinding>> {
  const where: JsonObject = { region: place.region, ...named(place.subscription), resource: azureResourcePath(place) };
  const bind = (unit: string, nature: SeriesNature, query: JsonObject): TelemetryBinding => ({
    ...{ source, unit, nature, query },
  });
  const state = (unit: string, nature: SeriesNature, name: string): TelemetryBinding =>
    bind(unit, nature, { state: name });
  const metric = (unit: string, name: string, aggregation = 'Average', nature: SeriesNature = 'gauge') =>
    bind(unit, nature, { ...where, metric: { name, aggregation } });
  const availability = state('ratio', 'ratio', 'availability');
  switch (place.resource.is) {
    case 'container-app': {
      const bad = { name: 'Requests', where: { statusCodeCategory: '5xx' } };
      return {
        availability,
        rollout_failing: state('1', 'state', 'rollout_failing'),
        replicas: state('1', 'gauge', 'replicas'),
        errors: bind('ratio', 'ratio', { ...where, ratio: { bad, all: { name: 'Requests' } } }),
        traffic: bind('1/s', 'rate', { ...where, rate: { name: 'Requests' } }),
        latency: metric('ms', 'ResponseTime', 'Average', 'latency'),
        cpu: metric('%', 'CpuPercentage'),
        memory: metric('%', 'MemoryPercentage'),
        restarts: metric('1', 'RestartCount', 'Maximum'),
      };
    }
    case 'web-app':
      return {
        availability,
        errors: bind('ratio', 'ratio', { ...where, ratio: { bad: { name: 'Http5xx' }, all: { name: 'Requests' } } }),
        traffic: bind('1/s', 'rate', { ...where, rate: { name: 'Requests' } }),
        latency: metric('s', 'HttpResponseTime', 'Average', 'latency'),
        health: metric('%', 'HealthCheckStatus'),
      };
    case 'scale-set':
      return { availability, replicas: state('1', 'gauge', 'replicas'), cpu: metric('%', 'Percentage CPU') };
    case 'virtual-machine':
      return { availability, vm_available: metric('1', 'VmAvailabilityMetric'), cpu: metric('%', 'Percentage CPU') };
    case 'failover-group':
      return {};
  }
}
