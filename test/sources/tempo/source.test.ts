import { describe, expect, test } from 'vitest';

import { sourceContract } from '../../contract/source.ts';
import { json, type Respond } from '../../support/http-world.ts';
import { openStore } from '../log-stores.ts';

const startMs = 1_767_225_600_000;
const idOf = (nth: number): string => (nth + 1).toString(16).padStart(32, '0');

/** Tempo as its API is documented: a search in whole seconds names traces, each is got by its id, ids in base64. */
function tempoOf(times: readonly number[], lost: (nth: number) => boolean = () => false): Respond {
  return ({ url }) => {
    const { pathname, searchParams: query } = new URL(url);
    if (pathname.endsWith('/api/search')) {
      const inside = times
        .map((tMs, nth) => ({ tMs, nth }))
        .filter(({ tMs }) => tMs >= Number(query.get('start')) * 1_000 && tMs < Number(query.get('end')) * 1_000);
      return json({
        traces: inside.slice(0, Number(query.get('limit'))).map(({ nth }) => ({ traceID: idOf(nth) })),
        metrics: {},
      });
    }
    const nth = Number.parseInt(pathname.split('/').at(-1) ?? '', 16) - 1;
    if (lost(nth)) return { status: 404 };
    const ns = (ms: number): string => `${BigInt(ms) * 1_000_000n}`;
    const tMs = times[nth] ?? 0;
    const span = {
      ...{
        traceId: Buffer.from(idOf(nth), 'hex').toString('base64'),
        spanId: 'AAAAAAAAAAE=',
        name: 'GET /',
        kind: 'SPAN_KIND_SERVER',
      },
      ...{ startTimeUnixNano: ns(tMs), endTimeUnixNano: ns(tMs + 50), status: {} },
    };
    const attributes = [{ key: 'service.name', value: { stringValue: 'shop' } }];
    return json({ batches: [{ resource: { attributes }, scopeSpans: [{ spans: [span] }] }] });
  };
}

const everyFive = Array.from({ length: 100 }, (_, nth) => startMs - 100_000 + nth * 5_000);
const open = (respond: Respond, more: Parameters<typeof openStore>[2] = {}) =>
  openStore('tempo', respond, { signals: { traffic: { measure: 'traffic' }, errors: { measure: 'errors' } }, ...more });

sourceContract('tempo', {
  healthy: () => Promise.resolve(open(tempoOf(everyFive))),
  ill: {
    unauthorized: () => Promise.resolve(open(() => ({ status: 401 }))),
    forbidden: () => Promise.resolve(open(() => ({ status: 403 }))),
    unreachable: () => Promise.resolve(open(() => 'refuse')),
    malformed: () => Promise.resolve(open(() => '<html>')),
    hanging: () => Promise.resolve(open(() => 'hang')),
  },
  partial: () => Promise.resolve(open(tempoOf(everyFive, (nth) => nth % 3 === 0))),
  flood: () => Promise.resolve(open(tempoOf(everyFive), { config: { maxTraces: 2 } })),
});

describe('tempo', () => {
  test('asks by the resource’s service name, with the tenant, and reads each trace', async () => {
    const { world, ...store } = open(tempoOf(everyFive), { config: { tenant: 'team-a' } });
    const { spans, series } = await store.collect();
    const [search] = world.requests;
    expect(new URL(search!.url).searchParams.get('q')).toBe('{ resource.service.name = "shop" }');
    expect(search?.headers).toMatchObject({ 'x-scope-orgid': 'team-a' });
    expect(spans?.length).toBe(12);
    expect(spans?.[0]).toMatchObject({
      traceId: expect.stringMatching(/^[0-9a-f]{32}$/),
      service: 'shop',
      durationMs: 50,
    });
    expect(series.find(({ signal }) => signal === 'traffic')?.samples[0]?.v).toBeCloseTo(0.2);
  });

  test('traces that a search named and that are not there make the answer partial', async () => {
    const { gaps } = await open(tempoOf(everyFive, (nth) => nth % 3 === 0)).collect();
    expect(gaps).toContainEqual(
      expect.objectContaining({ reason: 'partial', message: expect.stringMatching(/\d of 12 traces/) as string }),
    );
  });
});
