import { describe, expect, it } from 'vitest';

import { createDetector } from '../../src/detectors/index.ts';
import type { Finding } from '../../src/domain/alert.ts';
import type { Change } from '../../src/domain/change.ts';
import { seriesKey, type SeriesMeta } from '../../src/domain/telemetry.ts';
import type { Json } from '../../src/lib/json.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { detector } from './helpers.ts';

const fromMs = 1_767_600_000_000;
const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;

/** Samples, each `stepMs` until `forMs`, of what `at` says of the time since the beginning, with noise. */
interface Run {
  readonly signal: 'latency' | 'memory';
  readonly forMs: number;
  readonly stepMs: number | ((tMs: number) => number);
  readonly noise: number;
  readonly at: (tMs: number) => number;
  readonly deploys: readonly number[];
  /** Saved and restored each so many samples. */
  readonly restartEach?: number;
}

function run({ signal, forMs, stepMs, noise, at, deploys, restartEach }: Run): readonly Finding[] {
  const random = seededRandom(7);
  const normal = (): number =>
    Math.sqrt(-2 * Math.log(1 - random.uniform())) * Math.cos(2 * Math.PI * random.uniform());
  const meta: SeriesMeta = {
    ...{ key: seriesKey('shop', signal, {}), source: 'hosts', service: 'shop', signal, labels: {} },
    ...(signal === 'latency' ? { unit: 's', nature: 'latency' } : { unit: 'By', nature: 'gauge' }),
  };
  const changes = deploys.map((atMs, n): Change => ({
    ...{ id: `v${n}`, kind: 'deploy', service: 'shop', what: 'shop', to: `v${n}`, source: 'hosts', attributes: {} },
    atMs: fromMs + atMs,
  }));
  const definition = detector({ on: signal, kind: 'regression' });
  let running = createDetector(definition, undefined);
  const found: Finding[] = [];
  let samples = 0;
  for (let t = 0; t < forMs; t += typeof stepMs === 'number' ? stepMs : stepMs(t)) {
    const asOfMs = fromMs + t;
    if (restartEach !== undefined && ++samples % restartEach === 0)
      running = createDetector(definition, JSON.parse(JSON.stringify(running.save())) as Json);
    const known = changes.filter(({ atMs }) => atMs <= asOfMs && asOfMs - atMs < 24 * hour);
    const series = [{ ...meta, samples: [{ tMs: asOfMs, v: at(t) * Math.exp(noise * normal()) }] }];
    const nothing = { slo: () => undefined, service: () => undefined, services: () => [] };
    found.push(
      ...running.step(
        { asOfMs, series, logs: [], changes: [], external: [], gaps: [] },
        { ...nothing, changesOf: () => known, isRead: () => true, isWatched: () => false },
      ),
    );
  }
  return found;
}

const pages = (found: readonly Finding[]): readonly Finding[] => found.filter(({ state }) => state === 'bad');
const afterMs = (one: Finding | undefined, ms: number): number => (one?.atMs ?? Infinity) - fromMs - ms;

describe('what takes its time after a deploy, however often one looks', () => {
  it.each([5, 10, 15, 60])('a leak of a fifth an hour is called within the hour, sampled each %i s', (every) => {
    const at = (t: number): number => 5e8 * (1 + (t > 4 * hour ? (0.2 * (t - 4 * hour)) / hour : 0));
    const found = run({
      signal: 'memory',
      forMs: 6 * hour,
      stepMs: every * second,
      noise: 0.01,
      at,
      deploys: [4 * hour],
    });
    expect(afterMs(pages(found)[0], 4 * hour)).toBeLessThan(hour);
    expect(pages(found)[0]?.changeId).toBe('v0');
  });

  it.each([5, 15, 60])('a slow rise that begins half an hour later is held against it, sampled each %i s', (every) => {
    const at = (t: number): number => 0.2 * (1 + 0.8 * Math.max(0, Math.min(1, (t - 2.5 * hour) / (hour / 2))));
    const found = run({
      signal: 'latency',
      forMs: 5 * hour,
      stepMs: every * second,
      noise: 0.05,
      at,
      deploys: [2 * hour],
    });
    expect(afterMs(pages(found)[0], 2 * hour)).toBeLessThan(hour);
    expect(pages(found)[0]?.changeId).toBe('v0');
  });

  it.each([5, 15, 60])('a first deploy that is slow for four minutes calls nobody, sampled each %i s', (every) => {
    const at = (t: number): number => (t >= 2 * hour && t < 2 * hour + 4 * minute ? 0.44 : 0.2);
    const found = run({
      signal: 'latency',
      forMs: 3 * hour,
      stepMs: every * second,
      noise: 0.05,
      at,
      deploys: [2 * hour],
    });
    expect(pages(found)).toEqual([]);
  });

  it.each([5, 15])('an outage is called before its minute is over, sampled each %i s', (every) => {
    const at = (t: number): number => (t >= 2 * hour ? 20 : 0.2);
    const deploys = [20, 40, 60, 80, 120].map((at) => at * minute);
    const found = run({ signal: 'latency', forMs: 2.2 * hour, stepMs: every * second, noise: 0.05, at, deploys });
    expect(afterMs(pages(found)[0], 2 * hour)).toBeLessThan(minute);
  });

  it('says that it is well after five minutes at the soonest, however many samples those are', () => {
    const found = run({
      ...{ signal: 'latency', forMs: 3 * hour, stepMs: 5 * second, noise: 0.05, at: () => 0.2 },
      deploys: [2 * hour],
    });
    const well = found.find(({ state, changeId }) => state === 'good' && changeId === 'v0');
    expect(afterMs(well, 2 * hour)).toBeGreaterThan(4.5 * minute);
  });
});

describe('another pace of samples', () => {
  const warm = Array.from({ length: 13 }, (_, n) => (n + 1) * 2 * hour);
  const isWarm = (t: number): boolean => warm.some((at) => t >= at && t < at + 9 * minute);
  const faster = 25 * hour;

  it('keeps what was learned by the minute, when they come to be four times as many', () => {
    const found = run({
      ...{ signal: 'latency', forMs: 27 * hour, noise: 0.05, deploys: warm },
      stepMs: (t) => (t < faster ? minute : 15 * second),
      at: (t) => (isWarm(t) ? 0.5 : 0.2),
    });
    expect(pages(found).filter(({ atMs }) => atMs > fromMs + faster)).toEqual([]);
  });

  it('goes on exactly as it was after a restart, at any moment', () => {
    const one: Run = {
      ...{ signal: 'latency', forMs: 5 * hour, stepMs: 15 * second, noise: 0.05, deploys: [2 * hour, 4 * hour] },
      at: (t) => (t > 4 * hour ? 0.35 : 0.2),
    };
    expect(pages(run(one)).length).toBeGreaterThan(0);
    for (const restartEach of [7, 101]) expect(run({ ...one, restartEach })).toEqual(run(one));
  });
});
