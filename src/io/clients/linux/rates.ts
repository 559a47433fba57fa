/** Remembers counters between readings and turns them into rates. Bounded: the oldest untouched counters go first. */
export interface Rates {
  /**
   * How much a counter grew since its last reading. `undefined` at the first reading. After a reset (it is smaller
   * than before) all of its present value is growth, as Prometheus counts it.
   */
  increase(key: string, value: number): number | undefined;
  /** Growth per second of monotonic time; `undefined` at the first reading or when no time has passed. */
  perSecond(key: string, value: number, monotonicMs: number): number | undefined;
  /** The value of a counter at its last reading, for those that go round. */
  last(key: string): number | undefined;
  /** Forgets counters that were not read since the last call, so that gone disks and units cost nothing. */
  sweep(): void;
  readonly size: number;
}

interface Counter {
  value: number;
  atMs: number;
  touched: boolean;
}

/** Makes the memory that turns counters into rates: of at most `maxCounters`, the longest unread forgotten first. */
export function createRates(maxCounters: number): Rates {
  const counters = new Map<string, Counter>();
  const advance = (key: string, value: number, atMs: number): { grown: number; elapsedMs: number } | undefined => {
    const known = counters.get(key);
    if (known === undefined) {
      if (counters.size < maxCounters) counters.set(key, { value, atMs, touched: true });
      return undefined;
    }
    const grown = value >= known.value ? value - known.value : value;
    const elapsedMs = atMs - known.atMs;
    known.touched = true;
    if (elapsedMs === 0 && atMs !== 0) return { grown, elapsedMs };
    known.value = value;
    known.atMs = atMs;
    return { grown, elapsedMs };
  };
  return {
    last: (key) => counters.get(key)?.value,
    increase: (key, value) => advance(key, value, 0)?.grown,
    perSecond(key, value, monotonicMs) {
      const step = advance(key, value, monotonicMs);
      return step === undefined || step.elapsedMs <= 0 ? undefined : (step.grown * 1_000) / step.elapsedMs;
    },
    sweep() {
      for (const [key, counter] of counters) {
        if (counter.touched) counter.touched = false;
        else counters.delete(key);
      }
    },
    get size() {
      return counters.size;
    },
  };
}
