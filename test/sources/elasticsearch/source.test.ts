import { describe, expect, test } from 'vitest';

import type { HttpRequest } from '../../../src/domain/ports/io.ts';
import type { JsonObject } from '../../../src/lib/json.ts';
import { sourceKinds } from '../../../src/sources/index.ts';
import { sourceContract } from '../../contract/source.ts';
import { json, type Respond } from '../../support/http-world.ts';
import { openStore, serviceWith } from '../log-stores.ts';

const startMs = 1_767_225_600_000;
const shards = { total: 3, failed: 0 };
const bodyOf = ({ body }: HttpRequest) => JSON.parse(String(body)) as Record<string, never> & { readonly size: number };

interface Asked {
  readonly size: number;
  readonly query: {
    readonly bool?: {
      readonly filter: readonly [{ readonly range: Record<string, { gte: number; lt: number }> }, object];
    };
  };
  readonly aggs?: { readonly steps: { readonly date_histogram: { readonly fixed_interval: string } } };
}

/** A cluster that has documents at these times, all of one service, every second one an error. */
function clusterOf(times: readonly number[], more: JsonObject = {}): Respond {
  return (request) => {
    const asked = bodyOf(request) as unknown as Asked;
    const answer = { timed_out: false, _shards: shards, ...more };
    if (asked.aggs !== undefined) {
      const step = Number(asked.aggs.steps.date_histogram.fixed_interval.replace('ms', ''));
      const buckets = new Map<number, number>();
      for (const tMs of times)
        buckets.set(Math.floor(tMs / step) * step, (buckets.get(Math.floor(tMs / step) * step) ?? 0) + 1);
      const list = [...buckets].map(([key, count]) => ({
        key,
        all: { doc_count: count },
        chosen: { doc_count: count / 2 },
      }));
      return json({ ...answer, hits: { hits: [] }, aggregations: { steps: { buckets: list } } });
    }
    const range = Object.values(asked.query.bool?.filter[0].range ?? {})[0] ?? { gte: 0, lt: 0 };
    const hits = times
      .map((tMs, nth) => ({ tMs, nth }))
      .filter(({ tMs }) => tMs >= range.gte && tMs < range.lt)
      .slice(0, asked.size)
      .map(({ tMs, nth }) => ({
        ...{ _index: 'logs-1', _id: String(nth), sort: [tMs] },
        _source: {
          '@timestamp': new Date(tMs).toISOString(),
          message: 'boom',
          log: { level: 'ERROR' },
          kubernetes: { pod: { name: 'a' } },
        },
      }));
    return json({ ...answer, hits: { hits } });
  };
}

const everySecond = Array.from({ length: 400 }, (_, nth) => startMs - 60_000 + nth * 1_000);
const open = (respond: Respond, more: Parameters<typeof openStore>[2] = {}) =>
  openStore('elasticsearch', respond, { readOnlyPosts: ['POST /base/logs-*/_search'], ...more });
const counting = { signals: { errors: { query: 'log.level:ERROR', of: '*' } } };

sourceContract('elasticsearch', {
  healthy: () => Promise.resolve(open(clusterOf(everySecond), counting)),
  ill: {
    unauthorized: () => Promise.resolve(open(() => ({ status: 401 }))),
    forbidden: () => Promise.resolve(open(() => ({ status: 403 }))),
    unreachable: () => Promise.resolve(open(() => 'refuse')),
    malformed: () => Promise.resolve(open(() => '<html>')),
    hanging: () => Promise.resolve(open(() => 'hang')),
  },
  partial: () =>
    Promise.resolve(
      open(
        clusterOf(everySecond, { _shards: { total: 3, failed: 1, failures: [{ reason: { reason: 'node left' } }] } }),
      ),
    ),
  flood: () => Promise.resolve(open(clusterOf(everySecond), { config: { maxRecords: 10 } })),
});

describe('elasticsearch', () => {
  test('a document is a record: dotted fields, its level, its message', async () => {
    const { logs } = await open(clusterOf([startMs - 1_000])).collect();
    expect(logs).toMatchObject([
      {
        tMs: startMs - 1_000,
        severity: 'error',
        body: 'boom',
        attributes: { 'kubernetes.pod.name': 'a', 'log.level': 'ERROR' },
      },
    ]);
  });

  test('more documents in one millisecond than a page holds are all read, each once', async () => {
    const times = Array.from({ length: 2_500 }, () => startMs - 1_000);
    const world = open(clusterOf([...times, startMs - 500]), { config: { maxRecords: 9_000 } });
    const { logs, gaps } = await world.collect();
    expect(gaps).toEqual([]);
    expect(logs).toHaveLength(2_501);
    expect((await world.collect()).logs).toEqual([]);
  });

  test.each([
    [{}, { match_phrase: { 'service.name': 'shop' } }],
    [{ service: 'b' }, { match_phrase: { 'service.name': 'b' } }],
    [{ query: 'app:x' }, { query_string: { query: 'app:x' } }],
  ])('the binding %j asks for %j', async (query, filter) => {
    const services = [serviceWith('shop', { logs: [{ source: 's', query }] })];
    const { world, ...store } = open(clusterOf([]), { services, config: { auth: { apiKey: { env: 'TOKEN' } } } });
    await store.collect();
    expect((bodyOf(world.requests[0]!) as unknown as Asked).query.bool?.filter[1]).toEqual(filter);
    expect(world.requests[0]?.headers).toMatchObject({ authorization: 'ApiKey s3cret' });
  });

  test('a ratio is of the documents there were; a step with none of them gives no sample', async () => {
    const { series } = await open(clusterOf([startMs - 50_000, startMs - 49_000]), counting).collect();
    expect(series[0]?.samples).toEqual([{ tMs: startMs - 45_000, v: 0.5 }]);
  });

  test('a pattern that matches no index is missing, and so is an index that is not there', async () => {
    const none = await open(clusterOf([], { _shards: { total: 0, failed: 0 } })).collect();
    expect(none.gaps).toMatchObject([{ reason: 'missing' }]);
    const error = { error: { type: 'index_not_found_exception', reason: 'no such index [x]' }, status: 404 };
    const gone = await open(() => json(error, 404)).collect();
    expect(gone.gaps).toMatchObject([{ reason: 'missing', message: expect.stringContaining('no such index [x]') }]);
  });

  test.each([
    [{ query: 'x', field: 'took' }],
    [{ query: 'x', of: 'y', field: 'took', stat: 'avg' }],
    [{ query: 'x', size: 3 }],
  ])('a signal that says %j is refused when it is loaded', (query) => {
    expect(sourceKinds['elasticsearch']?.query.parse(query as JsonObject).ok).toBe(false);
  });
});
