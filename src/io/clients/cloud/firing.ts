import type { Finding } from '../../../domain/alert.ts';

/** Which of a provider's own alarms fire, so that each is told as it begins, goes on and ends. */
export interface Firing {
  /** All that fire now in one corner, by a key that begins with `corner` and a space; what fires no more is told as good. */
  step(corner: string, now: ReadonlyMap<string, Finding>, nowMs: number): readonly Finding[];
}

/** Makes it; nothing fires. */
export function createFiring(): Firing {
  const firing = new Map<string, Finding>();
  return {
    step: (corner, now, nowMs) => {
      const ended: Finding[] = [];
      for (const [key, finding] of firing)
        if (key.startsWith(`${corner} `) && !now.has(key)) {
          firing.delete(key);
          const reason = `${finding.signal} is not in alarm any more`;
          ended.push({ ...finding, state: 'good', atMs: nowMs, sinceMs: nowMs, reason });
        }
      for (const [key, finding] of now) firing.set(key, finding);
      return [...ended, ...now.values()];
    },
  };
}
