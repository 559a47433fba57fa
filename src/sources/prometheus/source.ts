import { WatchkeeperError } from '../../lib/errors.ts';
import type { ReaderIo } from '../../domain/ports/io.ts';
import type { Source, SourceTraits } from '../../domain/ports/source.ts';
import { faultError } from '../../io/clients/http-reader.ts';
import { createMatrixReader } from '../../io/clients/matrix-reader.ts';
import { createClient } from './client.ts';
import { toPromql, typedQuery, type PrometheusConfig } from './schema.ts';

/** What a Prometheus can tell. */
export const prometheusTraits: SourceTraits = {
  metrics: true,
  logs: false,
  traces: false,
  changes: false,
  discovery: false,
};

/** Makes the source. Nothing is asked before the first `collect`. */
export function createPrometheusSource(id: string, config: PrometheusConfig, io: ReaderIo): Source {
  const client = createClient(config, io);
  const options = { interval: config.interval, peer: 'Prometheus', holdBackMs: 0 };
  const reader = createMatrixReader(id, options, (query, range, signal) => {
    const parsed = typedQuery.parse(query);
    if (parsed.ok) return client.range(toPromql(parsed.value), range, signal);
    const message = `the query is not readable: ${parsed.issues.map((issue) => issue.message).join('; ')}`;
    return Promise.resolve({ fault: { reason: 'malformed', message } });
  });
  return {
    id,
    kind: 'prometheus',
    traits: prometheusTraits,
    intervalMs: config.interval,
    collect: async (request, signal) => {
      if (signal.aborted) throw new WatchkeeperError('aborted', 'stopped before the query');
      return { ...(await reader.read(request, signal)), logs: [], changes: [], resources: [], findings: [] };
    },
    discover: () => Promise.resolve([]),
    check: async (signal) => {
      const nowMs = io.clock.nowMs();
      const answer = await client.range('vector(1)', { fromMs: nowMs, untilMs: nowMs, stepMs: 1_000 }, signal);
      if (!('fault' in answer)) return;
      const fix = `Check url and auth of source ${id}: ${config.url} must answer /api/v1/query_range.`;
      throw faultError(`source ${id}`, answer.fault, fix);
    },
    close: () => Promise.resolve(),
  };
}
