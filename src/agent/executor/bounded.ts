import { WatchkeeperError } from '../../lib/errors.ts';
import { limits } from '../../lib/limits.ts';
import type { ActionResult } from '../../domain/ports/action.ts';
import type { Clock } from '../../domain/ports/io.ts';

/** Waits for a look at the world, but never past its deadline, even when the work ignores its signal. */
export async function within<T>(
  clock: Clock,
  ms: number,
  parent: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const deadline = clock.deadline(ms, parent);
  const late = Promise.withResolvers<never>();
  const onAbort = (): void =>
    late.reject(WatchkeeperError.from(deadline.signal.reason, 'aborted', 'stopped before it answered'));
  if (deadline.signal.aborted) onAbort();
  else deadline.signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([work(deadline.signal), late.promise]);
  } finally {
    deadline.signal.removeEventListener('abort', onAbort);
    deadline.cancel();
  }
}

/** How a hand's work ended. `over` is false when it may still be going on: then nothing about it may be repeated. */
export interface Performed {
  readonly result: ActionResult;
  readonly over: boolean;
}

/**
 * Runs something that changes the world. When its time is up or `stop` fires it is told to stop and given a grace; a
 * result that is not a certain failure counts as unknown from then on, since nobody saw it end in time.
 */
export async function perform(
  clock: Clock,
  timeoutMs: number,
  stop: AbortSignal,
  work: (signal: AbortSignal) => Promise<ActionResult>,
): Promise<Performed> {
  if (stop.aborted) return { result: { is: 'failed', message: 'stopped before it began' }, over: true };
  const deadline = clock.deadline(timeoutMs, stop);
  const quit = new AbortController();
  const outlived = Promise.withResolvers<undefined>();
  const onAbort = (): void => {
    clock.sleep(limits.actionGraceMs, quit.signal).then(
      () => outlived.resolve(undefined),
      () => undefined,
    );
  };
  if (deadline.signal.aborted) onAbort();
  else deadline.signal.addEventListener('abort', onAbort, { once: true });
  try {
    const result = await Promise.race([settle(work, deadline.signal), outlived.promise]);
    if (result === undefined)
      return { result: { is: 'unknown', message: 'it did not stop when it was told to' }, over: false };
    if (!deadline.signal.aborted || result.is === 'failed') return { result, over: true };
    const told = WatchkeeperError.from(deadline.signal.reason, 'aborted').message;
    return { result: { is: 'unknown', message: `${told}; it then said: ${result.message}` }, over: true };
  } finally {
    quit.abort();
    deadline.signal.removeEventListener('abort', onAbort);
    deadline.cancel();
  }
}

// A throw says nothing about what happened in the world.
async function settle(
  work: (signal: AbortSignal) => Promise<ActionResult>,
  signal: AbortSignal,
): Promise<ActionResult> {
  try {
    return await work(signal);
  } catch (thrown) {
    return { is: 'unknown', message: WatchkeeperError.from(thrown).message };
  }
}
