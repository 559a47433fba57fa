import * as z from 'zod';

import { formatDuration } from '../lib/duration.ts';
import { schemaOf } from '../lib/schema.ts';
import type { DetectorContext, DetectorKind } from '../domain/ports/detector.ts';
import { seriesKey, type Sample, type Series, type SeriesMeta } from '../domain/telemetry.ts';
import { foldPerSeries } from './bank.ts';
import { atOrBefore } from './companions.ts';
import type { FoldInput, SeriesFold, Verdict } from './fold.ts';
import { durationMs, severity } from './params.ts';
import { burnOver, emptyRing, pour, type BurnRing } from './burn-ring.ts';
import { changePhrase, formatValue } from './words.ts';

const dayMs = 86_400_000;

const windows = z
  .strictObject({
    burn: z.number().positive(),
    long: durationMs,
    short: durationMs,
    severity: severity.exactOptional(),
  })
  .refine((value) => value.short < value.long, { message: 'short must be shorter than long', path: ['short'] });

const params = z.strictObject({
  slo: z.string().exactOptional().describe('one SLO by name; default: every SLO over this signal'),
  traffic: z.string().default('traffic').describe('the signal that weighs the ratio, where the service has it'),
  minBadEvents: z.number().min(0).default(5).describe('with known traffic, fewer failed requests say nothing'),
  windows: z.array(windows).min(1).max(6).exactOptional(),
});

type Params = z.infer<typeof params>;

// The table of the SRE workbook, "Alerting on SLOs", for a 30-day window: 2 %, 5 % and 10 % of the budget spent.
const workbook: readonly z.infer<typeof windows>[] = [
  { burn: 14.4, long: 3_600_000, short: 300_000 },
  { burn: 6, long: 6 * 3_600_000, short: 1_800_000 },
  { burn: 1, long: 3 * dayMs, short: 6 * 3_600_000, severity: 'warning' },
];

/** One ring for each pair of windows, and the last traffic seen, which weighs samples until the next. */
interface State {
  tiers: { long: BurnRing; short: BurnRing }[];
  weight: number;
  lastMs: number;
  spanMs: number;
}

interface Tier {
  readonly burn: number;
  readonly longMs: number;
  readonly shortMs: number;
  readonly severity: 'info' | 'warning' | 'critical' | undefined;
}

/**
 * Multi-window, multi-burn-rate alerts on the service's SLOs (sre.google/workbook/alerting-on-slos). Windows shrink or
 * grow with the SLO's own. Never softened by a deploy: a spent budget is spent, whoever deployed what.
 */
export const burnRate: DetectorKind<Params> = {
  kind: 'burn-rate',
  summary: "A service spends its SLO's error budget too fast",
  params: schemaOf(params),
  stateBytesPerSeries: 16_000,
  warmupMs: (settings) => Math.max(...(settings.windows ?? workbook).map((window) => window.long)),
  create: (rule, settings, saved) =>
    foldPerSeries(rule, burnFold(settings), saved, {
      companions: [settings.traffic],
      tracks: (series, context) => slosOver(series, settings, context),
    }),
};

// All series of the signal feed one track per SLO: the objective is the service's, not an instance's.
function slosOver(series: Series, settings: Params, context: DetectorContext): readonly SeriesMeta[] {
  const slos = context.service(series.service)?.slos ?? [];
  return slos
    .filter((slo) => slo.errors === series.signal && (settings.slo === undefined || slo.name === settings.slo))
    .map(({ name }) => {
      const { source, service, signal, unit, nature } = series;
      return {
        key: seriesKey(service, signal, { slo: name }),
        source,
        service,
        signal,
        labels: { slo: name },
        unit,
        nature,
      };
    });
}

function burnFold(settings: Params): SeriesFold<State> {
  return {
    init: () => ({ tiers: [], weight: 0, lastMs: 0, spanMs: 0 }),
    add(state, sample, input) {
      const tiers = tiersOf(settings, input);
      if (state.tiers.length !== tiers.length)
        state.tiers = tiers.map((tier) => ({ long: emptyRing(tier.longMs, 24), short: emptyRing(tier.shortMs, 10) }));
      state.weight = trafficAt(state.weight, sample.tMs, input.companion(settings.traffic));
      // How long this sample speaks for: since the last one, but never across a hole. Siblings of one instant share it.
      const sinceMs = state.lastMs === 0 ? 0 : Math.max(0, sample.tMs - state.lastMs);
      const elapsedMs = Math.min(sinceMs, 3 * (input.stepMs || 60_000));
      if (elapsedMs > 0) state.spanMs = elapsedMs;
      state.lastMs = sample.tMs;
      const bad = Math.min(1, Math.max(0, input.meta.unit === '%' ? sample.v / 100 : sample.v));
      const poured = { tMs: sample.tMs, elapsedMs, spanMs: state.spanMs, bad, weight: state.weight };
      for (const tier of state.tiers) for (const ring of [tier.long, tier.short]) pour(ring, poured);
    },
    judge(state, input) {
      const slo = input.context.slo(input.meta.service, input.meta.labels['slo'] ?? '');
      if (slo === undefined) return [];
      const budget = Math.max(1e-9, 1 - slo.objective);
      return [verdict(state, tiersOf(settings, input), budget, settings, input)];
    },
  };
}

