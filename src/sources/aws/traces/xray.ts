import * as z from 'zod';

import type { AwsReader } from '../../../domain/ports/aws.ts';
import type { Collected, CollectRequest } from '../../../domain/ports/source.ts';
import type { Span } from '../../../domain/telemetry.ts';
import { faultOfError } from '../../../io/clients/http-reader.ts';
import type { Fault } from '../../../io/clients/polite-http.ts';
import type { Spend } from '../../../io/clients/cloud/spend.ts';
import { createTraceStoreSource, type Found, type TraceStore } from '../../../io/clients/trace-store.ts';
import type { Clock } from '../../../domain/ports/io.ts';
import { limits } from '../../../lib/limits.ts';
import { typedTraces, type AwsConfig } from '../schema.ts';
import { cornerFor, type Corner, type Watched } from '../watched.ts';
import { spansOfDocument } from './segments.ts';

/** Reads the traces of services that name this source for them. */
export interface Traces {
  read(
    request: CollectRequest,
    watched: readonly Watched[],
    signal: AbortSignal,
  ): Promise<Pick<Collected, 'spans' | 'gaps'>>;
}

/** Makes it over the trace store that X-Ray is. Nothing is asked yet. */
export function createTraces(id: string, config: AwsConfig, reader: AwsReader, parts: StoreParts): Traces {
  // Where each service of X-Ray was last found to be: two services of one name in two regions are one to it as well.
  const corners = new Map<string, Corner>();
  const store = xray(reader, corners, parts);
  const settings = {
    ...{ url: 'https://xray', timeout: limits.awsTimeoutMs, concurrency: 4, services: 'bound' as const },
    ...{ interval: config.interval, late: config.settle, maxTraces: config.maxTraces },
  };
  const source = createTraceStoreSource(id, settings, store);
  return {
    read: async (request, watched, signal) => {
      const services = request.services.filter(({ traces }) => traces?.some(({ source: of }) => of === id) === true);
      if (services.length === 0) return { spans: [], gaps: [] };
      for (const { name, traces = [] } of services)
        for (const { query } of traces) {
          const parsed = typedTraces.parse(query);
          const corner = parsed.ok ? cornerFor(parsed.value, name, watched, config) : undefined;
          if (parsed.ok && corner !== undefined) corners.set(parsed.value.service ?? name, corner);
        }
      const { spans = [], gaps } = await source.collect({ ...request, services, signals: [] }, signal);
      return { spans, gaps: gaps.map((gap) => ({ ...gap, signal: 'traces' })) };
    },
  };
}

interface StoreParts {
  readonly spend: Spend;
  readonly clock: Clock;
}

const summaries = z.object({
  TraceSummaries: z
    .array(
      z.object({
        ...{ Id: z.string(), HasFault: z.boolean().nullish(), HasError: z.boolean().nullish() },
        StartTime: z.number().nullish(),
      }),
    )
    .default([]),
  NextToken: z.string().nullish(),
});
const batch = z.object({
  Traces: z
    .array(z.object({ Segments: z.array(z.object({ Document: z.string().nullish() })).default([]) }))
    .default([]),
  UnprocessedTraceIds: z.array(z.string()).default([]),
  NextToken: z.string().nullish(),
});
// X-Ray searches six hours at once, and gives five traces in one answer.
const longestMs = 6 * 3_600_000;
const perBatch = 5;
const pagesOfSummaries = 5;

function xray(reader: AwsReader, corners: ReadonlyMap<string, Corner>, { spend, clock }: StoreParts): TraceStore {
  return {
    kind: 'aws',
    search: async (service, fromMs, untilMs, most, signal): Promise<Found | Fault> => {
      const corner = corners.get(service);
      if (corner === undefined)
        return { fault: { reason: 'malformed', message: `in which region the traces of ${service} are is not said` } };
      const nowMs = clock.nowMs();
      if (!spend.allows(0, true, nowMs))
        return { fault: { reason: 'rate-limited', message: "the day's money is spent: no traces are read" } };
      try {
        const found = await summarised(reader, corner, service, Math.max(fromMs, untilMs - longestMs), untilMs, signal);
        const ids = found.ids.slice(0, most);
        const whole = await Promise.all(chunks(ids, perBatch).map((some) => readBatch(reader, corner, some, signal)));
        const unread = whole.reduce((sum, one) => sum + one.unread, 0);
        const spans = whole.flatMap((one) => [...one.spans]);
        const partial = unread === 0 ? undefined : `${unread} of ${ids.length} traces were not given by X-Ray`;
        return {
          ...{ spans, complete: found.complete && ids.length === found.ids.length && unread === 0 },
          ...(partial === undefined ? {} : { partial }),
        };
      } catch (thrown) {
        return { fault: faultOfError(thrown) };
      }
    },
    tries: () => Promise.resolve(undefined),
  };
}

async function summarised(
  reader: AwsReader,
  corner: Corner,
  service: string,
  fromMs: number,
  untilMs: number,
  signal: AbortSignal,
): Promise<{ readonly ids: readonly string[]; readonly complete: boolean }> {
  const all: z.infer<typeof summaries>['TraceSummaries'] = [];
  let next: string | undefined;
  for (let page = 0; page < pagesOfSummaries; page++) {
    const input = {
      ...{ StartTime: new Date(fromMs), EndTime: new Date(untilMs), Sampling: false },
      // A string of its filter language: what is in a name stays in it.
      FilterExpression: `service("${service.replace(/["\\]/g, '')}")`,
      ...(next === undefined ? {} : { NextToken: next }),
    };
    const asked = { ...corner, service: 'xray', operation: 'GetTraceSummaries', input } as const;
    const parsed = summaries.parse(await reader.ask(asked, signal));
    all.push(...parsed.TraceSummaries);
    next = parsed.NextToken ?? undefined;
    if (next === undefined) break;
  }
  // What failed tells most; of the rest the newest.
  const weight = ({ HasFault, HasError }: (typeof all)[number]): number => (HasFault ? 2 : HasError ? 1 : 0);
  all.sort((a, b) => weight(b) - weight(a) || (b.StartTime ?? 0) - (a.StartTime ?? 0));
  return { ids: all.map(({ Id }) => Id), complete: next === undefined };
}

async function readBatch(
  reader: AwsReader,
  corner: Corner,
  ids: readonly string[],
  signal: AbortSignal,
): Promise<{ readonly spans: readonly Span[]; readonly unread: number }> {
  const spans: Span[] = [];
  let unread = 0;
  let next: string | undefined;
  for (let page = 0; page < limits.awsPages; page++) {
    const input = { TraceIds: ids, ...(next === undefined ? {} : { NextToken: next }) };
    const asked = { ...corner, service: 'xray', operation: 'BatchGetTraces', input } as const;
    const parsed = batch.parse(await reader.ask(asked, signal));
    for (const { Segments } of parsed.Traces)
      for (const { Document } of Segments) spans.push(...(spansOfDocument(Document ?? '') ?? []));
    unread += parsed.UnprocessedTraceIds.length;
    next = parsed.NextToken ?? undefined;
    if (next === undefined) break;
  }
  return { spans, unread };
}

function chunks<T>(all: readonly T[], size: number): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(all.length / size) }, (_, at) => all.slice(at * size, (at + 1) * size));
}
