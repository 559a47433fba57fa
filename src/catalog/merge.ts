import type { Service } from '../domain/service.ts';

/**
 * What a person wrote wins over what was discovered, member by member: a declared service keeps the discovered places,
 * signals and labels that it does not mention itself.
 */
export function mergeService(declared: Service, discovered: Service): Service {
  return {
    ...declared,
    labels: { ...discovered.labels, ...declared.labels },
    runsOn: declared.runsOn.length > 0 ? declared.runsOn : discovered.runsOn,
    telemetry: { ...discovered.telemetry, ...declared.telemetry },
    ...recordsOf(declared.logs ?? discovered.logs, 'logs'),
    ...recordsOf(declared.traces ?? discovered.traces, 'traces'),
    slos: declared.slos.length > 0 ? declared.slos : discovered.slos,
  };
}

function recordsOf(bindings: Service['logs'], key: 'logs' | 'traces'): Pick<Service, 'logs' | 'traces'> {
  return bindings === undefined ? {} : { [key]: bindings };
}
