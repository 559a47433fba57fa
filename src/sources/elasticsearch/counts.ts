import * as z from 'zod';

import type { Sample } from '../../domain/telemetry.ts';
import type { Range, RangeAnswer } from '../../io/clients/matrix.ts';
import type { Fault } from '../../io/clients/polite-http.ts';
import type { SearchAnswer } from './answer.ts';
import type { CountQuery, ElasticsearchConfig } from './schema.ts';

const bucket = z.object({
  key: z.number(),
  all: z.object({ doc_count: z.number() }),
  chosen: z.object({
    doc_count: z.number(),
    value: z
      .object({
        value: z.number().nullable().optional(),
        values: z.record(z.string(), z.number().nullable()).optional(),
      })
      .optional(),
  }),
});
const answer = z.object({ steps: z.object({ buckets: z.array(bucket) }) });

/** The search for counts: one bucket a step, each of the whole step that ends at it. */
export function countsAsked(
  { timeField }: ElasticsearchConfig,
  asked: CountQuery,
  { fromMs, untilMs, stepMs }: Range,
): object {
  const lucene = (query: string): object => ({ query_string: { query } });
  return {
    size: 0,
    track_total_hits: false,
    query: { range: { [timeField]: { gte: fromMs - stepMs, lt: untilMs, format: 'epoch_millis' } } },
    aggs: {
      steps: {
        date_histogram: { field: timeField, fixed_interval: `${stepMs}ms`, min_doc_count: 1 },
        aggs: {
          all: { filter: asked.of === undefined ? { match_all: {} } : lucene(asked.of) },
          chosen: {
            filter:
              asked.of === undefined
                ? lucene(asked.query)
                : { bool: { filter: [lucene(asked.of), lucene(asked.query)] } },
            ...(asked.field !== undefined && { aggs: { value: statistic(asked) } }),
          },
        },
      },
    },
  };
}

function statistic({ field, stat = 'avg' }: CountQuery): object {
  return stat.startsWith('p') ? { percentiles: { field, percents: [Number(stat.slice(1))] } } : { [stat]: { field } };
}

/**
 * Reads counts as samples. A step in which nothing at all was written says nothing: it may be that nobody writes any
 * more, and so it is left out, where one in which others were written is a true zero.
 */
export function readCounts(read: SearchAnswer, asked: CountQuery, { untilMs, stepMs }: Range): RangeAnswer | Fault {
  const parsed = answer.safeParse(read.aggregations);
  if (!parsed.success) return { fault: { reason: 'malformed', message: 'the answer has no histogram in it' } };
  const samples = parsed.data.steps.buckets.flatMap(({ key, all, chosen }): Sample[] => {
    const tMs = key + stepMs;
    if (all.doc_count === 0 || tMs > untilMs) return [];
    const v = valueOf(asked, all.doc_count, chosen, stepMs);
    return v === undefined ? [] : [{ tMs, v }];
  });
  const warnings = read.partial === undefined ? [] : [read.partial];
  return {
    series: samples.length === 0 ? [] : [{ labels: {}, samples }],
    dropped: 0,
    points: samples.length,
    warnings,
  };
}

function valueOf(
  asked: CountQuery,
  all: number,
  chosen: z.infer<typeof bucket>['chosen'],
  stepMs: number,
): number | undefined {
  if (asked.field !== undefined) {
    const { value, values = {} } = chosen.value ?? {};
    return value ?? Object.values(values)[0] ?? undefined;
  }
  return asked.of === undefined ? chosen.doc_count / (stepMs / 1_000) : chosen.doc_count / all;
}
