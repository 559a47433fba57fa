import { describe, expect, it } from 'vitest';

import { createDetector } from '../../src/detectors/index.ts';
import { manySeries } from '../../src/detectors/tracks.ts';
import { fromMs } from '../contract/detector.ts';
import { detector, failures } from './helpers.ts';

const spec = { on: 'errors', kind: 'threshold', params: { above: '5%' }, hold: '2m', severity: 'critical' };
const ratio = { nature: 'ratio', unit: 'ratio' };

describe('threshold', () => {
  it('fires after the hold, and names value, limit and the deploy before', () => {
    const given = { ...ratio, series: '1%x10 12.4%x6', changes: [{ at: '9m', to: 'v3' }] };
    expect(
      failures(spec, {
        given,
        expect: {
          fires: true,
          at: '12m',
          after: '12m',
          because: 'errors of checkout is 12.4 %, above 5 % for 2m; v3 was deployed 1m before',
        },
      }),
    ).toEqual([]);
  });
  it('stays quiet for a spike shorter than the hold', () => {
    expect(failures(spec, { given: { ...ratio, series: '1%x10 12%x2 1%x10' }, expect: { fires: false } })).toEqual([]);
  });
  it('does not speak of a time that is shorter than a sample: it was seen once', () => {
    const running = createDetector(detector({ on: 'errors', kind: 'threshold', params: { above: '5%' } }), undefined);
    const one = { key: 'k', source: 's', service: 'checkout', signal: 'errors', labels: {}, unit: 'ratio' } as const;
    const said = [0, 15_000].flatMap((atMs) =>
      running.step(
        {
          ...{ asOfMs: fromMs + atMs, logs: [], changes: [], external: [], gaps: [] },
          series: [{ ...one, nature: 'ratio', samples: [{ tMs: fromMs + atMs, v: 0.4 }] }],
        },
        {
          ...{ changesOf: () => [], services: () => [], service: () => undefined, slo: () => undefined },
          ...{ isRead: () => true, isWatched: () => false },
        },
      ),
    );
    expect(said.map(({ reason }) => reason)).toEqual([
      'errors of checkout is 40 %, above 5 %',
      'errors of checkout is 40 %, above 5 % for 15s',
    ]);
  });
  it('shows the last 48 samples of a bad series, and of one among thousands 16 from before it turned bad', () => {
    const seen = (count: number, restartAt = -1): readonly (readonly [number | undefined, number | undefined])[] => {
      const definition = detector({ on: 'errors', kind: 'threshold', params: { above: '5%' } });
      let running = createDetector(definition, undefined);
      const meta = { source: 's', service: 'checkout', signal: 'errors', unit: 'ratio', nature: 'ratio' } as const;
      return Array.from({ length: 70 }, (_, step) => {
        const asOfMs = fromMs + step * 15_000;
        if (step === restartAt) running = createDetector(definition, running.save());
        const [finding] = running.step(
          {
            ...{ asOfMs, logs: [], changes: [], external: [], gaps: [] },
            series: Array.from({ length: count }, (_, n) => {
              const samples = [{ tMs: asOfMs, v: n === 7 && step >= 20 ? 0.4 : 0.01 }];
              return { ...meta, key: `k${n}`, labels: { n: String(n) }, samples };
            }),
          },
          {
            ...{ changesOf: () => [], services: () => [], service: () => undefined, slo: () => undefined },
            ...{ isRead: () => true, isWatched: () => false },
          },
        );
        const chart = finding?.chart?.seen;
        return [chart?.length, chart === undefined ? undefined : ((chart[0]?.tMs ?? 0) - fromMs) / 15_000] as const;
      }).filter((_, step) => [19, 20, 30, 69].includes(step));
    };
    expect(seen(10)).toEqual([
      [undefined, undefined],
      [21, 0],
      [31, 0],
      [48, 22],
    ]);
    expect(seen(manySeries + 1, 25)).toEqual([
      [undefined, undefined],
      [16, 5],
      [26, 5],
      [48, 22],
    ]);
  });
  it('does not resolve while the value hovers just under the limit', () => {
    const given = { ...ratio, series: '1%x5 8%x5 4.8%x20' };
    expect(failures({ ...spec, clear: '5m' }, { given, expect: { fires: true, resolves: false } })).toEqual([]);
  });
  it('resolves when it has been good for the clear time', () => {
    const given = { ...ratio, series: '1%x5 8%x5 1%x20' };
    expect(failures({ ...spec, clear: '5m' }, { given, expect: { fires: true, resolves: true } })).toEqual([]);
  });
  it('accepts a stated bound after a change, and only for its time', () => {
    const bound = { ...spec, afterChange: { expect: { upTo: '4x', for: '8m' } } };
    const short = { ...ratio, series: '2%x10 7%x6 2%x10', changes: [{ at: '10m', to: 'v2' }] };
    const long = { ...ratio, series: '2%x10 7%x16', changes: [{ at: '10m', to: 'v2' }] };
    const high = { ...ratio, series: '2%x10 9%x6 2%x10', changes: [{ at: '10m', to: 'v2' }] };
    expect(failures(bound, { given: short, expect: { fires: false } })).toEqual([]);
    expect(failures(bound, { given: long, expect: { fires: true, after: '18m', at: '20m' } })).toEqual([]);
    expect(failures(bound, { given: high, expect: { fires: true, at: '12m' } })).toEqual([]);
  });
  it('says unknown, not good, when the series stops while bad', () => {
    const given = { ...ratio, series: '1%x5 8%x10', until: '30m' };
    expect(
      failures(
        { ...spec, clear: '1m' },
        { given, expect: { fires: true, resolves: false, state: 'unknown', because: 'silence is not recovery' } },
      ),
    ).toEqual([]);
  });
  it('gives the words of the gap when the source cannot be read', () => {
    const given = {
      ...ratio,
      series: '1%x5 8%x10 _x5',
      gaps: [{ from: '15m', until: '30m', message: 'connection refused' }],
    };
    expect(
      failures(spec, {
        given,
        expect: { fires: true, resolves: false, state: 'unknown', because: 'connection refused' },
      }),
    ).toEqual([]);
  });
});
