import type { Alert, Incident } from '../domain/alert.ts';
import { compareText } from '../lib/order.ts';

/** The part of the catalog that grouping needs. */
export interface Graph {
  readonly services: readonly { readonly name: string }[];
  allDependenciesOf(name: string, hops?: number): readonly { readonly name: string; readonly hops: number }[];
}

/** Open incidents and firing alerts that belong together. */
export interface Group {
  readonly incidents: readonly Incident[];
  readonly alerts: readonly Alert[];
}

/**
 * Puts together what belongs together: alerts of one service, of a service and what it depends on within `hops`, and
 * the open incidents that already hold such services. Two services that merely share a healthy dependency stay apart.
 * Alerts must be firing and not yet in an incident. The order of the inputs does not matter.
 */
export function groupsOf(
  incidents: readonly Incident[],
  alerts: readonly Alert[],
  graph: Graph,
  hops: number,
  all: boolean,
): readonly Group[] {
  const services = new Set([
    ...incidents.flatMap((incident) => incident.services),
    ...alerts.map((alert) => alert.service),
  ]);
  const parent = new Map<string, string>([...services].map((service) => [service, service]));
  for (const service of services)
    for (const dependency of graph.allDependenciesOf(service, hops))
      if (services.has(dependency.name)) join(parent, service, dependency.name);
  for (const incident of incidents) for (const service of incident.services) join(parent, incident.service, service);
  const [first] = services;
  if (all && first !== undefined) for (const service of services) join(parent, first, service);
  const groups = new Map<string, { incidents: Incident[]; alerts: Alert[] }>();
  const groupOf = (service: string): { incidents: Incident[]; alerts: Alert[] } => {
    const root = find(parent, service);
    const group = groups.get(root) ?? { incidents: [], alerts: [] };
    groups.set(root, group);
    return group;
  };
  for (const incident of incidents) groupOf(incident.service).incidents.push(incident);
  for (const alert of alerts) groupOf(alert.service).alerts.push(alert);
  return [...groups.values()]
    .map((group) => ({
      incidents: group.incidents.sort((a, b) => a.openedAtMs - b.openedAtMs || compareText(a.id, b.id)),
      alerts: group.alerts.sort((a, b) => a.startsAtMs - b.startsAtMs || compareText(a.fingerprint, b.fingerprint)),
    }))
    .sort((a, b) => compareText(nameOf(a), nameOf(b)));
}

function nameOf(group: Group): string {
  return group.incidents[0]?.id ?? group.alerts[0]?.fingerprint ?? '';
}

function find(parent: Map<string, string>, name: string): string {
  let at = name;
  for (let up = parent.get(at); up !== undefined && up !== at; up = parent.get(at)) {
    parent.set(at, parent.get(up) ?? up);
    at = up;
  }
  if (!parent.has(at)) parent.set(at, at);
  return at;
}

function join(parent: Map<string, string>, a: string, b: string): void {
  const [low, high] = [find(parent, a), find(parent, b)].sort();
  if (low !== undefined && high !== undefined) parent.set(high, low);
}

/**
 * Where it started: of the services alight, one that depends on no other that is alight; the earliest of them, then
 * the one that most of the others need, then by name.
 */
export function rootOf(alight: readonly Alert[], graph: Graph): string | undefined {
  const since = new Map<string, number>();
  for (const alert of alight)
    since.set(alert.service, Math.min(alert.startsAtMs, since.get(alert.service) ?? alert.startsAtMs));
  const needs = new Map<string, readonly string[]>();
  const neededBy = new Map<string, number>();
  for (const service of since.keys()) {
    const lit = graph.allDependenciesOf(service).filter((dependency) => since.has(dependency.name));
    needs.set(
      service,
      lit.map((dependency) => dependency.name),
    );
    for (const dependency of lit) neededBy.set(dependency.name, (neededBy.get(dependency.name) ?? 0) + 1);
  }
  const deepest = [...since.keys()].filter((service) => (needs.get(service) ?? []).length === 0);
  return deepest.sort(
    (a, b) =>
      (since.get(a) ?? 0) - (since.get(b) ?? 0) || (neededBy.get(b) ?? 0) - (neededBy.get(a) ?? 0) || compareText(a, b),
  )[0];
}
