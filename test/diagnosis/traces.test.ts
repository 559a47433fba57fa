import { describe, expect, test } from 'vitest';

import { peerOf, readTraces } from '../../src/diagnosis/traces.ts';
import type { Span } from '../../src/domain/telemetry.ts';
import { change, diagnoseWorld, minute, onset, series, type World } from './world.ts';

let serial = 0;

/** One trace: checkout's root, its client call, and what is behind it. Times in ms. */
function trace(
  atMs: number,
  {
    rootMs = 100,
    callMs = 40,
    cartMs = 30,
    failsIn = '',
    kind = 'client',
    peer = '',
    version = '',
    thrown = 'Boom',
  } = {},
): readonly Span[] {
  const traceId = String(++serial).padStart(32, '0');
  const failing = (at: string): Partial<Span> =>
    failsIn === at
      ? {
          status: 'error',
          events: [
            { tMs: atMs, name: 'exception', attributes: { 'exception.type': thrown, 'exception.message': 'no' } },
          ],
        }
      : {};
  const base = {
    traceId,
    startMs: atMs,
    status: 'unset' as const,
    attributes: version === '' ? {} : { 'service.version': version },
  };
  const root: Span = {
    ...base,
    spanId: 'r',
    service: 'checkout',
    name: 'POST /pay',
    kind: 'server',
    durationMs: rootMs,
    ...failing('checkout'),
  };
  const attributes = peer === '' ? {} : { 'peer.service': peer };
  const call: Span = {
    ...{
      ...base,
      attributes,
      spanId: 'c',
      parentSpanId: 'r',
      service: 'checkout',
      name: 'GET',
      kind: kind as 'client',
    },
    ...{ durationMs: callMs, ...failing('call') },
  };
  const cart: Span = {
    ...base,
    spanId: 's',
    parentSpanId: 'c',
    service: 'cart',
    name: 'GET /cart',
    kind: 'server',
    durationMs: cartMs,
    ...failing('cart'),
  };
  return peer === '' ? [root, call, cart] : [root, call];
}

const many = (count: number, fromMs: number, shape: Parameters<typeof trace>[1]): readonly Span[] =>
  Array.from({ length: count }, (_, index) => trace(fromMs + index * 3_000, shape)).flat();
const before = onset - 20 * minute;
const known = new Set(['checkout', 'cart']);
const read = (spans: readonly Span[]) => readTraces({ spans }, 'checkout', onset, known);

describe('what traces say', () => {
  test('a trace is blamed on the service of its deepest failing span', () => {
    const spans = many(6, onset, { failsIn: 'cart' }).map((span) => ({ ...span, status: 'error' as const }));
    const { failing, shares } = read([...many(6, before, {}), ...spans]);
    expect(failing).toBe(6);
    expect(shares.get('cart')).toMatchObject({ failing: 6, failingShare: 1 });
    expect(shares.get('checkout')).toMatchObject({ failing: 0, failingShare: 0 });
  });

  test('errors that were as frequent before blame nobody', () => {
    const { shares } = read([...many(6, before, { failsIn: 'cart' }), ...many(6, onset, { failsIn: 'cart' })]);
    expect(shares.get('cart')?.failingShare).toBe(0);
  });

  test('time is counted where it is spent: a span less what it waits for', () => {
    const { shares, addedMs } = read([
      ...many(6, before, {}),
      ...many(6, onset, { rootMs: 300, callMs: 240, cartMs: 230 }),
    ]);
    expect(shares.get('cart')).toMatchObject({ selfBeforeMs: 30, selfSinceMs: 230 });
    expect(shares.get('checkout')).toMatchObject({ selfBeforeMs: 70, selfSinceMs: 70 });
    expect(addedMs).toBe(200);
    expect(shares.get('cart')?.slowerShare).toBe(1);
  });

  test('children that run side by side or outlive their parent are counted once, and only while it waits', () => {
    const [root, call, cart] = trace(onset);
    const twin: Span = { ...call!, spanId: 'c2', durationMs: 500 };
    expect(read([root!, call!, cart!, twin]).shares.get('checkout')?.selfSinceMs).toBe(0 + 10 + 500);
  });

  test('a failing call without an answer is blamed on the peer that it names', () => {
    const { shares } = read([...many(6, before, {}), ...many(6, onset, { failsIn: 'call', peer: 'cart' })]);
    expect(shares.get('cart')?.failing).toBe(6);
  });

  test('what was asked wrongly is blamed on who asked', () => {
    const spans = many(6, onset, { failsIn: 'call', peer: 'cart' }).map((span) => ({
      ...span,
      attributes: { ...span.attributes, 'http.response.status_code': '400' },
    }));
    expect(read([...many(6, before, {}), ...spans]).shares.get('checkout')?.failing).toBe(6);
  });

  test('with no trace from before, nothing is said of slowness', () => {
    expect(read(many(6, onset, { rootMs: 900 })).addedMs).toBe(0);
  });

  test.each([
    [{ 'peer.service': 'cart' }, 'cart'],
    [{ 'server.address': 'cart.shop.svc.cluster.local' }, 'cart'],
    [{ 'db.system.name': 'postgresql', 'server.address': 'db-1.internal' }, 'postgresql at db-1.internal'],
    [{ 'db.system': 'redis' }, 'redis'],
    [{ 'server.address': 'api.stripe.com' }, undefined],
    [{}, undefined],
  ])('the peer of a call with %j is %s', (attributes, peer) => {
    const span = { ...trace(onset)[1]!, attributes };
    expect(peerOf(span, known)).toBe(peer);
    expect(peerOf({ ...span, kind: 'server' }, known)).toBeUndefined();
  });
});

