import { WatchkeeperError } from '../../lib/errors.ts';
import { limits } from '../../lib/limits.ts';
import type { Clock, Log } from '../../domain/ports/io.ts';
import type { Leadership, Tenure } from '../../domain/ports/leadership.ts';
import type { Store } from '../../domain/ports/store.ts';
import type { Agent } from '../facade.ts';
import type { Metrics } from '../metrics.ts';
import { followerAgent, type FollowerOptions } from './follower.ts';
import type { Following } from './following.ts';

export { createFollowing } from './following.ts';

/** What one of several replicas is made of. */
export interface ReplicaParts extends Omit<FollowerOptions, 'store' | 'seen' | 'blind'> {
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly leadership: Leadership;
  readonly following: Following;
  readonly openWriter: () => Promise<Store>;
  /** Opens the ledger and composes the watch; the agent is not started. */
  readonly lead: (store: Store, epoch: number, tenure: Tenure) => Promise<Agent>;
}

/** A replica, and the signal that its process is of no more use. */
export interface Replica {
  readonly agent: Agent;
  readonly over: AbortSignal;
}

/**
 * One replica of several: it follows until it is elected, leads until it is deposed, and is over then. It never goes back
 * to following: whatever of a leader does not heed its signal ends only with its process.
 */
export function createReplica(parts: ReplicaParts): Replica {
  const { leadership, following, log, metrics } = parts;
  const stop = new AbortController();
  const over = new AbortController();
  const follower = followerAgent({
    ...parts,
    store: () => following.store(),
    seen: () => following.seen(),
    blind: () => following.blind(),
  });
  let leading: { readonly agent: Agent; readonly epoch: number } | undefined;
  let work: Promise<unknown> = Promise.resolve();
  const current = (): Omit<Agent, 'start' | 'stop'> => leading?.agent ?? follower;

  const election = async (elected: () => void): Promise<void> => {
    await following.opened;
    const tenure = await leadership.elected(stop.signal);
    log.info('elected: taking over', { name: leadership.name });
    elected();
    tenure.lost.addEventListener('abort', () => over.abort(tenure.lost.reason), { once: true });
    try {
      leading = await takeOver(parts, tenure);
    } catch (thrown) {
      // Never a leader that does not lead: another may be able to.
      over.abort(thrown);
      tenure.resign(WatchkeeperError.from(thrown).message);
      throw thrown;
    }
    log.info('leading', { name: leadership.name, epoch: leading.epoch });
  };
  const orderly = async (): Promise<void> => {
    await work;
    await leading?.agent.stop();
    await leadership.release();
    await following.close();
  };

  const agent: Agent = {
    ...windowsOf(current),
    start: () => {
      const looking = new AbortController();
      const watching = AbortSignal.any([stop.signal, looking.signal]);
      // From then on the leader knows better than the store what is so.
      const elected = election(() => looking.abort()).catch((thrown: unknown) => {
        if (!stop.signal.aborted) over.abort(thrown);
      });
      work = Promise.all([following.run(watching), elected]);
      return Promise.resolve();
    },
    stop: async () => {
      stop.abort(new WatchkeeperError('aborted', 'the daemon is stopping'));
      // A deposed leader waits only for what may still be on its way; the rest ends with the process.
      if (over.signal.aborted)
        await Promise.race([
          orderly().catch((thrown: unknown) => log.info('stopped after being deposed', { error: thrown })),
          parts.clock.sleep(limits.actionGraceMs, new AbortController().signal),
        ]);
      else await orderly();
    },
    status: () => {
      const status = current().status();
      if (leading === undefined) return status;
      const { name } = leadership;
      return { ...status, replica: { role: 'leader', name, leader: name, epoch: leading.epoch } };
    },
    metrics: () => {
      metrics.leader.set(leading !== undefined && !over.signal.aborted ? 1 : 0);
      metrics.leadershipTransitions.set(leadership.transitions());
      metrics.leaseAge.set((leadership.leaseAgeMs() ?? 0) / 1_000);
      return current().metrics();
    },
  };
  return { agent, over: over.signal };
}

// Whoever answers now: looked up at each call, for the follower becomes a leader under its windows.
function windowsOf(current: () => Omit<Agent, 'start' | 'stop'>): Omit<Agent, 'start' | 'stop' | 'status' | 'metrics'> {
  return {
    services: () => current().services(),
    service: (name) => current().service(name),
    overview: () => current().overview(),
    runbooks: () => current().runbooks(),
    incidents: (asked) => current().incidents(asked),
    charts: (id) => current().charts(id),
    approval: (...args) => current().approval(...args),
    ledgerSize: () => current().ledgerSize(),
    ledgerNews: (...args) => current().ledgerNews(...args),
    ledgerEntry: (seq) => current().ledgerEntry(seq),
    incident: (id) => current().incident(id),
    alerts: () => current().alerts(),
    approvals: () => current().approvals(),
    answer: (...args) => current().answer(...args),
    inbound: (...args) => current().inbound(...args),
    request: (...args) => current().request(...args),
    refused: (...args) => current().refused(...args),
    pause: (...args) => current().pause(...args),
    resume: (...args) => current().resume(...args),
    plan: (...args) => current().plan(...args),
    matrix: () => current().matrix(),
    announce: (...args) => current().announce(...args),
    alertmanager: (body) => current().alertmanager(body),
    readiness: () => current().readiness(),
    ledger: () => current().ledger(),
    ledgerEntries: (...args) => current().ledgerEntries(...args),
    ledgerProof: (seq) => current().ledgerProof(seq),
    ledgerExport: (folder) => current().ledgerExport(folder),
    reload: () => current().reload(),
  };
}

async function takeOver(
  { openWriter, lead }: ReplicaParts,
  tenure: Tenure,
): Promise<{ readonly agent: Agent; readonly epoch: number }> {
  const store = await openWriter();
  try {
    // A process that was stopped since it was elected must not depose who was elected after it.
    demand(tenure);
    const epoch = await store.newEpoch();
    const agent = await lead(store, epoch, tenure);
    demand(tenure);
    await agent.start();
    return { agent, epoch };
  } catch (thrown) {
    await store.close();
    throw thrown;
  }
}

function demand(tenure: Tenure): void {
  if (!tenure.surely(tenure.marginMs))
    throw WatchkeeperError.from(tenure.lost.reason ?? new Error('the lease has almost run out'), 'fenced');
}
