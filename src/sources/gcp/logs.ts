import * as z from 'zod';

import { canonicalJson } from '../../lib/canonical.ts';
import { limits } from '../../lib/limits.ts';
import type { Json } from '../../lib/json.ts';
import type { GcpReader } from '../../domain/ports/gcp.ts';
import type { CollectRequest } from '../../domain/ports/source.ts';
import type { Gap, LogRecord } from '../../domain/telemetry.ts';
import { faultOfError } from '../../io/clients/http-reader.ts';
import { flattened, recordOf } from '../../io/clients/log-record.ts';
import { readStretch } from '../../io/clients/log-stretch.ts';
import { msOf, type Cursor, type FetchPage, type StoredRecord } from '../../io/clients/log-tail.ts';
import { boundTo, type Bound } from '../../io/clients/record-store.ts';
import { typedLogs, type GcpConfig, type LogsQuery } from './schema.ts';
import { projectFor, type Watched } from './watched.ts';

/** Reads the log entries that services name: live from cursors of its own, and the past as evidence. */
export interface LogsReader {
  read(
    request: CollectRequest,
    watched: readonly Watched[],
    nowMs: number,
    signal: AbortSignal,
  ): Promise<{ readonly logs: readonly LogRecord[]; readonly gaps: readonly Gap[] }>;
}

// entries.list gives at most so many at once.
const mostPerPage = 1_000;

/** Makes it. Nothing is asked yet. */
export function createLogsReader(id: string, { projects }: GcpConfig, reader: GcpReader): LogsReader {
  const cursors = new Map<string, Cursor>();
  return {
    read: async (request, watched, nowMs, signal) => {
      const live = request.mode === 'live';
      const wanted = boundTo(id, 'bound', request.services, 'logs').filter(
        ({ query }) => !live || query['live'] !== false,
      );
      const keys = new Set(wanted.map(keyOf));
      if (live) for (const key of cursors.keys()) if (!keys.has(key)) cursors.delete(key);
      const most = Math.max(1, Math.floor(limits.logRecordsPerCollect / Math.max(1, wanted.length)));
      const read = await Promise.all(
        wanted.map(async (bound): Promise<{ logs: readonly LogRecord[]; gaps: readonly Gap[] }> => {
          const about = { source: id, service: bound.service };
          const parsed = typedLogs.parse(bound.query as Json);
          const home = watched.find(({ service }) => service === bound.service)?.project;
          const project = parsed.ok ? projectFor(parsed.value.project ?? home, projects) : undefined;
          if (!parsed.ok || project === undefined) {
            const message = 'neither the log binding nor its service says in which project of this source it is';
            return { logs: [], gaps: [{ ...about, reason: 'malformed', message, fromMs: nowMs, untilMs: nowMs }] };
          }
          // Entries may be found some seconds after their own time.
          const bounds = { lateMs: 30_000, pageRecords: mostPerPage, pageRecordsMax: mostPerPage };
          const fetch = entriesOf(reader, project, parsed.value);
          const { records, faults } = await readStretch(
            request,
            { key: keyOf(bound), cursors, most, limits: bounds, fetch },
            signal,
          );
          return {
            logs: records.map(({ ns, severity, body, attributes }) => ({
              ...{ ...about, tMs: msOf(ns), severity, body, attributes },
            })),
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

const answer = z.object({
  entries: z
    .array(
      z.object({
        insertId: z.string().default(''),
        timestamp: z.string(),
        severity: z.string().nullish(),
        textPayload: z.string().nullish(),
        jsonPayload: z.record(z.string(), z.unknown()).nullish(),
        protoPayload: z.record(z.string(), z.unknown()).nullish(),
        httpRequest: z.record(z.string(), z.unknown()).nullish(),
        trace: z.string().nullish(),
        resource: z.object({ labels: z.record(z.string(), z.string()).default({}) }).nullish(),
      }),
    )
    .default([]),
});
type Entry = z.infer<typeof answer>['entries'][number];

function entriesOf(reader: GcpReader, project: string, { filter }: LogsQuery): FetchPage {
  return async (fromNs, untilNs, limit, signal) => {
    const body = {
      resourceNames: [`projects/${project}`],
      filter: `(${filter}) AND timestamp>="${instant(fromNs)}" AND timestamp<"${instant(untilNs)}"`,
      orderBy: 'timestamp asc',
      pageSize: Math.min(limit, mostPerPage),
    };
    try {
      const call = { service: 'logging', method: 'entries.list', params: {}, body, project } as const;
      const { entries } = answer.parse(await reader.ask(call, signal));
      const records = entries.map(recordFrom).sort((a, b) => (a.ns < b.ns ? -1 : a.ns > b.ns ? 1 : 0));
      return { records: records.slice(0, limit) };
    } catch (thrown) {
      return { fault: faultOfError(thrown) };
    }
  };
}

function recordFrom(entry: Entry): StoredRecord {
  const { insertId, timestamp, severity, textPayload, jsonPayload, protoPayload, httpRequest, trace, resource } = entry;
  const said = jsonPayload?.['message'];
  const request = httpRequest ?? undefined;
  const body =
    textPayload ??
    (typeof said === 'string' ? said : undefined) ??
    (request === undefined ? JSON.stringify(jsonPayload ?? protoPayload ?? {}) : requestLine(request));
  const beside = {
    ...(severity ? { severity } : {}),
    ...(trace ? { trace: trace.slice(trace.lastIndexOf('/') + 1) } : {}),
    ...(resource?.labels['revision_name'] === undefined ? {} : { revision: resource.labels['revision_name'] }),
    ...(request === undefined ? {} : { http_status: text(request['status']) }),
    ...(jsonPayload ? flattened(jsonPayload, 20) : {}),
  };
  const ns = nanos(timestamp);
  return { ns, id: insertId === '' ? `${timestamp} ${body}` : insertId, ...recordOf(body, beside, msOf(ns)) };
}

function requestLine(request: Readonly<Record<string, unknown>>): string {
  return ['requestMethod', 'requestUrl', 'status', 'latency'].map((key) => text(request[key])).join(' ');
}

function text(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}

// Google writes up to nine digits behind the second.
function nanos(timestamp: string): bigint {
  const [, whole = '', fraction = ''] = /^(.*?)(?:\.(\d+))?Z$/.exec(timestamp) ?? [];
  const ms = Date.parse(`${whole}Z`);
  return Number.isFinite(ms) ? BigInt(ms) * 1_000_000n + BigInt(fraction.slice(0, 9).padEnd(9, '0')) : 0n;
}

function instant(ns: bigint): string {
  const whole = new Date(Number(ns / 1_000_000_000n) * 1_000).toISOString().slice(0, 19);
  return `${whole}.${String(ns % 1_000_000_000n).padStart(9, '0')}Z`;
}

function keyOf({ service, query }: Bound): string {
  return `${service}\n${canonicalJson(query as Json)}`;
}
