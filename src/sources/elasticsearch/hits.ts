import * as z from 'zod';

import { flattened, recordOf } from '../../io/clients/log-record.ts';
import { msOf, nsOf, type LogPage, type StoredRecord } from '../../io/clients/log-tail.ts';
import type { Fault } from '../../io/clients/polite-http.ts';
import type { Bound } from '../../io/clients/record-store.ts';
import type { SearchAnswer } from './answer.ts';
import type { ElasticsearchConfig } from './schema.ts';

const mostFields = 64;
const messageFields = ['message', 'msg', 'body', 'body.text', 'log', 'event.original'];
const hit = z.object({
  _index: z.string(),
  _id: z.string(),
  _source: z.unknown(),
  sort: z.tuple([z.number()]).rest(z.unknown()),
});

/** The search for a page of one binding's documents. Time is asked for in whole milliseconds, which both products sort by. */
export function hitsAsked(
  config: ElasticsearchConfig,
  bound: Bound,
  fromNs: bigint,
  untilNs: bigint,
  limit: number,
): object {
  const { timeField } = config;
  // A nanosecond past a millisecond means the next one: the tail has read all of that one.
  const fromMs = fromNs % 1_000_000n === 0n ? msOf(fromNs) : msOf(fromNs) + 1;
  return {
    size: limit,
    track_total_hits: false,
    query: {
      bool: {
        filter: [
          { range: { [timeField]: { gte: fromMs, lt: msOf(untilNs), format: 'epoch_millis' } } },
          wanted(config, bound),
        ],
      },
    },
    sort: [{ [timeField]: { order: 'asc', numeric_type: 'date', unmapped_type: 'date' } }],
  };
}

function wanted({ serviceField }: ElasticsearchConfig, { service, query }: Bound): object {
  if (typeof query['query'] === 'string') return { query_string: { query: query['query'] } };
  // A phrase matches a keyword as a whole and a text as its words.
  return { match_phrase: { [serviceField]: typeof query['service'] === 'string' ? query['service'] : service } };
}

/** Reads a page of documents as records. */
export function readHits(
  { hits, partial }: SearchAnswer,
  config: ElasticsearchConfig,
  fromNs: bigint,
): LogPage | Fault {
  const parsed = z.array(hit).safeParse(hits);
  if (!parsed.success)
    return { fault: { reason: 'malformed', message: 'a document without an id or a time came back' } };
  const records = parsed.data.map((one): StoredRecord => {
    const { [config.timeField]: _, ...fields } = flattened(one._source, mostFields);
    const key = [config.messageField, ...messageFields].find((name) => fields[name] !== undefined) ?? '';
    const { [key]: message = JSON.stringify(one._source ?? {}), ...beside } = fields;
    const ns = nsOf(one.sort[0]);
    return { ns: ns < fromNs ? fromNs : ns, id: `${one._index}/${one._id}`, ...recordOf(message, beside, one.sort[0]) };
  });
  return { records, ...(partial !== undefined && { partial }) };
}
