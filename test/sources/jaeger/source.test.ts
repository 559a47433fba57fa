import { describe, expect, test } from 'vitest';

import { readOtlp } from '../../../src/io/clients/otlp.ts';
import { sourceContract } from '../../contract/source.ts';
import { json, type Respond } from '../../support/http-world.ts';
import { openStore } from '../log-stores.ts';

const startMs = 1_767_225_600_000;
const hex = (nth: number, length: number): string => nth.toString(16).padStart(length, '0');

/** One call into `shop` that calls `cart`; every fourth fails with an exception. */
function traceAt(tMs: number, nth: number): readonly object[] {
  const ns = (ms: number): string => `${BigInt(Math.round(ms)) * 1_000_000n}`;
  const named = (service: string) => ({ attributes: [{ key: 'service.name', value: { stringValue: service } }] });
  const base = { traceId: hex(nth + 1, 32), startTimeUnixNano: ns(tMs) };
  const failed = nth % 4 === 0;
  const thrown = [{ key: 'exception.type', value: { stringValue: 'Boom' } }];
  const root = {
    ...{ ...base, spanId: hex(1, 16), name: 'GET /', kind: 2, endTimeUnixNano: ns(tMs + 100) },
    status: failed ? { code: 2 } : {},
    ...(failed && { events: [{ timeUnixNano: ns(tMs), name: 'exception', attributes: thrown }] }),
  };
  const child = {
    ...base,
    spanId: hex(2, 16),
    parentSpanId: hex(1, 16),
    name: 'GET cart',
    kind: 2,
    endTimeUnixNano: ns(tMs + 40),
  };
  return [
    { resource: named('shop'), scopeSpans: [{ spans: [root] }] },
    { resource: named('cart'), scopeSpans: [{ spans: [child] }] },
  ];
}

function jaegerOf(times: readonly number[]): Respond {
  return ({ url }) => {
    const query = new URL(url).searchParams;
    const [from, until] = ['min', 'max'].map((end) => Date.parse(query.get(`query.start_time_${end}`) ?? ''));
    const inside = times
      .map((tMs, nth) => ({ tMs, nth }))
      .filter(({ tMs }) => tMs >= (from ?? 0) && tMs < (until ?? 0));
    const found = inside.slice(0, Number(query.get('query.num_traces')));
    if (found.length === 0) return json({ error: { httpCode: 404, message: 'No traces found' } }, 404);
    return json({ result: { resourceSpans: found.flatMap(({ tMs, nth }) => traceAt(tMs, nth)) } });
  };
}

const everySecond = Array.from({ length: 400 }, (_, nth) => startMs - 100_000 + nth * 1_000);
const red = {
  ...{ errors: { measure: 'errors' }, latency: { measure: 'latency', quantile: 0.5 }, traffic: { measure: 'traffic' } },
};
const open = (respond: Respond, more: Parameters<typeof openStore>[2] = {}) =>
  openStore('jaeger', respond, { signals: red, ...more });

sourceContract('jaeger', {
  healthy: () => Promise.resolve(open(jaegerOf(everySecond))),
  ill: {
    unauthorized: () => Promise.resolve(open(() => ({ status: 401 }))),
    forbidden: () => Promise.resolve(open(() => ({ status: 403 }))),
    unreachable: () => Promise.resolve(open(() => 'refuse')),
    malformed: () => Promise.resolve(open(() => '<html>')),
    hanging: () => Promise.resolve(open(() => 'hang')),
  },
  partial: () => Promise.resolve(open(jaegerOf(everySecond), { config: { maxTraces: 5 } })),
  flood: () => Promise.resolve(open(jaegerOf(everySecond), { config: { maxTraces: 5 } })),
});

