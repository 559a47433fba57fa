import { formatDuration } from '../../lib/duration.ts';

/** `just now`, `3m 10s ago`, `in 12m`. */
export function relative(atMs: number, nowMs: number): string {
  const span = atMs - nowMs;
  if (Math.abs(span) < 1_000) return 'just now';
  return span > 0 ? `in ${rough(span)}` : `${rough(-span)} ago`;
}

/** A span as a glance wants it: seconds are dropped from ten minutes on. */
export function rough(ms: number): string {
  if (ms < 0) return rough(-ms);
  const least = ms < 1_000 ? 1 : ms < 600_000 ? 1_000 : 60_000;
  return ms === 0 ? '0s' : formatDuration(Math.floor(ms / least) * least);
}

/** The whole time with its zone: `Sun 22 Nov 2026, 02:14:07 CET`. `zone` is for tests; the browser's own otherwise. */
export function absolute(atMs: number, zone?: string): string {
  const parts = Object.fromEntries(
    formatter(zone)
      .formatToParts(atMs)
      .map(({ type, value }) => [type, value]),
  );
  const time = `${parts['hour'] ?? ''}:${parts['minute'] ?? ''}:${parts['second'] ?? ''}`;
  const day = `${parts['weekday'] ?? ''} ${parts['day'] ?? ''} ${parts['month'] ?? ''} ${parts['year'] ?? ''}`;
  return `${day}, ${time} ${parts['timeZoneName'] ?? ''}`.trim();
}

/** The time of day, for lists whose day is plain: `02:14:07`. */
export function clockTime(atMs: number, zone?: string): string {
  return /\d\d:\d\d:\d\d/.exec(absolute(atMs, zone))?.[0] ?? '';
}

const formatters = new Map<string, Intl.DateTimeFormat>();

function formatter(zone: string | undefined): Intl.DateTimeFormat {
  const known = formatters.get(zone ?? '');
  if (known) return known;
  const made = new Intl.DateTimeFormat('en-GB', {
    weekday: 'short',
    day: 'numeric',
    month: 'short',
    year: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hourCycle: 'h23',
    timeZoneName: 'short',
    ...(zone === undefined ? {} : { timeZone: zone }),
  });
  formatters.set(zone ?? '', made);
  return made;
}
