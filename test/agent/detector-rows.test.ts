import { describe, expect, it } from 'vitest';

import type { Json } from '../../src/lib/json.ts';
import { detectorOfRow, detectorPuts, storedDetector } from '../../src/agent/detector-rows.ts';
import { createDetector } from '../../src/detectors/index.ts';
import type { Detector, DetectorContext } from '../../src/domain/ports/detector.ts';
import { seriesKey, type Series } from '../../src/domain/telemetry.ts';
import { detector } from '../detectors/helpers.ts';

const definition = detector({ on: 'load', kind: 'anomaly' }, 'odd-load');
const fromMs = 1_767_571_200_000;
const context: DetectorContext = {
  changesOf: () => [],
  services: () => [],
  service: () => undefined,
  slo: () => undefined,
  isRead: () => true,
  isWatched: () => true,
};

/** Steps `count` series from number `from` on, and gives what was said of them. */
function step(running: Detector, index: number, from: number, count: number) {
  const series = Array.from({ length: count }, (_, offset): Series => {
    const labels = { i: String(from + offset) };
    const about = { source: 's', service: 'shop', signal: 'load', labels, unit: '1', nature: 'gauge' } as const;
    const v = ((from + offset) * 7 + index * 13) % 29;
    return { key: seriesKey('shop', 'load', labels), ...about, samples: [{ tMs: fromMs + index * 60_000, v }] };
  });
  return running.step(
    { asOfMs: fromMs + index * 60_000, series, logs: [], changes: [], external: [], gaps: [] },
    context,
  );
}

const keep = (rows: Map<string, Json>, running: Detector, all: boolean, digest = 'd') => {
  const puts = [...detectorPuts({ name: 'odd-load', digest, detector: running }, all)];
  for (const { key, value } of puts) rows.set(key, value ?? null);
  return puts.map(({ key }) => key);
};

const stateOf = (rows: ReadonlyMap<string, Json>): Json =>
  (storedDetector(rows, 'odd-load') as { readonly state: Json }).state;

describe('the rows of a detector in many parts', () => {
  it('are written anew only where something changed, and make the same detector again', () => {
    const running = createDetector(definition, undefined);
    const rows = new Map<string, Json>();
    for (let index = 0; index < 60; index++) step(running, index, 0, 600);
    expect(keep(rows, running, false)).toEqual(['odd-load/0', 'odd-load/1', 'odd-load/2']);
    expect(keep(rows, running, false)).toEqual([]);
    step(running, 60, 300, 10);
    expect(keep(rows, running, false)).toEqual(['odd-load/1']);
    const again = createDetector(definition, stateOf(rows));
    for (let index = 61; index < 70; index++) expect(step(again, index, 0, 600)).toEqual(step(running, index, 0, 600));
  });
  it('come in bounded numbers, each in its turn, and all at once when asked for', () => {
    const running = createDetector(definition, undefined);
    const rows = new Map<string, Json>();
    step(running, 0, 0, 70 * 256);
    expect(keep(rows, running, false)).toHaveLength(64);
    expect(keep(rows, running, false)).toEqual([64, 65, 66, 67, 68, 69].map((part) => `odd-load/${part}`));
    expect(keep(rows, running, true)).toHaveLength(70);
  });
  it('of an earlier definition are not mixed with those of this one', () => {
    const rows = new Map<string, Json>();
    const before = createDetector(definition, undefined);
    step(before, 0, 0, 600);
    keep(rows, before, true, 'old');
    const now = createDetector(definition, undefined);
    step(now, 0, 0, 5);
    keep(rows, now, true, 'new');
    expect(storedDetector(rows, 'odd-load')).toMatchObject({ digest: 'new' });
    expect(Object.keys((stateOf(rows) as { readonly parts: object }).parts)).toEqual(['0']);
    expect(storedDetector(rows, 'odd')).toBeUndefined();
    expect(detectorOfRow('odd-load/12')).toBe('odd-load');
  });
});
