/**
 * The only hand that acts. It carries out one plan with no choices left to make, under the journal
 * planned → authorised → approved? → intent (durable) → started → outcome → verified | undone.
 *
 * What holds at every instant: no act without its durable intent (I3); everything is looked at and asked again right
 * before each step (I4); after a restart an intent without an outcome is unknown, probed read-only, and either settled
 * or handed to people (I5); a failed write, or a newer epoch, ends all acting in this process. Its memory is the store:
 * space `execution` (one record each, with the journal beside the public Execution) and space `act` (what budgets and
 * attempt caps count, I9).
 *
 * Deliberately absent: policy, runbooks, telemetry and channels. They come in as functions.
 */
export { createExecutor } from './executor.ts';
export { actedAtMs } from './verification.ts';
export { executionId, idempotencyKey, planDigest, targetKey } from './keys.ts';
export type {
  ConditionQuestion,
  ExecutionEvent,
  ExecutionRecord,
  Executor,
  ExecutorDeps,
  StepEvent,
  Journal,
  Verdict,
} from './types.ts';
