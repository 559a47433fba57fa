import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';

import { scrapeSource } from '../../../src/sources/scrape/index.ts';
import type { Collected, CollectRequest } from '../../../src/domain/ports/source.ts';
import type { Json } from '../../../src/lib/json.ts';
import { sourceContract, watchReads, type SourceWorld } from '../../contract/source.ts';
import { httpWorld, type Respond } from '../../support/http-world.ts';

type Query = Readonly<Record<string, Json>>;

function requestFor(atMs: number, queries: Readonly<Record<string, Query>>): CollectRequest {
  return {
    fromMs: atMs - 60_000,
    untilMs: atMs,
    stepMs: 15_000,
    mode: 'live',
    services: [],
    signals: Object.entries(queries).map(([signal, query]) => ({
      service: 'shop',
      signal,
      binding: { source: 'web', unit: '1', nature: 'gauge', query },
    })),
  };
}

function open(respond: Respond, config: Json = {}, urls: readonly string[] = ['http://shop:8080/metrics']) {
  const world = httpWorld(respond, { TOKEN: 's3cret' });
  const parsed = scrapeSource.config.parse({ targets: urls.map((url) => ({ url })), ...(config as object) });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.issues));
  const { io, touched } = watchReads(world.io);
  return { world, touched, source: scrapeSource.create('web', parsed.value, io) };
}

const never = new AbortController().signal;

/** Scrapes each exposition in turn, 10 s apart, and gives the last answer. */
async function scrapes(queries: Readonly<Record<string, Query>>, expositions: readonly (string | Respond)[]) {
  const { world, source } = open(() => 'refuse');
  let last: Collected = { series: [], logs: [], changes: [], resources: [], findings: [], gaps: [] };
  for (const [index, exposition] of expositions.entries()) {
    if (index > 0) await world.clock.advance(10_000);
    world.answer(typeof exposition === 'string' ? () => exposition : exposition);
    last = await source.collect(requestFor(world.clock.nowMs(), queries), never);
  }
  return { ...last, values: Object.fromEntries(last.series.map(({ key, samples }) => [key, samples[0]?.v])) };
}

const exposed = (fine: number, bad: number) =>
  `# TYPE http_requests_total counter\nhttp_requests_total{code="200",version="v1"} ${fine}\nhttp_requests_total{code="503",version="v1"} ${bad}\n# TYPE depth gauge\ndepth 7\n`;

const both: Readonly<Record<string, Query>> = {
  depth: { metric: 'depth' },
  traffic: { metric: 'http_requests_total' },
};

sourceContract('scrape', {
  healthy: () => world(() => exposed(100, 5)),
  ill: {
    unauthorized: () => world(() => ({ status: 401 })),
    forbidden: () => world(() => ({ status: 403 })),
    unreachable: () => world(() => 'refuse'),
    malformed: () => world(() => 'not an exposition\n'),
    hanging: () => world(() => 'hang'),
  },
  partial: () => world(() => exposed(100, 5), { ...both, missing: { metric: 'no_such_metric' } }),
  flood: () =>
    world(() => Array.from({ length: 50 }, (_, i) => `depth{i="${i}"} 1\n`).join(''), both, { maxSeries: 10 }),
});

function world(respond: Respond, queries = both, config: Json = {}): Promise<SourceWorld> {
  const { world: made, touched, source } = open(respond, config);
  const request = requestFor(made.clock.nowMs(), queries);
  return Promise.resolve({ source, touched, request, advance: (ms) => made.clock.advance(ms) });
}

describe('counters', () => {
  const traffic = { traffic: { metric: 'http_requests_total' } };

  test('leave the source as a rate per second, never as a count', async () => {
    const first = await scrapes(traffic, [exposed(100, 5)]);
    expect(first.series).toEqual([]);
    expect(first.gaps).toMatchObject([{ reason: 'missing', message: expect.stringContaining('two scrapes') }]);
    const second = await scrapes(traffic, [exposed(100, 5), exposed(150, 15)]);
    expect(second.values).toEqual({ 'shop/traffic{}': 6 });
    expect(second.gaps).toEqual([]);
  });

  test('that fall have started again from zero', async () => {
    const { values } = await scrapes(traffic, [exposed(1_000, 500), exposed(20, 10)]);
    expect(values).toEqual({ 'shop/traffic{}': 3 });
  });

  test('born since the last scrape count in full when the target says when, even above the old value', async () => {
    const at = 1_767_225_600;
    const om = (value: number, created: number) => `# TYPE a counter\na_total ${value}\na_created ${created}\n# EOF\n`;
    const answer = (text: string) => () => ({
      headers: { 'content-type': 'application/openmetrics-text; version=1.0.0; charset=utf-8' },
      body: new TextEncoder().encode(text),
    });
    const query = { a: { metric: 'a_total' } };
    expect((await scrapes(query, [answer(om(10, at - 100)), answer(om(40, at - 100))])).values).toEqual({
      'shop/a{}': 3,
    });
    expect((await scrapes(query, [answer(om(10, at - 100)), answer(om(40, at + 5))])).values).toEqual({
      'shop/a{}': 4,
    });
    expect((await scrapes(query, [answer('# EOF\n'), answer(om(40, at + 5))])).values).toEqual({ 'shop/a{}': 4 });
  });

  test('are not compared over a long outage', async () => {
    const down: Respond = () => 'refuse';
    const outage = Array.from({ length: 8 }, () => down);
    const { series, gaps } = await scrapes(traffic, [exposed(1, 1), ...outage, exposed(9_000, 1)]);
    expect(series).toEqual([]);
    expect(gaps).toHaveLength(1);
  });
});

