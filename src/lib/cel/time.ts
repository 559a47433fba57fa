import { parseDuration } from '../duration.ts';

const unitMs: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  ms: 1,
  s: 1e3,
  m: 6e4,
  h: 3.6e6,
  d: 8.64e7,
  w: 6.048e8,
};

/** Milliseconds of `2h`, `1h30m`, `1.5s`, `-5m`: CEL's own duration text, and days and weeks as our files write them. */
export function durationText(text: string): number | undefined {
  const plain = parseDuration(text);
  if (plain !== undefined) return plain;
  if (text === '0') return 0;
  if (!/^[+-]?((\d{1,12}(\.\d{0,9})?|\.\d{1,9})(ns|us|ms|s|m|h|d|w))+$/.test(text)) return undefined;
  let total = 0;
  for (const [, amount, unit] of text.matchAll(/([\d.]+)(ns|us|ms|s|m|h|d|w)/g))
    total += Number(amount) * (unitMs[unit ?? ''] ?? 0);
  return text.startsWith('-') ? -total : total;
}

/** Epoch milliseconds of an RFC 3339 time, or `undefined`. */
export function timestampText(text: string): number | undefined {
  const match = /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)$/.exec(text);
  if (!match) return undefined;
  const [year, month, day] = [Number(match[1]), Number(match[2]), Number(match[3])];
  if (month < 1 || month > 12 || day < 1 || day > new Date(Date.UTC(year, month, 0)).getUTCDate()) return undefined;
  const ms = Date.parse(text.toUpperCase());
  return Number.isNaN(ms) ? undefined : ms;
}

/** A time zone: an IANA name, or an offset such as `+02:00`. */
export interface Zone {
  /** The epoch milliseconds whose UTC reading is the local reading of `ms` in this zone. */
  shift(ms: number): number;
}

/** The zone of that name, or `undefined`. */
export function zoneOf(name: string): Zone | undefined {
  const offset = /^([+-]?)(\d\d):(\d\d)$/.exec(name);
  if (offset) {
    const ms = (Number(offset[2]) * 60 + Number(offset[3])) * 60_000 * (offset[1] === '-' ? -1 : 1);
    return { shift: (at) => at + ms };
  }
  if (name === 'UTC' || name === 'Z') return { shift: (at) => at };
  try {
    const format = new Intl.DateTimeFormat('en-US', {
      timeZone: name,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
    return { shift: (at) => shiftBy(format, at) };
  } catch {
    return undefined;
  }
}

function shiftBy(format: Intl.DateTimeFormat, at: number): number {
  const part: Record<string, number> = {};
  for (const each of format.formatToParts(at)) part[each.type] = Number(each.value);
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = part as Partial<Record<string, number>>;
  return Date.UTC(year, month - 1, day, hour, minute, second) + (((at % 1_000) + 1_000) % 1_000);
}

/** CEL's readings of a timestamp. Months, days of the month, of the week (0 = Sunday) and of the year count from 0; `getDate` from 1. */
export const getters: Readonly<Record<string, (local: Date) => number>> = {
  getFullYear: (local) => local.getUTCFullYear(),
  getMonth: (local) => local.getUTCMonth(),
  getDate: (local) => local.getUTCDate(),
  getDayOfMonth: (local) => local.getUTCDate() - 1,
  getDayOfWeek: (local) => local.getUTCDay(),
  getDayOfYear: (local) => Math.floor((local.getTime() - Date.UTC(local.getUTCFullYear(), 0, 1)) / 86_400_000),
  getHours: (local) => local.getUTCHours(),
  getMinutes: (local) => local.getUTCMinutes(),
  getSeconds: (local) => local.getUTCSeconds(),
  getMilliseconds: (local) => local.getUTCMilliseconds(),
};

/** CEL's readings of a duration: whole hours, minutes and seconds of all of it; the milliseconds within its second. */
export const durationGetters: Readonly<Record<string, (ms: number) => number>> = {
  getHours: (ms) => Math.trunc(ms / 3_600_000) + 0,
  getMinutes: (ms) => Math.trunc(ms / 60_000) + 0,
  getSeconds: (ms) => Math.trunc(ms / 1_000) + 0,
  getMilliseconds: (ms) => Math.trunc(ms % 1_000) + 0,
};
