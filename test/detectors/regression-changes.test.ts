import { describe, expect, it } from 'vitest';

import { createDetector } from '../../src/detectors/index.ts';
import type { Finding } from '../../src/domain/alert.ts';
import type { Change } from '../../src/domain/change.ts';
import { seriesKey, type Series, type SeriesMeta } from '../../src/domain/telemetry.ts';
import type { Json } from '../../src/lib/json.ts';
import { detector } from './helpers.ts';

const fromMs = 1_767_600_000_000;
const minute = 60_000;

const latency: SeriesMeta = {
  ...{ key: seriesKey('shop', 'latency', {}), source: 'hosts', service: 'shop', signal: 'latency' },
  ...{ labels: {}, unit: 's', nature: 'latency' },
};

/** The same noise every time: of mean 0 and deviation 1. */
function noise(seed: number): () => number {
  let state = seed;
  const uniform = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
  return () => Math.sqrt(-2 * Math.log(uniform() + 1e-12)) * Math.cos(2 * Math.PI * uniform());
}

/** Some changes, at minutes. */
function change(id: string, at: number, more: Partial<Change> = {}): Change {
  const base = { id, kind: 'deploy', service: 'shop', what: 'shop', to: id, source: 'hosts', attributes: {} } as const;
  return { ...base, atMs: fromMs + at * minute, ...more };
}

interface Curve {
  readonly meta: SeriesMeta;
  readonly at: (minute: number) => number;
}

/** Everything said while curves are sampled each minute. */
function said(
  minutes: number,
  curves: readonly Curve[],
  changes: readonly Change[],
  params: Json = {},
): readonly Finding[] {
  const [first] = curves;
  if (first === undefined) return [];
  const running = createDetector(detector({ on: first.meta.signal, kind: 'regression', params }), undefined);
  return Array.from({ length: minutes }, (_, i) => i).flatMap((i) => {
    const asOfMs = fromMs + i * minute;
    const series = curves.map(({ meta, at }): Series => ({ ...meta, samples: [{ tMs: asOfMs, v: at(i) }] }));
    const known = changes.filter(({ atMs }) => atMs <= asOfMs && asOfMs - atMs < 86_400_000);
    const nothing = { slo: () => undefined, service: () => undefined, services: () => [] };
    return running.step(
      { asOfMs, series, logs: [], changes: [], external: [], gaps: [] },
      { ...nothing, changesOf: () => known, isRead: () => true, isWatched: () => false },
    );
  });
}

const pages = (findings: readonly Finding[]): readonly Finding[] => findings.filter(({ state }) => state === 'bad');
const minuteOf = ({ atMs }: Finding): number => (atMs - fromMs) / minute;

/** Latency with noise, times what `lift` says. */
function shop(lift: (minute: number) => number, seed = 7): Curve {
  const next = noise(seed);
  return { meta: latency, at: (i) => 0.2 * Math.exp(0.05 * next()) * lift(i) };
}

describe('what autoscalers and restarts do beside a deploy', () => {
  const scalings = Array.from({ length: 14 }, (_, i) =>
    change(`hpa${i}`, 4_700 + i * 90, { kind: 'scale', what: 'replicas', to: String(i) }),
  );

  it('washes out nothing of what was learned from healthy deploys', () => {
    const deploys = Array.from({ length: 14 }, (_, i) => change(`v${i}`, 300 + i * 300));
    const last = change('v14', 6_100);
    const isWarm = (i: number): boolean =>
      [...deploys, last].some(({ atMs }) => i >= (atMs - fromMs) / minute && i < (atMs - fromMs) / minute + 9);
    const findings = said(6_300, [shop((i) => (isWarm(i) ? 2.5 : 1))], [...deploys, ...scalings, last]);
    expect(pages(findings).filter((one) => minuteOf(one) > 3_000)).toEqual([]);
    expect(findings.filter(({ changeId }) => changeId === 'v14').map(({ state }) => state)).toContain('good');
  });

  it('ends no watch: the deploy is blamed, not the autoscaler that reacts to it', () => {
    const changes = [change('v2', 200), change('hpa', 205, { kind: 'scale', what: 'replicas', to: '6' })];
    const bad = pages(said(260, [shop((i) => (i >= 200 ? 2 : 1))], changes));
    expect(new Set(bad.map(({ changeId }) => changeId))).toEqual(new Set(['v2']));
  });
});

