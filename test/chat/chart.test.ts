import { describe, expect, it } from 'vitest';

import { chartSvg, valueText } from '../../src/chat/chart.ts';
import { drawn } from '../../src/chat/picture.ts';
import type { NoticeChart } from '../../src/domain/ports/channel.ts';
import { drawPng } from '../../src/io/clients/picture.ts';
import { limits } from '../../src/lib/limits.ts';
import { recordingLog } from '../support/quiet-log.ts';
import { brokenChart, consentNeeded } from './notices.ts';

const never = new AbortController().signal;
const with_ = (more: Partial<NoticeChart>): NoticeChart => ({ ...brokenChart, ...more });

describe('a chart', () => {
  it('shows the signal, its envelope, what was changed and done, and says what is what', () => {
    const marks = [
      ...brokenChart.marks,
      { atMs: brokenChart.seen[50]!.tMs, kind: 'act' as const, text: 'rolled back' },
    ];
    const svg = chartSvg(with_({ marks })) ?? '';
    for (const part of [
      'polyline',
      'polygon',
      'deploy v3',
      'rolled back',
      'expected',
      'changed',
      'acted',
      'UTC',
      '40 %',
    ])
      expect(svg).toContain(part);
  });

  it('is the same for the same data', () => {
    expect(chartSvg(brokenChart)).toBe(chartSvg(structuredClone(brokenChart)));
  });

  it('is not drawn of nothing, of one point, or of no numbers', () => {
    expect(chartSvg(with_({ seen: [] }))).toBeUndefined();
    expect(chartSvg(with_({ seen: [{ tMs: 1, v: 1 }] }))).toBeUndefined();
    expect(
      chartSvg(
        with_({
          seen: [
            { tMs: 1, v: Number.NaN },
            { tMs: 2, v: Infinity },
          ],
        }),
      ),
    ).toBeUndefined();
  });

  it('brings nothing of a hostile text to life, refers to nothing, and has no number that is none', () => {
    const evil = '</text><image href="file:///etc/passwd"/><script>x</script>&xxe;\u0000\u202e';
    const svg = chartSvg(with_({ title: evil, unit: evil, marks: [{ ...brokenChart.marks[0]!, text: evil }] })) ?? '';
    expect(svg).not.toMatch(/<image|<script|&xxe|NaN|Infinity|[\u0000\u202e]/);
    expect(svg.match(/<\/text>/g)?.length).toBe(svg.match(/<text /g)?.length);
  });

  it.each([0, 1e-12, -5, 1e15, 42])('has an axis for a signal that stays at %d', (v) => {
    const seen = brokenChart.seen.map(({ tMs }) => ({ tMs, v }));
    const svg = chartSvg(with_({ seen, expected: [] })) ?? '';
    expect(svg).toContain('polyline');
    expect(svg).not.toMatch(/NaN|Infinity/);
    expect(svg.length).toBeLessThan(limits.pictureSvgBytes);
  });

  it('stays small however many points and marks there are', () => {
    const seen = Array.from({ length: 50_000 }, (_, n) => ({ tMs: n * 1_000, v: n % 97 }));
    const expected = seen.map(({ tMs }) => ({ tMs, low: 0, high: 50 }));
    const marks = seen.slice(-2_000).map(({ tMs }) => ({ atMs: tMs, kind: 'act' as const, text: 'x'.repeat(500) }));
    expect(chartSvg(with_({ seen, expected, marks }))!.length).toBeLessThan(64 * 1024);
  });

  it('names values with their unit', () => {
    expect([valueText(0.4, 'ratio'), valueText(1_234, 'ms'), valueText(2_500_000, '1')]).toEqual([
      '40 %',
      '1230 ms',
      '2.5M',
    ]);
  });
});

describe('a picture', () => {
  it('is a PNG of a chart’s size, with text in it: without its font it would be another', async () => {
    const png = await drawPng(chartSvg(brokenChart)!, never);
    const view = new DataView(png.buffer, png.byteOffset);
    expect([view.getUint32(0), view.getUint32(16), view.getUint32(20)]).toEqual([0x89504e47, 880, 360]);
    const mute = await drawPng(chartSvg(brokenChart)!.replace(/<text .*?<\/text>/g, ''), never);
    expect(png.length).toBeGreaterThan(mute.length + 1_000);
  });

  it('of what cannot be drawn is none, is told to the log, and fails nothing', async () => {
    const log = recordingLog();
    await expect(drawPng('<svg', never)).rejects.toMatchObject({ code: 'malformed' });
    await expect(drawPng('x'.repeat(limits.pictureSvgBytes + 1), never)).rejects.toMatchObject({ code: 'too-large' });
    const gone = AbortSignal.abort();
    expect(await drawn({ ...consentNeeded, chart: brokenChart }, log, gone)).toBeUndefined();
    expect(log.lines).toHaveLength(1);
    expect(await drawn(consentNeeded, log, never)).toBeUndefined();
  });
});
