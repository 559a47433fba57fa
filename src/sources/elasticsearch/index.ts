import type { ReaderIo } from '../../domain/ports/io.ts';
import type { SourceKind } from '../../domain/ports/source.ts';
import { createLogStoreSource, logStoreTraits, type LogStore } from '../../io/clients/log-store.ts';
import { politePeer, type PolitePeer } from '../../io/clients/polite-http.ts';
import { countsAsked, readCounts } from './counts.ts';
import { hitsAsked, readHits } from './hits.ts';
import { readSearch } from './answer.ts';
import {
  elasticsearchConfig,
  elasticsearchQuery,
  elasticsearchRecords,
  parsedQuery,
  type ElasticsearchConfig,
} from './schema.ts';

/**
 * # elasticsearch: log records and counts from Elasticsearch and OpenSearch
 *
 * Documents of each bound service are paged by time from a cursor of its own; a `telemetry` binding is a count, a ratio
 * of counts or a statistic of a field, in a date histogram. Only `_search` is ever called. Deliberately absent: scroll
 * and point in time (state on the server for what a time range does as well), SQL, ES|QL.
 */
export const elasticsearchSource: SourceKind<ElasticsearchConfig> = {
  kind: 'elasticsearch',
  summary: 'Elasticsearch and OpenSearch: log documents by service or query, and counts over time.',
  traits: logStoreTraits,
  config: elasticsearchConfig,
  query: elasticsearchQuery,
  records: { logs: elasticsearchRecords },
  create: (id, config, io) => createLogStoreSource(id, config, store(config, io)),
};

function store(config: ElasticsearchConfig, io: ReaderIo): LogStore {
  const peer = politePeer(config, io);
  const path = `/${config.index.split(',').map(encodeURIComponent).join(',')}/_search`;
  // A pattern that matches nothing is told by its zero shards; a plain name that is not there is a 404.
  const flags = { allow_partial_search_results: 'true' };
  const search = (body: object, signal: AbortSignal): ReturnType<PolitePeer['ask']> => {
    const text = JSON.stringify({ ...body, timeout: `${config.timeout}ms` });
    return peer.ask({ path, query: flags, body: { type: 'application/json', text } }, signal);
  };
  return {
    kind: 'elasticsearch',
    // index.max_result_window is 10,000 unless somebody changed it.
    pages: { pageRecords: 1_000, pageRecordsMax: 10_000 },
    records: (bound) => async (fromNs, untilNs, limit, signal) => {
      const answer = await search(hitsAsked(config, bound, fromNs, untilNs, limit), signal);
      if ('fault' in answer) return answer;
      const read = readSearch(answer.response, peer.where);
      return 'fault' in read ? read : readHits(read, config, fromNs);
    },
    matrix: async (query, range, signal) => {
      const parsed = parsedQuery(query);
      const answer = await search(countsAsked(config, parsed, range), signal);
      if ('fault' in answer) return answer;
      const read = readSearch(answer.response, peer.where);
      return 'fault' in read ? read : readCounts(read, parsed, range);
    },
    tries: async (signal) => {
      const answer = await search({ size: 0, track_total_hits: false }, signal);
      if ('fault' in answer) return answer.fault;
      const read = readSearch(answer.response, peer.where);
      return 'fault' in read ? read.fault : undefined;
    },
  };
}