describe('many changes at once', () => {
  it.each([1, 8, 9, 30, 100])('%i of one moment are one watch, and what they broke is called', (count) => {
    const changes = Array.from({ length: count }, (_, i) => change(`w${i}`, 200, { what: `part-${i}` }));
    const bad = pages(said(260, [shop((i) => (i >= 200 ? 1.7 : 1))], changes));
    expect(bad.length).toBeGreaterThan(0);
  });

  it('deploys every ten minutes are told from one another: the bad one is called within five minutes', () => {
    const changes = Array.from({ length: 190 }, (_, i) => change(`v${i}`, 100 + i * 10));
    const bad = pages(said(1_990, [shop((i) => (i >= 1_620 ? 1.9 : 1))], changes));
    expect(bad[0]?.changeId).toBe('v152');
    expect(minuteOf(bad[0] as Finding)).toBeLessThanOrEqual(1_625);
  });

  it('one deploy right after another leaves a verdict on the first: which did what cannot be told', () => {
    const findings = said(260, [shop((i) => (i >= 200 ? 2 : 1))], [change('v2', 200), change('v3', 203)]);
    expect(findings.find(({ changeId }) => changeId === 'v2')?.reason).toContain('which of the two did what');
  });

  it('one that comes while something is wrong already gets a verdict that says so, once that is over', () => {
    const changes = [change('v2', 200), change('v3', 240)];
    const lift = (i: number): number => (i < 200 || i > 490 ? 1 : i < 240 ? 2 : 4);
    const findings = said(520, [shop(lift)], changes);
    expect(findings.find(({ changeId }) => changeId === 'v3')?.reason).toContain('was wrong already');
  });
});

describe('changes that are heard of out of order', () => {
  it('names the deploy, once it is heard of, where its own restart was seen first', () => {
    const restart = change('restart', 200, { kind: 'restart', what: 'shop.service' });
    const deploy = { ...change('v2', 200), atMs: restart.atMs - 20_000 };
    const running = createDetector(detector({ on: 'latency', kind: 'regression' }), undefined);
    const curve = shop((i) => (i >= 200 ? 1.8 : 1));
    const nothing = { slo: () => undefined, service: () => undefined, services: () => [] };
    const bad: Finding[] = [];
    for (let i = 0; i < 260; i++) {
      const asOfMs = fromMs + i * minute;
      const known = i < 200 ? [] : i < 206 ? [restart] : [deploy, restart];
      const series = [{ ...curve.meta, samples: [{ tMs: asOfMs, v: curve.at(i) }] }];
      bad.push(
        ...pages(
          running.step(
            { asOfMs, series, logs: [], changes: [], external: [], gaps: [] },
            { ...nothing, changesOf: () => known, isRead: () => true, isWatched: () => false },
          ),
        ),
      );
    }
    expect(bad.at(-1)?.changeId).toBe('v2');
  });
});

