import { CronExpressionParser } from 'cron-parser';

import type { Parsed } from './issues.ts';

/** A stretch of time that comes back, such as every weekend: it opens when a cron expression fires and stays open. */
export interface CronWindow {
  /** Start and end of the window that is open at `asOfMs`; `undefined` when none is. */
  openAt(asOfMs: number): { readonly fromMs: number; readonly untilMs: number } | undefined;
}

/**
 * Makes a window that opens whenever `cron` (five fields) fires in `timezone` (IANA) and stays open for `forMs` of
 * elapsed time: across a change to or from summer time its length is the same and its local end moves by the hour. An
 * opening at a local time that is skipped in spring happens when the clock jumps, and one that occurs twice in autumn
 * happens at the first.
 */
export function cronWindow(cron: string, forMs: number, timezone: string): Parsed<CronWindow> {
  if (!isTimezone(timezone))
    return { ok: false, issues: [{ path: ['timezone'], message: `unknown time zone ${timezone}` }] };
  if (cron.trim().split(/\s+/).length !== 5)
    return { ok: false, issues: [{ path: ['cron'], message: 'must have five fields: minute hour day month weekday' }] };
  try {
    CronExpressionParser.parse(cron, { currentDate: new Date(0), tz: timezone }).next();
  } catch (thrown) {
    const because = thrown instanceof Error ? thrown.message : String(thrown);
    return { ok: false, issues: [{ path: ['cron'], message: `not a cron expression: ${because}` }] };
  }
  // The stretch between two openings that was asked about last: a daemon asks about the same one all day.
  let known: { readonly fromMs: number; readonly nextMs: number } | undefined;
  return {
    ok: true,
    value: {
      openAt(asOfMs) {
        if (known === undefined || asOfMs < known.fromMs || asOfMs >= known.nextMs)
          known = stretchAround(cron, timezone, asOfMs);
        const untilMs = known.fromMs + forMs;
        return asOfMs < untilMs ? { fromMs: known.fromMs, untilMs } : undefined;
      },
    },
  };
}

// The last opening at or before `asOfMs` and the first after it. prev() passes over an opening whose local time a spring
// night skips, and next() does not; so prev() only says where to start.
function stretchAround(cron: string, tz: string, asOfMs: number): { fromMs: number; nextMs: number } {
  const behind = CronExpressionParser.parse(cron, { currentDate: new Date(asOfMs), tz });
  let fromMs = behind.prev().getTime();
  const ahead = CronExpressionParser.parse(cron, { currentDate: new Date(fromMs), tz });
  let nextMs = ahead.next().getTime();
  while (nextMs <= asOfMs) {
    fromMs = nextMs;
    nextMs = ahead.next().getTime();
  }
  return { fromMs, nextMs };
}

function isTimezone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}
