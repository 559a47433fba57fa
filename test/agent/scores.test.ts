import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { pickScorer, scoreSeries } from '../../src/agent/backtest/index.ts';
import { readTime } from '../../src/agent/backtest/scores.ts';
import { parseDetector } from '../../src/detectors/index.ts';

const parsed = parseDetector({
  apiVersion: 'watchkeeper.dev/v1alpha1',
  kind: 'Detector',
  metadata: { name: 'high', labels: {} },
  spec: { on: 'x', kind: 'threshold', params: { above: 10 } },
});
if (!parsed.ok) throw new Error(JSON.stringify(parsed.issues));
const high = parsed.value;
const score = (csv: string) => scoreSeries('s.csv', csv, high);

describe('scores of one series', () => {
  it('are a row for each row, in the words of the file, in [0, 1]', () => {
    const text = score('timestamp,value\n2014-04-01 00:00:00,1.50\n2014-04-01 00:05:00,40\n');
    const rows = text.trim().split('\n');
    expect(rows[0]).toBe('timestamp,value,anomaly_score');
    expect(rows[1]).toBe('2014-04-01 00:00:00,1.50,0');
    expect(rows[2]).toMatch(/^2014-04-01 00:05:00,40,0\.9\d*$/);
  });
  it('show a detector no row that is late, and score it 0: the first of equal times counts', () => {
    const rows = score('timestamp,value\n100,1\n200,1\n150,99\n200,99\n300,99\n').trim().split('\n').slice(1);
    expect(rows.map((row) => Number(row.split(',')[2]) > 0)).toEqual([false, false, false, false, true]);
  });
  it('take an empty value and NaN as holes, and columns in any order', () => {
    expect(score('value,label,timestamp\n,x,100\nNaN,x,200\n').trim().split('\n').slice(1)).toEqual([
      '100,,0',
      '200,NaN,0',
    ]);
  });
  it('do not change when the future is cut off', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 20, noNaN: true }), { minLength: 2, maxLength: 40 }), (values) => {
        const lines = ['timestamp,value', ...values.map((v, index) => `${index * 60},${v}`)];
        const whole = score(`${lines.join('\n')}\n`).split('\n');
        const half = Math.floor(values.length / 2);
        const cut = score(`${lines.slice(0, half + 1).join('\n')}\n`)
          .trim()
          .split('\n');
        expect(cut).toEqual(whole.slice(0, half + 1));
      }),
    );
  });
  it.each([
    ['time,value\n1,2\n', 's.csv:1'],
    ['timestamp,value\n1,2\nyesterday,2\n', 's.csv:3'],
    ['timestamp,value\n1,2\n2,x\n', 's.csv:3'],
    ['timestamp,value\n1,2\n2\n', 's.csv:3'],
    ['timestamp,value\n1,Infinity\n', 's.csv:2'],
  ])('of %j are refused at %s', (csv, place) => {
    expect(() => score(csv)).toThrow(place);
  });
  it('come from a detector in force, by its name', () => {
    expect(pickScorer([high], 'high')).toBe(high);
    expect(() => pickScorer([high], 'low')).toThrow('no detector named low');
  });
});

describe('a time', () => {
  it.each([
    ['1396310400', 1_396_310_400_000],
    ['1396310400.5', 1_396_310_400_500],
    ['1396310400123', 1_396_310_400_123],
    ['2014-04-01 00:00:00', 1_396_310_400_000],
    ['2014-04-01T02:00:00+02:00', 1_396_310_400_000],
    ['2014-04-01', 1_396_310_400_000],
    ['April 1', undefined],
    ['2014-13-41 00:00:00', undefined],
  ])('%s is %s', (text, ms) => expect(readTime(text)).toBe(ms));
});
