import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { canonicalJson } from '../../src/lib/canonical.ts';
import type { Json } from '../../src/lib/json.ts';
import { emptySeen } from '../../src/detectors/anomaly/engine.ts';
import { natureOf } from '../../src/detectors/anomaly/nature.ts';
import { emptyChunk } from '../../src/detectors/anomaly/rows.ts';
import { foldSample } from '../../src/detectors/anomaly/sample.ts';
import { tuning } from '../../src/detectors/anomaly/tuning.ts';
import { createDetector } from '../../src/detectors/index.ts';
import type { Finding } from '../../src/domain/alert.ts';
import { seriesKey, type Sample, type Series, type SeriesMeta } from '../../src/domain/telemetry.ts';
import { detector, failures } from './helpers.ts';

const fromMs = 1_767_571_200_000;
const definition = detector({ on: 'load', kind: 'anomaly' });

function metaOf(labels: Record<string, string> = {}, nature: SeriesMeta['nature'] = 'gauge'): SeriesMeta {
  const about = { source: 's', service: 'checkout', signal: 'load', labels, unit: '1', nature };
  return { key: seriesKey('checkout', 'load', labels), ...about };
}

/** Plays series step by step, restarting at `cuts`, and gives what was said at each step. */
function play(
  series: readonly Series[],
  cuts: ReadonlySet<number> = new Set(),
  one = definition,
): readonly (readonly Finding[])[] {
  const times = [...new Set(series.flatMap(({ samples }) => samples.map(({ tMs }) => tMs)))].sort((a, b) => a - b);
  const byTime = series.map(({ samples }) => new Map(samples.map((sample) => [sample.tMs, sample])));
  const context = {
    changesOf: () => [],
    services: () => [],
    service: () => undefined,
    slo: () => undefined,
    isRead: () => true,
    isWatched: () => true,
  };
  let running = createDetector(one, undefined);
  return times.map((asOfMs, index) => {
    if (cuts.has(index)) running = createDetector(one, JSON.parse(canonicalJson(running.save())) as Json);
    const arrived = series.flatMap((each, number) => {
      const sample = byTime[number]?.get(asOfMs);
      return sample === undefined ? [] : [{ ...each, samples: [sample] }];
    });
    return running.step({ asOfMs, series: arrived, logs: [], changes: [], external: [], gaps: [] }, context);
  });
}

function scoresOf(values: readonly number[], stepMs = 300_000, cuts?: ReadonlySet<number>): readonly number[] {
  const samples = values.map((v, index): Sample => ({ tMs: fromMs + index * stepMs, v }));
  return play([{ ...metaOf(), samples }], cuts).map((said) => said[0]?.numbers['score'] ?? 0);
}

/** Evenly spread noise in [0, 1) that is the same each time. */
function noise(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}

/** Shapes like those of the public benchmark: daily work, bursts, steps, sawteeth. */
const shapes: Readonly<Record<string, (index: number, random: () => number) => number>> = {
  daily: (index, random) => (index % 288 > 96 && index % 288 < 200 ? 80 : 20) + 4 * random(),
  bursts: (_, random) => (random() < 0.02 ? 500 * random() : random()),
  step: (index, random) => (index < 700 ? 40 : 90) + 5 * random(),
  sawtooth: (index, random) => (index % 60) + random(),
  counts: (_, random) => Math.floor(-3 * Math.log(1 - random())),
};

