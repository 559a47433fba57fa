import { describe, expect, it } from 'vitest';

import { chartOf, chartWords, isDrawn, serviceCharts, sparkPoints, valuesShown } from '../../src/ui/lib/chart.ts';
import { paramsOf } from '../../src/ui/lib/params.ts';
import { routeOf, titleOf } from '../../src/ui/lib/router.ts';
import { sseStart, sseTake, type StreamEvent } from '../../src/ui/lib/sse.ts';
import { shown } from '../../src/ui/lib/states.ts';
import { absolute, clockTime, relative, rough } from '../../src/ui/lib/time.ts';
import { cut, shortId, visible } from '../../src/ui/lib/words.ts';
import { why } from '../../src/ui/lib/why.ts';
import type { Curve, IncidentWhole, Mark, ServiceNow } from '../../src/ui/wire.ts';

describe('parameters as people write them', () => {
  it('are numbers and truth values where they look so, and else text', () => {
    expect(paramsOf(' timeout=7m replicas=3  force=true ratio=-0.5\nid=007a=b ')).toEqual({
      ...{ timeout: '7m', replicas: 3, force: true, ratio: -0.5, id: '007a=b' },
    });
    expect(paramsOf('')).toEqual({});
  });
  it('are nothing else: what is none is said, and no prototype is touched', () => {
    expect(() => paramsOf('timeout')).toThrow('name=value: timeout');
    expect(() => paramsOf('__proto__=1')).toThrow('name=value');
    expect(Object.getPrototypeOf(paramsOf('constructor=1'))).toBe(Object.prototype);
  });
});

describe('times', () => {
  it('are told as a glance wants them', () => {
    expect(relative(1_000, 1_500)).toBe('just now');
    expect(relative(0, 190_000)).toBe('3m 10s ago');
    expect(relative(720_000, 0)).toBe('in 12m');
    expect(rough(3_723_000)).toBe('1h 2m');
    expect(rough(0)).toBe('0s');
    expect(rough(-61_000)).toBe('1m 1s');
  });
  it('are told in full, with their zone', () => {
    const atMs = Date.UTC(2026, 10, 22, 1, 14, 7);
    expect(absolute(atMs, 'UTC')).toBe('Sun 22 Nov 2026, 01:14:07 UTC');
    expect(absolute(atMs, 'Europe/Berlin')).toContain('02:14:07');
    expect(clockTime(atMs, 'Asia/Tokyo')).toBe('10:14:07');
  });
});

describe('text from outside', () => {
  it('shows what would turn a line around or hide in it', () => {
    expect(visible('a\u202eb\u200bc\u0007\nd\te')).toBe('a\\u{202e}b\\u{200b}c\\u{7}\nd\te');
    expect(visible('<script>alert(1)</script> grüße 日本')).toBe('<script>alert(1)</script> grüße 日本');
  });
  it('names a state that is not known as it came, as nothing certain', () => {
    expect(shown('services', 'constructor')).toMatchObject({ word: 'constructor', tone: 'open' });
    expect(shown('services', 'unknown').tone).toBe('open');
    expect(shown('services', 'ok')).toMatchObject({ word: 'ok', tone: 'good' });
  });
  it('shortens ids to what tells them apart', () => {
    expect(shortId('019ac1d2-aaaa-7bbb-8ccc-000000000000')).toBe('019ac1d2-aaaa');
    expect(cut('abcdef', 4)).toBe('abc…');
    expect(cut('abcd', 4)).toBe('abcd');
    expect(shortId('c2'.repeat(32))).toBe('c2c2c2c2c2c2');
  });
});

describe('addresses', () => {
  it.each([
    '/incidents/',
    '/ledger/x',
    '/ledger/-1',
    '/services/a/b',
    '/policy/x',
    '/incidents/%zz/..',
    '/constructor',
  ])('%s leads nowhere, and says so', (path) => {
    expect(routeOf(path)).toMatchObject({ view: 'nowhere' });
  });
  it('name the tab', () => {
    expect(titleOf({ view: 'ledger', seq: 3 }, 0)).toBe('Ledger · Watchkeeper');
    expect(titleOf({ view: 'service', name: 'shop' }, 2)).toBe('(2) shop · Watchkeeper');
  });
  it('survive what cannot be decoded', () => {
    expect(routeOf('/incidents/%zz')).toEqual({ view: 'incident', id: '%zz' });
  });
});

describe('the stream of events', () => {
  const take = (...pieces: readonly string[]): readonly StreamEvent[] => {
    let state = sseStart;
    return pieces.flatMap((piece) => {
      const taken = sseTake(state, piece);
      ({ state } = taken);
      return taken.events;
    });
  };
  it('is taken apart however it is cut', () => {
    const text = ': hello\n\nid: 7\nevent: incident\ndata: {"a":1}\ndata: 2\n\ndata:x\r\n\r\n';
    const whole = take(text);
    expect(whole).toEqual([
      { type: 'incident', data: '{"a":1}\n2', id: '7' },
      { type: 'message', data: 'x', id: '7' },
    ]);
    for (let at = 1; at < text.length; at++) expect(take(text.slice(0, at), text.slice(at)), String(at)).toEqual(whole);
    expect(take(...text.split(/(?=[^])/))).toEqual(whole);
  });
  it('is nothing while an event has not ended, and does not grow for ever', () => {
    expect(take('data: a', '\n')).toEqual([]);
    expect(() => take('x'.repeat(1024 * 1024 + 1))).toThrow('too large');
  });
});

