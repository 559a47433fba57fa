import type { BacktestOutcome } from '../../agent/index.ts';
import type { Change } from '../../domain/change.ts';

/** A backtest in figures. */
export interface Summary {
  readonly pages: number;
  readonly perServiceWeek: number;
  readonly alerts: number;
  readonly shadow: number;
  /** Deploys and rollbacks. */
  readonly rollouts: number;
  /** Judged healthy by every detector that judged it. */
  readonly healthy: number;
  /** Of the healthy ones, those after which nobody was called within the hour, or until the next change. */
  readonly healthyQuiet: number;
  readonly regressed: number;
  readonly undecided: number;
}

const weekS = 7 * 86_400;
const blamedForMs = 3_600_000;

/** Counts what somebody on call would ask first. */
export function summaryOf(outcome: BacktestOutcome): Summary {
  const rollouts = outcome.changes.filter(({ kind }) => kind === 'deploy' || kind === 'rollback');
  const judged = new Map<string, Set<string>>();
  for (const { changeId, verdict } of outcome.verdicts)
    judged.set(changeId, (judged.get(changeId) ?? new Set()).add(verdict));
  const says = (change: Change, verdict: string): boolean => judged.get(change.id)?.has(verdict) === true;
  const regressed = rollouts.filter((change) => says(change, 'regressed'));
  const healthy = rollouts.filter(
    (change) => says(change, 'healthy') && !says(change, 'regressed') && !says(change, 'inconclusive'),
  );
  const weeks = Math.max(outcome.until - outcome.from, 1) / weekS;
  return {
    pages: outcome.pages.length,
    perServiceWeek: outcome.pages.length / (weeks * Math.max(1, outcome.services.length)),
    alerts: outcome.alerts.filter(({ mode }) => mode === 'active').length,
    shadow: outcome.alerts.filter(({ mode }) => mode === 'shadow').length,
    rollouts: rollouts.length,
    healthy: healthy.length,
    healthyQuiet: healthy.filter((change) => !isPaged(change, outcome)).length,
    regressed: regressed.length,
    undecided: rollouts.length - regressed.length - healthy.length,
  };
}

function isPaged(change: Change, { alerts, changes }: BacktestOutcome): boolean {
  const next = changes.find((one) => one.service === change.service && one.atMs > change.atMs);
  const untilMs = Math.min(next?.atMs ?? Infinity, change.atMs + blamedForMs);
  return alerts.some(
    ({ service, mode, at }) =>
      service === change.service && mode === 'active' && at * 1_000 >= change.atMs && at * 1_000 < untilMs,
  );
}
