import { expect, test } from 'vitest';

import type { Source, SourceTraits } from '../../src/domain/ports/source.ts';
import type { ReaderIo } from '../../src/domain/ports/io.ts';
import { later } from '../../src/sources/later.ts';

const traits: SourceTraits = { metrics: true, logs: false, traces: false, changes: false, discovery: true };
const signal = AbortSignal.timeout(10_000);

function shop(rings: readonly ('news' | 'newServices')[] = []) {
  const seen: string[] = [];
  const made: Source = {
    ...{ id: 'shop', kind: 'fake', traits, intervalMs: 5_000 },
    collect: () => Promise.reject(new Error('not asked for')),
    discover: () => Promise.resolve([]),
    news: () => (seen.push('news'), Promise.resolve()),
    receive: () => Promise.resolve({ status: 200, type: 'text/plain', body: 'taken' }),
    parts: () => [{ name: 'pods', objects: 3, vital: true }],
    use: () => ({ calls: { pods: 1 }, dollars: 2 }),
    check: () => Promise.resolve(),
    close: () => (seen.push('closed'), Promise.resolve()),
  };
  const create = later<{ readonly everyMs: number }>({
    ...{ kind: 'fake', traits, rings: () => rings, receives: () => rings.length > 0 },
    intervalMs: ({ everyMs }) => everyMs,
    load: () => (seen.push('loaded'), Promise.resolve(() => made)),
  });
  return { seen, source: create('shop', { everyMs: 5_000 }, {} as ReaderIo) };
}

test('the code of a source is read at its first question, once, however many ask', async () => {
  const { seen, source } = shop();
  expect(source).toMatchObject({ id: 'shop', kind: 'fake', traits, intervalMs: 5_000 });
  expect([source.parts?.(), source.use?.(), seen]).toEqual([undefined, undefined, []]);
  await Promise.all([source.discover(signal), source.check(signal), source.discover(signal)]);
  expect(seen).toEqual(['loaded']);
  expect(source.parts?.()).toEqual([{ name: 'pods', objects: 3, vital: true }]);
  expect(source.use?.()).toEqual({ calls: { pods: 1 }, dollars: 2 });
});

test('one that was never asked is closed without being read', async () => {
  const { seen, source } = shop();
  await source.close();
  expect(seen).toEqual([]);
});

test('one that was asked is closed itself', async () => {
  const { seen, source } = shop();
  await source.check(signal);
  await source.close();
  expect(seen).toEqual(['loaded', 'closed']);
});

test('it rings for what its kind names, and for nothing else', async () => {
  const { seen, source } = shop(['news']);
  expect('newServices' in source).toBe(false);
  await source.news?.(signal);
  expect(seen).toEqual(['loaded', 'news']);
  expect('news' in shop().source).toBe(false);
});

test('it is called back where its configuration says so, and nowhere else', async () => {
  const { seen, source } = shop(['news']);
  const request = { headers: {}, body: new Uint8Array() };
  expect(await source.receive?.(request, signal)).toMatchObject({ status: 200 });
  expect(seen).toEqual(['loaded']);
  expect('receive' in shop().source).toBe(false);
});
