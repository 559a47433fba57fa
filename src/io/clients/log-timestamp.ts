/** A time found in text. `end` is where it stops; `atStart` says that nothing of worth stands before it. */
export interface Timestamp {
  readonly tMs: number;
  readonly end: number;
  readonly atStart: boolean;
  /** The syslog priority that stood before it: `<34>`. */
  readonly priority?: number;
}

/** A time without a zone is local; when it is this far from now the zone was not ours, and it is not believed. */
const zonelessTrustMs = 10 * 60_000;
/** Nothing is logged in the future, but clocks of other machines may be a little ahead. */
const futureTrustMs = 5 * 60_000;

const iso = /(\d{4})[-/](\d\d)[-/](\d\d)[T ](\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9}))?\s?(Z|[+-]\d\d:?\d\d)?/;
const syslog = /^(?:<(\d{1,3})>)?(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) +(\d{1,2}) (\d\d):(\d\d):(\d\d)/;
const access =
  /\[(\d\d)\/(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)\/(\d{4}):(\d\d):(\d\d):(\d\d) ([+-]\d{4})\]/;
const rfc5424 = /^<(\d{1,3})>1 /;
const months = 'JanFebMarAprMayJunJulAugSepOctNovDec';

/**
 * Finds the time in a log line: ISO 8601 (also with a space, a comma or slashes), RFC 3164 and 5424 syslog, and the
 * common access-log form. `nowMs` gives the year syslog leaves out, and the sense to disbelieve the impossible.
 */
export function parseTimestamp(text: string, nowMs: number): Timestamp | undefined {
  const found = fromIso(text, nowMs) ?? fromSyslog(text, nowMs) ?? fromAccess(text);
  return found !== undefined && Number.isFinite(found.tMs) && found.tMs <= nowMs + futureTrustMs ? found : undefined;
}

function fromIso(text: string, nowMs: number): Timestamp | undefined {
  const match = iso.exec(text);
  if (match === null) return undefined;
  const [whole, year, month, day, hour, minute, second, fraction, zone] = match;
  const priority = rfc5424.exec(text)?.[1];
  const ms = Math.floor(Number(`0.${fraction ?? '0'}`) * 1_000);
  const parts = [
    Number(year),
    Number(month) - 1,
    Number(day),
    Number(hour),
    Number(minute),
    Number(second),
    ms,
  ] as const;
  const tMs = zone === undefined ? new Date(...parts).getTime() : Date.UTC(...parts) - zoneMs(zone);
  if (zone === undefined && Math.abs(tMs - nowMs) > zonelessTrustMs && !isPast(tMs, nowMs)) return undefined;
  return {
    tMs,
    end: match.index + whole.trimEnd().length,
    atStart: match.index <= 1 || priority !== undefined,
    ...(priority === undefined ? {} : { priority: Number(priority) }),
  };
}

// A backlog read after a pause is honestly old; a zone mistake is off by whole quarters of an hour, up to 14 hours.
function isPast(tMs: number, nowMs: number): boolean {
  return nowMs - tMs > 14 * 3_600_000;
}

function fromSyslog(text: string, nowMs: number): Timestamp | undefined {
  const match = syslog.exec(text);
  if (match === null) return undefined;
  const [whole, priority, month = '', day, hour, minute, second] = match;
  const at = (year: number): number =>
    new Date(year, months.indexOf(month) / 3, Number(day), Number(hour), Number(minute), Number(second)).getTime();
  const year = new Date(nowMs).getFullYear();
  const thisYear = at(year);
  const tMs = thisYear > nowMs + 86_400_000 ? at(year - 1) : thisYear; // December's lines read in January
  return { tMs, end: whole.length, atStart: true, ...(priority === undefined ? {} : { priority: Number(priority) }) };
}

function fromAccess(text: string): Timestamp | undefined {
  const match = access.exec(text);
  if (match === null) return undefined;
  const [whole, day, month = '', year, hour, minute, second, zone = '+0000'] = match;
  const local = Date.UTC(
    Number(year),
    months.indexOf(month) / 3,
    Number(day),
    Number(hour),
    Number(minute),
    Number(second),
  );
  return { tMs: local - zoneMs(zone), end: match.index + whole.length, atStart: false };
}

function zoneMs(zone: string): number {
  if (zone === 'Z') return 0;
  const [, sign, hours, minutes] = /^([+-])(\d\d):?(\d\d)$/.exec(zone) ?? [];
  return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * 60_000;
}
