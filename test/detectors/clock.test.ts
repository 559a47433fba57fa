import { describe, expect, it } from 'vitest';

import { canonicalJson } from '../../src/lib/canonical.ts';
import type { Json } from '../../src/lib/json.ts';
import { createDetector } from '../../src/detectors/index.ts';
import type { DetectorBatch } from '../../src/domain/ports/detector.ts';
import type { Service } from '../../src/domain/service.ts';
import { seriesKey, type SeriesMeta } from '../../src/domain/telemetry.ts';
import { detector } from './helpers.ts';

const fromMs = 1_767_571_200_000;
const minuteMs = 60_000;
const dayMs = 86_400_000;
/** Minutes at which the clock is a day ahead, the one at which something goes wrong, and how long is played. */
const wrong = [500, 501, 502] as const;
const faultAt = 540;
const minutes = 600;

const service = {
  name: 'checkout',
  telemetry: {},
  slos: [{ name: 'answers', errors: 'load', objective: 0.99, windowMs: 30 * dayMs }],
  runsOn: [],
} as unknown as Service;

interface Case {
  readonly spec: Json;
  readonly nature: SeriesMeta['nature'];
  /** The value at a minute; none: nothing comes. */
  readonly at: (minute: number, bad: boolean) => number | undefined;
}

const wobble = (minute: number): number => ((minute * 7_919) % 101) / 1_000;
const cases: Readonly<Record<string, Case>> = {
  threshold: {
    spec: { on: 'load', kind: 'threshold', params: { above: 3 } },
    nature: 'gauge',
    at: (minute, bad) => (bad ? 5 : 1) + wobble(minute),
  },
  regression: {
    spec: { on: 'load', kind: 'regression' },
    nature: 'latency',
    at: (minute, bad) => (bad ? 5 : 1) + wobble(minute),
  },
  anomaly: {
    spec: { on: 'load', kind: 'anomaly' },
    nature: 'gauge',
    at: (minute, bad) => (bad ? 5 : 1) + wobble(minute),
  },
  'burn-rate': {
    spec: { on: 'load', kind: 'burn-rate' },
    nature: 'ratio',
    at: (_, bad) => (bad ? 0.9 : 0),
  },
  forecast: {
    spec: { on: 'load', kind: 'forecast', params: { limit: 100, within: '1h' } },
    nature: 'gauge',
    at: (minute, bad) => 20 + wobble(minute) + (bad ? 1.2 * (minute - faultAt) : 0),
  },
  event: {
    spec: { on: 'load', kind: 'event', params: { when: 'rises', within: '5m' } },
    nature: 'gauge',
    at: (minute, bad) => (bad ? minute : 1),
  },
  absence: {
    spec: { on: 'load', kind: 'absence', params: { for: '5m' } },
    nature: 'gauge',
    at: (minute, bad) => (bad ? undefined : 1 + wobble(minute)),
  },
};

/** Minutes at which it is called bad; the clock is a day ahead in those of `wrong` when `jumps`. */
function called({ spec, nature, at }: Case, jumps: boolean, restartAt = -1): readonly number[] {
  const about = { source: 's', service: 'checkout', signal: 'load', labels: {}, unit: '1', nature };
  const meta: SeriesMeta = { key: seriesKey('checkout', 'load', {}), ...about };
  const definition = detector(spec);
  let running = createDetector(definition, undefined);
  const found: number[] = [];
  for (let minute = 0; minute < minutes; minute++) {
    if (minute === restartAt) running = createDetector(definition, JSON.parse(canonicalJson(running.save())) as Json);
    const isWrong = jumps && wrong.includes(minute as (typeof wrong)[number]);
    const asOfMs = fromMs + minute * minuteMs + (isWrong ? dayMs : 0);
    const v = at(minute, minute >= faultAt);
    const series = v === undefined ? [] : [{ ...meta, samples: [{ tMs: asOfMs, v }] }];
    const said = running.step({ ...nothing, asOfMs, series }, context);
    if (said.some(({ state }) => state === 'bad')) found.push(minute);
  }
  return found;
}

const nothing: DetectorBatch = { asOfMs: 0, series: [], logs: [], changes: [], external: [], gaps: [] };
const context = {
  changesOf: () => [],
  services: () => [service],
  service: () => service,
  slo: () => service.slos[0],
  isRead: () => true,
  isWatched: () => false,
};

describe.each(Object.entries(cases))('a clock that was a day ahead and was set right, and kind %s', (_, one) => {
  const usual = called(one, false)[0] ?? Infinity;
  it('is called without it', () => {
    expect(usual).toBeGreaterThanOrEqual(faultAt);
    expect(usual).toBeLessThan(minutes);
  });
  it('leaves nothing frozen: what goes wrong later is called as soon as without it, or a little later', () => {
    const found = called(one, true).filter((minute) => minute > 505);
    expect(found[0]).toBeGreaterThanOrEqual(faultAt);
    expect(found[0]).toBeLessThanOrEqual(usual + 10);
  });
  it('leaves nothing frozen when it was set right while nobody watched', () => {
    const found = called(one, true, 503).filter((minute) => minute > 505);
    expect(found[0]).toBeLessThanOrEqual(usual + 10);
  });
});

describe('a clock that was set right, and lines of logs', () => {
  const line = (tMs: number, body: string): DetectorBatch['logs'][number] => ({
    tMs,
    source: 's',
    service: 'checkout',
    severity: 'error',
    body,
    attributes: {},
  });
  it('are counted all the same: a surge of a line that is known is told', () => {
    const running = createDetector(detector({ kind: 'log-pattern', params: { learn: '30m' } }), undefined);
    const told: string[] = [];
    for (let minute = 0; minute < minutes; minute++) {
      const asOfMs = fromMs + minute * minuteMs + (wrong.includes(minute as (typeof wrong)[number]) ? dayMs : 0);
      const logs = Array.from({ length: minute < faultAt ? 1 : 100 }, () => line(asOfMs, 'cannot reach the cache'));
      for (const { state } of running.step({ ...nothing, asOfMs, logs }, context))
        if (state === 'bad') told.push(String(minute));
    }
    expect(told[0]).toBe('540');
  });
});