describe('ratios', () => {
  const errors = {
    errors: { metric: 'http_requests_total', match: { code: '5..' }, per: { metric: 'http_requests_total' } },
  };

  test('are the share of what grew between two scrapes', async () => {
    expect((await scrapes(errors, [exposed(100, 5), exposed(190, 15)])).values).toEqual({ 'shop/errors{}': 0.1 });
  });

  test('are zero while no error has ever been counted, and nothing at all without traffic', async () => {
    const only = (fine: number) => `http_requests_total{code="200"} ${fine}\n`;
    expect((await scrapes(errors, [only(1), only(11)])).values).toEqual({ 'shop/errors{}': 0 });
    const idle = await scrapes(errors, [only(11), only(11)]);
    expect(idle.series).toEqual([]);
    expect(idle.gaps).toMatchObject([{ reason: 'missing', message: expect.stringContaining('0/0') }]);
  });

  test('can be kept apart by a label', async () => {
    const byVersion = { errors: { ...errors.errors, by: ['version'] } };
    const text = (v1: number, v2: number, bad: number) =>
      `http_requests_total{code="200",version="v1"} ${v1}\nhttp_requests_total{code="200",version="v2"} ${v2}\nhttp_requests_total{code="500",version="v2"} ${bad}\n`;
    const { values } = await scrapes(byVersion, [text(0, 0, 0), text(100, 30, 10)]);
    expect(values).toEqual({ 'shop/errors{version="v1"}': 0, 'shop/errors{version="v2"}': 0.25 });
  });

  test('select by exclusion, and an absent label counts as empty', async () => {
    const query = { ok: { metric: 'g', match: { code: { not: '5..' }, zone: '' } } };
    const { values } = await scrapes(query, ['g{code="200"} 1\ng{code="500"} 2\ng{code="200",zone="a"} 4\ng 8\n']);
    expect(values).toEqual({ 'shop/ok{}': 9 });
  });
});

test('a quantile is taken over what was observed between two scrapes', async () => {
  const histogram = (a: number, b: number, c: number) =>
    `# TYPE d histogram\nd_bucket{le="0.1"} ${a}\nd_bucket{le="0.5"} ${b}\nd_bucket{le="+Inf"} ${c}\nd_count ${c}\n`;
  const query = { p90: { metric: 'd', quantile: 0.9 } };
  const { values } = await scrapes(query, [histogram(500, 500, 500), histogram(550, 600, 600)]);
  expect(values['shop/p90{}']).toBeCloseTo(0.42, 12);
  const idle = await scrapes(query, [histogram(5, 5, 5), histogram(5, 5, 5)]);
  expect(idle.gaps).toMatchObject([{ reason: 'missing' }]);
});

describe('several targets', () => {
  const urls = ['http://a:1/metrics', 'http://b:1/metrics'];
  const ask = async (query: Query, respond: Respond) => {
    const { world: made, source } = open(respond, {}, urls);
    return source.collect(requestFor(made.clock.nowMs(), { s: query }), never);
  };
  const bDown: Respond = ({ url }) => (url.startsWith('http://b') ? 'refuse' : 'depth 3\n');

  test('add up, or are kept apart by instance', async () => {
    expect((await ask({ metric: 'depth' }, () => 'depth 3\n')).series[0]?.samples[0]?.v).toBe(6);
    const apart = await ask({ metric: 'depth', by: ['instance'] }, () => 'depth 3\n');
    expect(apart.series.map(({ key }) => key)).toEqual(['shop/s{instance="a:1"}', 'shop/s{instance="b:1"}']);
  });

  test('with one down, no sum is said: half of a sum is a wrong sum', async () => {
    const summed = await ask({ metric: 'depth' }, bDown);
    expect(summed.series).toEqual([]);
    expect(summed.gaps).toMatchObject([{ reason: 'unreachable', service: 'shop', signal: 's' }]);
  });

  test('with one down, what is kept apart by instance is still said, with a gap', async () => {
    const apart = await ask({ metric: 'depth', by: ['instance'] }, bDown);
    expect(apart.series.map(({ key }) => key)).toEqual(['shop/s{instance="a:1"}']);
    expect(apart.gaps).toMatchObject([{ reason: 'unreachable' }]);
  });
});

