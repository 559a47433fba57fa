import { limits } from '../lib/limits.ts';

/** When series of one service and signal, kin to one another, were last heard of, and since when without a long silence. */
export interface Kin {
  arrivedMs: number;
  wokeMs: number;
}

/** A silence of all kin longer than this is a sleep, and so is one of the watch a time when nobody listened. */
export const asleepMs = 3_600_000;
/** What was learned of a service that sleeps is kept for so long. */
const keptMs = 14 * 86_400_000;

/** Notes that one of the kin was heard of. */
export function hear(kin: Kin, asOfMs: number): void {
  if (kin.arrivedMs === asOfMs) return;
  noteWaking(kin, asOfMs);
  kin.arrivedMs = asOfMs;
}

/** Notes that the kin wake, when they were silent for long until now. */
export function noteWaking(kin: Kin, asOfMs: number): void {
  if (asOfMs - kin.arrivedMs > asleepMs || asOfMs < kin.wokeMs) kin.wokeMs = asOfMs;
}

/** Since when somebody listens, step upon step. */
export interface Listening {
  /** Notes a step. */
  step(asOfMs: number): void;
  readonly fromMs: number;
}

/** Begins with the first step. After a stretch without any, or another jump of the clock, it begins anew. */
export function createListening(): Listening {
  let [fromMs, lastMs] = [Infinity, -Infinity];
  return {
    step(asOfMs) {
      if (asOfMs < lastMs || asOfMs - lastMs > asleepMs) fromMs = asOfMs;
      lastMs = asOfMs;
    },
    get fromMs() {
      return fromMs;
    },
  };
}

/**
 * Whether what was learned of a series last heard of at `lastMs` may go. While its kin are heard of it is an instance that is
 * gone, and goes within hours, or deploys would fill the memory with them. Where all are silent the service sleeps: its
 * ways took weeks to learn, and are kept for days. What nobody listened to, or what wakes after its kin, was not silent.
 */
export function isGone(lastMs: number, kin: Kin, listening: Listening, asOfMs: number): boolean {
  if (asOfMs - lastMs < limits.detectorSeriesForgetMs) return false;
  if (asOfMs - kin.arrivedMs > asleepMs)
    return asOfMs - lastMs >= keptMs && asOfMs - listening.fromMs >= limits.detectorSeriesForgetMs;
  return asOfMs - Math.max(lastMs, kin.wokeMs, listening.fromMs) >= limits.detectorSeriesForgetMs;
}

/** Gives what is to make room, one after the other: the silent, and first those that were silent for longest. */
export function silentFirst<T>(
  all: Iterable<T>,
  lastMsOf: (one: T) => number,
  mayGo: (one: T) => boolean,
  listening: Listening,
  asOfMs: number,
): () => T | undefined {
  let waiting: T[] | undefined;
  return () => {
    // After a stretch without listening, what is silent may only not have come yet.
    if (asOfMs - listening.fromMs <= asleepMs) return undefined;
    waiting ??= [...all].filter((one) => asOfMs - lastMsOf(one) > asleepMs).sort((a, b) => lastMsOf(b) - lastMsOf(a));
    for (let one = waiting.pop(); one !== undefined; one = waiting.pop()) if (mayGo(one)) return one;
    return undefined;
  };
}
