import * as z from 'zod';

import { WatchkeeperError } from '../../lib/errors.ts';
import type { Json, JsonObject } from '../../lib/json.ts';
import { limits } from '../../lib/limits.ts';
import { schemaOf } from '../../lib/schema.ts';
import type { Schema } from '../../domain/ports/schema.ts';
import type { Collected, CollectRequest, SignalQuery, Source, SourceTraits } from '../../domain/ports/source.ts';
import type { Gap, Series, Span } from '../../domain/telemetry.ts';
import { faultError, type ReadFault } from './http-reader.ts';
import type { Fault } from './polite-http.ts';
import { boundTo, type RecordStoreConfig } from './record-store.ts';
import { measured, type RedQuery } from './red.ts';

/** What a store of traces can tell. */
export const traceStoreTraits: SourceTraits = {
  ...{ metrics: true, logs: false, traces: true, changes: false, discovery: false },
};

/** A configuration with how many traces of a service one reading takes. */
export interface TraceStoreConfig extends RecordStoreConfig {
  readonly maxTraces: number;
}

/** Traces of a stretch, whole, and whether they are all there are. */
export interface Found {
  readonly spans: readonly Span[];
  readonly complete: boolean;
  readonly partial?: string;
}

/** What one kind of store has of its own. */
export interface TraceStore {
  readonly kind: string;
  /** Traces through a service, as spans name it, that began in `[fromMs, untilMs)`. */
  search(service: string, fromMs: number, untilMs: number, most: number, signal: AbortSignal): Promise<Found | Fault>;
  /** Asks something small. `undefined`: it answered. */
  tries(signal: AbortSignal): Promise<ReadFault | undefined>;
}

/** A `telemetry` binding: what of the calls is measured. */
export const redQuery: Schema<JsonObject> = schemaOf<JsonObject>(
  z
    .strictObject({
      measure: z.enum(['errors', 'latency', 'traffic']),
      service: z.string().min(1).max(253).exactOptional(),
      quantile: z.number().gt(0).lt(1).exactOptional(),
    })
    .refine((all) => all.quantile === undefined || all.measure === 'latency', 'quantile is for latency'),
);

/** A `traces` binding: the service as spans name it, where that is another name. */
export const traceRecords: Schema<JsonObject> = schemaOf<JsonObject>(
  z.strictObject({ service: z.string().min(1).max(253).exactOptional() }),
);

// After an outage this much of what was missed is read at most.
const longestCatchUpMs = 600_000;
const handedOutKept = 50_000;
/** Of the past a few traces from each part are read, so that there is something to compare with. */
const historyParts = 6;

/** Makes a source of a store: each service's traces in stretches that follow one another, and signals worked out of them. */
export function createTraceStoreSource(id: string, config: TraceStoreConfig, store: TraceStore): Source {
  const cursors = new Map<string, number>();
  const once = rememberer(handedOutKept);
  return {
    id,
    kind: store.kind,
    traits: traceStoreTraits,
    intervalMs: config.interval,
    collect: async (request, signal) => {
      if (signal.aborted) throw new WatchkeeperError('aborted', 'stopped before the query');
      const asked = namesOf(id, config, request);
      const context = { id, config, store, request, cursors, signal };
      const read = await Promise.all([...asked].map(([name, wanted]) => readOne(context, name, wanted)));
      const spans = read.flatMap((one) => [...one.spans]);
      const fresh = request.mode === 'live' ? spans.filter(once) : spans;
      const gaps = read.flatMap((one) => [...one.gaps]);
      if (fresh.length > limits.spansPerCollect) {
        const message = `${fresh.length} spans came at once: ${limits.spansPerCollect} of them were kept`;
        gaps.push({ source: id, reason: 'too-large', message, fromMs: request.fromMs, untilMs: request.untilMs });
      }
      return {
        ...{ series: read.flatMap((one) => [...one.series]), logs: [], changes: [], resources: [], findings: [] },
        spans: fresh.slice(0, limits.spansPerCollect),
        gaps,
      };
    },
    discover: () => Promise.resolve([]),
    check: async (signal) => {
      const fault = await store.tries(signal);
      if (fault !== undefined)
        throw faultError(`source ${id}`, fault, `Check url and auth of source ${id}: ${config.url}`);
    },
    close: () => Promise.resolve(),
  };
}

