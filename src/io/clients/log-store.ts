import { canonicalJson } from '../../lib/canonical.ts';
import { WatchkeeperError } from '../../lib/errors.ts';
import type { Json } from '../../lib/json.ts';
import { limits } from '../../lib/limits.ts';
import type { Collected, CollectRequest, Source, SourceTraits } from '../../domain/ports/source.ts';
import type { Gap, LogRecord } from '../../domain/telemetry.ts';
import { faultError, type ReadFault } from './http-reader.ts';
import { readStretch } from './log-stretch.ts';
import { msOf, type Cursor, type FetchPage, type TailLimits } from './log-tail.ts';
import { createMatrixReader, type AskMatrix } from './matrix-reader.ts';
import { boundTo, type Bound, type RecordStoreConfig } from './record-store.ts';

/** What a store of logs can tell. */
export const logStoreTraits: SourceTraits = {
  ...{ metrics: true, logs: true, traces: false, changes: false, discovery: false },
};

/** What one kind of store has of its own. */
export interface LogStore {
  readonly kind: string;
  readonly pages: Pick<TailLimits, 'pageRecords' | 'pageRecordsMax'>;
  /** Pages of the records of one binding, already checked by the kind's schema. */
  records(bound: Bound): FetchPage;
  /** Counts over time: the answer to a telemetry binding's query. */
  matrix: AskMatrix;
  /** Asks something small. `undefined`: it answered. */
  tries(signal: AbortSignal): Promise<ReadFault | undefined>;
}

/** A configuration with how many records one reading takes. */
export interface LogStoreConfig extends RecordStoreConfig {
  readonly maxRecords: number;
  readonly maxSeries: number;
}

/** Makes a source of a store: each binding's lines from a cursor of its own, and counts as series. */
export function createLogStoreSource(id: string, config: LogStoreConfig, store: LogStore): Source {
  const cursors = new Map<string, Cursor>();
  const series = createMatrixReader(id, { ...config, peer: store.kind, holdBackMs: config.late }, store.matrix);
  return {
    id,
    kind: store.kind,
    traits: logStoreTraits,
    intervalMs: config.interval,
    collect: async (request, signal) => {
      if (signal.aborted) throw new WatchkeeperError('aborted', 'stopped before the query');
      const wanted = boundTo(id, config.services, request.services, 'logs');
      const most = Math.max(
        1,
        Math.min(config.maxRecords, Math.floor(limits.logRecordsPerCollect / Math.max(1, wanted.length))),
      );
      forget(cursors, wanted, request);
      const [measured, ...read] = await Promise.all([
        series.read(request, signal),
        ...wanted.map((bound) => tail(id, config, store, cursors, request, bound, most, signal)),
      ]);
      return {
        ...{ series: measured.series, changes: [], resources: [], findings: [] },
        logs: read.flatMap(({ logs }) => [...logs]).slice(0, limits.logRecordsPerCollect),
        gaps: [...measured.gaps, ...read.flatMap(({ gaps }) => [...gaps])],
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

async function tail(
  id: string,
  config: LogStoreConfig,
  store: LogStore,
  cursors: Map<string, Cursor>,
  request: CollectRequest,
  bound: Bound,
  most: number,
  signal: AbortSignal,
): Promise<Pick<Collected, 'logs' | 'gaps'>> {
  const limits = { ...store.pages, lateMs: config.late };
  const stretch = { key: keyOf(bound), cursors, most, limits, fetch: store.records(bound) };
  const { records, faults } = await readStretch(request, stretch, signal);
  return {
    logs: records.map(({ ns, severity, body, attributes }): LogRecord => ({
      ...{ tMs: msOf(ns), source: id, service: bound.service, severity, body, attributes },
    })),
    gaps: faults.map((fault): Gap => ({ ...fault, source: id, service: bound.service })),
  };
}

function keyOf({ service, query }: Bound): string {
  return `${service}\n${canonicalJson(query as Json)}`;
}

// A service that is no longer watched leaves no cursor behind.
function forget(cursors: Map<string, Cursor>, wanted: readonly Bound[], request: CollectRequest): void {
  if (request.mode !== 'live') return;
  const keys = new Set(wanted.map(keyOf));
  for (const key of cursors.keys()) if (!keys.has(key)) cursors.delete(key);
}
