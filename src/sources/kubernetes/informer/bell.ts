/** Wakes whoever waits for news. What rang while nobody waited wakes the next one at once. */
export interface Bell {
  ring(): void;
  /** Forgets that it rang. */
  hush(): void;
  /** Resolves when it rings, or has rung since it last woke somebody; also when the signal fires. */
  rung(signal: AbortSignal): Promise<void>;
}

/** A bell that has not rung. */
export function createBell(): Bell {
  let pending = false;
  let wake: (() => void) | undefined;
  return {
    ring: () => {
      if (wake === undefined) pending = true;
      else wake();
    },
    hush: () => {
      pending = false;
    },
    rung: (signal) =>
      new Promise((resolve) => {
        const done = (): void => {
          signal.removeEventListener('abort', done);
          wake = undefined;
          pending = false;
          resolve();
        };
        if (pending || signal.aborted) done();
        else {
          wake = done;
          signal.addEventListener('abort', done, { once: true });
        }
      }),
  };
}
