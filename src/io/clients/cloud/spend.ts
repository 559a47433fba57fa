import type { CloudUse } from '../../../domain/ports/cloud.ts';

const dayMs = 24 * 3_600_000;
// What a change touches is worth more than the sweep: the last fifth of the day's money is kept for it.
const sweepShare = 0.8;

/** Keeps what a cloud is asked for below a sum a day, reckoned by list prices since the daemon started. */
export interface Spend {
  /** Whether `dollars` more may be spent now, on the sweep or on what a change touches. */
  allows(dollars: number, closeUp: boolean, nowMs: number): boolean;
  /** Spent since the day began (UTC). */
  today(nowMs: number): number;
}

/** Makes it over a reader's own count. */
export function createSpend(reader: { use(): CloudUse }, dollarsPerDay: number): Spend {
  let day = -1;
  let before = 0;
  const today = (nowMs: number): number => {
    const { dollars } = reader.use();
    const now = Math.floor(nowMs / dayMs);
    if (now !== day) {
      day = now;
      before = dollars;
    }
    return dollars - before;
  };
  return {
    today,
    allows: (dollars, closeUp, nowMs) => today(nowMs) + dollars <= dollarsPerDay * (closeUp ? 1 : sweepShare),
  };
}