describe('instances that a change left alone', () => {
  const instances = (count: number, lift: (instance: number, i: number) => number): readonly Curve[] =>
    Array.from({ length: count }, (_, n) => {
      const labels = { instance: `web-${n}` };
      const meta = { ...latency, labels, key: seriesKey('shop', 'latency', labels) };
      return { meta, at: shop((i) => lift(n, i), n + 3).at };
    });

  it.each([2, 5])('rise as well, of %i: what all do is held against no canary, not even an hour later', (count) => {
    const canary = change('v2', 200, { instances: ['web-0'] });
    const findings = said(
      330,
      instances(count, (_, i) => (i >= 205 ? 1.8 : 1)),
      [canary],
    );
    expect(pages(findings).filter(({ changeId }) => changeId === 'v2')).toEqual([]);
  });

  it('stay as they were, be it a single one: then it is the canary', () => {
    const canary = change('v2', 200, { instances: ['web-0'] });
    const findings = said(
      330,
      instances(2, (n, i) => (n === 0 && i >= 205 ? 1.8 : 1)),
      [canary],
    );
    expect(pages(findings).map(({ changeId }) => changeId)).toContain('v2');
  });

  it('are told by a version only after a release: a config change touches every version', () => {
    const labels = { version: 'v1' };
    const meta = { ...latency, labels, key: seriesKey('shop', 'latency', labels) };
    const edit = change('edit', 200, { kind: 'config', what: 'app.yaml', to: 'sha256:abc' });
    expect(pages(said(260, [{ ...shop((i) => (i >= 200 ? 1.6 : 1)), meta }], [edit]))).not.toEqual([]);
    const release = change('v2', 200, { to: 'registry/shop:v2' });
    expect(pages(said(260, [{ ...shop((i) => (i >= 200 ? 1.6 : 1)), meta }], [release]))).toEqual([]);
  });
});

describe('where less is bad, or a value is negative', () => {
  it.each([0.95, 0.9, 0.6])('a success ratio that falls from 0.999 to %d is called, and shown as it is', (to) => {
    const next = noise(5);
    const labels = {};
    const meta: SeriesMeta = {
      ...latency,
      ...{ signal: 'success', key: seriesKey('shop', 'success', labels), nature: 'ratio', unit: 'ratio' },
    };
    const at = (i: number): number => (i >= 200 ? to : 0.999) + 0.0003 * next();
    const bad = pages(said(260, [{ meta, at }], [change('v2', 200)], { worse: 'down' }));
    expect(bad.at(-1)?.reason).toContain('99.9 % before');
    expect(bad.at(-1)?.numbers['before']).toBeCloseTo(0.999, 3);
  });

  it('a level that rises from -50 to -5 is not told to have stayed', () => {
    const next = noise(6);
    const meta: SeriesMeta = { ...latency, signal: 'level', key: seriesKey('shop', 'level', {}), nature: 'gauge' };
    const at = (i: number): number => (i >= 200 ? -5 : -50) + next();
    expect(pages(said(260, [{ meta, at }], [change('v2', 200)]))).not.toEqual([]);
  });
});

describe('changes of neighbours', () => {
  const theirs = change('p9', 200, { service: 'payments' });

  it('are held against them where this service takes lasting harm, and named with their service', () => {
    const bad = pages(said(260, [shop((i) => (i >= 200 ? 3 : 1))], [theirs]));
    expect(bad.at(-1)?.changeId).toBe('p9');
    expect(bad.at(-1)?.reason).toContain('was deployed at payments');
  });

  it('call nobody and say nothing where all is well, however many there are', () => {
    const many = Array.from({ length: 60 }, (_, i) => change(`p${i}`, 200 + i * 12, { service: 'payments' }));
    const findings = said(1_000, [shop(() => 1)], many);
    expect(findings.filter(({ changeId }) => changeId?.startsWith('p') === true)).toEqual([]);
    expect(pages(findings)).toEqual([]);
  });

  it('end no watch over a deploy of its own, and teach nothing of what those do', () => {
    const own = Array.from({ length: 14 }, (_, i) => change(`v${i}`, 300 + i * 300));
    const many = Array.from({ length: 40 }, (_, i) => change(`p${i}`, 305 + i * 100, { service: 'payments' }));
    const isWarm = (i: number): boolean =>
      own.some(({ atMs }) => i * minute >= atMs - fromMs && i * minute < atMs - fromMs + 9 * minute);
    const changes = [...own, ...many].sort((a, b) => a.atMs - b.atMs);
    const findings = said(4_500, [shop((i) => (isWarm(i) ? 2.5 : 1))], changes);
    expect(pages(findings).filter((one) => minuteOf(one) > 2_000)).toEqual([]);
  });
});
