import * as z from 'zod';

import type { ReaderIo } from '../../domain/ports/io.ts';
import type { SourceKind } from '../../domain/ports/source.ts';
import { faultOfStatus } from '../../io/clients/http-reader.ts';
import { readOtlp } from '../../io/clients/otlp.ts';
import { politePeer, wordsOf } from '../../io/clients/polite-http.ts';
import { recordStoreShape } from '../../io/clients/record-store.ts';
import {
  createTraceStoreSource,
  redQuery,
  traceRecords,
  traceStoreTraits,
  type TraceStore,
  type TraceStoreConfig,
} from '../../io/clients/trace-store.ts';
import { schemaOf } from '../../lib/schema.ts';

/**
 * # jaeger: traces from Jaeger's query service
 *
 * The stable HTTP API (`/api/v3`), which answers in OTLP's own form. One search a service and reading. Deliberately
 * absent: the API of Jaeger's own pages (`/api/traces`), which is theirs to change.
 */
export const jaegerSource: SourceKind<TraceStoreConfig> = {
  kind: 'jaeger',
  summary: 'Jaeger: traces by service, and errors, latency and traffic worked out of them.',
  traits: traceStoreTraits,
  config: schemaOf<TraceStoreConfig>(
    z.strictObject({ ...recordStoreShape, maxTraces: z.int().min(1).max(1_500).default(100) }),
  ),
  query: redQuery,
  records: { traces: traceRecords },
  create: (id, config, io) => createTraceStoreSource(id, config, store(config, io)),
};

const answer = z.object({ result: z.object({ resourceSpans: z.array(z.unknown()).optional() }) });

function store(config: TraceStoreConfig, io: ReaderIo): TraceStore {
  const peer = politePeer(config, io);
  return {
    kind: 'jaeger',
    search: async (service, fromMs, untilMs, most, signal) => {
      const query = {
        'query.service_name': service,
        'query.start_time_min': new Date(fromMs).toISOString(),
        'query.start_time_max': new Date(untilMs).toISOString(),
        'query.num_traces': String(most),
      };
      const asked = await peer.ask({ path: '/api/v3/traces', query }, signal);
      if ('fault' in asked) return asked;
      const { status, body } = asked.response;
      // Nothing found is a 404 there, like a path that is not there.
      if (status === 404 && wordsOf(body).includes('No traces found')) return { spans: [], complete: true };
      if (status !== 200) return { fault: faultOfStatus(status, peer.where, wordsOf(body)) };
      const parsed = answer.safeParse(parseJson(body));
      const spans = parsed.success ? readOtlp(parsed.data.result.resourceSpans ?? []) : undefined;
      if (spans === undefined)
        return { fault: { reason: 'malformed', message: `${peer.where} answered something that is no OTLP` } };
      const traces = new Set(spans.map(({ traceId }) => traceId)).size;
      return { spans, complete: traces < most };
    },
    tries: async (signal) => {
      const asked = await peer.ask({ path: '/api/v3/services' }, signal);
      if ('fault' in asked) return asked.fault;
      const { status, body } = asked.response;
      return status === 200 ? undefined : faultOfStatus(status, peer.where, wordsOf(body));
    },
  };
}

function parseJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(body));
  } catch {
    return undefined;
  }
}
