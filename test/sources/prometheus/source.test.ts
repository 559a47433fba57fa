import { gzipSync } from 'node:zlib';

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { prometheusSource } from '../../../src/sources/prometheus/index.ts';
import { splitRange } from '../../../src/io/clients/matrix.ts';
import { toPromql } from '../../../src/sources/prometheus/schema.ts';
import type { HttpRequest, HttpResponse } from '../../../src/domain/ports/io.ts';
import type { CollectRequest } from '../../../src/domain/ports/source.ts';
import type { Json } from '../../../src/lib/json.ts';
import { sourceContract, watchReads, type SourceWorld } from '../../contract/source.ts';
import { httpWorld, json, type Respond } from '../../support/http-world.ts';

const never = new AbortController().signal;

function open(respond: Respond, config: Json = {}) {
  const world = httpWorld(respond, { TOKEN: 's3cret', PASSWORD: 'pw' });
  const parsed = prometheusSource.config.parse({ url: 'http://prom:9090/sub/', ...(config as object) });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.issues));
  const { io, touched } = watchReads(world.io);
  const source = prometheusSource.create('prom', parsed.value, io);
  const request = (over: Partial<CollectRequest> = {}, queries: readonly string[] = ['up']): CollectRequest => ({
    fromMs: world.clock.nowMs() - 60_000,
    untilMs: world.clock.nowMs(),
    stepMs: 15_000,
    mode: 'live',
    services: [],
    signals: queries.map((query, index) => ({
      service: 'shop',
      signal: `s${index}`,
      binding: { source: 'prom', unit: '1', nature: 'gauge', query: { query } },
    })),
    ...over,
  });
  const collect = (over: Partial<CollectRequest> = {}) => source.collect(request(over), never);
  return { world, touched, source, request, collect };
}

function asked({ body }: HttpRequest) {
  const form = new URLSearchParams(String(body));
  const number = (name: string) => Number(form.get(name));
  return { query: form.get('query') ?? '', start: number('start'), end: number('end'), step: number('step') };
}

/** A server that evaluates `value(t)` at every step, for each of `metrics`. */
function evaluating(
  value: (seconds: number, end: number) => string | undefined = (t) => String(t % 1_000),
  metrics: readonly Record<string, string>[] = [{ __name__: 'up', instance: 'a' }],
  extra: object = {},
): Respond {
  return (request) => {
    const { start, end, step } = asked(request);
    const values: [number, string][] = [];
    for (let t = start; t <= end + 1e-6; t += step) {
      const v = value(t, end);
      if (v !== undefined) values.push([t, v]);
    }
    const result = values.length === 0 ? [] : metrics.map((metric) => ({ metric, values }));
    return json({ status: 'success', data: { resultType: 'matrix', result }, ...extra });
  };
}

const failing = (status: number, errorType: string, error: string, headers = {}): HttpResponse =>
  json({ status: 'error', errorType, error }, status, headers);

sourceContract('prometheus', {
  healthy: () => contract(evaluating()),
  ill: {
    unauthorized: () => contract(() => ({ status: 401 })),
    forbidden: () => contract(() => ({ status: 403 })),
    unreachable: () => contract(() => 'refuse'),
    malformed: () => contract(() => '<html>'),
    hanging: () => contract(() => 'hang'),
  },
  partial: () =>
    contract(
      (request) => (asked(request).query === 'bad(' ? failing(400, 'bad_data', 'parse error') : evaluating()(request)),
      ['up', 'bad('],
    ),
  flood: () =>
    contract(
      evaluating(
        undefined,
        Array.from({ length: 30 }, (_, i) => ({ i: String(i) })),
      ),
      ['up'],
      { maxSeries: 20 },
    ),
});

function contract(respond: Respond, queries = ['up'], config: Json = {}): Promise<SourceWorld> {
  const { world, touched, source, request } = open(respond, config);
  return Promise.resolve({
    source,
    touched,
    readOnlyPosts: ['POST /sub/api/v1/query_range'],
    // A getter: every collect asks up to the present, as the agent does.
    get request() {
      return request({}, queries);
    },
    advance: (ms) => world.clock.advance(ms),
  });
}

