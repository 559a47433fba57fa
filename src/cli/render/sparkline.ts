import type { Sample } from '../../domain/telemetry.ts';
import { clean } from './safe.ts';
import { paint, type Style } from './style.ts';
import { clockTime, measured } from './words.ts';

const blocks = '▁▂▃▄▅▆▇█';

/** A moment to mark under a sparkline: a deploy with its version. */
export interface Mark {
  readonly atMs: number;
  readonly label: string;
}

/** What is drawn, and how wide. */
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
  const { samples, width, fromMs, untilMs } = options;
  const span = Math.max(1, untilMs - fromMs);
  const columnOf = (atMs: number): number => Math.min(width - 1, Math.floor(((atMs - fromMs) / span) * width));
  const columns: (number | undefined)[] = Array.from({ length: width }, () => undefined);
  for (const { tMs, v } of samples) {
    if (tMs < fromMs || tMs > untilMs || !Number.isFinite(v)) continue;
    const at = columnOf(tMs);
    columns[at] = Math.max(columns[at] ?? -Infinity, v);
  }
  // Sparse samples would leave holes that look like gaps: a value lasts until the next, as long as samples usually are apart.
  fillBetween(columns, Math.ceil((width * typicalStep(samples)) / span));
  const known = columns.filter((value) => value !== undefined);
  const low = Math.min(0, ...known);
  const high = Math.max(...known, low);
  const line = columns.map((value) => (value === undefined ? ' ' : blockOf(value, low, high))).join('');
  const marks = options.marks.filter((mark) => mark.atMs >= fromMs && mark.atMs <= untilMs);
  return marks.length === 0 ? [line] : [line, markLine(style, marks, width, columnOf)];
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
