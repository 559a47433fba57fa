import type { Alert, Incident } from '../domain/alert.ts';
import type { Graph } from './grouping.ts';
import type { IncidentSettings } from './settings.ts';

/**
 * Whether so many services fell ill at nearly the same time that telling them apart would help nobody. An open storm
 * stays one until it resolves, so that it is not cut up while it ebbs away.
 */
export function isStorm(
  firing: readonly Alert[],
  open: readonly Incident[],
  graph: Graph,
  asOfMs: number,
  settings: IncidentSettings,
): boolean {
  if (open.some((incident) => incident.storm)) return true;
  const recent = firing.filter((alert) => asOfMs - (alert.firingAtMs ?? alert.startsAtMs) <= settings.stormWindowMs);
  const ill = new Set(recent.map((alert) => alert.service)).size;
  return ill >= settings.stormServices && ill >= settings.stormShare * graph.services.length;
}