describe('scores of kind anomaly', () => {
  it.each(Object.entries(shapes))('%s: rows 0 to k score the same when the future is cut off', (name, shape) => {
    const random = noise(name.length * 7_919);
    const values = Array.from({ length: 900 }, (_, index) => shape(index, random));
    const whole = scoresOf(values);
    for (const k of [1, 60, 301, 650, 701]) expect(scoresOf(values.slice(0, k))).toEqual(whole.slice(0, k));
  });
  it('depend on nothing later, whatever the values, and on no restart', () => {
    const value = fc.oneof(
      fc.double({ min: -1e3, max: 1e3, noNaN: true }),
      fc.constant(0),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
    );
    const given = fc.array(value, { minLength: 2, maxLength: 400 });
    fc.assert(
      fc.property(given, fc.nat(399), fc.uniqueArray(fc.nat(399), { maxLength: 4 }), (values, k, cuts) => {
        const whole = scoresOf(values);
        expect(scoresOf(values.slice(0, k + 1))).toEqual(whole.slice(0, k + 1));
        expect(scoresOf(values, 300_000, new Set(cuts))).toEqual(whole);
        for (const score of whole) expect(score >= 0 && score <= 1).toBe(true);
      }),
      { numRuns: 40 },
    );
  });
  it.each(Object.entries(shapes))('%s: are those of the engine alone, which benches run', (name, shape) => {
    const random = noise(name.length * 104_729);
    const values = Array.from({ length: 1_200 }, (_, index) => shape(index, random));
    const [chunk, seen] = [emptyChunk(), emptySeen()];
    const nature = natureOf(metaOf(), undefined);
    const manner = { nature, freezes: true, falseAlarmEveryMs: (7 * 86_400_000) / 2, tuned: tuning };
    const alone = values.map((v, index) => {
      foldSample(chunk, 0, fromMs + index * 300_000, { v, certain: v, most: Infinity }, manner, seen);
      return seen.score;
    });
    expect(scoresOf(values)).toEqual(alone);
  });
  it('call one onset once: what follows is its echo', () => {
    const random = noise(5);
    const values = Array.from({ length: 1_200 }, (_, index) => (index < 1_000 ? 50 : 200) + random());
    const called = scoresOf(values).flatMap((score, index) => (score >= 0.5 ? [index] : []));
    expect(called[0]).toBe(1_000);
    expect(called.filter((index) => index > 1_000).length).toBeLessThan(2);
  });
  it('call a series that grows quieter though every value is a usual one', () => {
    let found = 0;
    let before = 0;
    for (let seed = 31; seed < 41; seed++) {
      const random = noise(seed);
      const values = Array.from(
        { length: 2_500 },
        (_, index) => 100 + (index < 2_000 ? 20 : 4) * (random() + random() - 1),
      );
      const called = scoresOf(values).flatMap((score, index) => (score >= 0.5 && index > 600 ? [index] : []));
      if (called.some((index) => index >= 2_000)) found++;
      before += called.filter((index) => index < 2_000).length;
    }
    expect(found).toBeGreaterThanOrEqual(8);
    expect(before).toBeLessThanOrEqual(10);
  });
  it('stay below one half on noise, but for about as often as was asked for', () => {
    let called = 0;
    for (let series = 0; series < 20; series++) {
      const random = noise(series + 77);
      const values = Array.from({ length: 2_016 }, () => 100 + 10 * random() + 10 * random() + 10 * random());
      called += scoresOf(values).filter((score, index) => index > 300 && score >= 0.5).length;
    }
    // Twenty series, a week each, two false alarms a week: forty are allowed.
    expect(called).toBeLessThanOrEqual(40);
  });
});

/** What the engine expects of the last day of `days`, hour by hour, where a day is worth what `worth` says. */
function expectedOfLastDay(days: number, worth: (day: number, hour: number) => number): readonly number[] {
  const random = noise(3);
  const [chunk, seen] = [emptyChunk(), emptySeen()];
  const nature = natureOf(metaOf(), undefined);
  const manner = { nature, freezes: true, falseAlarmEveryMs: (7 * 86_400_000) / 2, tuned: tuning };
  const expected: number[] = [];
  for (let hour = 0; hour < days * 24; hour++)
    for (let part = 0; part < 12; part++) {
      const v = worth(Math.floor(hour / 24) % 7, hour % 24) + random();
      foldSample(chunk, 0, fromMs + hour * 3_600_000 + part * 300_000, { v, certain: v, most: Infinity }, manner, seen);
      if (part === 11) expected.push(seen.expected + (chunk.doubles[0] ?? 0));
    }
  return expected.slice(-24);
}

describe('the days of the week', () => {
  const busy = (hour: number): number => 100 + 60 * Math.sin((2 * Math.PI * hour) / 24);
  const off = (days: number, worth: (day: number, hour: number) => number): number => {
    const last = expectedOfLastDay(days, worth);
    const misses = last.map((expected, hour) => Math.abs(expected - worth((days - 1) % 7, hour)));
    return misses.reduce((sum, miss) => sum + miss, 0) / misses.length;
  };
  const quietWeekend = (day: number, hour: number): number => (day < 5 ? 1 : 0.3) * busy(hour);
  it('are learned where they differ: after three weekends, the fourth is expected to be quiet', () => {
    expect(off(6, quietWeekend)).toBeGreaterThan(40);
    expect(off(27, quietWeekend)).toBeLessThan(15);
  });
  it('are nothing to a series whose days are alike', () => {
    expect(off(27, (_, hour) => busy(hour))).toBeLessThan(3);
  });
});

