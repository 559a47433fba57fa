/** The lease of the leader, as it lies where every replica reaches it. Its wall-clock times are for people, never for deciding. */
export interface LeaseRecord {
  /** Who holds it; empty when it was given back. */
  readonly holder: string;
  /** For how long others must leave it alone after they saw it change. */
  readonly leaseMs: number;
  readonly acquiredAtMs: number;
  readonly renewedAtMs: number;
  /** How often it changed hands. */
  readonly transitions: number;
}

/** A lease, and what names this very writing of it. */
export interface SeenLease {
  readonly record: LeaseRecord;
  readonly revision: string;
}

/** Where the lease lies: read, and compare-and-swap. */
export interface LeaseBox {
  /** `undefined` when nobody has ever held it. */
  read(signal: AbortSignal): Promise<SeenLease | undefined>;
  /**
   * Writes over exactly that revision (`undefined`: only where there is none) and gives the new one.
   *
   * @throws `conflict` when it has changed: nothing was written. Anything else leaves open whether it was.
   */
  write(record: LeaseRecord, over: string | undefined, signal: AbortSignal): Promise<string>;
  close(): Promise<void>;
}

/** The right to act, while it lasts. */
export interface Tenure {
  /** Fires once it is over, with a `fenced` error as its reason: nothing may be begun, and what is under way must stop. */
  readonly lost: AbortSignal;
  /** What must be left of the lease for a step to begin, milliseconds. */
  readonly marginMs: number;
  /**
   * Whether it surely lasts for so much longer. Asks nobody: the monotonic clock decides, so it is right also for a process
   * that was stopped a moment ago. A tenure that is found to be over is `lost` from then on.
   */
  surely(forMs: number): boolean;
  /** Gives it up: something else says that this process must not act any more. */
  resign(because: string): void;
}

/** One replica's part in the election. */
export interface Leadership {
  /** What this process is called in the lease: a name, and something that no other process has. */
  readonly name: string;
  /** Who leads, as last seen. */
  leader(): string | undefined;
  /** How often leadership changed hands, as last seen. */
  transitions(): number;
  /** Milliseconds since the lease was last seen to be renewed; `undefined` before the first look. */
  leaseAgeMs(): number | undefined;
  /** Resolves when this replica leads. Once in a process's life. @throws `aborted` when the signal fires first. */
  elected(signal: AbortSignal): Promise<Tenure>;
  /** Gives the lease back, when it is held, so that another takes it at once. Call it when nothing acts any more. */
  release(): Promise<void>;
}
