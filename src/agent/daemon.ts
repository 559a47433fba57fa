import type { Clock, Log, Random } from '../domain/ports/io.ts';
import type { createScrubber, createSecrets, Environment } from '../io/index.ts';
import type { KubernetesTokenReviewer } from '../domain/ports/kubernetes.ts';
import type { Agent } from './facade.ts';
import type { Config, ShippedKind } from './load/index.ts';

/** What the process hands in. Everything that touches the world comes from here, so that a test can hand in another. */
export interface OpenOptions {
  readonly configFile?: string;
  readonly folder: string;
  readonly dataDir: string;
  readonly environment: Environment;
  readonly shipped: Readonly<Record<ShippedKind, string>>;
  readonly version: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly makeLog: (config: Config, scrub: ReturnType<typeof createScrubber>) => Log;
  /** Where the terminal channel writes. */
  readonly write: (text: string) => void;
  readonly signal: AbortSignal;
}

/** A daemon whose store is open, or being reached, and whose resources are checked; `agent.start` sets it going. */
export interface Daemon {
  readonly agent: Agent;
  readonly config: Config;
  readonly log: Log;
  readonly secrets: ReturnType<typeof createSecrets>;
  /** Whose a cluster's token is, where http.kubernetes names one. */
  readonly reviewer?: KubernetesTokenReviewer;
  /** What the files had to say that is no error. */
  readonly notes: readonly string[];
  /** Fires when this process can never act again and should end, so that its supervisor starts it anew; with the reason. */
  readonly over: AbortSignal;
}
