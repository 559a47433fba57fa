import { describe, expect, it } from 'vitest';

import { failures } from './helpers.ts';

const spec = { on: 'traffic', kind: 'absence', params: { for: '5m', grace: '10m' } };

describe('absence', () => {
  it('fires when a signal stops', () => {
    expect(
      failures(spec, {
        given: { series: '10x10', until: '30m' },
        expect: { fires: true, after: '14m', at: '16m', because: 'stopped' },
      }),
    ).toEqual([]);
  });
  it('fires when a declared signal never appears, after its grace', () => {
    expect(
      failures(spec, {
        given: { signal: 'traffic', until: '30m' },
        expect: { fires: true, after: '10m', at: '12m', because: 'has not appeared' },
      }),
    ).toEqual([]);
  });
  it('stays quiet over a hole shorter than allowed', () => {
    expect(failures(spec, { given: { series: '10x10 _x4 10x10' }, expect: { fires: false } })).toEqual([]);
  });
  it('says unknown when the source itself cannot be read, and waits anew afterwards', () => {
    const gaps = [{ from: '10m', until: '25m', message: 'timeout after 10 s' }];
    expect(
      failures(spec, {
        given: { series: '10x10', until: '24m', gaps },
        expect: { fires: false, state: 'unknown', because: 'timeout after 10 s' },
      }),
    ).toEqual([]);
    expect(
      failures(spec, { given: { series: '10x10', until: '40m', gaps }, expect: { fires: true, after: '29m' } }),
    ).toEqual([]);
  });
  it('resolves when the signal returns', () => {
    expect(
      failures(
        { ...spec, clear: '2m' },
        { given: { series: '10x10 _x20 10x10' }, expect: { fires: true, resolves: true } },
      ),
    ).toEqual([]);
  });
});
