import { WatchkeeperError } from '../../lib/errors.ts';

/** A table of numbers read from CSV: a time and, per column, the values that are there. */
export interface NumberTable {
  readonly columns: readonly string[];
  readonly series: readonly { readonly times: Float64Array; readonly values: Float64Array }[];
}

/** Says what is wrong with a recording, with file and line. */
export function malformed(place: string, what: string): WatchkeeperError {
  return new WatchkeeperError('malformed', `${place}: ${what}`, {
    fix: 'Write the recording as docs/backtest.md describes.',
  });
}

/**
 * Reads `time,<column>,...`, epoch seconds first. An empty cell or `NaN` is a hole, never a zero; anything else that is
 * no finite number refuses the file. Rows may come in any order; of several with the same time the first one counts.
 *
 * @throws WatchkeeperError `malformed` naming file and line.
 */
export function readTable(file: string, text: string): NumberTable {
  const lines = text.replace(/^\ufeff/, '').split('\n');
  const columns = readHeading(`${file}:1`, (lines[0] ?? '').replace(/\r$/, ''));
  if (columns[0] !== 'time' || columns.length < 2) throw malformed(`${file}:1`, 'the first column must be time');
  const twice = columns.find((name, index) => columns.indexOf(name) !== index);
  if (twice !== undefined) throw malformed(`${file}:1`, `the column ${JSON.stringify(twice)} stands twice`);
  const rows: { readonly tMs: number; readonly cells: readonly number[] }[] = [];
  for (let at = 1; at < lines.length; at++) {
    const line = (lines[at] ?? '').trim();
    if (line !== '') rows.push(readRow(`${file}:${at + 1}`, line, columns));
  }
  // A stable sort: of equals the first in the file stays first.
  rows.sort((a, b) => a.tMs - b.tMs);
  return {
    columns: columns.slice(1),
    series: columns.slice(1).map((_, index) => columnOf(rows, index)),
  };
}

function readRow(
  place: string,
  line: string,
  columns: readonly string[],
): { readonly tMs: number; readonly cells: readonly number[] } {
  const cells = line.split(',');
  if (cells.length !== columns.length)
    throw malformed(place, `has ${cells.length} cells where the first line has ${columns.length}`);
  const seconds = readNumber(cells[0] ?? '');
  if (seconds === undefined || Number.isNaN(seconds)) throw malformed(place, 'time must be epoch seconds');
  return {
    tMs: Math.round(seconds * 1_000),
    cells: cells.slice(1).map((cell, index) => {
      const value = readNumber(cell);
      if (value === undefined)
        throw malformed(
          place,
          `${JSON.stringify(cell.slice(0, 40))} in column ${columns[index + 1] ?? ''} is no number`,
        );
      return value;
    }),
  };
}

/** A finite number; NaN for a hole; `undefined` for anything else. */
export function readNumber(cell: string): number | undefined {
  const text = cell.trim();
  if (text === '' || text === 'NaN') return NaN;
  const value = Number(text);
  return Number.isFinite(value) && /^[-+.\d]/.test(text) ? value : undefined;
}

function columnOf(
  rows: readonly { readonly tMs: number; readonly cells: readonly number[] }[],
  column: number,
): { readonly times: Float64Array; readonly values: Float64Array } {
  const times = new Float64Array(rows.length);
  const values = new Float64Array(rows.length);
  let count = 0;
  for (const { tMs, cells } of rows) {
    const value = cells[column] ?? NaN;
    if (Number.isNaN(value) || (count > 0 && times[count - 1] === tMs)) continue;
    times[count] = tMs;
    values[count++] = value;
  }
  return { times: times.slice(0, count), values: values.slice(0, count) };
}

// Headings made by `record` hold labels, and labels hold commas and quotes: RFC 4180 quoting, in the first line only.
function readHeading(place: string, line: string): readonly string[] {
  const cells: string[] = [];
  let at = 0;
  for (;;) {
    if (line[at] === '"') {
      let cell = '';
      for (at++; ; at++) {
        if (at >= line.length) throw malformed(place, 'a quoted heading has no end');
        if (line[at] !== '"') cell += line[at] ?? '';
        else if (line[at + 1] === '"') {
          cell += '"';
          at++;
        } else break;
      }
      at++;
      cells.push(cell);
    } else {
      const comma = line.indexOf(',', at);
      const end = comma < 0 ? line.length : comma;
      cells.push(line.slice(at, end).trim());
      at = end;
    }
    if (at >= line.length) return cells;
    if (line[at] !== ',') throw malformed(place, 'expected a comma after a quoted heading');
    at++;
  }
}

/** Writes a heading so that `readTable` reads it back. */
export function heading(text: string): string {
  return /[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""').replace(/[\r\n]/g, ' ')}"` : text;
}
