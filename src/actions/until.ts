import { WatchkeeperError } from '../lib/errors.ts';
import type { ActionContext, ActionResult } from '../domain/ports/action.ts';

/** What a look at something under way says: its end, or how far it is. */
export type Progress = ActionResult | { readonly is: 'under-way'; readonly message: string };

/**
 * Looks every `everyMs` until there is an end, within nine tenths of the act's own time; then what is still under way is
 * `unknown`, and one fault of a look among others does not end the waiting. @throws what aborts the act.
 */
export async function until(
  { io: { clock }, signal, timeoutMs }: ActionContext,
  everyMs: number,
  look: () => Promise<Progress>,
): Promise<ActionResult> {
  const untilMs = clock.monotonicMs() + timeoutMs * 0.9;
  for (;;) {
    let seen: Progress;
    try {
      seen = await look();
    } catch (thrown) {
      if (signal.aborted) throw thrown;
      const fault = WatchkeeperError.from(thrown);
      if (!fault.retryable) throw fault;
      seen = { is: 'under-way', message: fault.message };
    }
    if (seen.is !== 'under-way') return seen;
    if (clock.monotonicMs() + everyMs > untilMs) return { is: 'unknown', message: `not over in time: ${seen.message}` };
    await clock.sleep(everyMs, signal);
  }
}
