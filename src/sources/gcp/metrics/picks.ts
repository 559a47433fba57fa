import type { GcpCall } from '../../../domain/ports/gcp.ts';
import type { MetricPick } from '../schema.ts';

/** A filter may name so many resources; what is longer is asked for in several calls. */
export const picksPerCall = 100;

// Of Compute's own metrics the name of an instance is a label of the metric: its resource has only a number.
const namesResource: ReadonlySet<string> = new Set(['instance_name']);

/** What tells a pick's series from those of the others of its call: fields of a series, and what they are. */
type Telling = Readonly<Record<string, string>>;

/** What picks must have in common to be asked for in one call. */
export function pickGroup(pick: MetricPick): string {
  const { type, resourceType = '', align, reduce } = pick;
  const pairs = sharedLabels(pick).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([type, resourceType, align, reduce, pairs, namesOf(pick)]);
}

/** The fields that picks of one group are told apart by, in order. */
export function namesOf(pick: MetricPick): readonly string[] {
  return Object.keys(tellingOf(pick)).sort();
}

/** Tells a pick from the others of its call. */
export function pickKey(pick: MetricPick): string {
  return keyOf(tellingOf(pick), namesOf(pick));
}

/** The same of a series, by the labels of its resource and of its metric. */
export function seriesKeyOf(resource: Telling, metric: Telling, names: readonly string[]): string {
  return keyOf(fields(Object.entries(resource), Object.entries(metric)), names);
}

function keyOf(telling: Telling, names: readonly string[]): string {
  return JSON.stringify(names.map((name) => telling[name] ?? ''));
}

function tellingOf({ resource, labels }: MetricPick): Telling {
  return fields(
    Object.entries(resource),
    Object.entries(labels).filter(([name]) => namesResource.has(name)),
  );
}

function fields(resource: readonly (readonly [string, string])[], metric: typeof resource): Telling {
  return Object.fromEntries([
    ...resource.map(([name, value]) => [`resource.labels.${name}`, value] as const),
    ...metric.map(([name, value]) => [`metric.labels.${name}`, value] as const),
  ]);
}

function sharedLabels({ labels }: MetricPick): [string, string][] {
  return Object.entries(labels).filter(([name]) => !namesResource.has(name));
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
    ...sharedLabels(first).map(([name, value]) => `metric.labels.${name}=${quoted(value)}`),
    ...names.map((name) => {
      const values = [...new Set(picks.map((pick) => quoted(tellingOf(pick)[name] ?? '')))].sort();
      return `${name}=${values.length === 1 ? values.join('') : `one_of(${values.join(',')})`}`;
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
      ...(names.length === 0 ? {} : { 'aggregation.groupByFields': names }),
      pageSize: 10_000,
    },
  };
}

// Monitoring's filters take strings as JSON has them.
function quoted(text: string): string {
  return JSON.stringify(text);
}
