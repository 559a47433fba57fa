import type { Alert, Finding } from '../../src/domain/alert.ts';
import type { DetectorDefinition } from '../../src/domain/definitions.ts';
import type { Graph } from '../../src/incidents/index.ts';
import { fingerprintOf } from '../../src/incidents/index.ts';

export const minute = 60_000;

export const definition = (more: Partial<DetectorDefinition> = {}): DetectorDefinition => ({
  name: 'error-regression',
  services: {},
  on: 'errors',
  kind: 'threshold',
  params: {},
  afterChange: { expect: 'none' },
  changesOf: ['self'],
  holdMs: minute,
  clearMs: 5 * minute,
  severity: 'warning',
  mode: 'active',
  digest: 'd',
  ...more,
});

export const finding = (more: Partial<Finding> = {}): Finding => ({
  detector: 'error-regression',
  kind: 'threshold',
  service: 'checkout',
  signal: 'errors',
  labels: {},
  state: 'bad',
  atMs: 0,
  sinceMs: 0,
  severity: 'warning',
  reason: 'errors are at 12% where 1% is usual',
  numbers: {},
  confidence: 0.9,
  ...more,
});

export const alert = (more: Partial<Alert> = {}): Alert => {
  const made = finding({
    ...(more.service !== undefined && { service: more.service }),
    ...(more.labels && { labels: more.labels }),
  });
  return {
    fingerprint: fingerprintOf({
      detector: made.detector,
      service: made.service,
      signal: made.signal,
      labels: made.labels,
    }),
    detector: made.detector,
    kind: made.kind,
    service: made.service,
    signal: made.signal,
    labels: made.labels,
    severity: 'warning',
    mode: 'active',
    status: 'firing',
    startsAtMs: 0,
    firingAtMs: 0,
    lastSeenMs: 0,
    flaps: [],
    finding: made,
    badForMs: 0,
    goodForMs: 0,
    silentForMs: 0,
    because: made.reason,
    ...more,
  };
};

/** A graph from `{web: ['cart']}`; every name mentioned is a service. */
export const graphOf = (edges: Readonly<Record<string, readonly string[]>>, more: readonly string[] = []): Graph => ({
  services: [...new Set([...Object.keys(edges), ...Object.values(edges).flat(), ...more])].map((name) => ({ name })),
  allDependenciesOf: (start, hops = 99) => {
    const seen = new Map<string, number>();
    let level = [start];
    for (let at = 1; at <= hops && level.length > 0; at++) {
      level = level.flatMap((name) => edges[name] ?? []).filter((name) => !seen.has(name) && name !== start);
      for (const name of level) seen.set(name, at);
    }
    return [...seen].map(([name, at]) => ({ name, hops: at }));
  },
});