const curve = (more: Partial<Curve> = {}): Curve => ({
  service: 'shop',
  signal: 'errors',
  unit: 'ratio',
  labels: {},
  seriesKey: 'shop/errors{}',
  samples: [
    { tMs: 2_000, v: 0.1 },
    { tMs: 3_000, v: Number.NaN },
    { tMs: 4_000, v: 0.5 },
  ],
  expected: [
    { tMs: 1_000, low: 0, high: 0.02 },
    { tMs: 4_000, low: 0, high: 0.03 },
  ],
  ...more,
});
const deploy: Mark = { atMs: 1_500, kind: 'change', text: 'deploy v3' };

describe('charts', () => {
  it('lay what was expected under what was seen, over one axis of time, holes left as holes', () => {
    expect(chartOf(curve(), [deploy])).toMatchObject({
      title: 'errors',
      xs: [1, 2, 4],
      seen: [null, 0.1, 0.5],
      low: [0, null, 0],
      high: [0.02, null, 0.03],
      hasBand: true,
      marks: [deploy],
    });
    expect(chartOf(curve({ expected: [], labels: { zone: 'a' } }), [])).toMatchObject({
      title: 'errors (zone=a)',
      hasBand: false,
    });
  });
  it('leave out marks that are not on them, and are said in words', () => {
    expect(chartOf(curve(), [{ ...deploy, atMs: 99_000 }]).marks).toEqual([]);
    expect(chartWords(chartOf(curve(), [deploy]), (value) => `${value * 100}%`)).toBe(
      'errors: from 10% to 50%, between 10% and 50%; marked: deploy v3',
    );
    expect(chartWords(chartOf(curve({ samples: [] }), []), String)).toContain('nothing was measured');
    expect(isDrawn(chartOf(curve({ samples: [], expected: [] }), []))).toBe(false);
  });
  it('stay readable under an envelope that is wide open for a moment', () => {
    const spike = { tMs: 3_000, low: 0, high: 6 };
    const [bottom, top] = valuesShown(chartOf(curve({ expected: [...curve().expected, spike] }), []));
    expect(bottom).toBe(0);
    expect(top).toBeGreaterThan(0.5);
    expect(top).toBeLessThan(2);
    expect(valuesShown(chartOf(curve(), []))).toEqual([0, 0.5]);
    expect(valuesShown(chartOf(curve({ samples: [] }), []))).toEqual([0, 0.03]);
    expect(valuesShown(chartOf(curve({ samples: [{ tMs: 1, v: 5 }], expected: [] }), []))).toEqual([5, 5]);
  });
  it('of a service hold what its newest finding expected, and its changes', () => {
    const { samples, expected, service, ...signal } = curve();
    const finding = { chart: { seriesKey: signal.seriesKey, expected, seen: [{ tMs: 1_000, v: 0.01 }, samples[0]!] } };
    const now = {
      name: service,
      signals: [
        { ...signal, recent: samples },
        { ...signal, seriesKey: 'still', recent: samples.slice(0, 1) },
      ],
      changes: [{ kind: 'deploy', what: 'current', to: 'v3', atMs: 1_500 }],
      alerts: [{ finding }],
    } as unknown as ServiceNow;
    expect(serviceCharts(now)).toMatchObject([{ seen: [0.01, 0.1, 0.5], hasBand: true, marks: [deploy] }]);
  });
  it('draw a sparkline that stays in its box, and none of a single point', () => {
    expect(sparkPoints(curve().samples, 100, 20)).toBe('0.0,18.0 100.0,2.0');
    expect(sparkPoints([{ tMs: 1, v: 1 }], 100, 20)).toBe('');
    const flat = [1, 2, 3].map((tMs) => ({ tMs, v: 7 }));
    expect(sparkPoints(flat, 100, 20)).toBe('0.0,10.0 50.0,10.0 100.0,10.0');
  });
});

const told = (more: object): IncidentWhole =>
  ({ incident: { mode: 'active' }, executions: [], approvals: [], alerts: [], ...more }) as unknown as IncidentWhole;
const file = (more: object = {}) => ({ standing: 'no runbook matches', matches: [], decisions: [], ...more });

describe('why it acted, or did not', () => {
  it('is what was done, where something was', () => {
    const plan = { because: 'a deploy broke it' };
    const acted = { plan, steps: [{ intentAtMs: 1 }], status: 'succeeded', because: 'it helped' };
    expect(why(told({ executions: [acted] }))).toEqual({
      title: 'Why it acted',
      because: ['a deploy broke it', 'it helped'],
    });
    const stopped = { plan, steps: [{}], status: 'denied', because: 'policy said no' };
    expect(why(told({ executions: [stopped] })).title).toBe('Why it did not act');
  });
  it('is what it waits for, what was decided, or that nothing applies', () => {
    const decisions = [{ reasons: ['frozen'] }];
    expect(why(told({ approvals: [{ status: 'waiting' }], file: file({ decisions }) }))).toEqual({
      title: 'Why it has not acted yet',
      because: ['frozen'],
    });
    expect(
      why(told({ approvals: [{ status: 'expired', because: 'nobody answered' }], file: file({ decisions }) })),
    ).toEqual({ title: 'Why it did not act', because: ['nobody answered', 'frozen'] });
    expect(why(told({ file: file() })).because).toEqual([
      'no runbook matches',
      'no runbook applies: each says below why',
    ]);
    expect(why(told({})).because).toEqual(['nothing was worked out about it yet']);
    expect(why(told({ incident: { mode: 'shadow' } })).because[0]).toContain('shadow');
  });
});
