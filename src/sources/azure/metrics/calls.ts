import type { MetricPick, MetricQuery } from '../schema.ts';

/** A query with its resource and namespace settled. */
export type PlacedQuery = MetricQuery & { readonly resource: string; readonly namespace: string };

/** getBatch takes so many resources of one type, region and subscription (REST reference, Metrics Batch). */
export const resourcesPerCall = 50;
/** What is asked for as `top`: it is ten unless one says so, and what is beyond is left out without a word. */
export const seriesPerResource = 1_000;
const metricsPerCall = 20;

/** One getBatch: all these metrics of all these resources. */
export interface MetricsCall {
  readonly namespace: string;
  readonly names: readonly string[];
  readonly aggregations: readonly string[];
  readonly filter: string;
  readonly resources: readonly string[];
}

/** The metrics of a query: one, or those of a ratio, the failed first. */
export function picksOf(query: PlacedQuery): readonly MetricPick[] {
  if ('metric' in query) return [query.metric];
  return 'rate' in query ? [query.rate] : [query.ratio.bad, query.ratio.all];
}

/** A pick's dimensions as Azure filters: `statusCodeCategory eq '5xx'`. A quote in a value is written twice. */
export function filterOf({ where }: MetricPick): string {
  return Object.entries(where)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => {
      const values = typeof value === 'string' ? [value] : value;
      const either = values.map((one) => `${name} eq '${one.replaceAll("'", "''")}'`).join(' or ');
      return values.length > 1 ? `(${either})` : either;
    })
    .join(' and ');
}

/** Few calls for many signals: resources of which the same metrics are wanted are asked for together. */
export function callsOf(queries: readonly PlacedQuery[]): readonly MetricsCall[] {
  const wanted = new Map<string, { readonly of: PlacedQuery; readonly filter: string; readonly picks: MetricPick[] }>();
  for (const query of queries)
    for (const pick of picksOf(query)) {
      const filter = filterOf(pick);
      const key = `${query.resource.toLowerCase()}\n${filter}`;
      const known = wanted.get(key);
      if (known === undefined) wanted.set(key, { of: query, filter, picks: [pick] });
      else known.picks.push(pick);
    }
  const groups = new Map<string, MetricsCall & { readonly resources: string[] }>();
  for (const { of, filter, picks } of wanted.values())
    for (const names of chunks([...new Set(picks.map(({ name }) => name))].sort(), metricsPerCall)) {
      const own = picks.filter(({ name }) => names.includes(name));
      const aggregations = [...new Set(own.map(({ aggregation }) => aggregation))].sort();
      const key = [names.join('\n'), aggregations.join(','), filter].join('\n\n');
      const known = groups.get(key);
      if (known === undefined)
        groups.set(key, { namespace: of.namespace, names, aggregations, filter, resources: [of.resource] });
      else known.resources.push(of.resource);
    }
  return [...groups.values()].flatMap((group) =>
    chunks(group.resources, resourcesPerCall).map((resources) => ({ ...group, resources })),
  );
}

function chunks<T>(all: readonly T[], size: number): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(all.length / size) }, (_, at) => all.slice(at * size, (at + 1) * size));
}