describe('what follows for the diagnosis', () => {
  const errors = series('checkout/errors', 0.001, 0.3);
  const deployed = change('checkout', 2, { from: 'v2', to: 'v3' });
  const world = (spans: readonly Span[], more: Partial<World> = {}) =>
    diagnoseWorld({
      ...{ graph: { checkout: [] }, series: [errors, series('checkout/traffic', 100)], changes: [deployed], spans },
      ...{ changeId: deployed.id },
      ...more,
    });

  test('a deploy is not held for what fails in a service it calls, though nobody declared that', () => {
    const spans = [
      ...many(10, before, { peer: 'ledger-db' }),
      ...many(10, onset, { failsIn: 'call', peer: 'ledger-db' }),
    ];
    const { cause, hypotheses } = world(spans);
    expect(cause).not.toBe('change');
    const first = hypotheses[0]!;
    expect(first).toMatchObject({ cause: 'dependency', service: 'ledger-db' });
    expect(first.for.map(({ text }) => text).join()).toContain('nobody declared it');
    expect(first.for[0]).toMatchObject({ kind: 'trace' });
  });

  test('spans that name its own code speak for the deploy, with the exception and a trace to look at', () => {
    const { cause, hypotheses } = world([
      ...many(10, before, {}),
      ...many(10, onset, { failsIn: 'checkout', thrown: 'NewBug' }),
    ]);
    expect(cause).toBe('change');
    const texts = hypotheses[0]!.for.map(({ text }) => text).join('; ');
    expect(texts).toContain('NewBug: no');
    expect(texts).toMatch(/trace 0{10,}\d+/);
  });

  test('versions side by side: the new one fails and the old one does not', () => {
    const sides = [
      ...many(10, onset, { failsIn: 'checkout', version: 'v3' }),
      ...many(10, onset + 1_000, { version: 'v2' }),
    ];
    const { hypotheses } = world([...many(10, before, { version: 'v2' }), ...sides]);
    expect(hypotheses[0]!.for.map(({ text }) => text).join()).toContain('100% of the spans of v3 fail, 0%');
  });

  test('the old version before the trouble is no comparison: the world was another', () => {
    const { hypotheses } = world([
      ...many(10, before, { version: 'v2' }),
      ...many(10, onset, { failsIn: 'checkout', version: 'v3' }),
    ]);
    expect(JSON.stringify(hypotheses)).not.toContain('other versions');
  });

  test('hostile text in spans stays one plain short line', () => {
    const thrown = `\u001b[31mX\n${'y'.repeat(5_000)}`;
    const { hypotheses } = world([...many(10, before, {}), ...many(10, onset, { failsIn: 'checkout', thrown })]);
    for (const { text } of hypotheses.flatMap((one) => [...one.for, ...one.against])) {
      expect(text).not.toMatch(/[\u001b\n]/);
      expect(text.length).toBeLessThan(500);
    }
  });
});
