import { expect, test } from 'vitest';

import { createSpanBook } from '../../src/agent/spanbook.ts';
import type { Span } from '../../src/domain/telemetry.ts';
import { limits } from '../../src/lib/limits.ts';

const span = (traceId: string, spanId: string, service: string, startMs = 0): Span => ({
  ...{ traceId, spanId, service, name: 'x', startMs, durationMs: 10, status: 'unset', attributes: {} },
});

test('a trace is given whole to whoever asks for one of its services', () => {
  const book = createSpanBook();
  book.add([span('a', '1', 'shop'), span('a', '2', 'cart'), span('b', '1', 'mail')]);
  expect(book.of(new Set(['cart']), 0).map(({ traceId, spanId }) => traceId + spanId)).toEqual(['a1', 'a2']);
});

test('a span that comes twice is kept once', () => {
  const book = createSpanBook();
  book.add([span('a', '1', 'shop')]);
  book.add([span('a', '1', 'shop')]);
  expect(book.of(new Set(['shop']), 0)).toHaveLength(1);
});

test('what ended before is not given', () => {
  const book = createSpanBook();
  book.add([span('a', '1', 'shop', 1_000), span('b', '1', 'shop', 5_000)]);
  expect(book.of(new Set(['shop']), 2_000).map(({ traceId }) => traceId)).toEqual(['b']);
});

test('a busy service keeps its newest traces and does not drive out those of another', () => {
  const book = createSpanBook();
  book.add([span('quiet', '1', 'mail', 0)]);
  for (let nth = 0; nth < 2 * limits.tracesKeptPerService; nth++) book.add([span(`t${nth}`, '1', 'shop', nth)]);
  expect(book.of(new Set(['mail']), 0)).toHaveLength(1);
  const kept = book.of(new Set(['shop']), 0);
  expect(kept).toHaveLength(limits.tracesKeptPerService);
  expect(kept.at(-1)?.startMs).toBe(2 * limits.tracesKeptPerService - 1);
});

test('the book never holds more spans than its limit, whatever comes', () => {
  const book = createSpanBook();
  for (let trace = 0; trace < 50; trace++)
    book.add(Array.from({ length: 1_000 }, (_, nth) => span(`t${trace}`, String(nth), `s${trace}`, trace)));
  const all = book.of(new Set(Array.from({ length: 50 }, (_, nth) => `s${nth}`)), 0);
  expect(all.length).toBeLessThanOrEqual(limits.spansKept);
  expect(all.length).toBeGreaterThan(limits.spansKept - 1_000);
});