describe('jaeger', () => {
  test('each span is handed out once, and signals are worked out of the calls that came in', async () => {
    const world = open(jaegerOf(everySecond), { config: { late: '15s' } });
    const first = await world.collect();
    expect(first.spans?.length).toBe(120);
    const failed = first.spans?.find(({ status }) => status === 'error');
    expect(failed).toMatchObject({ service: 'shop', kind: 'server', durationMs: 100, events: [{ name: 'exception' }] });
    const value = (signal: string): number | undefined =>
      first.series.find((one) => one.signal === signal)?.samples[0]?.v;
    expect([value('errors'), value('latency'), value('traffic')]).toEqual([0.25, 0.1, 1]);
    expect((await world.collect()).spans).toEqual([]);
    await world.advance(10_000);
    expect((await world.collect()).spans).toHaveLength(20);
  });

  test('of more traces than are read at once there is a ratio and no rate', async () => {
    const { series, gaps } = await open(jaegerOf(everySecond), { config: { maxTraces: 8 } }).collect();
    expect(series.map(({ signal }) => signal)).toEqual(['errors', 'latency']);
    expect(gaps).toMatchObject([{ reason: 'partial', signal: 'traffic' }]);
  });

  test('no trace is silence, and silence is a gap', async () => {
    const { series, gaps } = await open(jaegerOf([])).collect();
    expect(series).toEqual([]);
    expect(gaps.map(({ reason }) => reason)).toEqual(['missing', 'missing', 'missing']);
  });

  test('evidence is some traces from each part of the past', async () => {
    const { spans = [], series } = await open(jaegerOf(everySecond), { config: { maxTraces: 12 } }).collect({
      mode: 'history',
    });
    const parts = new Set(spans.map(({ startMs: at }) => Math.floor((at - startMs + 60_000) / 10_000)));
    expect(parts.size).toBe(6);
    expect(spans.length).toBe(24);
    expect(series).toEqual([]);
  });

  test('after a failure the stretch is read again', async () => {
    const world = open(() => 'refuse');
    expect((await world.collect()).gaps[0]).toMatchObject({ reason: 'unreachable', service: 'shop' });
    await world.advance(10_000);
    world.world.answer(jaegerOf(everySecond));
    expect((await world.collect()).spans?.length).toBeGreaterThanOrEqual(120);
  });
});

describe('OTLP as JSON', () => {
  test('ids in base64 and enums by name, as protobuf writes them, read like those in hex and by number', () => {
    const span = {
      ...{
        traceId: 'AAAAAAAAAAAAAAAAAAAAAQ==',
        spanId: 'AAAAAAAAAAI=',
        parentSpanId: '',
        name: 'x',
        kind: 'SPAN_KIND_CLIENT',
      },
      ...{
        startTimeUnixNano: '1767225600000500000',
        endTimeUnixNano: '1767225600001500000',
        status: { code: 'STATUS_CODE_ERROR' },
      },
    };
    const [read] = readOtlp([{ scopeSpans: [{ spans: [span] }] }]) ?? [];
    expect(read).toMatchObject({
      traceId: hex(1, 32),
      spanId: hex(2, 16),
      kind: 'client',
      status: 'error',
      durationMs: 1,
    });
    expect(read?.startMs).toBe(1_767_225_600_000.5);
    expect(read).not.toHaveProperty('parentSpanId');
    expect(read?.service).toBe('unknown_service');
  });

  test('hostile attributes are bounded and have no control characters', () => {
    const attributes = Array.from({ length: 500 }, (_, nth) => ({
      key: `k${nth}`,
      value: { stringValue: `\u001b[31m${'x'.repeat(9_000)}` },
    }));
    const span = { traceId: hex(1, 32), spanId: hex(1, 16), startTimeUnixNano: 1, endTimeUnixNano: 0, attributes };
    const [read] = readOtlp([{ scopeSpans: [{ spans: [span] }] }]) ?? [];
    expect(Object.keys(read?.attributes ?? {}).length).toBeLessThanOrEqual(64);
    expect(JSON.stringify(read)).not.toContain('\\u001b');
    expect(read?.durationMs).toBe(0);
  });

  test('what is no OTLP is not taken for an empty answer', () => {
    expect(readOtlp([{ scopeSpans: [{ spans: [{ name: 'x' }] }] }])).toBeUndefined();
    expect(readOtlp('x')).toBeUndefined();
  });
});
