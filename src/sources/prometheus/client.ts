import type { ReaderIo } from '../../domain/ports/io.ts';
import { readRangeAnswer, type Range, type RangeAnswer } from '../../io/clients/matrix.ts';
import { form, politePeer, type Fault } from '../../io/clients/polite-http.ts';
import type { PrometheusConfig } from './schema.ts';

/** Asks one server, never more than it bears: after 429 or 503 it is left alone until it said it may be asked again. */
export interface PrometheusClient {
  range(promql: string, range: Range, signal: AbortSignal): Promise<RangeAnswer | Fault>;
}

/** Makes a client of one server. Nothing is asked yet. */
export function createClient(config: PrometheusConfig, io: ReaderIo): PrometheusClient {
  const peer = politePeer(config, io);
  return {
    range: async (promql, range, signal) => {
      const fields = {
        query: promql,
        start: seconds(range.fromMs),
        end: seconds(range.untilMs),
        step: seconds(range.stepMs),
        timeout: `${config.timeout}ms`,
      };
      const answer = await peer.ask({ path: '/api/v1/query_range', body: form(fields) }, signal);
      if ('fault' in answer) return answer;
      return readRangeAnswer(answer.response.status, answer.response.body, peer.where, config.maxSeries);
    },
  };
}

function seconds(ms: number): string {
  return (ms / 1_000).toFixed(3);
}