function trafficAt(last: number, tMs: number, traffic: readonly Sample[]): number {
  return atOrBefore(traffic, tMs)?.v ?? last;
}

function tiersOf(settings: Params, input: FoldInput<State>): readonly Tier[] {
  const slo = input.context.slo(input.meta.service, input.meta.labels['slo'] ?? '');
  // Given windows are taken as written; the workbook's are for 30 days and scale with the objective's own window.
  const scale = settings.windows === undefined ? (slo?.windowMs ?? 30 * dayMs) / (30 * dayMs) : 1;
  return (settings.windows ?? workbook).map((window) => ({
    burn: window.burn,
    longMs: window.long * scale,
    shortMs: window.short * scale,
    severity: window.severity,
  }));
}

function verdict(
  state: State,
  tiers: readonly Tier[],
  budget: number,
  settings: Params,
  input: FoldInput<State>,
): Verdict {
  const readings = tiers.map((tier, index) => {
    const rings = state.tiers[index];
    const long = burnOver(rings?.long, input.lastMs, budget);
    const short = burnOver(rings?.short, input.lastMs, budget);
    return { tier, long, short };
  });
  const what = `error budget ${input.meta.labels['slo'] ?? ''} of ${input.meta.service}`;
  const numbers: Record<string, number> = { objective: 1 - budget };
  for (const { tier, long, short } of readings) {
    const name = formatDuration(tier.longMs).replaceAll(' ', '');
    numbers[`burn_${name}`] = long.burn;
    numbers[`burn_${name}_short`] = short.burn;
    numbers[`covered_${name}`] = long.covered;
  }
  const chart = { seen: input.recent, expected: input.recent.map(({ tMs }) => ({ tMs, low: 0, high: budget })) };
  // With a short history the unseen part of the window counts as free of errors: a burn that is too fast even so is real.
  const hit = readings.find(({ tier, long, short }) => long.certain >= tier.burn && short.burn >= tier.burn);
  if (hit === undefined) return calm(readings, what, numbers);
  if (hit.short.weighted && hit.long.badEvents < settings.minBadEvents)
    return {
      state: 'unknown',
      numbers,
      confidence: 0,
      reason: `${what}: too few requests to judge (${hit.long.badEvents.toFixed(1)} failed)`,
    };
  const spent = (hit.long.burn * hit.tier.longMs * Math.min(1, hit.long.covered)) / Math.max(1, budgetWindowMs(input));
  return {
    state: 'bad',
    reason: `${what} is spent ${hit.short.burn.toFixed(1)} times too fast: errors were ${formatValue(hit.long.burn * budget, 'ratio')} over ${formatDuration(hit.tier.longMs * Math.min(1, hit.long.covered))} and ${formatValue(hit.short.burn * budget, 'ratio')} over the last ${formatDuration(hit.tier.shortMs)}, where ${formatValue(budget, 'ratio')} is allowed${changePhrase(input.changes, input.asOfMs)}`,
    numbers: { ...numbers, spent },
    confidence: Math.min(1, 0.7 + 0.3 * Math.min(1, hit.short.burn / hit.tier.burn - 1)),
    ...(hit.tier.severity === undefined ? {} : { severity: hit.tier.severity }),
    chart,
  };
}

function budgetWindowMs(input: FoldInput<State>): number {
  return input.context.slo(input.meta.service, input.meta.labels['slo'] ?? '')?.windowMs ?? 30 * dayMs;
}

function calm(
  readings: readonly { readonly tier: Tier; readonly long: { readonly covered: number; readonly burn: number } }[],
  what: string,
  numbers: Readonly<Record<string, number>>,
): Verdict {
  const first = readings[0];
  if (first === undefined || first.long.covered < 0.5)
    return {
      state: 'unknown',
      numbers,
      confidence: 0,
      reason: `${what}: the history is too short to say that it is kept`,
    };
  const short = readings.filter(({ long }) => long.covered < 0.5).map(({ tier }) => formatDuration(tier.longMs));
  const caveat = short.length === 0 ? '' : ` (not yet enough history for the window of ${short.join(', ')})`;
  return {
    state: 'good',
    numbers,
    confidence: 0.5,
    reason: `${what} is spent ${first.long.burn.toFixed(1)} times as fast as allowed over ${formatDuration(first.tier.longMs)}${caveat}`,
  };
}
