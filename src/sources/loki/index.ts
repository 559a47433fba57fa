import type { ReaderIo } from '../../domain/ports/io.ts';
import type { SourceKind } from '../../domain/ports/source.ts';
import { faultOfStatus } from '../../io/clients/http-reader.ts';
import { createLogStoreSource, logStoreTraits, type LogStore } from '../../io/clients/log-store.ts';
import { readRangeAnswer } from '../../io/clients/matrix.ts';
import { politePeer, wordsOf, type PolitePeer, type Question } from '../../io/clients/polite-http.ts';
import { lokiConfig, lokiQuery, lokiRecords, toLogql, type LokiConfig } from './schema.ts';
import { readStreams } from './streams.ts';
import type { Json } from '../../lib/json.ts';

/**
 * # loki: log lines and LogQL metrics from Grafana Loki
 *
 * Lines of each bound service are paged forward from a cursor of its own; a `telemetry` binding is a LogQL metric query.
 * Deliberately absent: tailing over a websocket (a poll loses nothing and can be bounded), writing, rules.
 */
export const lokiSource: SourceKind<LokiConfig> = {
  kind: 'loki',
  summary: 'Grafana Loki: log lines by stream selector, and LogQL metric queries.',
  traits: logStoreTraits,
  config: lokiConfig,
  query: lokiQuery,
  records: { logs: lokiRecords },
  create: (id, config, io) => createLogStoreSource(id, config, lokiStore(config, io)),
};

const path = '/loki/api/v1/query_range';

function lokiStore(config: LokiConfig, io: ReaderIo): LogStore {
  const peer = politePeer(config, io);
  const headers = config.tenant === undefined ? {} : { 'x-scope-orgid': config.tenant };
  const get = (question: Question, signal: AbortSignal): ReturnType<PolitePeer['ask']> =>
    peer.ask({ ...question, headers }, signal);
  return {
    kind: 'loki',
    // Loki's own default for max_entries_limit_per_query is 5,000.
    pages: { pageRecords: Math.min(1_000, config.maxPage), pageRecordsMax: config.maxPage },
    records: (bound) => async (fromNs, untilNs, limit, signal) => {
      const query = toLogql(bound, config.serviceLabel);
      const page = { query, start: String(fromNs), end: String(untilNs), limit: String(limit), direction: 'forward' };
      const answer = await get({ path, query: page }, signal);
      return 'fault' in answer ? answer : readStreams(answer.response, peer.where);
    },
    matrix: async (query, range, signal) => {
      const start = `${BigInt(range.fromMs) * 1_000_000n}`;
      const end = `${BigInt(range.untilMs) * 1_000_000n}`;
      const fields = { query: textOf(query['query']), start, end, step: `${range.stepMs / 1_000}` };
      const answer = await get({ path, query: fields }, signal);
      if ('fault' in answer) return answer;
      return readRangeAnswer(answer.response.status, answer.response.body, peer.where, config.maxSeries);
    },
    tries: async (signal) => {
      const answer = await get({ path: '/loki/api/v1/labels' }, signal);
      if ('fault' in answer) return answer.fault;
      const { status, body } = answer.response;
      return status === 200 ? undefined : faultOfStatus(status, peer.where, wordsOf(body));
    },
  };
}

// The loader let only text through.
function textOf(query: Json | undefined): string {
  return typeof query === 'string' ? query : '';
}
