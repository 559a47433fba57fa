import type { Slo } from '../domain/service.ts';
import type { Sample } from '../domain/telemetry.ts';
import { formatDuration } from '../lib/duration.ts';
import { median } from '../lib/stats.ts';

/**
 * What is left of an error budget. `undefined` is an answer (I10): too little of the window was seen to say, and a
 * policy that asks for the figure is then refused.
 */
export interface Budget {
  /** 1: untouched, 0: spent, negative: overspent. */
  readonly remaining: number | undefined;
  /** How many times faster than sustainable it is being spent, over `burnWindowMs`. 1 spends it exactly by the end. */
  readonly burn: number | undefined;
  /** Share of the objective's window that samples cover, 0..1. */
  readonly coverage: number;
  readonly because: string;
}

interface BudgetOptions {
  /** The stretch that burn is measured over. Default 1 h. */
  readonly burnWindowMs?: number;
  /** Less of the window than this seen: `remaining` is undefined. Default 0.5. */
  readonly minCoverage?: number;
}

/**
 * The error budget of an objective from samples of its bad-event ratio (0..1), oldest first: SRE Workbook, chapter 5.
 * Each sample stands for the time since the one before, at the most three usual steps, so an outage of the source is a
 * hole and not a quiet stretch. Samples weigh by time, not by traffic, which the ratio alone does not tell.
 */
export function budgetOf(slo: Slo, samples: readonly Sample[], asOfMs: number, options: BudgetOptions = {}): Budget {
  const { burnWindowMs = 3_600_000, minCoverage = 0.5 } = options;
  const allowed = 1 - slo.objective;
  const whole = badShare(samples, asOfMs - slo.windowMs, asOfMs);
  const recent = badShare(samples, asOfMs - Math.min(burnWindowMs, slo.windowMs), asOfMs);
  const burn = recent.ratio === undefined || recent.coverage < minCoverage ? undefined : recent.ratio / allowed;
  const window = formatDuration(slo.windowMs);
  if (whole.ratio === undefined || whole.coverage < minCoverage) {
    const seen = `${(whole.coverage * 100).toFixed(1)}%`;
    const because = `only ${seen} of the ${window} window of ${slo.name} has been seen, ${(minCoverage * 100).toFixed(0)}% is needed`;
    return { remaining: undefined, burn, coverage: whole.coverage, because };
  }
  const remaining = 1 - whole.ratio / allowed;
  const because = `${(remaining * 100).toFixed(1)}% of the ${window} error budget of ${slo.name} is left`;
  return { remaining, burn, coverage: whole.coverage, because };
}

function badShare(
  samples: readonly Sample[],
  fromMs: number,
  untilMs: number,
): { readonly ratio: number | undefined; readonly coverage: number } {
  const finite = samples.filter((sample) => Number.isFinite(sample.v) && sample.tMs <= untilMs);
  const steps = finite.slice(1).map((sample, index) => sample.tMs - (finite[index]?.tMs ?? sample.tMs));
  const step = median(steps.filter((ms) => ms > 0)) ?? 60_000;
  let covered = 0;
  let bad = 0;
  let previousMs = Number.NEGATIVE_INFINITY;
  for (const sample of finite) {
    const beginsMs = Math.max(previousMs, sample.tMs - 3 * step, fromMs);
    previousMs = sample.tMs;
    if (sample.tMs <= fromMs) continue;
    covered += sample.tMs - beginsMs;
    bad += (sample.tMs - beginsMs) * Math.min(1, Math.max(0, sample.v));
  }
  return { ratio: covered > 0 ? bad / covered : undefined, coverage: Math.min(1, covered / (untilMs - fromMs)) };
}