describe('live', () => {
  test('each sample is handed out once, though every query overlaps the one before', async () => {
    const { world, collect } = open(evaluating());
    const seen: number[] = [];
    for (let round = 0; round < 6; round++) {
      const { series, gaps } = await collect();
      expect(gaps).toEqual([]);
      seen.push(...series.flatMap(({ samples }) => samples.map(({ tMs }) => tMs)));
      await world.clock.advance(10_000);
    }
    for (const [index, tMs] of seen.entries()) if (index > 0) expect(tMs - seen[index - 1]!).toBe(15_000);
    expect(seen.length).toBeGreaterThan(6);
  });

  test('after an outage it reads what was missed, at most an hour of it', async () => {
    const { world, collect } = open(evaluating());
    await collect();
    world.answer(() => 'refuse');
    await world.clock.advance(300_000);
    expect((await collect()).gaps).toMatchObject([{ reason: 'unreachable', service: 'shop', signal: 's0' }]);
    world.answer(evaluating());
    expect((await collect()).series[0]?.samples).toHaveLength(20);
    await world.clock.advance(3 * 3_600_000);
    expect((await collect()).series[0]?.samples.length).toBeLessThanOrEqual(241);
  });

  test('a result that ends early is late; an empty one is missing', async () => {
    const { world, collect } = open(evaluating((t, end) => (t > end - 45 ? undefined : '1')));
    expect((await collect()).gaps).toMatchObject([{ reason: 'late' }]);
    world.answer(evaluating(() => undefined));
    expect((await collect()).gaps).toMatchObject([{ reason: 'missing' }]);
  });

  test('NaN and infinities are left out and counted', async () => {
    const { world, collect } = open(evaluating((t) => (t % 2 === 0 ? 'NaN' : '1')));
    const some = await collect();
    expect(some.gaps).toMatchObject([{ reason: 'partial', message: expect.stringContaining('NaN') }]);
    expect(some.series[0]?.samples.every(({ v }) => v === 1)).toBe(true);
    world.answer(evaluating(() => '+Inf'));
    await world.clock.advance(15_000);
    expect(await collect()).toMatchObject({ series: [], gaps: [{ reason: 'missing' }] });
  });

  test("a server's own warnings make the answer partial", async () => {
    const { series, gaps } = await open(evaluating(undefined, [{}], { warnings: ['store-a: no answer'] })).collect();
    expect(gaps).toMatchObject([{ reason: 'partial', message: 'Prometheus warns: store-a: no answer' }]);
    expect(series).toHaveLength(1);
  });
});

describe('an answer in gzip', () => {
  test('is unpacked, whatever its headers say; a broken one is malformed', async () => {
    const packed = evaluating();
    const respond: Respond = (request) => {
      const answer = packed(request) as HttpResponse;
      return { ...answer, body: gzipSync(answer.body) };
    };
    const { series, gaps } = await open(respond).collect();
    expect(gaps).toEqual([]);
    expect(series[0]?.samples.length).toBeGreaterThan(0);
    const broken = await open(() => ({ status: 200, body: Uint8Array.of(0x1f, 0x8b, 1, 2) })).collect();
    expect(broken.gaps).toMatchObject([
      { reason: 'malformed', message: expect.stringMatching(/broken gzip/) as string },
    ]);
  });
});

describe('faults are gaps in the words of the server', () => {
  const native = { status: 'success', data: { resultType: 'matrix', result: [{ metric: {}, histograms: [[1, {}]] }] } };
  const vector = { status: 'success', data: { resultType: 'vector', result: [] } };
  const timeout = failing(503, 'timeout', 'query timed out in expression evaluation');
  test.each<[string, Partial<HttpResponse>, string, RegExp]>([
    ['a syntax error', failing(400, 'bad_data', 'parse error: unclosed'), 'malformed', /says: parse error: unclosed/],
    ['an execution error', failing(422, 'execution', 'many-to-many matching'), 'malformed', /many-to-many/],
    ['too many samples', failing(422, 'execution', 'would load too many samples'), 'too-large', /too many samples/],
    ['its timeout', timeout, 'timeout', /timed out/],
    ['overload', { status: 503 }, 'unreachable', /503/],
    ['a rate limit', { status: 429 }, 'rate-limited', /429/],
    ['a wrong path', { status: 404 }, 'missing', /check its URL/],
    ['a redirect to a login', { status: 302 }, 'malformed', /redirects/],
    ['native histograms', json(native), 'unsupported', /native/],
    ['another result type', json(vector), 'malformed', /no Prometheus range result/],
  ])('%s', async (_, response, reason, message) => {
    const { series, gaps } = await open(() => response).collect();
    expect(series).toEqual([]);
    expect(gaps).toMatchObject([{ reason, message: expect.stringMatching(message) }]);
  });

  test('after Retry-After has been said, nothing is asked until then', async () => {
    const { world, collect } = open(() => failing(429, 'x', 'slow down', { 'retry-after': '60' }));
    await collect();
    world.answer(evaluating());
    expect((await collect()).gaps).toMatchObject([{ reason: 'rate-limited' }]);
    expect(world.requests).toHaveLength(1);
    await world.clock.advance(60_000);
    expect((await collect()).gaps).toEqual([]);
    expect(world.requests).toHaveLength(2);
  });

  test('control characters in what a server says do not reach people', async () => {
    const { gaps } = await open(() => failing(400, 'bad_data', 'a\u001b[31m\nb')).collect();
    expect(gaps[0]?.message).toBe('http://prom:9090/sub says: a [31m b');
  });
});

