import type { Sample } from '../../domain/telemetry.ts';
import { clean } from './safe.ts';
import { paint, type Paint, type Style } from './style.ts';
import { clockTime, measured } from './words.ts';

const blocks = '▁▂▃▄▅▆▇█';

/** A moment to mark under a sparkline: a deploy with its version. */
export interface Mark {
  readonly atMs: number;
  readonly label: string;
}

/** What a sparkline shows. */
export interface SparklineOptions {
  readonly samples: readonly Sample[];
  readonly marks: readonly Mark[];
  /** Columns. */
  readonly width: number;
  readonly fromMs: number;
  readonly untilMs: number;
}

/**
 * A line of blocks over time, each as high as the largest sample of its stretch (a spike stays visible), blank where
 * nothing was measured, and below it a ▲ with a label at each mark. One line, or two with marks inside the stretch.
 */
export function sparkline(style: Style, options: SparklineOptions): readonly string[] {
  const line = cellsOf(options).join('');
  const marks = marksInside(options);
  return marks.length === 0 ? [line] : [line, markLine(style, marks, options.width, columnIn(options))];
}

/** The same in one line: the newest mark stands in the line itself, without its label. */
export function sparklineMarked(style: Style, options: SparklineOptions, colour: Paint): string {
  const cells = cellsOf(options);
  const newest = marksInside(options)
    .toSorted((a, b) => a.atMs - b.atMs)
    .at(-1);
  if (newest === undefined) return paint(style, cells.join(''), colour);
  const at = columnIn(options)(newest.atMs);
  const [before, after] = [cells.slice(0, at).join(''), cells.slice(at + 1).join('')];
  return `${paint(style, before, colour)}${paint(style, '▲', 'cyan')}${paint(style, after, colour)}`;
}

function marksInside({ marks, fromMs, untilMs }: SparklineOptions): readonly Mark[] {
  return marks.filter((mark) => mark.atMs >= fromMs && mark.atMs <= untilMs);
}

function columnIn({ width, fromMs, untilMs }: SparklineOptions): (atMs: number) => number {
  const span = Math.max(1, untilMs - fromMs);
  return (atMs) => Math.min(width - 1, Math.floor(((atMs - fromMs) / span) * width));
}

function cellsOf(options: SparklineOptions): readonly string[] {
  const { samples, width, fromMs, untilMs } = options;
  const columnOf = columnIn(options);
  const columns: (number | undefined)[] = Array.from({ length: width }, () => undefined);
  for (const { tMs, v } of samples) {
    if (tMs < fromMs || tMs > untilMs || !Number.isFinite(v)) continue;
    const at = columnOf(tMs);
    columns[at] = Math.max(columns[at] ?? -Infinity, v);
  }
  // Sparse samples would leave holes that look like gaps: a value lasts until the next, as long as samples usually are apart.
  fillBetween(columns, Math.ceil((width * typicalStep(samples)) / Math.max(1, untilMs - fromMs)));
  const known = columns.filter((value) => value !== undefined);
  const low = Math.min(0, ...known);
  const high = Math.max(...known, low);
  return columns.map((value) => (value === undefined ? ' ' : blockOf(value, low, high)));
}

function blockOf(value: number, low: number, high: number): string {
  if (high <= low) return blocks[0] ?? '';
  return blocks[Math.min(7, Math.floor(((value - low) / (high - low)) * 8))] ?? '';
}

function typicalStep(samples: readonly Sample[]): number {
  const steps = samples.slice(1).map((sample, index) => sample.tMs - (samples[index]?.tMs ?? sample.tMs));
  return steps.sort((a, b) => a - b)[Math.floor(steps.length / 2)] ?? 0;
}

function fillBetween(columns: (number | undefined)[], most: number): void {
  let last: number | undefined;
  let empty = 0;
  for (let index = 0; index < columns.length; index++) {
    if (columns[index] !== undefined) {
      last = columns[index];
      empty = 0;
    } else if (last !== undefined && ++empty <= most) columns[index] = last;
  }
}

// Labels that would run into one another, or off the line, are left away; their ▲ stays.
function markLine(style: Style, marks: readonly Mark[], width: number, columnOf: (atMs: number) => number): string {
  const ordered = [...marks].sort((a, b) => a.atMs - b.atMs);
  const cells = Array.from({ length: width }, () => ' ');
  for (const mark of ordered) cells[columnOf(mark.atMs)] = '▲';
  // The newest change is the one people look for, so it gets its label first.
  for (const mark of ordered.toReversed()) {
    const label = Array.from(clean(mark.label, 24));
    const at = columnOf(mark.atMs);
    const start = at + 2 + label.length <= width ? at + 2 : at - 1 - label.length;
    const free = start >= 0 && label.every((_, index) => cells[start + index] === ' ');
    if (free) label.forEach((character, index) => (cells[start + index] = character));
  }
  return paint(style, cells.join('').trimEnd(), 'cyan');
}

/** The same in words, for pipes: first, highest and last value, and what was deployed in between. */
export function sparkWords(style: Style, options: SparklineOptions, unit: string): string {
  const [first] = options.samples;
  const last = options.samples.at(-1);
  if (!first || !last) return 'nothing was measured';
  const most = options.samples.reduce((high, sample) => (sample.v > high.v ? sample : high));
  const marks = options.marks.map((mark) => `${clean(mark.label, 40)} at ${clockTime(style, mark.atMs)}`);
  const seen = `${measured(first.v, unit)} at ${clockTime(style, first.tMs)}, highest ${measured(most.v, unit)} at ${clockTime(style, most.tMs)}, now ${measured(last.v, unit)}`;
  return marks.length === 0 ? seen : `${seen}; changes: ${marks.join(', ')}`;
}
