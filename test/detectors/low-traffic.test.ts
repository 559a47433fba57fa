import { describe, expect, it } from 'vitest';

import type { Json } from '../../src/lib/json.ts';
import { createDetector } from '../../src/detectors/index.ts';
import type { Change } from '../../src/domain/change.ts';
import { seriesKey, type Labels, type Sample, type Series, type SeriesMeta } from '../../src/domain/telemetry.ts';
import { detector } from './helpers.ts';

const fromMs = 1_767_571_200_000;
const minuteMs = 60_000;

function seriesOf(signal: 'errors' | 'traffic', labels: Labels, samples: readonly Sample[]): Series {
  const nature: SeriesMeta['nature'] = signal === 'errors' ? 'ratio' : 'rate';
  const about = {
    source: 's',
    service: 'checkout',
    signal,
    labels,
    unit: signal === 'errors' ? 'ratio' : '1/s',
    nature,
  };
  return { key: seriesKey('checkout', signal, labels), ...about, samples };
}

interface Turn {
  readonly asOfMs: number;
  readonly series: readonly Series[];
}

/** The times at which something is called bad. */
function badIn(spec: Json, turns: readonly Turn[], changes: readonly Change[] = []): readonly number[] {
  const running = createDetector(detector(spec), undefined);
  return turns.flatMap(({ asOfMs, series }) => {
    const context = {
      changesOf: () => changes.filter(({ atMs }) => atMs <= asOfMs),
      services: () => [],
      service: () => undefined,
      slo: () => undefined,
      isRead: () => true,
      isWatched: () => false,
    };
    const said = running.step({ asOfMs, series, logs: [], changes: [], external: [], gaps: [] }, context);
    return said.some(({ state }) => state === 'bad') ? [asOfMs] : [];
  });
}

const anomaly = { on: 'errors', kind: 'anomaly', params: { falseAlarms: '1/month' } };
const stamp = (minute: number): number => fromMs + minute * minuteMs;
const count = 2_400;
/** One request a minute, of which one fails. */
const oneFailed = (minute: number): number => (minute === 2_000 ? 1 : 0);

describe('one failed request among one a minute', () => {
  const turns = (traffic: 'unknown' | 'same turn' | 'a turn later'): readonly Turn[] =>
    Array.from({ length: count }, (_, minute): readonly Turn[] => {
      const errors = seriesOf('errors', {}, [{ tMs: stamp(minute), v: oneFailed(minute) }]);
      const beside = seriesOf('traffic', {}, [{ tMs: stamp(minute), v: 1 / 60 }]);
      if (traffic === 'same turn') return [{ asOfMs: stamp(minute), series: [errors, beside] }];
      const later = traffic === 'unknown' ? [] : [{ asOfMs: stamp(minute) + 5_000, series: [beside] }];
      return [{ asOfMs: stamp(minute), series: [errors] }, ...later];
    }).flat();
  it('is called where the traffic is not known', () => {
    expect(badIn(anomaly, turns('unknown'))).not.toEqual([]);
  });
  it.each(['same turn', 'a turn later'] as const)('is nothing where the traffic comes in the %s', (when) => {
    expect(badIn(anomaly, turns(when))).toEqual([]);
  });
  it('is nothing in a batch of history whose newest minute is a busy one', () => {
    const samples = Array.from({ length: count }, (_, minute) => ({ tMs: stamp(minute), v: oneFailed(minute) }));
    const rates = samples.map(({ tMs }, minute) => ({ tMs, v: minute === count - 1 ? 100 : 1 / 60 }));
    // It would last: what follows is seldom.
    const cut = (all: readonly Sample[]): readonly Sample[] => all.slice(0, 2_003).concat(all.slice(-1));
    const series = [seriesOf('errors', {}, cut(samples)), seriesOf('traffic', {}, cut(rates))];
    expect(badIn(anomaly, [{ asOfMs: stamp(count), series }])).toEqual([]);
  });
});

describe('ten instances of twelve requests a minute, of which one in a hundred fails', () => {
  const random = (seed: number): (() => number) => {
    let state = seed;
    return () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
  };
  const turnsOf = (days: number, more: (minute: number) => number): readonly Turn[] => {
    const next = random(7);
    const failed = (chance: number): number =>
      Array.from({ length: 12 }, next).filter((one) => one < chance).length / 12;
    return Array.from({ length: days * 1_440 }, (_, minute) => {
      const tMs = stamp(minute);
      const errors = Array.from({ length: 10 }, (__, i) =>
        seriesOf('errors', { instance: `web-${i}` }, [{ tMs, v: failed(more(minute)) }]),
      );
      return { asOfMs: tMs, series: [...errors, seriesOf('traffic', {}, [{ tMs, v: 2 }])] };
    });
  };
  it('are not called for single failures, though traffic is known for all of them together only', () => {
    expect(
      badIn(
        anomaly,
        turnsOf(5, () => 0.01),
      ),
    ).toEqual([]);
  });
  it('are called when half of the requests fail', () => {
    const found = badIn(
      anomaly,
      turnsOf(2, (minute) => (minute < 2_600 ? 0.01 : 0.5)),
    );
    expect(found[0]).toBeGreaterThanOrEqual(stamp(2_600));
    expect(found[0]).toBeLessThan(stamp(2_605));
  });
});

describe('half of all requests failing after a deploy', () => {
  const deploy: Change = {
    ...{ id: 'v2', kind: 'deploy', service: 'checkout', atMs: stamp(200), what: 'current', source: 's' },
    ...{ to: 'v2', attributes: {} },
  };
  const turns = (rate: number | undefined): readonly Turn[] =>
    Array.from({ length: 300 }, (_, minute) => {
      const tMs = stamp(minute);
      const errors = seriesOf('errors', {}, [{ tMs, v: minute > 203 && minute < 212 ? 0.5 : 0 }]);
      const known = rate === undefined ? [] : [seriesOf('traffic', {}, [{ tMs, v: minute > 200 ? rate : 2 }])];
      return { asOfMs: tMs, series: [errors, ...known] };
    });
  const spec = { on: 'errors', kind: 'regression' };
  it.each([undefined, 2])('is called with traffic %s', (rate) => {
    expect(badIn(spec, turns(rate), [deploy])).not.toEqual([]);
  });
  it('is nothing where there are no requests at all', () => {
    expect(badIn(spec, turns(0), [deploy])).toEqual([]);
  });
});
