import { WatchkeeperError } from '../lib/errors.ts';
import { stormUnderway } from '../policy/index.ts';
import { createBulletin } from './bulletin.ts';
import type { Cases } from './cases/index.ts';
import { serviceHealth } from './cases/facts.ts';
import { createRetention, type Retention } from './retention/index.ts';
import type { Watch } from './watch.ts';

/** What comes round by the clock: verifications, expiring consent, the ladder, cases to be looked at again, budgets. */
const everyMs = 500;
const budgetsEveryMs = 5 * 60_000;
const retentionEveryMs = 15_000;
// A machine may come up with a wrong date, by which everything is old. Until then the time servers have had their say.
const retentionAfterMs = 10 * 60_000;

/** Does the chores until the signal fires. One that fails is logged and does not keep the others from being done. */
export async function runChores(watch: Watch, cases: () => Cases, signal: AbortSignal): Promise<void> {
  let budgetsDueMs = 0;
  let retentionDueMs = watch.clock.monotonicMs() + retentionAfterMs;
  const retention = retentionOf(watch);
  const bulletin = createBulletin(watch);
  const busy = new Map<string, Promise<void>>();
  // Each in its own lane, and never twice at once: one that takes long holds up no other.
  const lane = (what: string, work: () => Promise<unknown>): void => {
    if (busy.has(what)) return;
    busy.set(
      what,
      safely(watch, what, work).finally(() => busy.delete(what)),
    );
  };
  for (;;) {
    try {
      await watch.clock.sleep(everyMs, signal);
    } catch {
      await Promise.all(busy.values());
      await safely(watch, 'refusals', () => watch.refusals.tick(true));
      return;
    }
    // No lane: going back may take minutes, while other acts must be looked at. The executor itself keeps two ticks off
    // one execution, and says in the journal what a stop leaves open.
    void safely(watch, 'verification', () => watch.executor().tick());
    lane('approvals', () => watch.approvals().tick());
    watch.ladder.tick();
    cases().tick();
    watch.health.noteStorm(stormUnderway(watch.resources().policies, serviceHealth(watch)));
    lane('refusals', () => watch.refusals.tick());
    lane('health', () => bulletin.tell());
    if (watch.clock.monotonicMs() >= retentionDueMs) {
      retentionDueMs = watch.clock.monotonicMs() + retentionEveryMs;
      // A clock that jumped says nothing about age, and an unwell store is left alone.
      if (watch.health.health(watch.sources.statuses()).unwell.length === 0) lane('retention', () => retention.tick());
    }
    if (watch.clock.monotonicMs() >= budgetsDueMs) {
      budgetsDueMs = watch.clock.monotonicMs() + budgetsEveryMs;
      lane('budgets', () => watch.budgets.refresh(watch.catalog().services, watch.liveSources(), signal));
    }
  }
}

function retentionOf(watch: Watch): Retention {
  const { settings } = watch;
  return createRetention({
    store: watch.store,
    ledger: watch.ledger,
    nowMs: () => watch.clock.nowMs(),
    ...(settings.retention ? { settings: settings.retention } : {}),
    inUse: () => {
      const active = watch.executor().active();
      const open = watch.state().incidents.filter((incident) => incident.status !== 'resolved');
      return {
        executions: new Set(active.map(({ id }) => id)),
        plans: new Set(active.map(({ plan }) => plan.id)),
        incidents: new Set([...open.map(({ id }) => id), ...active.map(({ plan }) => plan.incidentId)]),
        detectors: new Set(watch.resources().detectors.map(({ name }) => name)),
      };
    },
  });
}

async function safely(watch: Watch, what: string, work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (thrown) {
    watch.log.error('a chore of the watch failed', { what, error: WatchkeeperError.from(thrown) });
  }
}
