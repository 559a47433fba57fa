import type { Service } from '../domain/service.ts';
import { digest } from '../lib/canonical.ts';
import { limits } from '../lib/limits.ts';
import { policyMatrix, type MatrixRow, type MatrixStep } from '../policy/index.ts';
import type { Runbook } from '../runbooks/index.ts';
import type { MatrixView } from './windows/views.ts';
import { asJson } from './records.ts';
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

/** The matrix, kept while nothing it is made of has changed: a cell is some fifty decisions. */
export interface MatrixDesk {
  /** The rows of one service. */
  of(service: Service): readonly MatrixRow[];
  /** Rows of every service, as far as they are known or could be reckoned now; each call knows more. */
  all(): MatrixView;
}

interface Kept {
  readonly key: string;
  readonly untilMs: number;
  readonly rows: readonly MatrixRow[];
}

/** Makes the desk. Nothing is reckoned before it is asked for, and no more at once than turns can wait for. */
export function createMatrix(watch: Watch): MatrixDesk {
  const kept = new Map<string, Kept>();
  const known = (service: Service): Kept | undefined => {
    const found = kept.get(service.name);
    const fresh = found !== undefined && found.untilMs > watch.clock.monotonicMs();
    return fresh && found.key === keyOf(watch, service) ? found : undefined;
  };
  const reckon = (service: Service): readonly MatrixRow[] => {
    const { runbooks, policies, groups } = watch.resources();
    const asked = { asOfMs: watch.clock.nowMs(), steps: matrixSteps(runbooks), services: [service], groups };
    const rows = policyMatrix(policies, asked);
    const untilMs = watch.clock.monotonicMs() + limits.matrixKeptMs;
    kept.set(service.name, { key: keyOf(watch, service), untilMs, rows });
    return rows;
  };
  return {
    of: (service) => known(service)?.rows ?? reckon(service),
    all: () => {
      const { services } = watch.catalog();
      for (const name of kept.keys()) if (watch.catalog().get(name) === undefined) kept.delete(name);
      let left: number = limits.matrixCells;
      const rows = services.map((service): readonly MatrixRow[] | undefined => {
        const found = known(service);
        if (found !== undefined || left <= 0) return found?.rows;
        const made = reckon(service);
        left -= made.length;
        return made;
      });
      return { rows: rows.flatMap((some) => some ?? []), complete: rows.every((some) => some !== undefined) };
    },
  };
}

function keyOf(watch: Watch, service: Service): string {
  return `${watch.resources().digest} ${digest(asJson(service))}`;
}
