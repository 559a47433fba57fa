import { policyMatrix, type MatrixRow, type MatrixStep } from '../policy/index.ts';
import type { Runbook } from '../runbooks/index.ts';
import type { Watch } from './watch.ts';

/** The steps of runbooks, as the policy matrix asks about them. */
export function matrixSteps(runbooks: readonly Runbook[]): readonly MatrixStep[] {
  return runbooks.flatMap((runbook) =>
    runbook.steps.map((step) => ({
      runbook: runbook.name,
      step: step.id,
      action: step.action,
      traits: step.traits,
      params: {},
    })),
  );
}

/** Every enabled runbook step against every service that it is for. */
export function matrixOf(watch: Watch): readonly MatrixRow[] {
  const { runbooks, policies } = watch.resources();
  return policyMatrix(policies, {
    asOfMs: watch.clock.nowMs(),
    steps: matrixSteps(runbooks),
    services: watch.catalog().services,
  });
}
