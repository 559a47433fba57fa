import { describe, expect, test } from 'vitest';

import type { HttpRequest } from '../../../src/domain/ports/io.ts';
import type { JsonObject } from '../../../src/lib/json.ts';
import { sourceContract } from '../../contract/source.ts';
import { json, type Respond } from '../../support/http-world.ts';
import { openStore, serviceWith } from '../log-stores.ts';

interface Line {
  readonly ns: bigint;
  readonly line: string;
  readonly stream?: Readonly<Record<string, string>>;
}

const asked = ({ url }: HttpRequest): URLSearchParams => new URL(url).searchParams;

/** Loki as its API is documented: start in, end out, oldest first, at most `limit` lines over all streams; a matrix for a metric query. */
function lokiOf(lines: readonly Line[], more: JsonObject = {}): Respond {
  return (request) => {
    const query = asked(request);
    const [start, end] = [BigInt(query.get('start') ?? 0), BigInt(query.get('end') ?? 0)];
    if (!(query.get('query') ?? '').startsWith('{')) {
      const step = Number(query.get('step'));
      const values: [number, string][] = [];
      for (let t = Number(start / 1_000_000n) / 1_000; t <= Number(end / 1_000_000n) / 1_000; t += step)
        values.push([t, '3']);
      return json({ status: 'success', data: { resultType: 'matrix', result: [{ metric: {}, values }], stats: {} } });
    }
    const inside = lines
      .filter(({ ns }) => ns >= start && ns < end)
      .toSorted((a, b) => (a.ns < b.ns ? -1 : a.ns > b.ns ? 1 : 0));
    const streams = new Map<string, { stream: object; values: [string, string][] }>();
    for (const { ns, line, stream = { service_name: 'shop' } } of inside.slice(0, Number(query.get('limit')))) {
      const key = JSON.stringify(stream);
      const into = streams.get(key) ?? { stream, values: [] };
      streams.set(key, into);
      into.values.push([String(ns), line]);
    }
    return json({
      status: 'success',
      data: { resultType: 'streams', result: [...streams.values()], stats: {} },
      ...more,
    });
  };
}

const startNs = 1_767_225_600_000n * 1_000_000n;
const some = (count: number, everyNs = 1_000_000_000n): readonly Line[] =>
  Array.from({ length: count }, (_, nth) => ({
    ns: startNs - 50_000_000_000n + BigInt(nth) * everyNs,
    line: `level=error line ${nth}`,
  }));
const counting = { rate: { query: 'sum(rate({app="shop"}[1m]))' } };

sourceContract('loki', {
  // A line for every second of the virtual future as well: each collect has something new.
  healthy: () => Promise.resolve(openStore('loki', lokiOf(some(300)), { signals: counting })),
  ill: {
    unauthorized: () => Promise.resolve(openStore('loki', () => ({ status: 401 }))),
    forbidden: () => Promise.resolve(openStore('loki', () => ({ status: 403 }))),
    unreachable: () => Promise.resolve(openStore('loki', () => 'refuse')),
    malformed: () => Promise.resolve(openStore('loki', () => '<html>')),
    hanging: () => Promise.resolve(openStore('loki', () => 'hang')),
  },
  partial: () => Promise.resolve(openStore('loki', lokiOf(some(300), { warnings: ['an ingester did not answer'] }))),
  flood: () => Promise.resolve(openStore('loki', lokiOf(some(3_000, 10_000_000n)), { config: { maxRecords: 100 } })),
});

