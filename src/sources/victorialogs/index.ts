import type { ReaderIo } from '../../domain/ports/io.ts';
import type { SourceKind } from '../../domain/ports/source.ts';
import { faultOfStatus } from '../../io/clients/http-reader.ts';
import { createLogStoreSource, logStoreTraits, type LogStore } from '../../io/clients/log-store.ts';
import { readRangeAnswer, type RangeAnswer } from '../../io/clients/matrix.ts';
import { form, politePeer, wordsOf, type Fault, type PolitePeer } from '../../io/clients/polite-http.ts';
import { readLines } from './lines.ts';
import {
  toLogsql,
  victorialogsConfig,
  victorialogsQuery,
  victorialogsRecords,
  type VictorialogsConfig,
} from './schema.ts';
import type { Json } from '../../lib/json.ts';

/**
 * # victorialogs: log lines and LogsQL statistics from VictoriaLogs
 *
 * Lines of each bound service are paged forward from a cursor of its own; a `telemetry` binding is a LogsQL query that
 * ends in `| stats`. Deliberately absent: live tailing (a poll loses nothing and can be bounded), deletion.
 */
export const victorialogsSource: SourceKind<VictorialogsConfig> = {
  kind: 'victorialogs',
  summary: 'VictoriaLogs: log lines by LogsQL filter, and LogsQL statistics over time.',
  traits: logStoreTraits,
  config: victorialogsConfig,
  query: victorialogsQuery,
  records: { logs: victorialogsRecords },
  create: (id, config, io) => createLogStoreSource(id, config, store(config, io)),
};

function store(config: VictorialogsConfig, io: ReaderIo): LogStore {
  const peer = politePeer(config, io);
  const [account, project = '0'] = (config.tenant ?? '').split(':');
  const headers = account === undefined || account === '' ? {} : { accountid: account, projectid: project };
  const post = (
    path: string,
    fields: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): ReturnType<PolitePeer['ask']> =>
    peer.ask({ path, headers, body: form({ ...fields, timeout: `${config.timeout}ms` }) }, signal);
  return {
    kind: 'victorialogs',
    pages: { pageRecords: 1_000, pageRecordsMax: 10_000 },
    records: (bound) => async (fromNs, untilNs, limit, signal) => {
      // A stretch is given as the filter's own, which is exact to the nanosecond and leaves its end out.
      const time = `_time:[${instant(fromNs)}, ${instant(untilNs)})`;
      const query = `${time} ${toLogsql(bound, config.serviceField)} | sort by (_time) limit ${limit}`;
      const answer = await post('/select/logsql/query', { query }, signal);
      return 'fault' in answer ? answer : readLines(answer.response, peer.where);
    },
    matrix: async (query, { fromMs, untilMs, stepMs }, signal) => {
      // A bucket is named by its beginning there and by its end here, when it is whole.
      const fields = {
        query: textOf(query['query']),
        ...{ start: instant(BigInt(fromMs - stepMs) * million), end: instant(BigInt(untilMs) * million) },
        step: `${stepMs}ms`,
      };
      const answer = await post('/select/logsql/stats_query_range', fields, signal);
      if ('fault' in answer) return answer;
      const { status, body } = answer.response;
      return atTheEnd(readRangeAnswer(status, body, peer.where, config.maxSeries), stepMs, untilMs);
    },
    tries: async (signal) => {
      const answer = await post('/select/logsql/query', { query: '_time:1s | limit 1' }, signal);
      if ('fault' in answer) return answer.fault;
      const { status, body } = answer.response;
      return status === 200 ? undefined : faultOfStatus(status, peer.where, wordsOf(body));
    },
  };
}

const million = 1_000_000n;

// RFC 3339 with nanoseconds.
function instant(ns: bigint): string {
  const iso = new Date(Number(ns / million)).toISOString();
  return `${iso.slice(0, -1)}${String(ns % million).padStart(6, '0')}Z`;
}

function atTheEnd(answer: RangeAnswer | Fault, stepMs: number, untilMs: number): RangeAnswer | Fault {
  if ('fault' in answer) return answer;
  const series = answer.series.map(({ labels, samples }) => ({
    labels,
    samples: samples.map(({ tMs, v }) => ({ tMs: tMs + stepMs, v })).filter(({ tMs }) => tMs <= untilMs),
  }));
  // What has lost its time, as after `| fields`, is stamped with now: it is of no step.
  return { ...answer, series, points: series.reduce((sum, { samples }) => sum + samples.length, 0) };
}

// The loader let only text through.
function textOf(query: Json | undefined): string {
  return typeof query === 'string' ? query : '';
}
