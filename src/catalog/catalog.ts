import type { Service } from '../domain/service.ts';
import type { Issue, Parsed } from '../lib/issues.ts';
import type { Selector } from '../lib/selector.ts';
import { selects } from '../lib/selector.ts';
import { nearest } from '../lib/suggest.ts';
import { cycleThrough, reach, reverse } from './graph.ts';
import type { Edges, Reached } from './graph.ts';
import { mergeService } from './merge.ts';
import { underDeclaredNames } from './same-place.ts';

/** The watched services and how they hang together. Immutable; a reload builds another. All lists are sorted by name. */
export interface Catalog {
  readonly services: readonly Service[];
  get(name: string): Service | undefined;
  /** What it calls or needs, directly. */
  dependenciesOf(name: string): readonly string[];
  /** What needs it, directly. */
  dependentsOf(name: string): readonly string[];
  /** All it needs within `hops` (default: all the way), nearest first, with the distance. */
  allDependenciesOf(name: string, hops?: number): readonly Reached[];
  /** All that needs it within `hops`, nearest first, with the distance. */
  allDependentsOf(name: string, hops?: number): readonly Reached[];
  /** Direct dependencies and dependents. */
  neighbours(name: string): readonly string[];
  selected(selector: Selector): readonly Service[];
  /** Discovered dependencies that were left out, and why; shown by `doctor`. */
  readonly ignored: readonly { readonly service: string; readonly dependency: string; readonly because: string }[];
}

/**
 * Makes the catalog. A declared service is merged over the discovered one of its name or of its Kubernetes workload. A declared dependency that does
 * not exist, and a declared cycle, are issues; the same found by discovery is left out and listed in `ignored`, because
 * nobody wrote it and the watch must go on. The first part of each issue's path is the service's name.
 */
export function buildCatalog(services: readonly Service[]): Parsed<Catalog> {
  const byName = new Map<string, Service>();
  const issues: Issue[] = [];
  const ordered = [...underDeclaredNames(services)].sort(
    (a, b) => Number(a.origin === 'discovered') - Number(b.origin === 'discovered'),
  );
  const discoveredEdges: [string, string][] = [];
  for (const service of ordered) {
    const known = byName.get(service.name);
    if (service.origin === 'discovered')
      for (const dependency of service.dependsOn) discoveredEdges.push([service.name, dependency]);
    if (known === undefined) byName.set(service.name, service);
    else if (service.origin === 'discovered') byName.set(service.name, mergeService(known, service));
    else
      issues.push({
        path: [service.name, 'metadata', 'name'],
        message: `there are two services named ${service.name}`,
      });
  }
  const edges = new Map<string, string[]>([...byName.keys()].sort().map((name) => [name, []]));
  for (const service of byName.values()) if (service.origin === 'declared') issues.push(...declare(service, edges));
  issues.push(...cycleIssues(edges, byName));
  if (issues.length > 0) return { ok: false, issues };
  const ignored = discover(discoveredEdges.sort(comparePairs), edges);
  for (const list of edges.values()) list.sort();
  const merged = [...byName.values()].map((service) => ({ ...service, dependsOn: edges.get(service.name) ?? [] }));
  return {
    ok: true,
    value: catalogOf(
      merged.sort((a, b) => compare(a.name, b.name)),
      edges,
      ignored,
    ),
  };
}

/** A catalog of nothing: what the daemon starts with. */
export const emptyCatalog: Catalog = catalogOf([], new Map(), []);

function declare(service: Service, edges: Map<string, string[]>): readonly Issue[] {
  const issues: Issue[] = [];
  for (const [index, dependency] of service.dependsOn.entries()) {
    if (edges.has(dependency)) edges.get(service.name)?.push(dependency);
    else {
      const suggestion = nearest(dependency, edges.keys());
      const message = `${service.name} depends on ${dependency}, and there is no such service`;
      issues.push({ path: [service.name, 'spec', 'dependsOn', index], message, ...(suggestion && { suggestion }) });
    }
  }
  return issues;
}

function cycleIssues(edges: Edges, byName: ReadonlyMap<string, Service>): readonly Issue[] {
  const inCycle = new Set<string>();
  const issues: Issue[] = [];
  for (const name of edges.keys()) {
    if (inCycle.has(name)) continue;
    const cycle = cycleThrough(name, edges);
    if (cycle === undefined) continue;
    for (const member of cycle) inCycle.add(member);
    const index = byName.get(name)?.dependsOn.indexOf(cycle[1] ?? '') ?? -1;
    issues.push({
      path: [name, 'spec', 'dependsOn', ...(index >= 0 ? [index] : [])],
      message: `services depend on each other in a circle: ${cycle.join(' -> ')}`,
    });
  }
  return issues;
}

function discover(pairs: readonly (readonly [string, string])[], edges: Map<string, string[]>): Catalog['ignored'] {
  const ignored: { service: string; dependency: string; because: string }[] = [];
  for (const [service, dependency] of pairs) {
    const list = edges.get(service);
    if (list === undefined || list.includes(dependency)) continue;
    if (!edges.has(dependency)) ignored.push({ service, dependency, because: 'it is not watched' });
    else if (dependency === service || reach(dependency, edges).some((found) => found.name === service))
      ignored.push({ service, dependency, because: 'it would close a circle' });
    else list.push(dependency);
  }
  return ignored;
}

function catalogOf(services: readonly Service[], edges: Edges, ignored: Catalog['ignored']): Catalog {
  const byName = new Map(services.map((service) => [service.name, service]));
  const back = reverse(edges);
  return {
    services,
    ignored,
    get: (name) => byName.get(name),
    dependenciesOf: (name) => edges.get(name) ?? [],
    dependentsOf: (name) => back.get(name) ?? [],
    allDependenciesOf: (name, hops) => reach(name, edges, hops),
    allDependentsOf: (name, hops) => reach(name, back, hops),
    neighbours: (name) => [...new Set([...(edges.get(name) ?? []), ...(back.get(name) ?? [])])].sort(),
    selected: (selector) => services.filter((service) => selects(selector, service)),
  };
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

function comparePairs(a: readonly [string, string], b: readonly [string, string]): number {
  return compare(a[0], b[0]) || compare(a[1], b[1]);
}
