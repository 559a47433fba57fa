import { WatchkeeperError } from '../../lib/errors.ts';
import type { Leadership, LeaseRecord, SeenLease, Tenure } from '../../domain/ports/leadership.ts';
import { within } from '../executor/bounded.ts';
import { holdLease, type Held } from './tenure.ts';
import type { ElectorOptions } from './types.ts';

const jitter = 0.2;

/**
 * Takes part in an election over a lease. A lease is taken when nobody holds it, or when it was not seen to change for its
 * whole length on this process's own monotonic clock; clocks of two machines are never compared.
 */
export function createElector(options: ElectorOptions): Leadership {
  const { box, clock, random, log, name, timing } = options;
  let seen: { readonly lease: SeenLease | undefined; readonly atMs: number } | undefined;
  let held: Held | undefined;

  const look = async (signal: AbortSignal): Promise<SeenLease | undefined> => {
    const lease = await within(clock, timing.renewMs, signal, (stop) => box.read(stop));
    // The clock is read after the answer: what was seen is at most so old, never older.
    if (seen === undefined || seen.lease?.revision !== lease?.revision) seen = { lease, atMs: clock.monotonicMs() };
    return lease;
  };
  const isFree = (lease: SeenLease | undefined): boolean => {
    if (lease === undefined || lease.record.holder === '') return true;
    // A write of ours whose answer was lost.
    if (lease.record.holder === name) return true;
    return clock.monotonicMs() - (seen?.atMs ?? Infinity) >= Math.max(timing.leaseMs, lease.record.leaseMs);
  };
  const take = async (signal: AbortSignal): Promise<Tenure | undefined> => {
    const lease = await look(signal);
    if (!isFree(lease)) return undefined;
    // Before it is sent: whoever sees it later counts from later.
    const sentMs = clock.monotonicMs();
    const record = taken(lease?.record, options);
    const revision = await within(clock, timing.renewMs, signal, (stop) => box.write(record, lease?.revision, stop));
    seen = { lease: { record, revision }, atMs: sentMs };
    held = holdLease({ ...options, record, revision, sentMs, look });
    return held.tenure;
  };

  return {
    name,
    leader: () => {
      const holder = seen?.lease?.record.holder;
      return holder === '' ? undefined : holder;
    },
    transitions: () => seen?.lease?.record.transitions ?? 0,
    leaseAgeMs: () => {
      const sinceMs = held?.renewedMs() ?? seen?.atMs;
      return sinceMs === undefined ? undefined : clock.monotonicMs() - sinceMs;
    },
    elected: async (signal) => {
      // What goes wrong again and again is said once.
      let said: string | undefined;
      for (;;) {
        try {
          const tenure = await take(signal);
          if (tenure !== undefined) return tenure;
        } catch (thrown) {
          const error = WatchkeeperError.from(thrown);
          if (signal.aborted) throw WatchkeeperError.from(signal.reason, 'aborted');
          // Another was faster: nothing to tell anybody.
          if (error.code !== 'conflict' && error.message !== said) log.warn('the lease could not be taken', { error });
          said = error.message;
        }
        await clock.sleep(timing.retryMs * (1 + jitter * random.uniform()), signal);
      }
    },
    release: async () => {
      await held?.release();
      await box.close();
    },
  };
}

function taken(before: LeaseRecord | undefined, { name, timing, clock }: ElectorOptions): LeaseRecord {
  const nowMs = clock.nowMs();
  return {
    holder: name,
    leaseMs: timing.leaseMs,
    acquiredAtMs: nowMs,
    renewedAtMs: nowMs,
    transitions: (before?.transitions ?? 0) + (before?.holder === name ? 0 : 1),
  };
}
