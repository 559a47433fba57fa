import * as z from 'zod';

import type { AwsReader } from '../../domain/ports/aws.ts';
import type { Clock } from '../../domain/ports/io.ts';
import { faultOfError, type ReadFault } from '../../io/clients/http-reader.ts';
import { recordOf } from '../../io/clients/log-record.ts';
import { nsOf, type StoredRecord } from '../../io/clients/log-tail.ts';
import type { Corner } from './watched.ts';

/** One question to CloudWatch Logs Insights. */
export interface InsightsQuestion {
  readonly corner: Corner;
  readonly group: string;
  /** Commands of its query language between ours, which pick the fields and take the newest: `filter level = "error"`. */
  readonly commands: string;
  readonly fromMs: number;
  readonly untilMs: number;
  readonly most: number;
}

/** The newest records that it found, oldest first, and what they are not. */
export interface InsightsAnswer {
  readonly records: readonly StoredRecord[];
  readonly fault?: ReadFault;
}

const pollMs = 1_000;
const stopWithinMs = 5_000;
const started = z.object({ queryId: z.string().min(1) });
const results = z.object({
  status: z.string().default('Unknown'),
  results: z.array(z.array(z.object({ field: z.string().nullish(), value: z.string().nullish() }))).default([]),
});

/**
 * Asks, waits for the end of the search, and stops it when our own time is over first: AWS charges for every byte that is
 * searched, and what nobody reads need not be. The bytes are counted in what the reader spent, those of a
 * search that was stopped as well.
 */
export async function askInsights(
  reader: AwsReader,
  clock: Clock,
  question: InsightsQuestion,
  signal: AbortSignal,
): Promise<InsightsAnswer> {
  const { corner, group, commands, fromMs, untilMs, most } = question;
  const call = { ...corner, service: 'logs' } as const;
  const input = {
    ...{ logGroupName: group, limit: most },
    // Whole seconds, both ends included.
    ...{ startTime: Math.floor(fromMs / 1_000), endTime: Math.ceil(untilMs / 1_000) - 1 },
    queryString: `fields @timestamp, @message, @logStream, @ptr | ${commands} | sort @timestamp desc | limit ${most}`,
  };
  let queryId: string | undefined;
  let ended = false;
  try {
    ({ queryId } = started.parse(await reader.ask({ ...call, operation: 'StartQuery', input }, signal)));
    for (;;) {
      const asked = { ...call, operation: 'GetQueryResults', input: { queryId } };
      const { status, results: rows } = results.parse(await reader.ask(asked, signal));
      ended = !['Scheduled', 'Running'].includes(status);
      if (ended) return answerOf(status, rows, question);
      await clock.sleep(pollMs, signal);
    }
  } catch (thrown) {
    return { records: [], fault: faultOfError(thrown) };
  } finally {
    if (queryId !== undefined && !ended) await stop(queryId);
  }

  async function stop(id: string): Promise<void> {
    const deadline = clock.deadline(stopWithinMs, new AbortController().signal);
    try {
      await reader.ask({ ...call, operation: 'StopQuery', input: { queryId: id } }, deadline.signal);
      // What it read until then is charged: the reader counts it from the answer.
      await reader.ask({ ...call, operation: 'GetQueryResults', input: { queryId: id } }, deadline.signal);
    } catch {
      // It may be over by now, or AWS away: nothing more can be done, and the reading has its fault already.
    } finally {
      deadline.cancel();
    }
  }
}

function answerOf(
  status: string,
  rows: z.infer<typeof results>['results'],
  { group, fromMs, untilMs, most }: InsightsQuestion,
): InsightsAnswer {
  const records = rows
    .flatMap((row) => recordFrom(group, row))
    .filter(({ ns }) => ns >= nsOf(fromMs) && ns < nsOf(untilMs))
    .reverse();
  if (status !== 'Complete')
    return {
      records,
      fault: { reason: 'partial', message: `Logs Insights ended its search of ${group} as ${status}` },
    };
  const message = `Logs Insights found ${most} records of ${group} or more: the newest were taken`;
  return rows.length >= most ? { records, fault: { reason: 'partial', message } } : { records };
}

// `2026-11-28 12:00:00.000`, always UTC; servers that stand for AWS give milliseconds.
function momentOf(text: string): number {
  return /^\d{12,14}$/.test(text) ? Number(text) : Date.parse(`${text.replace(' ', 'T')}Z`);
}

function recordFrom(group: string, row: z.infer<typeof results>['results'][number]): readonly StoredRecord[] {
  const of = (name: string): string => row.find(({ field }) => field === name)?.value ?? '';
  const tMs = momentOf(of('@timestamp'));
  if (!Number.isFinite(tMs)) return [];
  const [message, stream] = [of('@message'), of('@logStream')];
  const beside = { log_group: group, ...(stream === '' ? {} : { log_stream: stream }) };
  const id = of('@ptr') || `${tMs}\n${stream}\n${message}`;
  return [{ ns: nsOf(tMs), id, ...recordOf(message.trimEnd(), beside, tMs) }];
}
