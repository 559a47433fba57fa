import { rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { faultFolder, runVictim, strace, tryFault, type Fault, type Verdict } from './support/ledger-faults.ts';

// A real writer on a real file system, and a kernel that fails it at one call after the other: killed in the call, refused
// once, or refused from there on. Two beginnings: an empty folder, and a write-ahead log about to be folded.
interface Point {
  readonly start: 'empty' | 'brink';
  readonly fault: Fault;
}

const places: Readonly<Record<Point['start'], Readonly<Record<Fault['call'], readonly number[]>>>> = {
  empty: { fsync: [1, 2, 4, 5, 8, 21], pwrite64: [1, 4, 13, 21, 55, 91] },
  brink: { fsync: [1, 3, 5, 6, 7, 9], pwrite64: [1, 12, 45, 60, 130] },
};
const atOnce = 2;

let brink = '';
beforeAll(async () => {
  strace();
  brink = faultFolder();
  expect(await runVictim(brink, 'brink')).toBe('SIGKILL');
});
afterAll(() => rmSync(brink, { recursive: true, force: true }));

function pointsOf(how: Fault['how'], when: (place: number) => string): readonly Point[] {
  return (['empty', 'brink'] as const).flatMap((start) =>
    (['fsync', 'pwrite64'] as const).flatMap((call) =>
      places[start][call].map((place) => ({ start, fault: { call, how, when: when(place) } })),
    ),
  );
}

async function tryAll(points: readonly Point[], mode = 'honest'): Promise<ReadonlyMap<string, Verdict>> {
  const waiting = [...points];
  const verdicts = new Map<string, Verdict>();
  const work = async (): Promise<void> => {
    for (let point = waiting.shift(); point !== undefined; point = waiting.shift()) {
      const { start, fault } = point;
      const name = `${start} ${fault.call}:${fault.how}:when=${fault.when}`;
      verdicts.set(name, await tryFault(start === 'empty' ? undefined : brink, mode, fault));
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return verdicts;
}

const wrongOf = (verdicts: ReadonlyMap<string, Verdict>): readonly string[] =>
  [...verdicts].flatMap(([name, { wrong }]) => wrong.map((sentence) => `${name}: ${sentence}`));

describe('a ledger on a disk that fails', () => {
  test.each([
    ['killed in the call', 'signal=KILL', String, 'killed'],
    ['refused once', 'error=EIO', String, 'failed'],
    ['refused from there on', 'error=ENOSPC', (place: number) => `${place}+`, 'failed'],
  ] as const)('%s: it stops there, and what it acknowledged is there and verifies', async (_name, how, when, end) => {
    const verdicts = await tryAll(pointsOf(how, when));
    expect(wrongOf(verdicts)).toEqual([]);
    const ends = [...verdicts.values()].filter((verdict) => verdict.end === end);
    // Only a folder whose sync failed once and was synced again lets the writer go on.
    expect(verdicts.size - ends.length).toBeLessThanOrEqual(how === 'error=EIO' ? 3 : 0);
    expect(verdicts.size).toBeGreaterThanOrEqual(23);
    const acked = [...verdicts.values()].map((verdict) => verdict.acked);
    expect(Math.min(...acked)).toBe(0);
    expect(Math.max(...acked)).toBeGreaterThan(5);
  });
});

describe('this suite', () => {
  test.each([
    ['acknowledges before it is so', 'early', 'signal=KILL', 'pwrite64', 'lost although acknowledged'],
    ['acknowledges before it is so', 'early', 'error=EIO', 'fsync', 'acknowledged after a failed fsync'],
    ['does not listen when it fails', 'deaf', 'error=EIO', 'fsync', 'acknowledged after a failed fsync'],
    ['does not listen when it fails', 'deaf', 'error=ENOSPC', 'pwrite64', 'lost although acknowledged'],
  ] as const)('notices a writer that %s (%s, %s)', async (_name, mode, how, call, sentence) => {
    const verdicts = await tryAll(
      [{ start: 'empty', fault: { call, how, when: call === 'fsync' ? '13' : '91' } }],
      mode,
    );
    expect(wrongOf(verdicts).join('\n')).toContain(sentence);
  });
});
