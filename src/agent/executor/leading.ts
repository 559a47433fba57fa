import type { ActionResult } from '../../domain/ports/action.ts';
import { limits } from '../../lib/limits.ts';
import type { ExecutorDeps } from './types.ts';

type Leading = Pick<ExecutorDeps, 'tenure' | 'clock'>;

/**
 * Waits until enough of the lease is left for a step to begin; at once where that is so. Ends without it when the signal
 * fires, which a lost tenure makes it do.
 */
export async function untilSure({ tenure, clock }: Leading, signal: AbortSignal): Promise<void> {
  while (!tenure.surely(tenure.marginMs) && !tenure.lost.aborted && !signal.aborted)
    await clock.sleep(limits.leaseShortMs, signal).catch(() => undefined);
}

/**
 * Acts only while this process leads. The look and the call are in one turn: nothing of ours can come in between, and a
 * process that was stopped before it is told by the monotonic clock. Otherwise nothing was begun, with certainty.
 */
export function whileLeading({ tenure }: Leading, act: () => Promise<ActionResult>): Promise<ActionResult> {
  if (tenure.surely(tenure.marginMs)) return act();
  return Promise.resolve({ is: 'failed', message: 'nothing was begun: too little of the lease was left' });
}
