import { WatchkeeperError } from '../../lib/errors.ts';
import { limits } from '../../lib/limits.ts';
import type { ActionContext, ActionResult } from '../../domain/ports/action.ts';
import { unfinished } from './rollout.ts';
import { collections } from './resources.ts';
import { nameOf, refOf, type Aim } from './write.ts';

/** Up to which moment an action may wait: a little before the executor's own deadline, so that it can still answer. */
export function ownDeadlineMs({ io, timeoutMs }: ActionContext): number {
  return io.clock.monotonicMs() + Math.max(timeoutMs / 2, timeoutMs - 5_000);
}

/** Waits until every pod of a workload is new and ready. In time or not, the write itself stands. */
export async function untilRolledOut(aim: Aim, context: ActionContext): Promise<ActionResult> {
  const cluster = context.io.kubernetes.operator(aim.cluster);
  const { kind } = collections[aim.collection];
  const until = ownDeadlineMs(context);
  let missing: string | undefined;
  for (;;) {
    try {
      const object = await cluster.get(collections[aim.collection], refOf(aim), context.signal);
      if (object === undefined) return { is: 'failed', message: `${nameOf(aim)} was written, and is gone since` };
      missing = unfinished(object, kind);
      if (missing === undefined)
        return { is: 'done', message: `${nameOf(aim)} is rolled out: every pod is new and ready` };
    } catch (thrown) {
      const error = WatchkeeperError.from(thrown);
      if (!error.retryable) return { is: 'unknown', message: `${nameOf(aim)} was written; then: ${error.message}` };
      missing = error.message;
    }
    if (context.io.clock.monotonicMs() >= until)
      return { is: 'failed', message: `${nameOf(aim)} was written, but did not come up in time: ${missing}` };
    await context.io.clock.sleep(limits.kubernetesPollMs, context.signal);
  }
}
