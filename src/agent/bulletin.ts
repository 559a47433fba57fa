import { digest } from '../lib/canonical.ts';
import { formatDuration } from '../lib/duration.ts';
import type { Watch } from './watch.ts';

/** Tells of the agent's own health (I11): metrics at once, the ledger with every change, people when it lasts. */
export interface Bulletin {
  tell(): Promise<void>;
}

// A source that hiccups is no reason to wake anybody; an agent that has been unable to act for a minute is.
const tellAfterMs = 60_000;

/** Makes the bulletin of one watch. */
export function createBulletin(watch: Watch): Bulletin {
  let known = '';
  let sinceMs = watch.clock.monotonicMs();
  let told = false;
  return {
    tell: async () => {
      watch.health.set('ledger', watch.ledgerUnwell?.());
      const { paused, unwell } = watch.health.health(watch.sources.statuses());
      watch.metrics.paused.set(paused ? 1 : 0);
      watch.metrics.unwell.set(unwell.length);
      const nowMs = watch.clock.monotonicMs();
      if ((known === '') !== (unwell.length === 0)) {
        sinceMs = nowMs;
        told = false;
        watch.log.warn(
          unwell.length === 0 ? 'the agent is well again' : 'the agent is unwell; it observes and does not act',
          { unwell },
        );
      }
      const next = unwell.length === 0 ? '' : digest([...unwell]).slice(0, 16);
      const changed = next !== known;
      known = next;
      if (changed) await record(watch, unwell);
      if (unwell.length > 0 && !told && nowMs - sinceMs >= tellAfterMs) {
        told = true;
        await call(watch, unwell, nowMs - sinceMs);
      }
    },
  };
}

async function record(watch: Watch, unwell: readonly string[]): Promise<void> {
  // An unwell ledger cannot take the entry that says so; the log and the metrics have it.
  if (watch.ledgerUnwell?.() !== undefined) return;
  const atMs = watch.clock.nowMs();
  await watch.ledger.record({
    drafts: [
      {
        type: 'agent-health',
        actor: 'watchkeeper',
        atMs,
        subject: {},
        body: { unwell: unwell.length },
        payload: { reasons: [...unwell] },
      },
    ],
  });
}

async function call(watch: Watch, unwell: readonly string[], forMs: number): Promise<void> {
  const [escalation = ''] = watch.resources().escalations.keys();
  const atMs = watch.clock.nowMs();
  await watch.ladder.call(
    {
      id: `agent-unwell/${atMs}`,
      kind: 'agent-unwell',
      atMs,
      title: 'The watch itself is unwell: it observes and does not act',
      lines: [...unwell, `It has been so for ${formatDuration(forMs)}.`],
    },
    escalation,
    false,
  );
}
