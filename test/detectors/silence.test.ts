import { describe, expect, it } from 'vitest';

import { createDetector } from '../../src/detectors/index.ts';
import { seriesKey, type Sample, type SeriesMeta } from '../../src/domain/telemetry.ts';
import { detector } from './helpers.ts';

const fromMs = 1_767_571_200_000;
const minuteMs = 60_000;
const meta: SeriesMeta = {
  ...{ key: seriesKey('checkout', 'load', {}), source: 'cloud', service: 'checkout', signal: 'load' },
  ...{ labels: {}, unit: '1', nature: 'gauge' },
};
const context = {
  changesOf: () => [],
  services: () => [],
  service: () => undefined,
  slo: () => undefined,
  isRead: () => true,
  isWatched: () => true,
};

/** What is said minute by minute of a series whose samples come `lateMs` after their time, until `lastMinute`. */
function statesOf(
  kind: string,
  lateMs: number,
  minutes: number,
  lastMinute: number,
  missed: number,
): readonly string[] {
  const running = createDetector(
    detector({ on: 'load', kind, ...(kind === 'threshold' ? { params: { above: 1_000 } } : {}) }),
    undefined,
  );
  const waiting: Sample[] = [];
  return Array.from({ length: minutes }, (_, minute) => {
    const asOfMs = fromMs + minute * minuteMs;
    if (minute <= lastMinute) waiting.push({ tMs: asOfMs - lateMs, v: 100 + (minute % 7) });
    // One answer of the cloud is lost; the next brings both.
    const samples = minute === missed ? [] : waiting.splice(0);
    const series = samples.length === 0 ? [] : [{ ...meta, samples }];
    const said = running.step({ asOfMs, series, logs: [], changes: [], external: [], gaps: [] }, context);
    return said[0]?.state ?? 'none';
  });
}

describe.each(['threshold', 'anomaly'])('samples that come late, and kind %s', (kind) => {
  it('are waited for: a lost answer is no silence', () => {
    expect(statesOf(kind, 280_000, 120, 120, 100).slice(95)).not.toContain('unknown');
  });
  it('are silence in the end: five intervals after the next was due', () => {
    const states = statesOf(kind, 280_000, 130, 100, -1);
    expect(states.slice(95, 105)).not.toContain('unknown');
    expect(states.slice(107)).toEqual(states.slice(107).map(() => 'unknown'));
  });
});

describe('a gap of one series of a signal', () => {
  it('makes that one unknown, and no other', () => {
    const running = createDetector(detector({ on: 'load', kind: 'threshold', params: { above: 1 } }), undefined);
    const seriesIn = (region: string): SeriesMeta => ({
      ...{ ...meta, labels: { region }, key: seriesKey('checkout', 'load', { region }) },
    });
    const step = (asOfMs: number, isRead: boolean) =>
      running.step(
        {
          ...{ asOfMs, logs: [], changes: [], external: [] },
          series: isRead ? ['eu', 'us'].map((one) => ({ ...seriesIn(one), samples: [{ tMs: asOfMs, v: 5 }] })) : [],
          gaps: isRead
            ? []
            : [
                {
                  ...{ source: 'cloud', service: 'checkout', signal: 'load', labels: { region: 'us' } },
                  ...{ reason: 'unreachable', message: 'away', fromMs: asOfMs, untilMs: asOfMs },
                },
              ],
        },
        context,
      );
    step(fromMs, true);
    const said = step(fromMs + 1_000, false).map(({ labels, state }) => [labels['region'], state]);
    expect(said).toEqual([
      ['eu', 'bad'],
      ['us', 'unknown'],
    ]);
  });
});
