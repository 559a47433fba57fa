import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import {
  cursorAt,
  nsOf,
  readOn,
  type Cursor,
  type FetchPage,
  type StoredRecord,
} from '../../../src/io/clients/log-tail.ts';

const never = new AbortController().signal;
const limits = { lateMs: 1_000, pageRecords: 4, pageRecordsMax: 64 };

const record = (ms: number, id: string, extraNs = 0n): StoredRecord => ({
  ...{ ns: nsOf(ms) + extraNs, id, severity: 'info', body: id, attributes: {} },
});

/** A store that gives the oldest of a stretch first, those of one instant in an order that changes from page to page. */
function storeOf(records: StoredRecord[]): FetchPage {
  let calls = 0;
  return (fromNs, untilNs, limit) => {
    calls++;
    const inside = records.filter(({ ns }) => ns >= fromNs && ns < untilNs);
    const order = inside.map((one, index) => ({ one, rank: (index * 7 + calls * 3) % 11 }));
    order.sort((a, b) => (a.one.ns < b.one.ns ? -1 : a.one.ns > b.one.ns ? 1 : a.rank - b.rank));
    return Promise.resolve({ records: order.slice(0, limit).map(({ one }) => one) });
  };
}

async function drain(fetch: FetchPage, untils: readonly number[], most = 1_000): Promise<readonly StoredRecord[]> {
  const all: StoredRecord[] = [];
  let cursor: Cursor = cursorAt(0);
  for (const untilMs of untils) {
    const read = await readOn(cursor, untilMs, most, limits, fetch, never);
    all.push(...read.records);
    cursor = read.cursor;
  }
  return all;
}

describe('reading a store of logs on from a cursor', () => {
  test('whatever the times, the pages and the moments of reading: each record once, alike ones as often as they are', async () => {
    const stored = fc.array(
      fc.record({ ms: fc.integer({ min: 0, max: 60 }), id: fc.constantFrom('a', 'b', 'c'), n: fc.nat(2) }),
      { maxLength: 60 },
    );
    await fc.assert(
      fc.asyncProperty(
        stored,
        fc.array(fc.integer({ min: 1, max: 60 }), { maxLength: 6 }),
        fc.integer({ min: 1, max: 20 }),
        async (given, moments, most) => {
          const records = given.map(({ ms, id, n }) => record(ms, `${ms}/${n}/${id}`, BigInt(n)));
          const untils = [...moments.sort((a, b) => a - b), ...Array.from({ length: 70 }, () => 100)];
          const read = await drain(storeOf(records), untils, most);
          expect(read.map(({ id }) => id).sort()).toEqual(records.map(({ id }) => id).sort());
        },
      ),
      { numRuns: 150 },
    );
  });

  test('what comes in late, with a time before the cursor, is read once', async () => {
    const records = [record(100, 'x')];
    const fetch = storeOf(records);
    const first = await readOn(cursorAt(0), 500, 100, limits, fetch, never);
    records.push(record(200, 'late'), record(100, 'x'));
    const second = await readOn(first.cursor, 900, 100, limits, fetch, never);
    const third = await readOn(second.cursor, 1_000, 100, limits, fetch, never);
    expect([first, second, third].map((one) => one.records.map(({ id }) => id).sort())).toEqual([
      ['x'],
      ['late', 'x'],
      [],
    ]);
  });

  test('more at one instant than the largest page is cut there, and said; what follows is read', async () => {
    const records = [...Array.from({ length: 100 }, (_, nth) => record(10, `same${nth}`)), record(20, 'after')];
    const read = await readOn(cursorAt(0), 50, 1_000, limits, storeOf(records), never);
    expect(read.faults).toMatchObject([{ reason: 'too-large' }]);
    expect(read.records).toHaveLength(65);
    expect(read.records.at(-1)?.id).toBe('after');
  });

  test('a failure between pages keeps what was read, and the next reading goes on from there', async () => {
    const records = Array.from({ length: 20 }, (_, nth) => record(nth, `r${nth}`));
    const fetch = storeOf(records);
    let calls = 0;
    const breaking: FetchPage = (...asked) =>
      ++calls === 3 ? Promise.resolve({ fault: { reason: 'unreachable', message: 'gone' } }) : fetch(...asked);
    const first = await readOn(cursorAt(0), 100, 1_000, limits, breaking, never);
    expect(first.faults).toMatchObject([{ reason: 'unreachable' }]);
    expect(first.records.length).toBeGreaterThan(0);
    const second = await readOn(first.cursor, 100, 1_000, limits, breaking, never);
    const ids = [...first.records, ...second.records].map(({ id }) => id);
    expect(ids.toSorted()).toEqual(records.map(({ id }) => id).toSorted());
  });

  test('after a long outage an hour is read, and what lies before is named as missed', async () => {
    const day = 24 * 3_600_000;
    const records = [record(1_000, 'old'), record(day - 60_000, 'new')];
    const read = await readOn(cursorAt(0), day, 100, limits, storeOf(records), never);
    expect(read.records.map(({ id }) => id)).toEqual(['new']);
    expect(read.faults).toMatchObject([{ reason: 'too-large', fromMs: 0, untilMs: day - 3_600_000 }]);
  });
});
