import { describe, expect, it } from 'vitest';

import { failures } from './helpers.ts';

const spec = { on: 'errors', kind: 'burn-rate', severity: 'critical' };
const slos = [{ name: 'availability', objective: 0.999, window: '30d' }];
const given = { nature: 'ratio', unit: 'ratio', slos };

describe('burn-rate', () => {
  it('pages on 14.4 times the budget over an hour and five minutes', () => {
    const world = { ...given, series: '0.01%x120 2%x60' };
    expect(
      failures(spec, {
        given: world,
        expect: { fires: true, after: '2h40m', at: '2h45m', severity: 'critical', because: 'times too fast' },
      }),
    ).toEqual([]);
  });
  it('stays quiet at twice the budget for an hour', () => {
    expect(failures(spec, { given: { ...given, series: '0.01%x300 0.2%x60' }, expect: { fires: false } })).toEqual([]);
  });
  it('opens a warning for a slow burn over three days', () => {
    const world = { ...given, step: '10m', series: '0%x432 0.15%x600' };
    expect(failures(spec, { given: world, expect: { fires: true, severity: 'warning' } })).toEqual([]);
  });
  it('is not softened by a deploy', () => {
    const world = { ...given, series: '0.01%x120 5%x60', changes: [{ at: '2h', to: 'v3' }] };
    expect(failures(spec, { given: world, expect: { fires: true, at: '2h20m', because: 'v3 was deployed' } })).toEqual(
      [],
    );
  });
  it('says unknown while the history is short, and still reports a burn that is certain', () => {
    expect(
      failures(spec, { given: { ...given, series: '0%x10' }, expect: { fires: false, state: 'unknown' } }),
    ).toEqual([]);
    expect(failures(spec, { given: { ...given, series: '0%x5 60%x5' }, expect: { fires: true, at: '9m' } })).toEqual(
      [],
    );
  });
  it('clears soon after the errors stop, by its short window', () => {
    const world = { ...given, series: '0.01%x120 5%x30 0%x30' };
    expect(failures({ ...spec, clear: '5m' }, { given: world, expect: { fires: true, resolves: true } })).toEqual([]);
  });
  it('weighs by traffic, so that one failed request at night is no burn', () => {
    const series = [
      { signal: 'errors', nature: 'ratio', unit: 'ratio', values: '0x60 50%x1 0x20' },
      { signal: 'traffic', nature: 'rate', unit: '1/s', values: '10x60 0.03x1 0.03x20' },
    ];
    expect(failures(spec, { given: { slos, series }, expect: { fires: false } })).toEqual([]);
  });
  it('shrinks its windows with the window of the SLO', () => {
    const world = {
      ...given,
      slos: [{ name: 'availability', objective: 0.999, window: '1d' }],
      step: '5s',
      series: '0%x60 5%x60',
    };
    expect(failures(spec, { given: world, expect: { fires: true, at: '7m' } })).toEqual([]);
  });
});
