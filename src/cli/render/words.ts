import { formatDuration } from '../../lib/duration.ts';
import { measured as plainly } from '../../lib/measure.ts';
import { clean } from './safe.ts';
import { paint, visibleLength, type Paint, type Style } from './style.ts';

/** The local time of day, with the date when it is not today: `02:14:07`, `Sun 22 Nov 23:58`. */
export function clockTime(style: Style, atMs: number): string {
  const parts = (ms: number): Readonly<Record<string, string>> =>
    Object.fromEntries(
      formatter(style.timeZone)
        .formatToParts(ms)
        .map((part) => [part.type, part.value]),
    );
  const then = parts(atMs);
  const now = parts(style.nowMs);
  const sameDay = then['year'] === now['year'] && then['month'] === now['month'] && then['day'] === now['day'];
  if (sameDay) return `${then['hour']}:${then['minute']}:${then['second']}`;
  const year = then['year'] === now['year'] ? '' : ` ${then['year']}`;
  return `${then['weekday']} ${then['day']} ${then['month']}${year} ${then['hour']}:${then['minute']}`;
}

const formatters = new Map<string, Intl.DateTimeFormat>();

function formatter(timeZone: string | undefined): Intl.DateTimeFormat {
  const known = formatters.get(timeZone ?? '');
  if (known) return known;
  const made = new Intl.DateTimeFormat('en-GB', {
    weekday: 'short',
    year: 'numeric',
    month: 'short',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hourCycle: 'h23',
    ...(timeZone === undefined ? {} : { timeZone: zoneOr(timeZone) }),
  });
  formatters.set(timeZone ?? '', made);
  return made;
}

// TZ may hold what Intl does not know (`:/etc/localtime`, POSIX rules); UTC is then the honest answer.
function zoneOr(timeZone: string): string {
  try {
    return new Intl.DateTimeFormat('en', { timeZone }).resolvedOptions().timeZone;
  } catch {
    return 'UTC';
  }
}

/** `3m 10s ago`, `in 12m`, `now`. */
export function relative(style: Style, atMs: number): string {
  const span = atMs - style.nowMs;
  if (Math.abs(span) < 1_000) return 'now';
  return span > 0 ? `in ${formatDuration(span)}` : `${formatDuration(-span)} ago`;
}

/** Local and relative time together: `02:14:07 (3m 10s ago)`. */
export function when(style: Style, atMs: number): string {
  return `${clockTime(style, atMs)} (${relative(style, atMs)})`;
}

/** `1 incident`, `2 incidents`. */
export function count(many: number, one: string, several = `${one}s`): string {
  return `${many.toLocaleString('en')} ${many === 1 ? one : several}`;
}

/** An id as people copy it: enough of it to be the only one, never a wall of digits. */
export function shortId(written: string): string {
  const id = clean(written, 80);
  // The first 48 bits of a UUIDv7 are its time in ms; the rest only parts ids of one millisecond.
  return /^[0-9a-f]{8}-[0-9a-f]{4}-7/.test(id) ? id.slice(0, 13) : id.slice(0, 12);
}

/** Breaks text at blanks so that no line is wider than the terminal; `indent` stands before each line. */
export function wrap(style: Style, text: string, indent: string, first: string = indent): string {
  const lines: string[] = [];
  let line = first;
  let empty = true;
  for (const word of text.split(' ')) {
    if (!empty && visibleLength(line) + 1 + visibleLength(word) > style.width) {
      lines.push(line);
      line = indent;
      empty = true;
    }
    line += empty ? word : ` ${word}`;
    empty = false;
  }
  lines.push(line);
  return lines.join('\n');
}

/** A heading over a block. */
export function heading(style: Style, text: string): string {
  return paint(style, text.toUpperCase(), 'bold');
}

/** Columns, as wide as their widest cell; the last may use what is left of the line. */
export function table(style: Style, rows: readonly (readonly string[])[], indent = '  '): string {
  const columns = Math.max(0, ...rows.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, column) =>
    Math.max(0, ...rows.map((row) => visibleLength(row[column] ?? ''))),
  );
  return rows
    .map((row) => {
      const fixed = row
        .slice(0, -1)
        .map((cell, column) => cell + ' '.repeat((widths[column] ?? 0) - visibleLength(cell)));
      const start = `${indent}${fixed.map((cell) => `${cell}  `).join('')}`;
      const last = row.at(-1) ?? '';
      const room = visibleLength(start);
      // A last column squeezed to nothing is unreadable; then it starts on a line of its own.
      if (room > style.width - 24) return `${start.trimEnd()}\n${wrap(style, last, `${indent}    `)}`;
      return wrap(style, last, ' '.repeat(room), start).trimEnd();
    })
    .join('\n');
}

/** A number with its unit, as people read it; a unit that came from outside is made safe to print. */
export function measured(value: number, unit: string): string {
  return plainly(value, clean(unit, 20));
}

/** How grave something is, as a coloured word. */
export function graveness(style: Style, severity: string): string {
  const paints: Readonly<Record<string, readonly Paint[]>> = { critical: ['red', 'bold'], warning: ['yellow'] };
  return paint(style, severity, ...(paints[severity] ?? ['cyan']));
}
