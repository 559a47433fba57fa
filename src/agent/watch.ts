import type { Autonomy } from '../domain/authority.ts';
import type { ActionKind } from '../domain/ports/action.ts';
import type { Clock, Log, OperatorIo, Random } from '../domain/ports/io.ts';
import type { Ledger } from '../domain/ports/ledger.ts';
import type { Source } from '../domain/ports/source.ts';
import type { Store } from '../domain/ports/store.ts';
import type { Catalog } from '../catalog/index.ts';
import type { AttemptCaps } from '../policy/index.ts';
import type { Approvals } from './approvals/index.ts';
import type { Budgets } from './budgets.ts';
import type { ChangeLog } from './changes.ts';
import type { Executor } from './executor/index.ts';
import type { Freshness } from './freshness.ts';
import type { HealthDesk } from './health.ts';
import type { Ladder } from './ladder.ts';
import type { RefusalBook } from './refusals.ts';
import type { Metrics } from './metrics.ts';
import type { Resources } from './resources.ts';
import type { RetentionSettings } from './retention/index.ts';
import type { SourceWatch } from './watch-sources.ts';
import type { WatchState } from './watch-state.ts';
import type { TelemetryWindow } from './window.ts';

/** What the configuration settles for the deciding half. */
export interface WatchSettings {
  /** The most that may be done without people, whatever policies grant. */
  readonly ceiling: Autonomy;
  readonly diagnosisDeadlineMs: number;
  readonly planTtlMs: number;
  /** How long an incident may stay unexplained or unmatched before people are called; critical ones wait half of it. */
  readonly patienceMs: number;
  /** Caps on attempts beside what policies and runbooks say; the policy room's defaults when absent. */
  readonly caps?: AttemptCaps;
  /** How long what is over stays in the store; a default when absent. */
  readonly retention?: RetentionSettings;
}

/**
 * The watch at work: what every part of the agent may reach. Made once in compose; parts that change over time are
 * functions, so that nobody keeps an old one.
 */
export interface Watch {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly store: Store;
  readonly ledger: Ledger;
  readonly epoch: number;
  readonly signal: AbortSignal;
  readonly operatorIo: OperatorIo;
  readonly actions: Readonly<Record<string, ActionKind>>;
  readonly settings: WatchSettings;
  /** Why the ledger cannot be trusted or written, if so. */
  readonly ledgerUnwell?: () => string | undefined;
  readonly window: TelemetryWindow;
  readonly changes: ChangeLog;
  readonly health: HealthDesk;
  readonly sources: SourceWatch;
  readonly freshness: Freshness;
  readonly budgets: Budgets;
  readonly ladder: Ladder;
  readonly refusals: RefusalBook;
  readonly executor: () => Executor;
  readonly approvals: () => Approvals;
  readonly liveSources: () => readonly Source[];
  readonly resources: () => Resources;
  readonly catalog: () => Catalog;
  readonly state: () => WatchState;
}