describe('over the wire', () => {
  test('gzip is unpacked by its content, and broken gzip is malformed', async () => {
    const packed = new Uint8Array(gzipSync('depth 3\n'));
    expect((await scrapes({ d: { metric: 'depth' } }, [() => ({ body: packed })])).values).toEqual({ 'shop/d{}': 3 });
    const broken = await scrapes({ d: { metric: 'depth' } }, [() => ({ body: packed.slice(0, 12) })]);
    expect(broken.gaps).toMatchObject([{ reason: 'malformed' }]);
  });

  test('OpenMetrics is asked for first, with the credentials resolved at that moment', async () => {
    const { world: made, source } = open(() => 'depth 3\n', { auth: { bearer: { env: 'TOKEN' } } });
    await source.collect(requestFor(made.clock.nowMs(), both), never);
    const headers = made.requests[0]?.headers;
    expect(headers?.['authorization']).toBe('Bearer s3cret');
    expect(headers?.['accept']).toMatch(/^application\/openmetrics-text/);
  });

  test('a redirect, a page and a cut OpenMetrics answer are malformed, never empty health', async () => {
    const query = { d: { metric: 'depth' } };
    const page: Respond = () => ({ headers: { 'content-type': 'text/html' }, body: new TextEncoder().encode('') });
    const cut: Respond = () => ({
      headers: { 'content-type': 'application/openmetrics-text' },
      body: new TextEncoder().encode('depth 3\n'),
    });
    for (const ill of [page, cut, (() => ({ status: 302 })) satisfies Respond])
      expect(await scrapes(query, [ill])).toMatchObject({ series: [], gaps: [{ reason: 'malformed' }] });
  });

  test('check names what is wrong and what to do', async () => {
    const { source } = open(() => ({ status: 401 }));
    await expect(source.check(never)).rejects.toMatchObject({
      code: 'unauthorized',
      fix: expect.stringContaining('auth'),
    });
  });

  test('history is refused: an endpoint has no past', async () => {
    const { world: made, source } = open(() => 'depth 3\n');
    const answer = await source.collect({ ...requestFor(made.clock.nowMs(), both), mode: 'history' }, never);
    expect(answer.gaps.map(({ reason }) => reason)).toEqual(['unsupported', 'unsupported']);
    expect(made.requests).toEqual([]);
  });
});

describe('a fleet whose series come and go', () => {
  test('never takes a rate between two different series', async () => {
    const query = { traffic: { metric: 'n_total', rate: true, by: ['pod'] } } as const;
    const { world: made, source } = open(() => 'refuse');
    // Every round 1,500 new pods: the parser forgets the old ones again and again, and their places are taken.
    for (let round = 0; round < 8; round++) {
      const pods = [...Array.from({ length: 1_500 }, (_, i) => `p${round * 1_000 + i}`), 'steady'];
      const lines = pods.map(
        (pod) => `n_total{pod="${pod}"} ${pod === 'steady' ? round * 20 : Number(pod.slice(1)) * 1e6 + round * 20}\n`,
      );
      made.answer(() => lines.join(''));
      const { series } = await source.collect(requestFor(made.clock.nowMs(), query), never);
      expect(series.length).toBe(round === 0 ? 0 : 501);
      expect(new Set(series.flatMap(({ samples }) => samples.map(({ v }) => v)))).toEqual(
        new Set(round === 0 ? [] : [2]),
      );
      await made.clock.advance(10_000);
    }
  });
});

describe('what people write', () => {
  test.each([
    ['an expression that RE2 does not know', { metric: 'a', match: { b: '(?=x)' } }],
    ['a quantile with a ratio', { metric: 'a', quantile: 0.5, per: { metric: 'b' } }],
    ['a quantile above one', { metric: 'a', quantile: 99 }],
    ['an unknown key', { metric: 'a', labels: {} }],
  ])('%s is refused when loaded', (_, query) => expect(scrapeSource.query.parse(query).ok).toBe(false));

  test('a URL with credentials in it is refused', () => {
    expect(scrapeSource.config.parse({ targets: [{ url: 'http://a:b@c/metrics' }] })).toMatchObject({ ok: false });
  });
});
