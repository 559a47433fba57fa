import * as z from 'zod';

import type { AzureReader } from '../../../domain/ports/azure.ts';
import type { Batch, SignalAnswer } from '../../../io/clients/cloud/sweep.ts';
import { prices } from '../../../io/clients/azure/cost.ts';
import { faultOfError, type ReadFault } from '../../../io/clients/http-reader.ts';
import { oneLine } from '../../../lib/text.ts';
import type { AzureConfig, MetricPick } from '../schema.ts';
import { nameOfSubscription, type Corner } from '../watched.ts';
import {
  callsOf,
  filterOf,
  picksOf,
  resourcesPerCall,
  seriesPerResource,
  type MetricsCall,
  type PlacedQuery,
} from './calls.ts';

type CornerBatch = Batch<PlacedQuery, Corner>;

const answer = z.object({
  values: z
    .array(
      z.object({
        resourceid: z.string(),
        value: z
          .array(
            z.object({
              name: z.object({ value: z.string() }),
              errorCode: z.string().nullish(),
              errorMessage: z.string().nullish(),
              timeseries: z
                .array(
                  z.object({
                    data: z
                      .array(
                        z.object({
                          timeStamp: z.string(),
                          average: z.number().nullish(),
                          total: z.number().nullish(),
                          minimum: z.number().nullish(),
                          maximum: z.number().nullish(),
                          count: z.number().nullish(),
                        }),
                      )
                      .default([]),
                  }),
                )
                .default([]),
            }),
          )
          .default([]),
      }),
    )
    .default([]),
});
type Metric = z.infer<typeof answer>['values'][number]['value'][number];

/** What a batch costs, in dollars, without what is free. */
export function batchCost({ queries }: Pick<CornerBatch, 'queries'>): number {
  const reads = callsOf(queries).reduce((sum, { resources, names }) => sum + resources.length * names.length, 0);
  return reads * prices.metricRead;
}

/**
 * Asks for a batch: as few calls as fifty resources each allow. Every resource, and every metric of it, has an answer of
 * its own: what is refused, missing or cut off is a fault of those signals that need it, and of no others.
 */
export async function askBatch(
  config: Pick<AzureConfig, 'subscriptions'>,
  reader: AzureReader,
  batch: CornerBatch,
  signal: AbortSignal,
): Promise<readonly SignalAnswer[]> {
  const known = new Map<string, Metric>();
  const faults = new Map<string, ReadFault>();
  await Promise.all(
    callsOf(batch.queries).map(async (call) => {
      try {
        for (const [key, metric] of await askOnce(config, reader, batch, call, signal)) known.set(key, metric);
      } catch (thrown) {
        for (const resource of call.resources)
          for (const name of call.names) faults.set(keyOf(resource, name, call.filter), faultOfError(thrown));
      }
    }),
  );
  return batch.queries.map((query) => {
    const picks = picksOf(query).map((pick) => {
      const key = keyOf(query.resource, pick.name, filterOf(pick));
      const metric = known.get(key);
      return metric === undefined ? { fault: faults.get(key) ?? absent } : valuesOf(metric, pick, query.period);
    });
    return combined(query, picks);
  });
}

const absent: ReadFault = { reason: 'missing', message: 'Azure Monitor did not answer for this resource and metric' };

