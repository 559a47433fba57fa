import { describe, expect, test } from 'vitest';

import type { HttpRequest } from '../../../src/domain/ports/io.ts';
import { sourceContract } from '../../contract/source.ts';
import { json, type Respond } from '../../support/http-world.ts';
import { openStore, serviceWith } from '../log-stores.ts';

const asked = ({ body }: HttpRequest): URLSearchParams => new URLSearchParams(String(body));
const startMs = 1_767_225_600_000;

/** VictoriaLogs: the stretch and the limit are in the query, lines come as JSON lines, buckets by their beginning. */
function victorialogsOf(times: readonly number[]): Respond {
  return (request) => {
    const query = asked(request);
    if (request.url.endsWith('/stats_query_range')) {
      const step = Number((query.get('step') ?? '').replace('ms', '')) / 1_000;
      const values: [number, string][] = [];
      for (
        let t = Date.parse(query.get('start') ?? '') / 1_000;
        t < Date.parse(query.get('end') ?? '') / 1_000;
        t += step
      )
        values.push([t, '7']);
      return json({
        status: 'success',
        data: { resultType: 'matrix', result: [{ metric: { __name__: 'n' }, values }] },
      });
    }
    const [, from = '', until = '', limit = '0'] =
      /^_time:\[(\S+), (\S+)\) .*limit (\d+)$/.exec(query.get('query') ?? '') ?? [];
    const lines = times
      .filter((tMs) => tMs >= Date.parse(from) && tMs < Date.parse(until))
      .slice(0, Number(limit))
      .map((tMs) =>
        JSON.stringify({ _time: new Date(tMs).toISOString(), _msg: 'boom', level: 'error', _stream_id: 'x', pod: 'a' }),
      );
    return lines.join('\n');
  };
}

const everySecond = Array.from({ length: 400 }, (_, nth) => startMs - 60_000 + nth * 1_000);
const posts = { readOnlyPosts: ['POST /base/select/logsql/query', 'POST /base/select/logsql/stats_query_range'] };
const open = (respond: Respond, more: Parameters<typeof openStore>[2] = {}) =>
  openStore('victorialogs', respond, { ...posts, ...more });
const counting = { signals: { errors: { query: 'level:error | stats count() n' } } };

sourceContract('victorialogs', {
  healthy: () => Promise.resolve(open(victorialogsOf(everySecond), counting)),
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
        (request) => (request.url.endsWith('/query') ? victorialogsOf(everySecond)(request) : { status: 500 }),
        counting,
      ),
    ),
  flood: () => Promise.resolve(open(victorialogsOf(everySecond), { config: { maxRecords: 10 } })),
});

describe('victorialogs', () => {
  test.each([
    [{}, '"service.name":="shop"'],
    [{ service: 'a"b' }, '"service.name":="a\\"b"'],
    [{ query: 'app:x error' }, '(app:x error)'],
  ])('the binding %j asks for %s', async (query, filter) => {
    const services = [serviceWith('shop', { logs: [{ source: 's', query }] })];
    const { world, ...store } = open(victorialogsOf([]), { services, config: { tenant: '12:3' } });
    await store.collect();
    expect(asked(world.requests[0]!).get('query')).toContain(`) ${filter} | sort by (_time) limit `);
    expect(world.requests[0]?.headers).toMatchObject({ accountid: '12', projectid: '3' });
  });

  test('a line is a record: its message, its level, and the other fields', async () => {
    const { logs } = await open(victorialogsOf([startMs - 1_000])).collect();
    expect(logs).toMatchObject([{ tMs: startMs - 1_000, severity: 'error', body: 'boom', attributes: { pod: 'a' } }]);
    expect(logs[0]?.attributes).not.toHaveProperty('_stream_id');
  });

  test('a bucket is stamped with its end, and only whole ones are given', async () => {
    const world = open(victorialogsOf([]), { ...counting, config: { late: '10s' } });
    const { series } = await world.collect();
    for (const { tMs } of series[0]?.samples ?? []) expect(tMs % 15_000).toBe(0);
    expect(series[0]?.samples.at(-1)?.tMs).toBe(startMs - 15_000);
  });

  test('an answer that was cut off is malformed, and nothing of it is taken', async () => {
    const respond: Respond = (request) => (victorialogsOf(everySecond)(request) as string).slice(0, -5);
    const { logs, gaps } = await open(respond).collect();
    expect(logs).toEqual([]);
    expect(gaps).toMatchObject([{ reason: 'malformed' }]);
  });

  test('statistics under several names are refused, with what to do', async () => {
    const result = ['bad', 'all'].map((name) => ({
      metric: { __name__: name },
      values: [[startMs / 1_000 - 60, '1']],
    }));
    const { gaps } = await open(() => json({ status: 'success', data: { resultType: 'matrix', result } }), {
      services: [],
      ...counting,
    }).collect();
    expect(gaps).toMatchObject([{ reason: 'malformed', message: expect.stringContaining('bad, all') }]);
  });
});
