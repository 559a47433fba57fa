import * as z from 'zod';

import type { GcpReader } from '../../../domain/ports/gcp.ts';
import type { Sample } from '../../../domain/telemetry.ts';
import type { Batch, MetricsService, SignalAnswer } from '../../../io/clients/cloud/sweep.ts';
import { seriesPrice } from '../../../io/clients/gcp/index.ts';
import { faultOfError, type ReadFault } from '../../../io/clients/http-reader.ts';
import { limits } from '../../../lib/limits.ts';
import { pagesOf } from '../pages.ts';
import { typedQuery, type GcpConfig, type MetricPick, type SeriesQuery } from '../schema.ts';
import { projectFor, type Watched } from '../watched.ts';
import { callFor, namesOf, pickGroup, pickKey, picksPerCall, seriesKeyOf } from './picks.ts';

/** Cloud Monitoring as a metrics service, for the places of one look. `W` is a project's id. */
export function cloudMonitoring(
  { projects }: Pick<GcpConfig, 'projects'>,
  reader: GcpReader,
  watched: readonly Watched[],
): MetricsService<SeriesQuery, string> {
  return {
    name: 'Cloud Monitoring',
    check: 'metric type, labels and project',
    locate: ({ binding, service }) => {
      const parsed = typedQuery.parse(binding.query);
      if (!parsed.ok) return { unreadable: 'the query is not readable' };
      // What a resource says of itself costs nothing and is read elsewhere.
      if ('state' in parsed.value) return undefined;
      const home = watched.find((one) => one.service === service)?.project;
      const where = projectFor(parsed.value.project ?? home, projects);
      if (where !== undefined) return { query: parsed.value, where };
      return { unreadable: 'neither the signal nor its service says in which project of this source it is' };
    },
    group: (query, project) => `${project} ${query.period} ${picksOf(query).map(pickGroup).join(' ')}`,
    weigh: () => 1,
    perCall: picksPerCall,
    cost: ({ queries }) => queries.flatMap(picksOf).length * seriesPrice,
    ask: (batch, signal) => askBatch(reader, batch, signal),
  };
}

function picksOf(query: SeriesQuery): readonly MetricPick[] {
  return 'metric' in query ? [query.metric] : [query.ratio.of, query.ratio.to];
}

/** The points of one pick, by the end of their period, and what the list lacks. */
interface Points {
  readonly of: ReadonlyMap<string, ReadonlyMap<number, number>>;
  readonly fault?: ReadFault;
}

async function askBatch(
  reader: GcpReader,
  { where, queries, fromMs, untilMs }: Batch<SeriesQuery, string>,
  signal: AbortSignal,
): Promise<readonly SignalAnswer[]> {
  const [first] = queries;
  if (first === undefined) return [];
  const stretch = { fromMs, untilMs, period: first.period };
  const all = await Promise.all(
    picksOf(first).map(async (pick, index): Promise<Points> => {
      const [head = pick, ...rest] = queries.flatMap((query) => picksOf(query)[index] ?? []);
      return pointsOf(reader, [head, ...rest], where, stretch, signal);
    }),
  );
  return queries.map((query) => {
    const [own, whole] = picksOf(query).map((pick, index) => all[index]?.of.get(pickKey(pick)));
    const values = 'metric' in query ? own : ratioOf(own, whole);
    const samples = [...(values ?? [])].map(([tMs, v]): Sample => ({ tMs, v })).sort((a, b) => a.tMs - b.tMs);
    const fault = all.find((one) => one.fault !== undefined)?.fault;
    return { samples, ...(fault === undefined ? {} : { fault }) };
  });
}

// Where there is a whole, a part that was not sent is none: errors are only counted when there are any.
function ratioOf(
  own: ReadonlyMap<number, number> | undefined,
  whole: ReadonlyMap<number, number> | undefined,
): ReadonlyMap<number, number> {
  return new Map(
    [...(whole ?? [])].flatMap(([tMs, all]) => (all > 0 ? [[tMs, (own?.get(tMs) ?? 0) / all] as const] : [])),
  );
}

const page = z.object({
  timeSeries: z
    .array(
      z.object({
        metric: z.object({ labels: z.record(z.string(), z.string()).default({}) }).nullish(),
        resource: z.object({ labels: z.record(z.string(), z.string()).default({}) }).nullish(),
        points: z
          .array(
            z.object({
              interval: z.object({ endTime: z.string() }),
              value: z.object({
                doubleValue: z.number().nullish(),
                int64Value: z.union([z.string(), z.number()]).nullish(),
                boolValue: z.boolean().nullish(),
              }),
            }),
          )
          .default([]),
      }),
    )
    .default([]),
  executionErrors: z.array(z.object({ message: z.string().default('') })).default([]),
});

async function pointsOf(
  reader: GcpReader,
  picks: readonly [MetricPick, ...MetricPick[]],
  project: string,
  stretch: { readonly fromMs: number; readonly untilMs: number; readonly period: number },
  signal: AbortSignal,
): Promise<Points> {
  const found = new Map<string, Map<number, number>>();
  try {
    const names = namesOf(picks[0]);
    const { pages, more } = await pagesOf(reader, callFor(picks, project, stretch), signal);
    const parsed = pages.map((one) => page.parse(one));
    for (const { metric, resource, points } of parsed.flatMap(({ timeSeries }) => timeSeries)) {
      const key = seriesKeyOf(resource?.labels ?? {}, metric?.labels ?? {}, names);
      const values = found.get(key) ?? new Map<number, number>();
      found.set(key, values);
      for (const { interval, value } of points) {
        const v = value.doubleValue ?? Number(value.int64Value ?? value.boolValue ?? NaN);
        const tMs = Date.parse(interval.endTime);
        if (Number.isFinite(v) && Number.isFinite(tMs)) values.set(tMs, v);
      }
    }
    const said = parsed.flatMap(({ executionErrors }) => executionErrors)[0]?.message;
    if (said !== undefined)
      return { of: found, fault: { reason: 'partial', message: `Cloud Monitoring says: ${said.slice(0, 200)}` } };
    const message = `Cloud Monitoring has more than ${limits.gcpPages} pages of this; the rest was left`;
    return more ? { of: found, fault: { reason: 'partial', message } } : { of: found };
  } catch (thrown) {
    const isAnswer = thrown instanceof z.ZodError;
    const message = 'Cloud Monitoring answered what is no answer to timeSeries.list';
    return { of: found, fault: isAnswer ? { reason: 'malformed', message } : faultOfError(thrown) };
  }
}
