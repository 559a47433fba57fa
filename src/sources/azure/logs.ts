import { canonicalJson } from '../../lib/canonical.ts';
import { limits } from '../../lib/limits.ts';
import type { Json } from '../../lib/json.ts';
import type { AzureReader } from '../../domain/ports/azure.ts';
import type { CollectRequest } from '../../domain/ports/source.ts';
import type { Gap, LogRecord } from '../../domain/telemetry.ts';
import { faultOfError } from '../../io/clients/http-reader.ts';
import { recordOf } from '../../io/clients/log-record.ts';
import { readStretch } from '../../io/clients/log-stretch.ts';
import { msOf, nsOf, type Cursor, type FetchPage } from '../../io/clients/log-tail.ts';
import { boundTo, type Bound } from '../../io/clients/record-store.ts';
import { kqlText, kqlTime } from './kql.ts';
import { logTables, typedLogs, type AzureConfig, type LogsQuery } from './schema.ts';
import { askWorkspace, type Row } from './tables.ts';
import { workspaceHome } from './watched.ts';

/** Reads the tables that services name: live from cursors of its own, and the past as evidence. */
export interface LogsReader {
  read(
    request: CollectRequest,
    nowMs: number,
    signal: AbortSignal,
  ): Promise<{ readonly logs: readonly LogRecord[]; readonly gaps: readonly Gap[] }>;
}

// An answer has at most so many rows (and 100 MB).
const mostPerPage = 10_000;

/** Makes it. Nothing is asked yet. */
export function createLogsReader(id: string, config: AzureConfig, reader: AzureReader): LogsReader {
  const cursors = new Map<string, Cursor>();
  return {
    read: async (request, nowMs, signal) => {
      const live = request.mode === 'live';
      const wanted = boundTo(id, 'bound', request.services, 'logs');
      const keys = new Set(wanted.map(keyOf));
      if (live) for (const key of cursors.keys()) if (!keys.has(key)) cursors.delete(key);
      const most = Math.max(1, Math.floor(limits.logRecordsPerCollect / Math.max(1, wanted.length)));
      const read = await Promise.all(
        wanted.map(async (bound): Promise<{ logs: readonly LogRecord[]; gaps: readonly Gap[] }> => {
          const about = { source: id, service: bound.service };
          const parsed = typedLogs.parse(bound.query as Json);
          if (!parsed.ok) {
            const message = 'the logs binding is not readable';
            return { logs: [], gaps: [{ ...about, reason: 'malformed', message, fromMs: nowMs, untilMs: nowMs }] };
          }
          const home = { service: bound.service, said: parsed.value.subscription };
          const subscription = workspaceHome(id, config, request.services, home);
          const fetch = pagesOf(reader, subscription, parsed.value);
          const bounds = { lateMs: config.late, pageRecords: 1_000, pageRecordsMax: mostPerPage };
          const { records, faults } = await readStretch(
            request,
            { key: keyOf(bound), cursors, most, limits: bounds, fetch },
            signal,
          );
          return {
            logs: records.map(({ ns, severity, body, attributes }) => ({
              ...about,
              tMs: msOf(ns),
              severity,
              body,
              attributes,
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

/** The query of a binding for a stretch: every text in it is quoted, every name checked. */
export function logsKql({ table, where, has }: LogsQuery, fromMs: number, untilMs: number, most: number): string {
  const { line, beside } = logTables[table];
  return [
    table,
    `| where TimeGenerated >= ${kqlTime(fromMs)} and TimeGenerated < ${kqlTime(untilMs)}`,
    ...Object.entries(where).map(([column, value]) => `| where tostring(${column}) == ${kqlText(value)}`),
    ...(has === undefined ? [] : [`| where ${has.map((word) => `${line} contains ${kqlText(word)}`).join(' or ')}`]),
    `| project TimeGenerated, ${[line, ...beside].join(', ')}`,
    '| order by TimeGenerated asc',
    `| take ${most}`,
  ].join('\n');
}

function pagesOf(reader: AzureReader, subscription: { readonly subscription?: string }, query: LogsQuery): FetchPage {
  return async (fromNs, untilNs, limit, signal) => {
    const most = Math.min(limit, mostPerPage);
    const [fromMs, untilMs] = [msOf(fromNs), msOf(untilNs)];
    const kql = logsKql(query, fromMs, untilMs, most);
    const asked = { subscription, workspace: query.workspace, kql, fromMs, untilMs };
    try {
      const { rows, partial } = await askWorkspace(reader, asked, signal);
      const records = rows.flatMap((row) => recordFrom(query, row) ?? []);
      return { records, ...(partial === undefined ? {} : { partial }) };
    } catch (thrown) {
      return { fault: faultOfError(thrown) };
    }
  };
}

function recordFrom({ table }: LogsQuery, cell: Row) {
  const tMs = Date.parse(cell('TimeGenerated'));
  if (!Number.isFinite(tMs)) return undefined;
  const { line, beside } = logTables[table];
  const fields = beside.flatMap((name) => (cell(name) === '' ? [] : [[name, cell(name)] as const]));
  const severity = severityOf(cell('SeverityLevel') || cell('Level'));
  const all = Object.fromEntries([
    ['table', table],
    ...fields,
    ...(severity === '' ? [] : [['level', severity]]),
  ]) as Record<string, string>;
  const body = cell(line);
  return { ns: nsOf(tMs), id: `${tMs}\n${fields.join('\n')}\n${body}`, ...recordOf(body.trimEnd(), all, tMs) };
}

// Application Insights counts 0 (verbose) to 4 (critical).
function severityOf(said: string): string {
  return ['debug', 'info', 'warn', 'error', 'fatal'][/^[0-4]$/.test(said) ? Number(said) : -1] ?? said;
}

function keyOf({ service, query }: Bound): string {
  return `${service}\n${canonicalJson(query as Json)}`;
}
