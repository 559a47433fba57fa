import type { Alert, Incident } from '../domain/alert.ts';
import type { Change } from '../domain/change.ts';
import { limits } from '../lib/limits.ts';
import { compareText } from '../lib/order.ts';
import type { Graph } from './scene.ts';

/** What to gather before diagnosing, in order of worth; the agent asks all at once and passes on what came in time. */
export interface EvidenceNeeds {
  /** The incident's services, their dependencies, the hosts, then their dependents. At most 60. */
  readonly services: readonly string[];
  /** Long enough before the onset to know what is usual. */
  readonly fromMs: number;
  readonly untilMs: number;
  readonly stepMs: number;
  readonly logsOf: readonly string[];
  readonly tracesOf: readonly string[];
  /** Changes further back than telemetry: a slow leak shows late. */
  readonly changesFromMs: number;
  readonly deadlineMs: number;
}

/** Says what `diagnose` would like to see: two hours before the onset, or back to the newest change if that is earlier. */
export function evidenceNeeds(
  incident: Incident,
  alerts: readonly Alert[],
  catalog: Graph,
  recentChanges: readonly Change[],
  asOfMs: number,
): EvidenceNeeds {
  const held = new Set(incident.alerts);
  const began = Math.min(
    incident.openedAtMs,
    ...alerts
      .filter((alert) => held.has(alert.fingerprint))
      .map((alert) => Math.min(alert.startsAtMs, alert.finding.sinceMs)),
  );
  const ordered: string[] = [incident.service, ...incident.services];
  let level: readonly string[] = [incident.service];
  for (let hop = 0; hop < 4 && level.length > 0; hop++) {
    level = [...new Set(level.flatMap((name) => catalog.dependenciesOf(name)))]
      .filter((name) => !ordered.includes(name))
      .sort(compareText);
    ordered.push(...level);
  }
  const near = [...new Set(ordered)];
  const hosts = catalog.services.filter(({ labels }) => labels['kind'] === 'host').map(({ name }) => name);
  const services = [...new Set([...near, ...hosts, ...catalog.dependentsOf(incident.service)])].slice(0, 60);
  const touched = recentChanges.filter(
    (change) => services.includes(change.service) && change.atMs < began && change.atMs > began - 2 * 3_600_000,
  );
  const earliest = Math.min(began, ...touched.map((change) => change.atMs));
  const fromMs = Math.max(began - 4 * 3_600_000, earliest - 2 * 3_600_000);
  const wanted = Math.ceil((asOfMs - fromMs) / limits.windowSamplesPerSeries / 15_000) * 15_000;
  return {
    ...{ services, fromMs, untilMs: asOfMs, stepMs: Math.max(15_000, wanted) },
    ...{ logsOf: near.slice(0, 20), tracesOf: near.slice(0, 5) },
    changesFromMs: asOfMs - 24 * 3_600_000,
    deadlineMs: limits.diagnosisDeadlineMs,
  };
}
