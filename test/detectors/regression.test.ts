import { describe, expect, it } from 'vitest';

import { pack, unpack } from '../../src/detectors/regression/pack.ts';
import { emptyState } from '../../src/detectors/regression/state.ts';
import { failures } from './helpers.ts';

const errors = { on: 'errors', kind: 'regression', severity: 'critical' };
const latency = { on: 'latency', kind: 'regression', severity: 'critical' };
const ratio = { nature: 'ratio', unit: 'ratio' };
const quietErrors = '0.1%x4 0.3%x1 0.2%x3 0%x4 0.1%x3 0.4%x1 0%x4 0.2%x4 0.1%x6';
const deploy = { at: '30s', kind: 'deploy', from: 'v1', to: 'v2' };

describe('regression at one sample a second, with no history', () => {
  it('lets a warm-up spike of five seconds pass, and says why nobody was called', () => {
    const given = { ...ratio, step: '1s', series: `${quietErrors} 20% 14% 9% 5% 2% 0.2%x40`, changes: [deploy] };
    const expectation = { fires: false, because: 'v2 was deployed and is well by its errors' };
    expect(failures(errors, { given, expect: expectation })).toEqual([]);
  });
  it('lets a spike pass that stands for five seconds and then falls', () => {
    const given = { ...ratio, step: '1s', series: `${quietErrors} 15%x5 1% 0.2%x40`, changes: [deploy] };
    expect(failures(errors, { given, expect: { fires: false } })).toEqual([]);
  });
  it('calls thirty per cent of errors that do not shrink within eight seconds, and holds the deploy against it', () => {
    const series = `${quietErrors} 29% 31% 30% 28% 32% 30% 29% 31% 30% 30%x20`;
    const given = { ...ratio, step: '1s', series, changes: [{ ...deploy, to: 'v3' }] };
    expect(failures(errors, { given, expect: { fires: true, at: '38s', because: 'v3 was deployed' } })).toEqual([]);
  });
  it('calls a bad deploy that follows a healthy one within half a minute', () => {
    const warm = '12% 8% 4% 2% 1% 0.2%x25';
    const series = `${quietErrors} ${warm} 31% 30% 29% 28% 32% 30%x20`;
    const changes = [deploy, { at: '60s', kind: 'deploy', from: 'v2', to: 'v3' }];
    const given = { ...ratio, step: '1s', series, changes };
    expect(failures(errors, { given, expect: { fires: true, after: '61s', at: '68s', because: 'v3' } })).toEqual([]);
  });
  it('does not judge a change that it has no level before for, and catches the bad one after it', () => {
    const series = `${quietErrors} 31% 30% 29% 28% 32% 30%x20`;
    const early = { at: '0s', kind: 'deploy', from: 'v0', to: 'v1' };
    const given = { ...ratio, step: '1s', series, changes: [early, { ...deploy, to: 'v3' }] };
    expect(failures(errors, { given, expect: { fires: true, at: '39s', because: 'v3 was deployed' } })).toEqual([]);
    const alone = { ...ratio, step: '1s', series: quietErrors, changes: [early] };
    const expectation = { fires: false, because: 'v1 was deployed before it was known what is usual' };
    expect(failures(errors, { given: alone, expect: expectation })).toEqual([]);
  });
  it('resolves after the rollback, whose own transient is expected', () => {
    const series = `${quietErrors} 30%x15 20% 8% 3% 0.2%x40`;
    const changes = [deploy, { at: '45s', kind: 'rollback', from: 'v2', to: 'v1' }];
    const given = { ...ratio, step: '1s', series, changes };
    expect(failures({ ...errors, clear: '5s' }, { given, expect: { fires: true, resolves: true } })).toEqual([]);
  });
  it('resolves a noisy latency within its own noise, and not while it is half as bad as it was', () => {
    const noisy = (level: number, times: number): string =>
      Array.from({ length: times }, (_, i) => Math.round(level * [1, 1.9, 0.6, 1.8, 0.7, 1.7][i % 6]!)).join(' ');
    const world = { nature: 'latency', unit: 'ms', step: '1s', changes: [deploy] };
    const over = { ...world, series: `${noisy(100, 30)} ${noisy(900, 25)} ${noisy(104, 20)}` };
    const still = { ...world, series: `${noisy(100, 30)} ${noisy(900, 25)} ${noisy(420, 30)}` };
    const rule = { ...latency, clear: '3s' };
    expect(failures(rule, { given: over, expect: { fires: true, resolves: true } })).toEqual([]);
    expect(failures(rule, { given: still, expect: { fires: true, resolves: false } })).toEqual([]);
  });
  it('lets a latency warm-up pass, and calls a latency that doubles and stays', () => {
    const before = '100x5 110x5 95x5 105x5 100x10';
    const world = { nature: 'latency', unit: 'ms', step: '1s', changes: [deploy] };
    const warm = { ...world, series: `${before} 300 250 200 150 120 104x20 98x20` };
    const slow = { ...world, series: `${before} 320 310 330 315 320x30` };
    expect(failures(latency, { given: warm, expect: { fires: false, because: 'is well by its latency' } })).toEqual([]);
    expect(failures(latency, { given: slow, expect: { fires: true, at: '50s' } })).toEqual([]);
  });
});

