import type { Clock, Log, Random } from '../../domain/ports/io.ts';
import type { LeaseBox } from '../../domain/ports/leadership.ts';

/** How long a lease is, when its holder gives up for want of a renewal, and how often it is renewed or looked at. */
export interface LeaseTiming {
  readonly leaseMs: number;
  readonly renewMs: number;
  readonly retryMs: number;
}

/** What an election needs. */
export interface ElectorOptions {
  readonly box: LeaseBox;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** What this process is called; no other process may ever have it. */
  readonly name: string;
  readonly timing: LeaseTiming;
}
