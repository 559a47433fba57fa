import type { NoticeChart } from '../domain/ports/channel.ts';
import type { Sample } from '../domain/telemetry.ts';
import { oneLine } from '../lib/text.ts';

/** How large a chart is drawn, in pixels. */
export const chartSize = { width: 880, height: 360 } as const;

const left = 72;
const right = 20;
const top = 64;
const bottom = 62;
const plotWidth = chartSize.width - left - right;
const plotHeight = chartSize.height - top - bottom;
const mostPoints = 400;
const mostMarks = 8;
const ink = '#1f2937';
const faint = '#6b7280';
const colour = { seen: '#1d4ed8', envelope: '#bfdbfe', change: '#b45309', act: '#047857' } as const;

/**
 * A chart as SVG: the signal, its expected envelope, and what was deployed and done. A pure function of its input; equal
 * charts give equal bytes. Every text in it comes from outside, is one short line and is escaped; nothing is referred to.
 *
 * @returns `undefined` when there are fewer than two finite points: a line of nothing would say something.
 */
export function chartSvg(chart: NoticeChart): string | undefined {
  const seen = finite(chart.seen);
  const [first, last] = [seen[0], seen.at(-1)];
  if (first === undefined || last === undefined || first.tMs >= last.tMs) return undefined;
  const expected = chart.expected
    .filter(({ tMs, low, high }) => [tMs, low, high].every(Number.isFinite) && tMs >= first.tMs && tMs <= last.tMs)
    .slice(-mostPoints);
  const marks = chart.marks.filter(({ atMs }) => atMs >= first.tMs && atMs <= last.tMs).slice(-mostMarks);
  const scale = scaleOf(seen, expected);
  const x = (tMs: number): number => left + ((tMs - first.tMs) / (last.tMs - first.tMs)) * plotWidth;
  const y = (value: number): number => top + (1 - (value - scale.low) / (scale.high - scale.low)) * plotHeight;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${chartSize.width}" height="${chartSize.height}" font-family="PT Sans">`,
    `<rect width="100%" height="100%" fill="#ffffff"/>`,
    text(left, 28, chart.title, 80, `font-size="17" font-weight="700" fill="${ink}"`),
    ...gridOf(scale, chart.unit, y),
    ...timesOf(first.tMs, last.tMs, x),
    ...envelopeOf(expected, x, y),
    `<polyline fill="none" stroke="${colour.seen}" stroke-width="2" stroke-linejoin="round" points="${points(seen, x, y)}"/>`,
    ...marksOf(marks, x),
    ...legendOf(expected.length > 0, marks),
    '</svg>',
  ].join('\n');
}

/** What a chart shows, in one line of words: for who cannot see it. */
export function chartInWords({ title, unit, seen, expected, marks }: NoticeChart): string {
  const [first, last] = [seen[0], seen.at(-1)];
  const course =
    first === undefined || last === undefined
      ? 'no values'
      : `from ${valueText(first.v, unit)} to ${valueText(last.v, unit)}, at most ${valueText(Math.max(...seen.map(({ v }) => v)), unit)}`;
  const [until] = expected.slice(-1);
  const envelope =
    until === undefined ? '' : `; expected ${valueText(until.low, unit)} to ${valueText(until.high, unit)}`;
  const marked = marks.map(
    ({ atMs, kind, text: said }) => `${timeOf(atMs)} ${kind === 'change' ? 'changed' : 'acted'}: ${said}`,
  );
  return oneLine(`${title}: ${course}${envelope}${marked.length === 0 ? '' : `; ${marked.join(', ')} (UTC)`}`, 900);
}

interface Scale {
  readonly low: number;
  readonly high: number;
  readonly step: number;
}

function finite(samples: readonly Sample[]): readonly Sample[] {
  return samples.filter(({ tMs, v }) => Number.isFinite(tMs) && Number.isFinite(v)).slice(-mostPoints);
}

// Round steps, with zero on the axis where it is near: a difference must not look larger than it is.
function scaleOf(seen: readonly Sample[], expected: NoticeChart['expected']): Scale {
  const values = seen.map(({ v }) => v);
  // An envelope that reaches far beyond what was seen must not press it flat.
  const spread = Math.max(...values) - Math.min(...values) || Math.abs(values[0] ?? 1) || 1;
  const near = expected
    .flatMap(({ low, high }) => [low, high])
    .filter((one) => one > Math.min(...values) - 3 * spread && one < Math.max(...values) + 3 * spread);
  const all = [...values, ...near];
  const least = Math.min(...all);
  const most = Math.max(...all);
  const fromZero = least >= 0 && least <= most * 0.6 ? 0 : least;
  const step = roundStep((most - fromZero || Math.abs(most) || 1) / 4);
  const low = Math.floor(fromZero / step) * step;
  return { low, high: Math.max(Math.ceil((most * 1.0001) / step) * step, low + step), step };
}

function roundStep(about: number): number {
  const power = 10 ** Math.floor(Math.log10(about));
  const factor = [1, 2, 2.5, 5, 10].find((one) => one * power >= about) ?? 10;
  return factor * power;
}

function gridOf({ low, high, step }: Scale, unit: string, y: (value: number) => number): readonly string[] {
  const count = Math.min(10, Math.round((high - low) / step));
  return Array.from({ length: count + 1 }, (_, index) => low + index * step).flatMap((value) => [
    `<line x1="${left}" x2="${left + plotWidth}" y1="${at(y(value))}" y2="${at(y(value))}" stroke="#e5e7eb"/>`,
    text(left - 10, y(value) + 5, valueText(value, unit), 12, `font-size="14" text-anchor="end" fill="${faint}"`),
  ]);
}