describe('regression', () => {
  it('does not mind a change that makes things better', () => {
    const world = {
      nature: 'latency',
      unit: 'ms',
      series: '100x3 110x3 95x3 105x3 100x30 40x30',
      changes: [{ at: '42m' }],
    };
    expect(failures(latency, { given: world, expect: { fires: false } })).toEqual([]);
  });
  it('calls a late onset within the watch', () => {
    const series = '0.1%x10 0.3%x5 0.2%x15 0%x10 0.1%x25 3%x20';
    const world = { ...ratio, series, changes: [{ at: '40m', to: 'v7' }] };
    expect(failures(errors, { given: world, expect: { fires: true, after: '65m', at: '75m', because: 'v7' } })).toEqual(
      [],
    );
  });
  it('calls a large lasting jump without any change, and blames none', () => {
    const world = { ...ratio, series: '0.1%x20 0.3%x20 0.2%x20 40%x20' };
    const expectation = { fires: true, at: '70m', because: 'nothing was changed' };
    expect(failures(errors, { given: world, expect: expectation })).toEqual([]);
  });
  it('does not hold a change against it when the instances it did not touch moved as far', () => {
    const series = ['a', 'b', 'c'].map((instance) => ({
      labels: { instance },
      ...ratio,
      values: '0.1%x20 0.3%x20 6% 5% 6% 5% 6% 5%x20',
    }));
    const changes = [{ at: '40m', to: 'v9', instances: ['c'] }];
    const quiet = [...series.slice(0, 2).map((one) => ({ ...one, values: '0.1%x20 0.3%x20 0.2%x25' })), series[2]];
    expect(
      failures(errors, { given: { series: quiet as never, changes }, expect: { fires: true, because: 'v9 was' } }),
    ).toEqual([]);
    const together = failures(errors, {
      given: { series: series as never, changes },
      expect: { fires: false, because: 'v9 was' },
    });
    expect(together.join()).not.toMatch(/: more than changes|does not come back/);
  });

  describe('with a change on two instances of five', () => {
    const well = '0.1%x20 0.3%x20 0.2%x25';
    const ill = '0.1%x20 0.3%x20 6% 5% 6% 5% 6% 5%x20';
    const changes = [{ at: '40m', to: 'v9', instances: ['web-1', 'web-2'] }];
    const world = (values: readonly string[], label = 'host') => ({
      given: {
        series: values.map((one, index) => ({
          labels: { [label]: `web-${index + 1}` },
          ...ratio,
          values: one,
        })) as never,
        changes,
      },
    });
    it('says that the others are the control, and how they fare', () => {
      const because = 'it is so on 2 of 5 (web-1, web-2), and the 3 that the change did not touch are fine';
      expect(failures(errors, { ...world([ill, ill, well, well, well]), expect: { fires: true, because } })).toEqual(
        [],
      );
    });
    it('knows the instances by the names that Prometheus gives them', () => {
      const values = [ill, ill, well, well, well];
      const given = {
        series: values.map((one, index) => ({
          labels: { instance: `web-${index + 1}:9100` },
          ...ratio,
          values: one,
        })) as never,
        changes,
      };
      expect(failures(errors, { given, expect: { fires: true, because: 'v9 was deployed' } })).toEqual([]);
    });
    it('does not hold it against it when all of them went bad together', () => {
      const told = failures(errors, { ...world([ill, ill, ill, ill, ill]), expect: { fires: false } });
      expect(told.join()).toContain('nothing was changed that explains it');
      expect(told.join()).not.toMatch(/: more than changes|does not come back|v9 was deployed .* before$/);
    });
    it('holds nothing against it when only the others went bad', () => {
      const told = failures(errors, { ...world([well, well, ill, ill, ill]), expect: { fires: false } });
      expect(told.join()).not.toContain('v9');
    });
  });
});

describe('a saved state of kind regression', () => {
  it('comes back as it was, and starts anew when its courses were of another grain', () => {
    const state = { ...emptyState(), offset: 0.005, mean: 0.25 };
    const saved = pack(state) as { arrays: string };
    expect(unpack(saved as never)).toEqual(state);
    expect(unpack({ ...saved, arrays: saved.arrays.slice(0, -8) })).toEqual(emptyState());
  });
});
