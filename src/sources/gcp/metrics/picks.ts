import type { GcpCall } from '../../../domain/ports/gcp.ts';
import type { MetricPick } from '../schema.ts';

/** A filter may name so many resources; what is longer is asked for in several calls. */
export const picksPerCall = 100;

/** What picks must have in common to be asked for in one call. */
export function pickGroup(pick: MetricPick): string {
  const { type, resourceType = '', align, reduce, labels, resource } = pick;
  const pairs = Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([type, resourceType, align, reduce, pairs, Object.keys(resource).sort()]);
}

/** Tells a pick's series from those of the others of its call. */
export function pickKey(resource: Readonly<Record<string, string>>, names: readonly string[]): string {
  return JSON.stringify(names.map((name) => resource[name] ?? ''));
}

/** The names of the resource labels that picks of one group are told apart by. */
export function namesOf({ resource }: MetricPick): readonly string[] {
  return Object.keys(resource).sort();
}

/** One call for picks of one group: aligned and reduced by Google to one series for each. */
export function callFor(
  picks: readonly [MetricPick, ...MetricPick[]],
  project: string,
  { fromMs, untilMs, period }: { readonly fromMs: number; readonly untilMs: number; readonly period: number },
): GcpCall {
  const [first] = picks;
  const names = namesOf(first);
  const parts = [
    `metric.type=${quoted(first.type)}`,
    ...(first.resourceType === undefined ? [] : [`resource.type=${quoted(first.resourceType)}`]),
    ...Object.entries(first.labels).map(([name, value]) => `metric.labels.${name}=${quoted(value)}`),
    ...names.map((name) => {
      const values = [...new Set(picks.map(({ resource }) => quoted(resource[name] ?? '')))].sort();
      return `resource.labels.${name}=${values.length === 1 ? values.join('') : `one_of(${values.join(',')})`}`;
    }),
  ];
  return {
    ...{ service: 'monitoring', method: 'timeSeries.list', project },
    params: {
      name: `projects/${project}`,
      filter: parts.join(' AND '),
      'interval.startTime': new Date(fromMs).toISOString(),
      // Periods are counted back from the end.
      'interval.endTime': new Date(Math.floor(untilMs / period) * period).toISOString(),
      'aggregation.alignmentPeriod': `${period / 1_000}s`,
      'aggregation.perSeriesAligner': first.align,
      'aggregation.crossSeriesReducer': first.reduce,
      ...(names.length === 0 ? {} : { 'aggregation.groupByFields': names.map((name) => `resource.labels.${name}`) }),
      pageSize: 10_000,
    },
  };
}

// Monitoring's filters take strings as JSON has them.
function quoted(text: string): string {
  return JSON.stringify(text);
}
