import type { Tenure } from '../../domain/ports/leadership.ts';

/** The tenure of a daemon that is alone: the lock on its store's file is what keeps others out. */
export function standingTenure(): Tenure {
  return {
    lost: new AbortController().signal,
    marginMs: 0,
    surely: () => true,
    resign: () => undefined,
  };
}
