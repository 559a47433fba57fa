/** Works on many things, each by one worker at a time, a few at once; asking again while one is in work queues it once more. */
export interface Turns {
  add(id: string): void;
  /** Whether it waits or is in work. */
  has(id: string): boolean;
  idle(): Promise<void>;
}

/** Makes the queue. `work` must not throw. */
export function createTurns(atOnce: number, work: (id: string) => Promise<void>): Turns {
  const waiting = new Set<string>();
  const running = new Set<string>();
  let wake: (() => void)[] = [];

  const next = (): void => {
    for (const id of waiting) {
      if (running.size >= atOnce) return;
      if (running.has(id)) continue;
      waiting.delete(id);
      running.add(id);
      void work(id).finally(() => {
        running.delete(id);
        next();
        if (running.size + waiting.size > 0) return;
        for (const done of wake) done();
        wake = [];
      });
    }
  };

  return {
    add: (id) => {
      waiting.add(id);
      next();
    },
    has: (id) => waiting.has(id) || running.has(id),
    idle: () =>
      running.size + waiting.size === 0
        ? Promise.resolve()
        : new Promise((resolve) => {
            wake.push(resolve);
          }),
  };
}
