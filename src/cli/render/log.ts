import type { Json } from '../../lib/json.ts';
import { clean } from './safe.ts';
import { paint, type Paint, type Style } from './style.ts';
import { clockTime } from './words.ts';

const paints: Readonly<Record<string, readonly Paint[]>> = {
  debug: ['dim'],
  info: ['green'],
  warn: ['yellow'],
  error: ['red', 'bold'],
};
const hidden: ReadonlySet<string> = new Set(['level', 'time', 'msg']);

/** One JSON log line as people read it: time, level, message, then `name=value` pairs. */
export function renderLogLine(line: string, style: Style): string {
  let fields: Readonly<Record<string, Json>>;
  try {
    fields = JSON.parse(line) as Readonly<Record<string, Json>>;
  } catch {
    return clean(line);
  }
  const level = textOf(fields['level']);
  const time = Date.parse(textOf(fields['time']));
  const pairs = Object.entries(fields)
    .filter(([name]) => !hidden.has(name))
    .map(([name, value]) => `${paint(style, `${clean(name, 60)}=`, 'dim')}${clean(plain(value), 300)}`);
  const stamp = Number.isFinite(time) ? clockTime({ ...style, nowMs: time }, time) : '';
  return [
    paint(style, stamp, 'dim'),
    paint(style, level.padEnd(5), ...(paints[level] ?? [])),
    clean(textOf(fields['msg']), 500),
    ...pairs,
  ].join(' ');
}

function textOf(value: Json | undefined): string {
  return typeof value === 'string' ? value : '';
}

function plain(value: Json): string {
  if (typeof value === 'string') return /\s/.test(value) ? JSON.stringify(value) : value;
  return JSON.stringify(value);
}