async function askOnce(
  config: Pick<AzureConfig, 'subscriptions'>,
  reader: AzureReader,
  { where, queries, fromMs, untilMs }: CornerBatch,
  { namespace, names, aggregations, filter, resources }: MetricsCall,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Metric>> {
  const { id = '' } =
    config.subscriptions.find(({ name }) => name === where.subscription) ?? config.subscriptions[0] ?? {};
  const query = {
    ...{ metricnamespace: namespace, metricnames: names.join(','), aggregation: aggregations.join(',').toLowerCase() },
    ...{ starttime: new Date(fromMs).toISOString(), endtime: new Date(untilMs).toISOString() },
    ...{ interval: `PT${(queries[0]?.period ?? 60_000) / 60_000}M`, top: String(seriesPerResource) },
    ...(filter === '' ? {} : { filter }),
  };
  const body = { resourceids: resources.map((resource) => `/subscriptions/${id}${resource}`) };
  const call = { operation: 'metrics.batch', ...nameOfSubscription(id, config), region: where.region } as const;
  const parsed = answer.parse(await reader.ask({ ...call, query, body }, signal));
  const found = new Map<string, Metric>();
  for (const { resourceid, value } of parsed.values.slice(0, resourcesPerCall))
    for (const metric of value) {
      const resource = resourceid.replace(/^\/subscriptions\/[^/]+/i, '');
      found.set(keyOf(resource, metric.name.value, filter), metric);
    }
  return found;
}

function keyOf(resource: string, name: string, filter: string): string {
  return `${resource.toLowerCase()}\n${name.toLowerCase()}\n${filter}`;
}

interface Values {
  readonly at: ReadonlyMap<number, number>;
  readonly fault?: ReadFault;
}

// Several series are those of several values of a dimension: sums and extremes of them are known, averages are not.
function valuesOf(metric: Metric, { aggregation }: MetricPick, period: number): Values | { readonly fault: ReadFault } {
  const { errorCode, errorMessage, timeseries } = metric;
  if (errorCode && errorCode !== 'Success') {
    const message = `Azure Monitor says ${oneLine(`${errorCode}: ${errorMessage ?? ''}`, 200)}`;
    return { fault: { reason: /Forbidden|Authorization/.test(errorCode) ? 'unauthorized' : 'partial', message } };
  }
  if (timeseries.length > 1 && aggregation === 'Average')
    return { fault: { reason: 'unsupported', message: 'an average of several values of a dimension is not known' } };
  const key = aggregation.toLowerCase() as 'average' | 'total' | 'minimum' | 'maximum' | 'count';
  const at = new Map<number, number>();
  for (const { data } of timeseries)
    for (const point of data) {
      const value = point[key];
      const tMs = Date.parse(point.timeStamp) + period;
      if (typeof value !== 'number' || !Number.isFinite(value) || !Number.isFinite(tMs)) continue;
      const before = at.get(tMs);
      at.set(tMs, before === undefined ? value : together(aggregation, before, value));
    }
  if (timeseries.length < seriesPerResource) return { at };
  const message = `Azure Monitor has more than ${seriesPerResource} series of this: what is beyond was not read`;
  return { at, fault: { reason: 'partial', message } };
}

function together(aggregation: MetricPick['aggregation'], a: number, b: number): number {
  if (aggregation === 'Maximum') return Math.max(a, b);
  return aggregation === 'Minimum' ? Math.min(a, b) : a + b;
}

function combined(query: PlacedQuery, picks: readonly (Values | { readonly fault: ReadFault })[]): SignalAnswer {
  const [first, second] = picks;
  const fault = picks.find((one) => one.fault !== undefined)?.fault;
  // What is cut off is not the whole: a sum of a part of it would be told for that of all.
  if (fault !== undefined || first === undefined || !('at' in first)) return { samples: [], fault: fault ?? absent };
  const samples = (at: ReadonlyMap<number, number>, value: (v: number, tMs: number) => number): SignalAnswer => ({
    samples: [...at].map(([tMs, v]) => ({ tMs, v: value(v, tMs) })).sort((a, b) => a.tMs - b.tMs),
  });
  if ('metric' in query) return samples(first.at, (v) => v);
  if ('rate' in query) return samples(first.at, (v) => v / (query.period / 1_000));
  const all = second !== undefined && 'at' in second ? second.at : new Map<number, number>();
  // Where nothing was asked there is no ratio; where nothing failed Azure has no datapoint of failures.
  const asked = new Map([...all].filter(([, v]) => v > 0));
  return samples(asked, (v, tMs) => (first.at.get(tMs) ?? 0) / v);
}