/** Who wants the traces of a name: the services bound to it, and the signals worked out of them. */
interface Wanted {
  readonly services: Set<string>;
  readonly signals: SignalQuery[];
}

function namesOf(id: string, config: TraceStoreConfig, request: CollectRequest): ReadonlyMap<string, Wanted> {
  const names = new Map<string, Wanted>();
  const of = (given: unknown, service: string): Wanted => {
    const name = typeof given === 'string' ? given : service;
    const known = names.get(name) ?? { services: new Set(), signals: [] };
    names.set(name, known);
    return known;
  };
  for (const { service, query } of boundTo(id, config.services, request.services, 'traces'))
    of(query['service'], service).services.add(service);
  // Of the past there is no rate to be had from a few traces.
  if (request.mode === 'live')
    for (const asked of request.signals) {
      const wanted = of(asked.binding.query['service'], asked.service);
      wanted.services.add(asked.service);
      wanted.signals.push(asked);
    }
  return names;
}

interface Context {
  readonly id: string;
  readonly config: TraceStoreConfig;
  readonly store: TraceStore;
  readonly request: CollectRequest;
  readonly cursors: Map<string, number>;
  readonly signal: AbortSignal;
}

type ReadOne = Pick<Collected, 'series' | 'gaps'> & { readonly spans: readonly Span[] };

async function readOne(context: Context, name: string, wanted: Wanted): Promise<ReadOne> {
  const { id, config, store, request, cursors, signal } = context;
  const gaps: Gap[] = [];
  const [service = name] = wanted.services;
  const lack = ({ reason, message }: ReadFault, fromMs: number, untilMs: number, of?: SignalQuery): void => {
    gaps.push({
      source: id,
      reason,
      message,
      fromMs,
      untilMs,
      service: of?.service ?? service,
      ...(of && { signal: of.signal }),
    });
  };
  if (request.mode === 'history') return { series: [], spans: await past(context, name, lack), gaps };
  // A trace is read when it is old enough to be whole.
  const untilMs = request.untilMs - config.late;
  const fromMs = Math.max(cursors.get(name) ?? request.fromMs - config.late, untilMs - longestCatchUpMs);
  if (untilMs <= fromMs) return { series: [], spans: [], gaps };
  const found = await store.search(name, fromMs, untilMs, config.maxTraces, signal);
  if ('fault' in found) {
    lack(found.fault, fromMs, untilMs);
    return { series: [], spans: [], gaps };
  }
  cursors.set(name, untilMs);
  if (found.partial !== undefined) lack({ reason: 'partial', message: found.partial }, fromMs, untilMs);
  const series = wanted.signals.flatMap((asked): readonly Series[] => {
    const query = asked.binding.query as unknown as RedQuery & Readonly<Record<string, Json>>;
    const made = measured(id, asked, query, { ...found, fromMs, untilMs });
    if ('key' in made) return [made];
    lack(made, fromMs, untilMs, asked);
    return [];
  });
  return { series, spans: found.spans, gaps };
}

async function past(
  { config, store, request, signal }: Context,
  name: string,
  lack: (fault: ReadFault, fromMs: number, untilMs: number) => void,
): Promise<readonly Span[]> {
  const { fromMs, untilMs } = request;
  const width = (untilMs - fromMs) / historyParts;
  const most = Math.max(1, Math.ceil(config.maxTraces / historyParts));
  const parts = await Promise.all(
    Array.from({ length: historyParts }, async (_, part): Promise<readonly Span[]> => {
      const [beginMs, endMs] = [Math.round(fromMs + part * width), Math.round(fromMs + (part + 1) * width)];
      const found = await store.search(name, beginMs, endMs, most, signal);
      if (!('fault' in found)) return found.spans;
      lack(found.fault, beginMs, endMs);
      return [];
    }),
  );
  return parts.flat();
}

// Whether a span is new. One trace passes through many services, and comes with each of them.
function rememberer(most: number): (span: Span) => boolean {
  const known = new Set<string>();
  return ({ traceId, spanId }) => {
    const key = `${traceId}/${spanId}`;
    if (known.has(key)) return false;
    known.add(key);
    if (known.size > most) for (const oldest of known) return known.delete(oldest);
    return true;
  };
}
