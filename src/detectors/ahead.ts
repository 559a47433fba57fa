/**
 * How far ahead of us a sample may be stamped. Those further ahead would freeze their series until that time came: they are
 * left out, and it goes stale.
 */
export const aheadMs = 60_000;

/**
 * Whether what was noted to have been at `tMs` lies in a future that no sample may be of: the clock was wrong then, and was
 * set back since. What waits for that time to come would wait for as long as it had been wrong.
 */
export function isAhead(tMs: number, asOfMs: number): boolean {
  return tMs > asOfMs + aheadMs;
}
