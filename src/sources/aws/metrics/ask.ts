import * as z from 'zod';

import type { AwsReader } from '../../../domain/ports/aws.ts';
import type { ReadFault } from '../../../io/clients/http-reader.ts';
import { faultOfError } from '../../../io/clients/http-reader.ts';
import { costOf } from '../../../io/clients/aws/cost.ts';
import type { Batch, SignalAnswer } from '../../../io/clients/cloud/sweep.ts';
import { limits } from '../../../lib/limits.ts';
import { oneLine } from '../../../lib/text.ts';
import type { CloudWatchQuery } from '../schema.ts';
import type { Corner } from '../watched.ts';
import { idOf, queriesOf } from './queries.ts';

type CornerBatch = Batch<CloudWatchQuery, Corner>;

const page = z.object({
  MetricDataResults: z
    .array(
      z.object({
        Id: z.string(),
        StatusCode: z.string().default('Complete'),
        Timestamps: z.array(z.number()).default([]),
        Values: z.array(z.number().nullable()).default([]),
        Messages: z.array(z.object({ Value: z.string().optional() })).default([]),
      }),
    )
    .default([]),
  Messages: z.array(z.object({ Code: z.string().optional(), Value: z.string().optional() })).default([]),
  NextToken: z.string().optional(),
});
type Page = z.infer<typeof page>;

/** What a batch costs, in dollars. */
export function batchCost({ queries }: Pick<CornerBatch, 'queries'>): number {
  const all = queries.flatMap((query, index) => queriesOf(query, index));
  return costOf({ service: 'cloudwatch', operation: 'GetMetricData', input: { MetricDataQueries: all } });
}

/**
 * Asks for a batch, all its pages. Each signal has its own answer: CloudWatch says for each whether it is whole
 * (`StatusCode`), and what is not is never taken for what it is.
 */
export async function askBatch(
  reader: AwsReader,
  batch: CornerBatch,
  signal: AbortSignal,
): Promise<readonly SignalAnswer[]> {
  const { where: corner, queries } = batch;
  const input = {
    StartTime: new Date(batch.fromMs),
    EndTime: new Date(batch.untilMs),
    ScanBy: 'TimestampAscending',
    MetricDataQueries: queries.flatMap((query, index) => [...queriesOf(query, index)]),
  };
  const pages: Page[] = [];
  let next: string | undefined;
  let fault: ReadFault | undefined;
  do {
    try {
      const call = { ...corner, service: 'cloudwatch', operation: 'GetMetricData' } as const;
      const asked = { ...input, ...(next === undefined ? {} : { NextToken: next }) };
      const parsed = page.safeParse(await reader.ask({ ...call, input: asked }, signal));
      if (!parsed.success)
        fault = { reason: 'malformed', message: 'CloudWatch answered what is not an answer to GetMetricData' };
      else pages.push(parsed.data);
      next = parsed.success ? parsed.data.NextToken : undefined;
    } catch (thrown) {
      fault = faultOfError(thrown);
      next = undefined;
    }
    if (next !== undefined && pages.length >= limits.awsPages) {
      fault = {
        reason: 'partial',
        message: `CloudWatch has more than ${limits.awsPages} pages of this; the rest was left`,
      };
      next = undefined;
    }
  } while (next !== undefined);
  return queries.map((query, index) => answerOf(pages, idOf(index), query.period, fault));
}

function answerOf(pages: readonly Page[], id: string, period: number, fault: ReadFault | undefined): SignalAnswer {
  const results = pages.flatMap(({ MetricDataResults }) => MetricDataResults.filter(({ Id }) => Id === id));
  const values = new Map<number, number>();
  for (const { Timestamps, Values } of results)
    for (const [at, tMs] of Timestamps.entries()) {
      const value = Values[at];
      if (typeof value === 'number' && Number.isFinite(value)) values.set(tMs + period, value);
    }
  const samples = [...values].map(([tMs, v]) => ({ tMs, v })).sort((a, b) => a.tMs - b.tMs);
  const said = statusFault(results, pages) ?? fault;
  return { samples, ...(said === undefined ? {} : { fault: said }) };
}

// PartialData before the last page only says that there are more; after it, something is missing.
function statusFault(results: Page['MetricDataResults'], pages: readonly Page[]): ReadFault | undefined {
  const last = results.at(-1);
  if (last === undefined || last.StatusCode === 'Complete') return undefined;
  const words = [...last.Messages, ...pages.flatMap(({ Messages }) => Messages)].map(({ Value = '' }) => Value);
  const detail = oneLine(words.join('; '), 200);
  const message = `CloudWatch says ${oneLine(last.StatusCode, 40)}${detail === '' ? '' : `: ${detail}`}`;
  return { reason: last.StatusCode === 'Forbidden' ? 'unauthorized' : 'partial', message };
}