describe('the bank of kind anomaly', () => {
  it('keeps hundreds of series apart, over a restart too', () => {
    const series = Array.from({ length: 600 }, (_, number): Series => {
      const random = noise(number + 1);
      const samples = Array.from({ length: 80 }, (_, index) => ({
        tMs: fromMs + index * 60_000,
        v: number + (index === 70 && number % 97 === 0 ? 1e6 : random()),
      }));
      return { ...metaOf({ i: `x"${number},\\` }), samples };
    });
    const whole = play(series);
    const bad = whole[70]!.filter(({ state }) => state === 'bad').map(({ labels }) => labels['i']);
    expect(bad).toEqual(expect.arrayContaining([0, 97, 194, 291, 388, 485, 582].map((number) => `x"${number},\\`)));
    expect(bad.length).toBeLessThan(12);
    expect(play(series, new Set([1, 40, 71]))).toEqual(whole);
  });
  it('starts a forgotten series anew', () => {
    const samples = Array.from({ length: 100 }, (_, index) => ({ tMs: fromMs + index * 60_000, v: index % 7 }));
    const running = createDetector(definition, undefined);
    const context = {
      changesOf: () => [],
      services: () => [],
      service: () => undefined,
      slo: () => undefined,
      isRead: () => true,
      isWatched: () => false,
    };
    const nothing = { logs: [], changes: [], external: [], gaps: [] };
    running.step({ asOfMs: fromMs + 6_000_000, series: [{ ...metaOf(), samples }], ...nothing }, context);
    const stale = running.step({ asOfMs: fromMs + 7_000_000, series: [], ...nothing }, context);
    expect(stale).toMatchObject([{ state: 'unknown' }]);
    // Weeks of silence that somebody listened to.
    const untilMs = fromMs + 16 * 86_400_000;
    for (let asOfMs = fromMs + 40_000_000; asOfMs < untilMs; asOfMs += 1_800_000)
      expect(running.step({ asOfMs, series: [], ...nothing }, context)).toEqual([]);
    const again = [{ ...metaOf(), samples: [{ tMs: untilMs, v: 1e6 }] }];
    // What it knew would call 1e6 strange at once; a new series has to be learned first.
    expect(running.step({ asOfMs: untilMs, series: again, ...nothing }, context)).toEqual([]);
  });
});

const busy = '50 52 49 53 51 48 50 54 47 51 '.repeat(12).trim();

describe('what kind anomaly calls', () => {
  it('a series that froze, and that it moves again', () => {
    const one = { nature: 'gauge', series: `${busy} 51x60 52 49 53 51 48 50 54` };
    expect(
      failures(
        { on: 'load', kind: 'anomaly', clear: '1s' },
        {
          given: one,
          expect: { fires: true, because: 'does not change any more', resolves: true },
        },
      ),
    ).toEqual([]);
  });
  it('names the change before it, what was expected, how rare it is and what would clear it', () => {
    const given = { nature: 'gauge', series: `${busy} 400x10`, changes: [{ at: '118m', to: 'v3' }] };
    for (const because of ['v3 was deployed 2m before', 'expected', 'by chance alone', 'over when'])
      expect(failures({ on: 'load', kind: 'anomaly' }, { given, expect: { fires: true, because } })).toEqual([]);
  });
  it('no error ratio of three requests, and the same ratio of three thousand', () => {
    const errors = '0.1% 0.2% 0% 0.1% 0.3% 0.1% 0% 0.2% 0.1% 0% '.repeat(12).trim();
    const world = (traffic: number) => ({
      series: [
        { signal: 'errors', nature: 'ratio', unit: 'ratio', values: `${errors} 33% 0%x7` },
        { signal: 'traffic', nature: 'rate', unit: '1/s', values: `${traffic}x128` },
      ],
    });
    const spec = { on: 'errors', kind: 'anomaly' };
    expect(failures(spec, { given: world(0.05), expect: { fires: false } })).toEqual([]);
    expect(failures(spec, { given: world(50), expect: { fires: true } })).toEqual([]);
  });
  it('latency upwards only, unless told otherwise', () => {
    const given = { nature: 'latency', series: `${busy} 5 5.2 4.9 5.1 4.8 5 5.3 4.9` };
    expect(failures({ on: 'load', kind: 'anomaly' }, { given, expect: { fires: false } })).toEqual([]);
    const both = { on: 'load', kind: 'anomaly', params: { worse: 'both' } };
    expect(failures(both, { given, expect: { fires: true } })).toEqual([]);
  });
});
