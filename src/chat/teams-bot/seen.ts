const toleranceMs = 10 * 60_000;
const mostSeen = 10_000;

/** Activities that were taken while their time still counts, so that none is taken twice. */
export interface SeenActivities {
  /** Whether it is the first time; remembers it. */
  first(key: string, nowMs: number): boolean;
}

/** Makes the memory. It is bounded: when it is full of what still counts, what is new is refused. */
export function seenActivities(): SeenActivities {
  const seen = new Map<string, number>();
  return {
    first: (key, nowMs) => {
      for (const [known, atMs] of seen) {
        if (nowMs - atMs <= 2 * toleranceMs) break;
        seen.delete(known);
      }
      if (key.length > 1_000 || seen.has(key) || seen.size >= mostSeen) return false;
      seen.set(key, nowMs);
      return true;
    },
  };
}

/** Why an activity of this time does not count; one without a time does not either, since it could be sent again for ever. */
export function objectionToTime(atMs: number, nowMs: number): string | undefined {
  if (Number.isNaN(atMs)) return 'it says no time';
  return Math.abs(nowMs - atMs) > toleranceMs ? 'it was sent at another time' : undefined;
}
