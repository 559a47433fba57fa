import { describe, expect, it } from 'vitest';

import type { Json } from '../../src/lib/json.ts';
import { byte, bytes, field, floats } from '../../src/detectors/anomaly/layout.ts';
import { rowOf } from '../../src/detectors/anomaly/env.ts';
import { emptyState, restoreState, saveEvery } from '../../src/detectors/anomaly/state.ts';
import { createDetector } from '../../src/detectors/index.ts';
import type { Finding } from '../../src/domain/alert.ts';
import { seriesKey, type SeriesMeta } from '../../src/domain/telemetry.ts';
import { detector } from './helpers.ts';

const fromMs = 1_767_571_200_000;
const minuteMs = 60_000;

function metaOf(nature: SeriesMeta['nature'], unit = '1', labels: Record<string, string> = {}): SeriesMeta {
  const about = { source: 's', service: 'checkout', signal: 'load', labels, unit, nature };
  return { key: seriesKey('checkout', 'load', labels), ...about };
}

const context = {
  changesOf: () => [],
  services: () => [],
  service: () => undefined,
  slo: () => undefined,
  isRead: () => true,
  isWatched: () => false,
};

/** What is said that is bad, with its minute. */
function badOf(
  spec: Json,
  meta: SeriesMeta,
  minutes: number,
  at: (minute: number) => number,
): readonly (Finding & { readonly minute: number })[] {
  const running = createDetector(detector(spec), undefined);
  return Array.from({ length: minutes }, (_, minute) => {
    const asOfMs = fromMs + minute * minuteMs;
    const series = [{ ...meta, samples: [{ tMs: asOfMs, v: at(minute) }] }];
    const said = running.step({ asOfMs, series, logs: [], changes: [], external: [], gaps: [] }, context);
    return said.filter(({ state }) => state === 'bad').map((finding) => ({ ...finding, minute }));
  }).flat();
}

const wobble = (minute: number): number => ((minute * 7_919) % 101) / 100;

describe.each([1.797e308, -1.797e308, 2 ** 64 - 1, 1e38])('one sample of %d in a series of a hundred', (huge) => {
  it('spoils nothing: an anomaly after it is called, against a real band', () => {
    const at = (minute: number): number => (minute === 900 ? huge : minute < 1_200 ? 100 + wobble(minute) : 5_000);
    const found = badOf({ on: 'load', kind: 'anomaly' }, metaOf('gauge'), 1_210, at);
    const outage = found.find(({ minute }) => minute >= 1_200);
    expect(outage?.minute).toBeLessThan(1_203);
    expect(outage?.numbers['low']).toBeGreaterThan(90);
    expect(outage?.numbers['high']).toBeLessThan(110);
  });
  it('spoils nothing: a jump after it is called by regression', () => {
    const at = (minute: number): number =>
      minute === 300 ? Math.abs(huge) : minute < 500 ? 1 + wobble(minute) / 10 : 5;
    const found = badOf({ on: 'load', kind: 'regression' }, metaOf('latency', 's'), 540, at);
    expect(found.some(({ minute }) => minute >= 500)).toBe(true);
  });
  it('spoils nothing: a disk that fills after it is forecast', () => {
    const at = (minute: number): number => (minute === 100 ? huge : 20 + wobble(minute) + Math.max(0, minute - 300));
    const spec = { on: 'load', kind: 'forecast', params: { limit: 100, within: '1h' } };
    const found = badOf(spec, metaOf('gauge'), 370, at).filter(({ minute }) => minute > 250);
    expect(found.some(({ reason }) => reason.includes('will reach'))).toBe(true);
  });
});

describe('a number that nothing can have meant', () => {
  it('is told by a threshold all the same: it is beyond the limit', () => {
    const spec = { on: 'load', kind: 'threshold', params: { above: 1_000 } };
    const found = badOf(spec, metaOf('gauge'), 10, (minute) => (minute === 5 ? Number.MAX_VALUE : 1));
    expect(found.map(({ minute }) => minute)).toEqual([5]);
  });
});

describe('a row of an anomaly bank that was saved spoilt', () => {
  it.each([Infinity, NaN])('starts anew when a number of it is %d, and its neighbours go on', (spoilt) => {
    const state = emptyState();
    for (const name of ['a', 'b']) state.directory.add(metaOf('gauge', '1', { name }), state.rows.take());
    for (const index of [0, 1]) rowOf(state, index).chunk.floats[index * floats + field.samples] = 500;
    rowOf(state, 0).chunk.floats[field.level] = spoilt;
    const { chunk } = rowOf(restoreState(new Map(saveEvery(state))), 0);
    expect(chunk.floats[field.samples]).toBe(0);
    expect(chunk.floats[field.level]).toBe(0);
    expect(chunk.bytes[byte.told]).toBe(1);
    expect(chunk.floats[floats + field.samples]).toBe(500);
    expect(chunk.bytes[bytes + byte.told]).toBe(0);
  });
});

describe('a series that began at four billion and is nearly empty now', () => {
  it('is told as what it is, and is not held to stand still', () => {
    const at = (minute: number): number => (minute < 500 ? 4e9 * (1 + wobble(minute) / 10) : 120 + (minute % 40));
    const found = badOf({ on: 'load', kind: 'anomaly' }, metaOf('gauge', 'By'), 3_000, at);
    const first = found.find(({ minute }) => minute >= 500);
    expect(first?.reason).toMatch(/is 1[2-5]\d B /);
    expect(found.filter(({ reason }) => reason.includes('does not change any more'))).toEqual([]);
  });
});

describe('a series that began at nought and is large now', () => {
  it('is not held to stand still when it changes by little', () => {
    const at = (minute: number): number => (minute < 100 ? 0 : 64e9 + 100 * Math.round(20 * wobble(minute)));
    const found = badOf({ on: 'load', kind: 'anomaly' }, metaOf('gauge', 'By'), 3_000, at);
    expect(found.filter(({ reason }) => reason.includes('does not change any more'))).toEqual([]);
  });
});
