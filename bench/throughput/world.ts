import { parseDetector } from '../../src/detectors/index.ts';
import { detectorKinds } from '../../src/detectors/kinds.ts';
import type { DetectorDefinition } from '../../src/domain/definitions.ts';
import type { Service, TelemetryBinding } from '../../src/domain/service.ts';
import type { Json } from '../../src/lib/json.ts';

/** Series an instance exposes, and signals that are judged of it: five each. */
export const perInstance = 5;
/** Instances of a service. */
export const instancesPerService = 100;
/** Series an endpoint exposes: a large process, or a federating proxy. */
export const perTarget = 50_000;

/** One line of the exposition: its series without the value. */
export interface Line {
  readonly text: string;
  readonly kind: 'counter' | 'errors' | 'latency' | 'cpu' | 'memory';
}

const metrics = [
  ['counter', 'http_requests_total'],
  ['errors', 'http_request_errors_total'],
  ['latency', 'http_request_duration_p99_seconds'],
  ['cpu', 'process_cpu_cores'],
  ['memory', 'process_resident_memory_mebibytes'],
] as const;

/** The series from..until of a fleet, grouped by metric as exposition formats want it. */
export function linesOf(from: number, until: number): readonly Line[] {
  return metrics.flatMap(([kind, metric]) => {
    const lines: Line[] = [];
    for (let instance = from / perInstance; instance < until / perInstance; instance++) {
      const service = Math.floor(instance / instancesPerService);
      const host = `10.${instance >> 16}.${(instance >> 8) & 255}.${instance & 255}:8080`;
      lines.push({ kind, text: `${metric}{service="svc-${service}",namespace="shop",pod="${host}"} ` });
    }
    return lines;
  });
}

/** The services of a fleet of so many series, each signal bound to the scrape source and kept apart by instance. */
export function servicesOf(series: number): readonly Service[] {
  const count = Math.ceil(series / perInstance / instancesPerService);
  const owner = { team: 'bench', escalate: 'bench' };
  return Array.from({ length: count }, (_, index): Service => {
    const match = { service: `svc-${index}` };
    const bind = (query: Record<string, Json>, unit: string, nature: TelemetryBinding['nature']): TelemetryBinding => ({
      source: 'fleet',
      unit,
      nature,
      query: { ...query, match, by: ['pod'] },
    });
    return {
      name: `svc-${index}`,
      labels: {},
      owner,
      dependsOn: index === 0 ? [] : [`svc-${Math.floor(index / 2)}`],
      runsOn: [],
      slos: [],
      origin: 'declared',
      telemetry: {
        traffic: bind({ metric: 'http_requests_total' }, '1/s', 'rate'),
        errors: bind(
          { metric: 'http_request_errors_total', per: { metric: 'http_requests_total', match } },
          'ratio',
          'ratio',
        ),
        latency: bind({ metric: 'http_request_duration_p99_seconds' }, 's', 'latency'),
        cpu: bind({ metric: 'process_cpu_cores' }, '1', 'gauge'),
        memory: bind({ metric: 'process_resident_memory_mebibytes' }, 'MiBy', 'gauge'),
      },
    };
  });
}

/** What judges them: a limit on every series, regression on three signals, anomaly on every series where that kind exists. */
export function detectors(kinds: ReadonlySet<string>): readonly DetectorDefinition[] {
  const limits: Readonly<Record<string, Json>> = {
    traffic: 1e6,
    errors: 0.2,
    latency: 5,
    cpu: 64,
    memory: 1e6,
  };
  const made: DetectorDefinition[] = [];
  const add = (kind: string, on: string, params: Record<string, Json>): void => {
    if (!kinds.has(kind) || !detectorKinds.has(kind)) return;
    const parsed = parseDetector({
      apiVersion: 'watchkeeper.dev/v1alpha1',
      kind: 'Detector',
      metadata: { name: `${kind}-${on}`, labels: {} },
      spec: { on, kind, params, hold: '1m' },
    });
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.issues));
    made.push(parsed.value);
  };
  for (const [on, above] of Object.entries(limits)) add('threshold', on, { above: above ?? 0 });
  for (const on of ['errors', 'latency', 'memory']) add('regression', on, {});
  for (const on of Object.keys(limits)) add('anomaly', on, {});
  return made;
}
