import { describe, expect, test } from 'vitest';

import { readStretch } from '../../../src/io/clients/log-stretch.ts';
import { nsOf, type Cursor, type FetchPage, type StoredRecord } from '../../../src/io/clients/log-tail.ts';

const never = new AbortController().signal;
const hourMs = 3_600_000;
const limits = { lateMs: 1_000, pageRecords: 4, pageRecordsMax: 64 };

const record = (ms: number): StoredRecord => ({
  ...{ ns: nsOf(ms), id: `at ${ms}`, severity: 'info', body: `at ${ms}`, attributes: {} },
});

/** A record every ten minutes of five hours; `deadBefore` cannot be read. */
function store(deadBefore = 0): FetchPage {
  const records = Array.from({ length: 30 }, (_, index) => record(index * 600_000));
  return (fromNs, untilNs, limit) =>
    fromNs < nsOf(deadBefore)
      ? Promise.resolve({ fault: { reason: 'unreachable', message: 'the store is away' } })
      : Promise.resolve({ records: records.filter(({ ns }) => ns >= fromNs && ns < untilNs).slice(0, limit) });
}

const past = (fetch: FetchPage, most: number, cursors = new Map<string, Cursor>()) =>
  readStretch({ mode: 'history', fromMs: 0, untilMs: 5 * hourMs }, { key: 'k', cursors, most, limits, fetch }, never);

describe('reading a stretch of the past', () => {
  test('gives all of it, oldest first, however many hours it is, and no gap', async () => {
    const cursors = new Map<string, Cursor>();
    const read = await past(store(), 100, cursors);
    expect(read.records.map(({ body }) => body)).toEqual(
      Array.from({ length: 30 }, (_, index) => `at ${index * 600_000}`),
    );
    expect(read.faults).toEqual([]);
    expect(cursors.size).toBe(0);
  });
  test('keeps what is nearest to its end where there is more than may be read, and names what is missed', async () => {
    const read = await past(store(), 12);
    expect(read.records.map(({ body }) => body)).toEqual(
      Array.from({ length: 12 }, (_, index) => `at ${(index + 18) * 600_000}`),
    );
    expect(read.faults).toEqual([expect.objectContaining({ reason: 'partial', fromMs: 0, untilMs: 3 * hourMs })]);
  });
  test('keeps what was read before a failure, and names both what failed and what was not asked for', async () => {
    const read = await past(store(2.5 * hourMs), 100);
    expect(read.records.map(({ body }) => body)).toEqual(
      Array.from({ length: 12 }, (_, index) => `at ${(index + 18) * 600_000}`),
    );
    expect(read.faults).toEqual([
      expect.objectContaining({ reason: 'unreachable', message: 'the store is away', fromMs: 2 * hourMs }),
      expect.objectContaining({ reason: 'partial', fromMs: 0, untilMs: 2 * hourMs }),
    ]);
  });
});

describe('reading live', () => {
  test('goes on where the last reading stopped', async () => {
    const stretch = { key: 'k', cursors: new Map<string, Cursor>(), most: 100, limits, fetch: store() };
    const first = await readStretch({ mode: 'live', fromMs: 4 * hourMs, untilMs: 4.5 * hourMs }, stretch, never);
    const second = await readStretch({ mode: 'live', fromMs: 0, untilMs: 5 * hourMs }, stretch, never);
    expect(first.records.length).toBe(3);
    expect(second.records.map(({ body }) => body)).toEqual([27, 28, 29].map((index) => `at ${index * 600_000}`));
  });
});
