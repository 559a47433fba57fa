import * as z from 'zod';

import { canonicalJson } from '../../lib/canonical.ts';
import { limits } from '../../lib/limits.ts';
import type { Json } from '../../lib/json.ts';
import type { AwsReader } from '../../domain/ports/aws.ts';
import type { Clock } from '../../domain/ports/io.ts';
import type { CollectRequest } from '../../domain/ports/source.ts';
import type { Gap, LogRecord } from '../../domain/telemetry.ts';
import type { Spend } from '../../io/clients/cloud/spend.ts';
import { faultOfError, type ReadFault } from '../../io/clients/http-reader.ts';
import { recordOf } from '../../io/clients/log-record.ts';
import { readStretch } from '../../io/clients/log-stretch.ts';
import { msOf, nsOf, type Cursor, type FetchPage, type StoredRecord } from '../../io/clients/log-tail.ts';
import { boundTo, type Bound } from '../../io/clients/record-store.ts';
import { askInsights } from './insights.ts';
import { typedLogs, type AwsConfig, type LogsQuery } from './schema.ts';
import { cornerFor, type Corner, type Watched } from './watched.ts';

/** Reads the log groups that services name: live from cursors of its own, and the past as evidence. */
export interface LogsReader {
  read(
    request: CollectRequest,
    watched: readonly Watched[],
    nowMs: number,
    signal: AbortSignal,
  ): Promise<{ readonly logs: readonly LogRecord[]; readonly gaps: readonly Gap[] }>;
}

const answer = z.object({
  events: z
    .array(
      z.object({
        eventId: z.string().nullish(),
        logStreamName: z.string().nullish(),
        timestamp: z.number(),
        message: z.string().default(''),
      }),
    )
    .default([]),
  nextToken: z.string().nullish(),
});
// FilterLogEvents gives at most so many at once; a page may be empty and yet not the last.
const mostPerPage = 10_000;
const emptyPages = 10;

/** Makes it. Nothing is asked yet. */
export function createLogsReader(
  id: string,
  config: AwsConfig,
  reader: AwsReader,
  { clock, spend }: { readonly clock: Clock; readonly spend: Spend },
): LogsReader {
  const cursors = new Map<string, Cursor>();
  return {
    read: async (request, watched, nowMs, signal) => {
      const live = request.mode === 'live';
      const wanted = boundTo(id, 'bound', request.services, 'logs');
      const keys = new Set(wanted.map(keyOf));
      if (live) for (const key of cursors.keys()) if (!keys.has(key)) cursors.delete(key);
      const most = Math.max(1, Math.floor(limits.logRecordsPerCollect / Math.max(1, wanted.length)));
      const read = await Promise.all(
        wanted.map(async (bound): Promise<{ logs: readonly LogRecord[]; gaps: readonly Gap[] }> => {
          const about = { source: id, service: bound.service };
          const parsed = typedLogs.parse(bound.query as Json);
          const corner = parsed.ok ? cornerFor(parsed.value, bound.service, watched, config) : undefined;
          if (!parsed.ok || corner === undefined) {
            const message = 'neither the log group nor its service says in which region and account it is';
            return { logs: [], gaps: [{ ...about, reason: 'malformed', message, fromMs: nowMs, untilMs: nowMs }] };
          }
          const { insights } = parsed.value;
          if (!live && insights !== undefined) {
            const { group } = parsed.value;
            const span = { fromMs: request.fromMs, untilMs: Math.min(request.untilMs, nowMs) };
            const question = { corner, group, commands: insights, most: Math.min(most, mostPerPage), ...span };
            const answered = spend.allows(0, true, nowMs)
              ? await askInsights(reader, clock, question, signal)
              : { records: [], fault: overspent };
            const gaps = answered.fault === undefined ? [] : [{ ...about, signal: 'logs', ...answered.fault, ...span }];
            return { logs: answered.records.map((one) => logOf(about, one)), gaps };
          }
          const fetch = pagesOf(reader, corner, parsed.value);
          // CloudWatch Logs may show a line half a minute after its own time.
          const bounds = { lateMs: 30_000, pageRecords: 1_000, pageRecordsMax: mostPerPage };
          const { records, faults } = await readStretch(
            request,
            { key: keyOf(bound), cursors, most, limits: bounds, fetch },
            signal,
          );
          return {
            logs: records.map((one) => logOf(about, one)),
            gaps: faults.map((fault) => ({ ...about, signal: 'logs', ...fault })),
          };
        }),
      );
      return {
        logs: read.flatMap(({ logs }) => [...logs]).slice(0, limits.logRecordsPerCollect),
        gaps: read.flatMap(({ gaps }) => [...gaps]),
      };
    },
  };
}

const overspent: ReadFault = {
  reason: 'rate-limited',
  message: "the day's money is spent: Logs Insights is asked again tomorrow (UTC), or when dollarsPerDay is raised",
};

function logOf(
  about: { readonly source: string; readonly service: string },
  { ns, severity, body, attributes }: StoredRecord,
): LogRecord {
  return { ...about, tMs: msOf(ns), severity, body, attributes };
}

function pagesOf(reader: AwsReader, corner: Corner, { group, filter }: LogsQuery): FetchPage {
  return async (fromNs, untilNs, limit, signal) => {
    const records: StoredRecord[] = [];
    let next: string | undefined;
    try {
      for (let pages = 0; pages < emptyPages; pages++) {
        const input = {
          ...{
            logGroupName: group,
            startTime: msOf(fromNs),
            endTime: msOf(untilNs) - 1,
            limit: Math.min(limit, mostPerPage),
          },
          ...(filter === undefined ? {} : { filterPattern: filter }),
          ...(next === undefined ? {} : { nextToken: next }),
        };
        const asked = await reader.ask({ ...corner, service: 'logs', operation: 'FilterLogEvents', input }, signal);
        const parsed = answer.parse(asked);
        records.push(...parsed.events.map(recordFrom(group)));
        next = parsed.nextToken ?? undefined;
        if (next === undefined || records.length >= limit) break;
      }
    } catch (thrown) {
      return { fault: faultOfError(thrown) };
    }
    const sorted = records.sort((a, b) => (a.ns < b.ns ? -1 : a.ns > b.ns ? 1 : 0)).slice(0, limit);
    const partial = `CloudWatch Logs has not searched all of ${group} after ${emptyPages} pages`;
    return { records: sorted, ...(next !== undefined && records.length < limit ? { partial } : {}) };
  };
}

function recordFrom(group: string): (event: z.infer<typeof answer>['events'][number]) => StoredRecord {
  return ({ eventId, logStreamName, timestamp, message }) => {
    const beside = { log_group: group, ...(logStreamName ? { log_stream: logStreamName } : {}) };
    const id = eventId ?? `${timestamp}\n${logStreamName ?? ''}\n${message}`;
    return { ns: nsOf(timestamp), id, ...recordOf(message.trimEnd(), beside, timestamp) };
  };
}

function keyOf({ service, query }: Bound): string {
  return `${service}\n${canonicalJson(query as Json)}`;
}
