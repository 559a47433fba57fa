import type { Range } from './client.ts';

/** Prometheus refuses a range query that would give more than 11,000 points a series (web/api/v1, `queryRange`). */
export const pointsPerQuery = 11_000;

/** Cuts a range into parts that a server accepts: in order, on the same grid, no step twice and none left out. */
export function splitRange(range: Range, points: number = pointsPerQuery): readonly Range[] {
  const { untilMs, stepMs } = range;
  const parts: Range[] = [];
  for (let fromMs = range.fromMs; fromMs <= untilMs;) {
    const endMs = Math.min(untilMs, fromMs + (points - 1) * stepMs);
    parts.push({ fromMs, untilMs: endMs, stepMs });
    fromMs = endMs + stepMs;
  }
  return parts;
}
