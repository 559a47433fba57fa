import type { ActRecord, Approval, Decision } from '../../domain/authority.ts';
import type { ActionKind } from '../../domain/ports/action.ts';
import type { Clock, OperatorIo } from '../../domain/ports/io.ts';
import type { Tenure } from '../../domain/ports/leadership.ts';
import type { Ledger } from '../../domain/ports/ledger.ts';
import type { Store } from '../../domain/ports/store.ts';
import type { Execution, Observation, Plan, Verification } from '../../domain/remediation.ts';
import type { Service } from '../../domain/service.ts';

/** A yes or a no with its sentence. */
export interface Verdict {
  readonly ok: boolean;
  readonly because: string;
}

/** `before`: all of `require` must hold and none of `abortIf`. `during`: only `abortIf` is asked, about once a second. */
export interface ConditionQuestion {
  readonly plan: Plan;
  readonly stepIndex: number;
  readonly observation: Observation;
  readonly when: 'before' | 'during';
}

/** What happens on the way. `step-verified`: it was looked between two steps whether the next may begin. */
export type StepEvent = 'step-intent' | 'step-outcome' | 'step-verified' | 'step-undone' | 'verifying';

/** What the agent tells the executor to do with what it learns. `ended` arrives at least once, restarts included. */
export type ExecutionEvent =
  | { readonly kind: StepEvent; readonly execution: Execution }
  | {
      readonly kind: 'ended';
      readonly execution: Execution;
      readonly because: string;
      /** People must look at it: it failed, was undone, is unknown, or was refused. */
      readonly escalate: boolean;
    }
  | { readonly kind: 'halted'; readonly because: string };

/**
 * All that the executor needs. Policy, runbooks and telemetry come as functions, so that it knows none of those rooms;
 * each of them failing is a refusal (I2).
 */
export interface ExecutorDeps {
  readonly ledger: Ledger;
  readonly store: Store;
  readonly actions: (kind: string) => ActionKind | undefined;
  readonly operatorIo: OperatorIo;
  readonly clock: Clock;
  /** The epoch this process holds. */
  readonly epoch: () => number;
  /** The right to act: asked right before each act, without waiting for anybody. When it is lost, the executor halts. */
  readonly tenure: Tenure;
  readonly services: (name: string) => Service | undefined;
  /** Policy on live state, asked right before each step (I4). Only `allow` lets it act. */
  readonly decideLive: (
    plan: Plan,
    stepIndex: number,
    observation: Observation,
    approvals: readonly Approval[],
  ) => Promise<Decision>;
  /**
   * Waits until this process has seen for itself, within a limit: to `act`, that the plan's incident still is so, since what
   * the last process knew may be hours old; to `undo` our own act, that its service is measured. False when the signal
   * fired first.
   */
  readonly fresh: (plan: Plan, how: 'act' | 'undo', signal: AbortSignal) => Promise<boolean>;
  readonly conditions: (question: ConditionQuestion) => Verdict | Promise<Verdict>;
  /** Did it help, as of now? Asked on each `tick` until it no longer says `pending`. Rules stand in the plan's order. */
  readonly verify: (execution: Execution, asOfMs: number) => Verification | Promise<Verification>;
  /** Whether what a step had to leave behind, before the next begins, holds as of now. */
  readonly between: (
    execution: Execution,
    stepIndex: number,
    asOfMs: number,
    soFar?: Verification,
  ) => Verification | Promise<Verification>;
  /** Figures that `baseline` in verify rules refers to, taken before acting. */
  readonly baseline: (plan: Plan) => Readonly<Record<string, number>>;
  readonly onEvent: (event: ExecutionEvent) => void | Promise<void>;
}

/** Carries out plans. Everything it knows is in the store; a second one on the same store is fenced off. */
export interface Executor {
  /**
   * Resolves when the steps are over: `verifying`, or ended. A plan is carried out at most once, ever.
   *
   * @throws `conflict` when this plan was already started; `store-failed` or `fenced` when the executor has halted.
   */
  start(plan: Plan, decision: Decision, approvals: readonly Approval[]): Promise<Execution>;
  /**
   * Must be awaited before anything else: reads back what the last process left behind, and takes the targets of what
   * it left open, so that nothing new begins on them. Looks at nothing but the store.
   */
  load(): Promise<void>;
  /**
   * Must be called once: settles what the last process left behind (I5). It looks at the world, which may take minutes
   * when that does not answer; everything else may go on beside. What waits for facts when the signal fires is left as it
   * is, to the next process.
   */
  resume(signal: AbortSignal): Promise<void>;
  /** Advances verifications. Call it often; it does nothing when nothing is due. */
  tick(): Promise<void>;
  /** Stops before the next step; a step in flight is told to stop and then probed. */
  cancel(executionId: string, by: string): Promise<Execution | undefined>;
  find(executionId: string): Execution | undefined;
  /** Executions that have not ended, oldest first. */
  active(): readonly Execution[];
  /** Acts that are under way: blast radius and `parallel` count them (I6). */
  inFlight(): readonly ActRecord[];
  /** All acts kept, oldest first: rate budgets, attempt caps and earned autonomy count them (I9). */
  history(): readonly ActRecord[];
  /** Why it will never act again in this process, if so. */
  halted(): string | undefined;
}

/** What the executor keeps beside the public Execution. */
export interface Journal {
  readonly approvals: readonly Approval[];
  /** State hash each remaining step must find: as planned, or as our own earlier steps left it. */
  readonly expected: Readonly<Record<string, string>>;
  /** Steps that failed but left something behind: undo includes them. */
  readonly partly: readonly string[];
  /** Set while going back, with the sentence why. */
  readonly undoing?: string;
  readonly cancelledBy?: string;
  /** All prompt rules passed; only rules with `at` are left, and the target is free for others again. */
  readonly provisional?: true;
  /** False from the moment of ending until the agent has taken the `ended` event. */
  readonly told?: boolean;
  readonly escalate?: boolean;
}

/** An execution as stored: readers may treat it as an Execution. */
export interface ExecutionRecord extends Execution {
  readonly journal: Journal;
}
