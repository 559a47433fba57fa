import * as z from 'zod';

import type { GcpReader } from '../../domain/ports/gcp.ts';
import type { CollectRequest } from '../../domain/ports/source.ts';
import type { Gap, Span } from '../../domain/telemetry.ts';
import { faultOfError } from '../../io/clients/http-reader.ts';
import { boundTo } from '../../io/clients/record-store.ts';
import { limits } from '../../lib/limits.ts';
import type { Json } from '../../lib/json.ts';
import { oneLine } from '../../lib/text.ts';
import { typedTraces, type GcpConfig } from './schema.ts';
import { projectFor, type Watched } from './watched.ts';

const answer = z.object({
  traces: z
    .array(
      z.object({
        traceId: z.string(),
        spans: z
          .array(
            z.object({
              spanId: z.union([z.string(), z.number()]),
              parentSpanId: z.union([z.string(), z.number()]).nullish(),
              kind: z.string().nullish(),
              name: z.string().default(''),
              startTime: z.string(),
              endTime: z.string(),
              labels: z.record(z.string(), z.string()).default({}),
            }),
          )
          .default([]),
      }),
    )
    .default([]),
  nextPageToken: z.string().nullish(),
});
type Found = z.infer<typeof answer>['traces'][number];

// Of each service so many traces are looked at: evidence, not a store.
const tracesPerService = 50;

/** Traces of a stretch that services name, as evidence. They are never read live: Cloud Trace has them for asking. */
export async function readTraces(
  id: string,
  { projects }: GcpConfig,
  reader: GcpReader,
  request: CollectRequest,
  watched: readonly Watched[],
  signal: AbortSignal,
): Promise<{ readonly spans: readonly Span[]; readonly gaps: readonly Gap[] }> {
  const read = await Promise.all(
    boundTo(id, 'bound', request.services, 'traces').map(
      async ({ service, query }): Promise<{ spans: readonly Span[]; gaps: readonly Gap[] }> => {
        const about = { source: id, service, signal: 'traces', fromMs: request.fromMs, untilMs: request.untilMs };
        const parsed = typedTraces.parse(query as Json);
        const home = watched.find((one) => one.service === service)?.project;
        const project = parsed.ok ? projectFor(parsed.value.project ?? home, projects) : undefined;
        if (!parsed.ok || project === undefined) {
          const message = 'neither the trace binding nor its service says in which project of this source it is';
          return { spans: [], gaps: [{ ...about, reason: 'malformed', message }] };
        }
        const params = {
          ...{ projectId: project, view: 'COMPLETE', pageSize: tracesPerService, orderBy: 'start desc' },
          ...{ startTime: new Date(request.fromMs).toISOString(), endTime: new Date(request.untilMs).toISOString() },
          filter: parsed.value.filter,
        };
        try {
          const call = { service: 'trace', method: 'traces.list', params, project } as const;
          const { traces, nextPageToken } = answer.parse(await reader.ask(call, signal));
          const message = `Cloud Trace has more than ${tracesPerService} traces of this: the newest were read`;
          return {
            spans: traces.flatMap((trace) => spansOf(trace, service)),
            gaps: nextPageToken ? [{ ...about, reason: 'partial', message }] : [],
          };
        } catch (thrown) {
          return { spans: [], gaps: [{ ...about, ...faultOfError(thrown) }] };
        }
      },
    ),
  );
  return {
    spans: read.flatMap(({ spans }) => [...spans]).slice(0, limits.spansPerCollect),
    gaps: read.flatMap(({ gaps }) => [...gaps]),
  };
}

const kinds: Readonly<Record<string, Span['kind']>> = { RPC_SERVER: 'server', RPC_CLIENT: 'client' };
const serviceLabels = ['service.name', 'g.co/r/cloud_run_revision/service_name', 'g.co/gae/app/module'];

function spansOf({ traceId, spans }: Found, service: string): readonly Span[] {
  return spans.flatMap(({ spanId, parentSpanId, kind, name, startTime, endTime, labels }): readonly Span[] => {
    const [startMs, endMs] = [Date.parse(startTime), Date.parse(endTime)];
    if (!Number.isFinite(startMs) || !Number.isFinite(endMs)) return [];
    const own = serviceLabels.map((key) => labels[key]).find((value) => value !== undefined && value !== '');
    const said = kinds[kind ?? ''];
    const isRoot = parentSpanId === undefined || parentSpanId === null || String(parentSpanId) === '0';
    return [
      {
        ...{ traceId, spanId: String(spanId), ...(isRoot ? {} : { parentSpanId: String(parentSpanId) }) },
        ...{ service: oneLine(own ?? service, 253), name: oneLine(name, 200), startMs },
        ...{ durationMs: Math.max(0, endMs - startMs), status: statusOf(labels), attributes: bounded(labels) },
        ...(said === undefined ? {} : { kind: said }),
      },
    ];
  });
}

function statusOf(labels: Readonly<Record<string, string>>): Span['status'] {
  const code = Number(labels['/http/status_code'] ?? NaN);
  if ('/error/message' in labels || '/error/name' in labels || code >= 500) return 'error';
  return Number.isFinite(code) ? 'ok' : 'unset';
}

function bounded(labels: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const pairs = Object.entries(labels).slice(0, 32);
  return Object.fromEntries(pairs.map(([key, value]) => [oneLine(key, 128), oneLine(value, 500)]));
}
