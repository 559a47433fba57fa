import * as z from 'zod';

import type { HttpResponse, ReaderIo } from '../../domain/ports/io.ts';
import type { SourceKind } from '../../domain/ports/source.ts';
import type { Span } from '../../domain/telemetry.ts';
import { faultOfStatus } from '../../io/clients/http-reader.ts';
import { readOtlp } from '../../io/clients/otlp.ts';
import { politePeer, wordsOf, type Fault, type PolitePeer } from '../../io/clients/polite-http.ts';
import { recordStoreShape, tenantName } from '../../io/clients/record-store.ts';
import {
  createTraceStoreSource,
  redQuery,
  traceRecords,
  traceStoreTraits,
  type TraceStore,
  type TraceStoreConfig,
} from '../../io/clients/trace-store.ts';
import { schemaOf } from '../../lib/schema.ts';

/** One Tempo. */
export interface TempoConfig extends TraceStoreConfig {
  /** Sent as X-Scope-OrgID. */
  readonly tenant?: string;
}

/**
 * # tempo: traces from Grafana Tempo
 *
 * A TraceQL search names the traces of a service, each is then read whole. Deliberately absent: TraceQL metrics, which
 * need a generator that many servers do not run.
 */
export const tempoSource: SourceKind<TempoConfig> = {
  kind: 'tempo',
  summary: 'Grafana Tempo: traces by service, and errors, latency and traffic worked out of them.',
  traits: traceStoreTraits,
  config: schemaOf<TempoConfig>(
    z.strictObject({
      ...recordStoreShape,
      tenant: tenantName.exactOptional(),
      // Each is a request of its own.
      maxTraces: z.int().min(1).max(200).default(30),
    }),
  ),
  query: redQuery,
  records: { traces: traceRecords },
  create: (id, config, io) => createTraceStoreSource(id, config, store(config, io)),
};

const found = z.object({ traces: z.array(z.object({ traceID: z.string().regex(/^[0-9a-fA-F]{1,32}$/) })).optional() });
const whole = z.object({ batches: z.array(z.unknown()).optional(), resourceSpans: z.array(z.unknown()).optional() });

function store(config: TempoConfig, io: ReaderIo): TraceStore {
  const peer = politePeer(config, io);
  const headers = config.tenant === undefined ? {} : { 'x-scope-orgid': config.tenant };
  const get: PolitePeer['ask'] = (question, signal) => peer.ask({ ...question, headers }, signal);
  return {
    kind: 'tempo',
    search: async (service, fromMs, untilMs, most, signal) => {
      const query = {
        q: `{ resource.service.name = ${JSON.stringify(service)} }`,
        // Whole seconds there; what lies outside is told by its spans' own times.
        ...{ start: String(Math.floor(fromMs / 1_000)), end: String(Math.ceil(untilMs / 1_000)) },
        ...{ limit: String(most), spss: '1' },
      };
      const asked = await get({ path: '/api/search', query }, signal);
      if ('fault' in asked) return asked;
      const read = jsonOf(asked.response, peer.where, found);
      if ('fault' in read) return read;
      const ids = (read.value.traces ?? []).map(({ traceID }) => traceID).slice(0, most);
      const traces = await Promise.all(ids.map((id) => readTrace(get, peer.where, id, signal)));
      const spans = traces.flatMap((one) => ('fault' in one ? [] : [...one]));
      const failed = traces.flatMap((one) => ('fault' in one ? [one.fault] : []));
      const [first] = failed;
      if (first !== undefined && failed.length === ids.length) return { fault: first };
      const partial = first && `${failed.length} of ${ids.length} traces could not be read: ${first.message}`;
      return { spans, complete: ids.length < most && first === undefined, ...(partial !== undefined && { partial }) };
    },
    tries: async (signal) => {
      const asked = await get({ path: '/api/search/tags' }, signal);
      if ('fault' in asked) return asked.fault;
      const { status, body } = asked.response;
      return status === 200 ? undefined : faultOfStatus(status, peer.where, wordsOf(body));
    },
  };
}

async function readTrace(
  get: PolitePeer['ask'],
  where: string,
  id: string,
  signal: AbortSignal,
): Promise<readonly Span[] | Fault> {
  const asked = await get({ path: `/api/traces/${id}` }, signal);
  if ('fault' in asked) return asked;
  const read = jsonOf(asked.response, where, whole);
  if ('fault' in read) return read;
  return readOtlp(read.value.batches ?? read.value.resourceSpans ?? []) ?? { fault: malformed(where) };
}

function jsonOf<T>({ status, body }: HttpResponse, where: string, schema: z.ZodType<T>): { readonly value: T } | Fault {
  if (status !== 200) return { fault: faultOfStatus(status, where, wordsOf(body)) };
  try {
    const parsed = schema.safeParse(JSON.parse(new TextDecoder().decode(body)));
    return parsed.success ? { value: parsed.data } : { fault: malformed(where) };
  } catch {
    return { fault: malformed(where) };
  }
}

function malformed(where: string): Fault['fault'] {
  return { reason: 'malformed', message: `${where} answered something that is not what Tempo answers` };
}