/** A value with its unit, in three digits. */
export function valueText(value: number, unit: string): string {
  if (unit === 'ratio') return `${digits(value * 100)} %`;
  const size = Math.abs(value);
  const [divisor, letter] = size >= 1e9 ? [1e9, 'G'] : size >= 1e6 ? [1e6, 'M'] : size >= 1e4 ? [1e3, 'k'] : [1, ''];
  return `${digits(value / divisor)}${letter}${unit === '' || unit === '1' ? '' : ` ${oneLine(unit, 6)}`}`;
}

function digits(value: number): string {
  return String(Number(value.toPrecision(3)));
}

const steps = [1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440].map((minutes) => minutes * 60_000);

function timesOf(fromMs: number, untilMs: number, x: (tMs: number) => number): readonly string[] {
  const step = steps.find((one) => (untilMs - fromMs) / one <= 8) ?? untilMs - fromMs;
  const begin = Math.ceil(fromMs / step) * step;
  const base = top + plotHeight;
  const count = Math.min(9, Math.floor((untilMs - begin) / step) + 1);
  const ticks = Array.from({ length: count }, (_, index) => begin + index * step).flatMap((tMs) => [
    `<line x1="${at(x(tMs))}" x2="${at(x(tMs))}" y1="${base}" y2="${base + 5}" stroke="${faint}"/>`,
    text(x(tMs), base + 20, timeOf(tMs), 5, `font-size="14" text-anchor="middle" fill="${faint}"`),
  ]);
  return [...ticks, `<line x1="${left}" x2="${left + plotWidth}" y1="${base}" y2="${base}" stroke="${faint}"/>`];
}

function timeOf(atMs: number): string {
  return new Date(atMs).toISOString().slice(11, 16);
}

function envelopeOf(
  expected: NoticeChart['expected'],
  x: (tMs: number) => number,
  y: (value: number) => number,
): readonly string[] {
  if (expected.length < 2) return [];
  const inside = (value: number): number => Math.min(top + plotHeight, Math.max(top, y(value)));
  const above = expected.map(({ tMs, high }) => `${at(x(tMs))},${at(inside(high))}`);
  const below = [...expected].reverse().map(({ tMs, low }) => `${at(x(tMs))},${at(inside(low))}`);
  return [`<polygon fill="${colour.envelope}" fill-opacity="0.6" points="${[...above, ...below].join(' ')}"/>`];
}

// Labels in turn on two lines above the plot, at the side on which there is room.
function marksOf(marks: NoticeChart['marks'], x: (tMs: number) => number): readonly string[] {
  return marks.flatMap(({ atMs, kind, text: said }, index) => {
    const where = x(atMs);
    const anchor = where > left + plotWidth * 0.6 ? 'end' : 'start';
    const line = top - 18 + (index % 2) * 14;
    return [
      `<line x1="${at(where)}" x2="${at(where)}" y1="${line - 8}" y2="${top + plotHeight}" stroke="${colour[kind]}" stroke-width="1.5" stroke-dasharray="5 3"/>`,
      text(
        where + (anchor === 'end' ? -5 : 5),
        line,
        said,
        40,
        `font-size="13" text-anchor="${anchor}" fill="${colour[kind]}"`,
      ),
    ];
  });
}

function legendOf(enveloped: boolean, marks: NoticeChart['marks']): readonly string[] {
  const has = (kind: 'change' | 'act'): boolean => marks.some((mark) => mark.kind === kind);
  const entries = [
    { name: 'seen', is: colour.seen, shown: true },
    { name: 'expected', is: colour.envelope, shown: enveloped },
    { name: 'changed', is: colour.change, shown: has('change') },
    { name: 'acted', is: colour.act, shown: has('act') },
  ].filter(({ shown }) => shown);
  const line = chartSize.height - 16;
  const drawn = entries.flatMap(({ name, is }, index) => [
    `<rect x="${left + index * 110}" y="${line - 10}" width="18" height="10" fill="${is}"/>`,
    text(left + index * 110 + 26, line, name, 20, `font-size="14" fill="${ink}"`),
  ]);
  return [
    ...drawn,
    text(chartSize.width - right, line, 'times are UTC', 20, `font-size="13" text-anchor="end" fill="${faint}"`),
  ];
}

function points(seen: readonly Sample[], x: (tMs: number) => number, y: (value: number) => number): string {
  return seen.map(({ tMs, v }) => `${at(x(tMs))},${at(y(v))}`).join(' ');
}

function at(pixel: number): string {
  return String(Math.round(pixel * 10) / 10);
}

function text(x: number, y: number, said: string, most: number, attributes: string): string {
  return `<text x="${at(x)}" y="${at(y)}" ${attributes}>${escaped(drawable(oneLine(said, most)))}</text>`;
}

// The font has Latin and Cyrillic: anything else would be drawn as an empty box.
function drawable(said: string): string {
  return said.replace(/→/g, '->').replace(/[^\u0020-\u024f\u0400-\u04ff\u2010-\u2026\u20ac]/gu, '?');
}

function escaped(said: string): string {
  return said.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/"/g, '&quot;');
}