describe('loki', () => {
  test('asks by the service label, forward, with the tenant and the token in their headers', async () => {
    const { world, ...store } = openStore('loki', lokiOf(some(3)), {
      config: { tenant: 'team-a', auth: { bearer: { env: 'TOKEN' } }, serviceLabel: 'app' },
    });
    await store.collect();
    const [request] = world.requests;
    expect(request?.url).toMatch(/^http:\/\/peer\.example:3100\/base\/loki\/api\/v1\/query_range\?/);
    expect(asked(request!).get('query')).toBe('{app="shop"}');
    expect(asked(request!).get('direction')).toBe('forward');
    expect(request?.headers).toMatchObject({ 'x-scope-orgid': 'team-a', authorization: 'Bearer s3cret' });
  });

  test.each([
    [{ query: '{app="x"} |= "boom"' }, '{app="x"} |= "boom"'],
    [{ labels: { namespace: 'a"b', app: 'x' } }, '{namespace="a\\"b", app="x"}'],
    [{ service: 'other' }, '{service_name="other"}'],
  ])('the binding %j asks %s', async (query, logql) => {
    const services = [serviceWith('shop', { logs: [{ source: 's', query }] })];
    const { world, ...store } = openStore('loki', lokiOf([]), { services });
    await store.collect();
    expect(asked(world.requests[0]!).get('query')).toBe(logql);
  });

  test('services that name another source or none are left alone, unless all are wanted', async () => {
    const services = [serviceWith('bound', { logs: [{ source: 'elsewhere', query: {} }] }), serviceWith('free', {})];
    const one = openStore('loki', lokiOf([]), { services });
    await one.collect();
    expect(one.world.requests).toHaveLength(0);
    const all = openStore('loki', lokiOf([]), { services, config: { services: 'all' } });
    await all.collect();
    expect(all.world.requests.map((request) => asked(request).get('query'))).toEqual(['{service_name="free"}']);
  });

  test('a severity that Loki found, or the line states, is the record’s; labels and metadata are its attributes', async () => {
    const lines: readonly Line[] = [
      { ns: startNs - 2_000_000_000n, line: 'plain', stream: { service_name: 'shop', detected_level: 'warn' } },
      {
        ns: startNs - 1_000_000_000n,
        line: '{"level":"fatal","msg":"gone","order":7}',
        stream: { service_name: 'shop', pod: 'a' },
      },
    ];
    const { logs } = await openStore('loki', lokiOf(lines)).collect();
    expect(logs).toMatchObject([
      { severity: 'warn', body: 'plain', service: 'shop', source: 's' },
      { severity: 'fatal', body: 'gone', attributes: { pod: 'a', order: '7' } },
    ]);
  });

  test('a refusal with Retry-After is rate-limited, and the server is left alone as long as it said', async () => {
    const { world, ...store } = openStore('loki', () => ({ status: 429, headers: { 'retry-after': '30' } }));
    expect((await store.collect()).gaps).toMatchObject([{ reason: 'rate-limited', service: 'shop' }]);
    expect((await store.collect()).gaps).toMatchObject([{ reason: 'rate-limited' }]);
    expect(world.requests).toHaveLength(1);
    await world.clock.advance(31_000);
    world.answer(lokiOf(some(300)));
    expect((await store.collect()).gaps).toEqual([]);
  });

  test('the server’s own words are in the gap, on one line', async () => {
    const body = new TextEncoder().encode('parse error at line 1,\n col 3: syntax error');
    const { gaps } = await openStore('loki', () => ({ status: 400, body })).collect();
    expect(gaps[0]).toMatchObject({ reason: 'malformed', message: expect.stringContaining('col 3: syntax error') });
    expect(gaps[0]?.message).not.toContain('\n');
  });

  test('counts are series: one sample a step, none of a step that may still get lines', async () => {
    const world = openStore('loki', lokiOf([]), { signals: counting, config: { late: '20s' } });
    const { series } = await world.collect();
    expect(series[0]?.samples.at(-1)?.tMs).toBeLessThanOrEqual(world.world.clock.nowMs() - 20_000);
    await world.advance(15_000);
    const next = await world.collect();
    expect(next.series[0]?.samples).toHaveLength(1);
  });

  test('evidence is read from the past without moving the cursor', async () => {
    const world = openStore('loki', lokiOf(some(40)));
    const { logs } = await world.collect();
    expect((await world.collect({ mode: 'history' })).logs).toHaveLength(logs.length);
    expect((await world.collect()).logs).toEqual([]);
  });

  test('check says what is wrong', async () => {
    const { source } = openStore('loki', () => ({ status: 401 }));
    await expect(source.check(new AbortController().signal)).rejects.toMatchObject({ code: 'unauthorized' });
  });
});
