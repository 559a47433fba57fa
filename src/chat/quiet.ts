import * as z from 'zod';

import { cronWindow } from '../lib/cron-window.ts';
import type { Issue, Parsed } from '../lib/issues.ts';
import { zDuration } from '../lib/zod-parts.ts';
import type { Severity } from '../domain/alert.ts';
import type { Escalation } from '../domain/definitions.ts';

const below = z
  .enum(['warning', 'critical'])
  .default('critical')
  .describe('What is less grave than this waits. Nothing critical ever does.');

/** Quiet hours as written: `{ cron: '0 22 * * *', for: 9h, timezone: Europe/Berlin }`. */
export const quietSpec = z.strictObject({
  cron: z.string().max(200).describe('When they begin: minute hour day month weekday'),
  for: zDuration,
  timezone: z.string().max(64).default('UTC').describe('IANA name'),
  below,
});

/** A digest all day round, as written: `{ every: 4h, below: warning }`. */
export const digestSpec = z.strictObject({ every: zDuration, below });

const longestMs = 24 * 3_600_000;
const shortestMs = 60_000;
const ranks: Readonly<Record<Severity, number>> = { info: 0, warning: 1, critical: 2 };

/**
 * What an escalation holds, and until when. Windows are reckoned in their time zone across changes to and from summer time;
 * each ends by itself within a day. What is critical is never held, whatever is written.
 */
export function holdsOf(
  quiet: readonly z.output<typeof quietSpec>[],
  digest: z.output<typeof digestSpec> | undefined,
): Parsed<Pick<Escalation, 'holds'>> {
  const issues: Issue[] = [];
  const bounded = (ms: number, path: Issue['path']): void => {
    if (ms < shortestMs || ms > longestMs) issues.push({ path, message: 'must be between 1m and 24h' });
  };
  const windows = quiet.flatMap((written, index) => {
    bounded(written.for, ['quiet', index, 'for']);
    const window = cronWindow(written.cron, written.for, written.timezone);
    if (window.ok) return [{ below: written.below, window: window.value }];
    issues.push(...window.issues.map((issue) => ({ ...issue, path: ['quiet', index, ...issue.path] })));
    return [];
  });
  if (digest !== undefined) bounded(digest.every, ['digest', 'every']);
  if (issues.length > 0) return { ok: false, issues };
  if (windows.length === 0 && digest === undefined) return { ok: true, value: {} };
  const holds = (severity: Severity, nowMs: number): number | undefined => {
    const isBelow = (most: 'warning' | 'critical'): boolean => ranks[severity] < ranks[most];
    const ends = windows.flatMap((one) => (isBelow(one.below) ? (one.window.openAt(nowMs)?.untilMs ?? []) : []));
    if (digest !== undefined && isBelow(digest.below)) ends.push((Math.floor(nowMs / digest.every) + 1) * digest.every);
    return ends.length === 0 ? undefined : Math.max(...ends);
  };
  return { ok: true, value: { holds } };
}
