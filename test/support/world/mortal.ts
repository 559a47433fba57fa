/** Whether a process is still there. What it still waits for when it dies never comes. */
export interface Life {
  dead: boolean;
}

const never = new Promise<never>(() => undefined);

/**
 * Wraps a port so that it stops answering at the moment its process dies: calls made before never return, later ones do
 * nothing. Members that answer at once (a clock's reading) stay as they are, less their effects.
 */
export function mortal<T extends object>(port: T, life: Life, changing: readonly (keyof T)[]): T {
  const wrapped = Object.fromEntries(
    changing.map((name) => [
      name,
      (...args: readonly unknown[]): unknown => {
        if (life.dead) return never;
        const answer = (port[name] as (...given: readonly unknown[]) => unknown)(...args);
        if (isPromise(answer))
          return answer.then(
            (value) => (life.dead ? never : value),
            (thrown: unknown) => (life.dead ? never : Promise.reject(thrown as Error)),
          );
        return isOver(life) ? never : answer;
      },
    ]),
  );
  return { ...port, ...wrapped };
}

// A call, because the answer may have come with the process's death.
function isOver(life: Life): boolean {
  return life.dead;
}

function isPromise(value: unknown): value is Promise<unknown> {
  return value instanceof Promise;
}
