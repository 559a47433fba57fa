import { WatchkeeperError } from '../lib/errors.ts';
import type { Cases } from './cases/index.ts';
import type { Watch } from './watch.ts';

/** What comes round by the clock: verifications, expiring consent, the ladder, cases to be looked at again, budgets. */
const everyMs = 500;
const budgetsEveryMs = 5 * 60_000;

/** Does the chores until the signal fires. One that fails is logged and does not keep the others from being done. */
export async function runChores(watch: Watch, cases: () => Cases, signal: AbortSignal): Promise<void> {
  let budgetsDueMs = 0;
  for (;;) {
    try {
      await watch.clock.sleep(everyMs, signal);
    } catch {
      return;
    }
    await safely(watch, 'verification', () => watch.executor().tick());
    await safely(watch, 'approvals', () => watch.approvals().tick());
    await safely(watch, 'ladder', () => watch.ladder.tick());
    cases().tick();
    tellHealth(watch);
    if (watch.clock.monotonicMs() >= budgetsDueMs) {
      budgetsDueMs = watch.clock.monotonicMs() + budgetsEveryMs;
      await safely(watch, 'budgets', () =>
        watch.budgets.refresh(watch.catalog().services, watch.liveSources(), signal),
      );
    }
  }
}

function tellHealth(watch: Watch): void {
  const { paused, unwell } = watch.health.health(watch.sources.statuses());
  watch.metrics.paused.set(paused ? 1 : 0);
  watch.metrics.unwell.set(unwell.length);
}

async function safely(watch: Watch, what: string, work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (thrown) {
    watch.log.error('a chore of the watch failed', { what, error: WatchkeeperError.from(thrown) });
  }
}
