import { describe, expect, it } from 'vitest';

import { canonicalJson } from '../../src/lib/canonical.ts';
import type { Json } from '../../src/lib/json.ts';
import { anomalyBank } from '../../src/detectors/anomaly/detector.ts';
import { foldPerSeries } from '../../src/detectors/bank.ts';
import { createDetector } from '../../src/detectors/index.ts';
import type { Detector, DetectorRule } from '../../src/domain/ports/detector.ts';
import { seriesKey, type SeriesMeta } from '../../src/domain/telemetry.ts';
import { detector } from './helpers.ts';

const fromMs = 1_767_571_200_000;
const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const stepMs = 300_000;

function metaOf(instance: string): SeriesMeta {
  const labels = { instance };
  const about = { source: 's', service: 'checkout', signal: 'latency', labels, unit: 's', nature: 'latency' } as const;
  return { key: seriesKey('checkout', 'latency', labels), ...about };
}

const context = {
  changesOf: () => [],
  services: () => [],
  service: () => undefined,
  slo: () => undefined,
  isRead: () => true,
  isWatched: () => false,
};

/** Steps from one time to another; `alive` names the instances that bring a sample. Gives how often something was unknown. */
function run(running: Detector, from: number, until: number, alive: (tMs: number) => readonly string[]): number {
  let unknown = 0;
  for (let asOfMs = fromMs + from; asOfMs < fromMs + until; asOfMs += stepMs) {
    const v = 1 + ((asOfMs / stepMs) % 7) / 10;
    const series = alive(asOfMs - fromMs).map((name) => ({ ...metaOf(name), samples: [{ tMs: asOfMs, v }] }));
    const said = running.step({ asOfMs, series, logs: [], changes: [], external: [], gaps: [] }, context);
    unknown += said.filter(({ state, signal }) => state === 'unknown' && signal === 'latency').length;
  }
  return unknown;
}

/** The instances that a saved state still tells of. */
function known(running: Detector): readonly string[] {
  const text = JSON.stringify(running.save());
  return [...new Set([...text.matchAll(/web-\d+/g)].map(([name]) => name))].sort();
}

const again = (spec: Json, running: Detector): Detector =>
  createDetector(detector(spec), JSON.parse(canonicalJson(running.save())) as Json);

describe.each(['regression', 'anomaly'])('what kind %s learned', (kind) => {
  const spec = { on: 'latency', kind };
  const both = (): readonly string[] => ['web-1', 'web-2'];
  const none = (): readonly string[] => [];
  it('of a service that is silent for days is kept, and nothing is said of it after some hours', () => {
    const running = createDetector(detector(spec), undefined);
    run(running, 0, dayMs, both);
    run(running, dayMs, dayMs + 7 * hourMs, none);
    expect(run(running, dayMs + 7 * hourMs, 8 * dayMs, none)).toBe(0);
    expect(known(running)).toEqual(['web-1', 'web-2']);
  });
  it('goes after weeks of silence', () => {
    const running = createDetector(detector(spec), undefined);
    run(running, 0, dayMs, both);
    run(running, dayMs, 16 * dayMs, none);
    expect(known(running)).toEqual([]);
  });
  it('of an instance that wakes hours after another is kept', () => {
    const running = createDetector(detector(spec), undefined);
    run(running, 0, dayMs, both);
    run(running, dayMs, dayMs + 9 * hourMs, none);
    run(running, dayMs + 9 * hourMs, dayMs + 11 * hourMs, () => ['web-1']);
    expect(known(running)).toEqual(['web-1', 'web-2']);
  });
  it('is kept when nobody listened for a day, and when the clock was wrong by a month', () => {
    const first = createDetector(detector(spec), undefined);
    run(first, 0, dayMs, both);
    const second = again(spec, first);
    run(second, 2 * dayMs, 2 * dayMs + stepMs, () => ['web-1']);
    run(second, 32 * dayMs, 32 * dayMs + stepMs, () => ['web-1']);
    run(second, 2 * dayMs + stepMs, 2 * dayMs + hourMs, () => ['web-1']);
    expect(known(second)).toEqual(['web-1', 'web-2']);
  });
  it('of instances that deploys replaced goes within hours: memory stays that of half a day', () => {
    const running = createDetector(detector(spec), undefined);
    // Four new ones every two hours.
    const pods = (tMs: number): readonly string[] => {
      const deploy = Math.floor(tMs / (2 * hourMs));
      return [0, 1, 2, 3].map((i) => `web-${4 * deploy + i}`);
    };
    run(running, 0, 3 * dayMs, pods);
    expect(known(running).length).toBeLessThanOrEqual(20);
  });
});

describe('a bank that follows as many series as it may', () => {
  const rule: DetectorRule = {
    ...{ name: 'r', kind: 'k', on: 'latency', severity: 'warning' },
    ...{ afterChange: { expect: 'none' }, changesOf: [] },
  };
  const fold = { init: () => ({ v: 0 }), add: () => undefined, judge: () => [] };
  const settings = { falseAlarmEveryMs: dayMs, worse: undefined, where: undefined, maxSeries: 3 };
  it.each([
    ['of folds', () => foldPerSeries<{ v: number }>(rule, fold, undefined, { maxSeries: 3, learns: true })],
    ['of anomalies', () => anomalyBank(rule, settings, undefined)],
  ])('%s lets those go that were silent for longest, and none that is heard of', (_, make) => {
    const running = make();
    run(running, 0, hourMs, () => ['web-1', 'web-2', 'web-3']);
    run(running, hourMs, 2 * hourMs, () => ['web-2', 'web-3']);
    run(running, 2 * hourMs, 4 * hourMs, () => ['web-3']);
    run(running, 4 * hourMs, 4 * hourMs + stepMs, () => ['web-3', 'web-4']);
    expect(known(running)).toEqual(['web-2', 'web-3', 'web-4']);
    const refused = run(running, 4 * hourMs + stepMs, 4 * hourMs + 2 * stepMs, () => ['web-3', 'web-5', 'web-6']);
    expect(known(running)).toEqual(['web-3', 'web-4', 'web-5']);
    expect(refused).toBe(1);
  });
});
