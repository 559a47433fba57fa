/** Lets so many through for each name at once; the others wait, first come, first served. */
export interface Gate {
  pass<T>(name: string, most: number, work: () => Promise<T>): Promise<T>;
}

/** Makes a gate through which nobody has gone yet. */
export function createGate(): Gate {
  const inside = new Map<string, number>();
  const waiting = new Map<string, (() => void)[]>();
  const leave = (name: string): void => {
    const next = waiting.get(name)?.shift();
    if (next !== undefined) {
      next();
      return;
    }
    waiting.delete(name);
    const left = (inside.get(name) ?? 1) - 1;
    if (left === 0) inside.delete(name);
    else inside.set(name, left);
  };
  return {
    pass: async (name, most, work) => {
      const now = inside.get(name) ?? 0;
      // Who leaves hands the place over, so nobody slips in between.
      if (now >= most)
        await new Promise<void>((resolve) => {
          waiting.set(name, [...(waiting.get(name) ?? []), resolve]);
        });
      else inside.set(name, now + 1);
      try {
        return await work();
      } finally {
        leave(name);
      }
    },
  };
}
