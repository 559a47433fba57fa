import type { Clock } from '../../../domain/ports/io.ts';

/** What a verified push rings: a reason to look now, and nothing else. */
export interface Bell {
  /** Rings, unless a push of that name has rung before. Whether it did. */
  ring(name: string): boolean;
  /** Resolves when it was rung since it resolved last, not too often, and when the signal fires. */
  readonly news: (signal: AbortSignal) => Promise<void>;
}

const kept = 10_000;
// However much is pushed, it is looked no more often.
const restMs = 10_000;

/** Makes it, unrung. Names are kept in memory, the last ten thousand: one that comes twice all the same costs one look. */
export function createBell(clock: Clock): Bell {
  const seen = new Set<string>();
  let rung = false;
  let ring = (): void => undefined;
  let lastMs = -Infinity;
  return {
    ring: (name) => {
      if (seen.has(name)) return false;
      seen.add(name);
      for (const oldest of seen) if (seen.size > kept) seen.delete(oldest);
      rung = true;
      ring();
      return true;
    },
    news: async (signal) => {
      while (!rung && !signal.aborted)
        await new Promise<void>((resolve) => {
          ring = resolve;
          signal.addEventListener('abort', () => resolve(), { once: true });
        });
      const waitMs = lastMs + restMs - clock.monotonicMs();
      if (waitMs > 0) await clock.sleep(waitMs, signal).catch(() => undefined);
      if (signal.aborted) return;
      rung = false;
      lastMs = clock.monotonicMs();
    },
  };
}