describe('history', () => {
  test('gives every step once', async () => {
    const { world, collect } = open(evaluating());
    const untilMs = world.clock.nowMs();
    const fromMs = untilMs - 10_999 * 1_000;
    const { series, gaps } = await collect({ mode: 'history', fromMs, untilMs, stepMs: 1_000 });
    expect(gaps).toEqual([]);
    expect(series[0]?.samples).toHaveLength(11_000);
  });

  test('does not move the live cursor', async () => {
    const { world, collect } = open(evaluating());
    await collect({ mode: 'history' });
    expect((await collect()).series[0]?.samples.length).toBeGreaterThan(3);
    expect(world.requests).toHaveLength(2);
  });

  test('any range is split without a hole, an overlap or too many points', () => {
    const ranges = fc.record({
      from: fc.nat(1e6),
      steps: fc.nat(5_000),
      stepMs: fc.integer({ min: 1, max: 1e5 }),
      points: fc.integer({ min: 1, max: 500 }),
    });
    fc.assert(
      fc.property(ranges, ({ from, steps, stepMs, points }) => {
        const parts = splitRange({ fromMs: from, untilMs: from + steps * stepMs, stepMs }, points);
        const all = parts.flatMap((part) => {
          const count = (part.untilMs - part.fromMs) / stepMs + 1;
          expect(count).toBeLessThanOrEqual(points);
          return Array.from({ length: count }, (_, i) => part.fromMs + i * stepMs);
        });
        expect(all).toEqual(Array.from({ length: steps + 1 }, (_, i) => from + i * stepMs));
      }),
      { numRuns: 200 },
    );
  });
});

describe('credentials', () => {
  const basic = `Basic ${Buffer.from('ana:pw').toString('base64')}`;
  test.each<[Json, string]>([
    [{ bearer: { env: 'TOKEN' } }, 'Bearer s3cret'],
    [{ basic: { username: 'ana', password: { file: 'PASSWORD' } } }, basic],
  ])('are resolved for each request: %j', async (auth, header) => {
    const { world, collect } = open(evaluating(), { auth });
    await collect();
    expect(world.requests[0]?.headers?.['authorization']).toBe(header);
  });

  test('that cannot be read are a gap, and nothing is sent without them', async () => {
    const { world, collect } = open(evaluating(), { auth: { bearer: { env: 'NO_SUCH' } } });
    expect((await collect()).gaps).toMatchObject([{ reason: 'unauthorized' }]);
    expect(world.requests).toEqual([]);
  });

  test('check tries them once', async () => {
    const { source, world } = open(() => ({ status: 403 }));
    await expect(source.check(never)).rejects.toMatchObject({ code: 'unauthorized' });
    world.answer(evaluating(() => '1', [{}]));
    await expect(source.check(never)).resolves.toBeUndefined();
  });
});

test('no more queries than `concurrency` are under way at once', async () => {
  const { world, source, request } = open(() => 'hang', { concurrency: 2, timeout: '1s' });
  const queries = ['a', 'b', 'c', 'd', 'e'];
  const pending = source.collect(request({}, queries), never);
  await world.clock.advance(0);
  expect(world.requests).toHaveLength(2);
  await world.clock.advance(1_000);
  expect(world.requests).toHaveLength(4);
  await world.clock.advance(2_000);
  expect((await pending).gaps.map(({ reason }) => reason)).toEqual(queries.map(() => 'timeout'));
});

describe('bindings', () => {
  test('a metric with its labels becomes PromQL, whatever the values hold', () => {
    expect(toPromql({ metric: 'up' })).toBe('up{}');
    const hostile = { metric: 'a', labels: { b: 'x"} or vector(1) #\\' }, match: { c: '5..' } };
    expect(toPromql({ ...hostile, by: ['c'], aggregate: 'max' })).toBe(
      'max by (c) (a{b="x\\"} or vector(1) #\\\\",c=~"5.."})',
    );
    expect(toPromql({ metric: 'a_total', rate: 60_000, by: [] })).toBe('sum by () (rate(a_total{}[60000ms]))');
  });

  test.each<[string, Json]>([
    ['neither query nor metric', {}],
    ['both at once', { query: 'up', metric: 'up' }],
    ['a metric that is an expression', { metric: 'up or down' }],
    ['an unknown key', { metric: 'up', lables: {} }],
  ])('%s is refused when loaded', (_, query) => expect(prometheusSource.query.parse(query).ok).toBe(false));

  test('a wrong key gets the nearest right one', () => {
    const parsed = prometheusSource.query.parse({ metric: 'up', lables: {} });
    expect(parsed.ok ? [] : parsed.issues).toContainEqual(expect.objectContaining({ suggestion: 'labels' }));
  });
});
