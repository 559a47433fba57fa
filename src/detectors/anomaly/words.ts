import { formatDuration } from '../../lib/duration.ts';
import type { FindingChart } from '../../domain/alert.ts';
import type { Change } from '../../domain/change.ts';
import type { Sample, SeriesMeta } from '../../domain/telemetry.ts';
import type { Verdict } from '../fold.ts';
import { changePhrase, formatValue, subject } from '../words.ts';
import { calmSamples } from './life.ts';
import type { causes } from './tuning.ts';

/** All a sentence and a chart need of one series. */
export interface Told {
  readonly meta: SeriesMeta;
  readonly cause: (typeof causes)[number];
  readonly value: number;
  readonly low: number;
  readonly high: number;
  readonly surprise: number;
  /** How much surprise it takes, and the score of the newest sample: 0.5 is just enough. */
  readonly enough: number;
  readonly score: number;
  readonly intervalMs: number;
  readonly sinceMs: number;
  readonly lastMs: number;
  readonly changes: readonly Change[];
  readonly seen: readonly Sample[];
  /** What is expected at a time, as far as hours of the day are known to differ. */
  expectedAt(tMs: number): { readonly low: number; readonly high: number };
}

const what = {
  hour: 'is not what it is at this hour',
  shift: 'moved away from the level of the last hours',
  level: 'is far from its level',
  jump: 'jumped',
  noise: 'varies as it never did',
  activity: 'varies for a good while as it never did for as long',
  value: 'has a value it hardly ever had',
  smoothed: 'stays where it hardly ever was',
  'hour-drift': 'has not been for a while what it is at this hour',
  frozen: 'does not change any more, though it always did',
} as const;

/** What is said of a series that is strange. */
export function strange(told: Told): Verdict {
  const { meta, low, high, sinceMs, lastMs } = told;
  const shown = (v: number): string => formatValue(v, meta.unit);
  const lasting = lastMs - sinceMs < 1_000 ? '' : `, for ${formatDuration(lastMs - sinceMs)}`;
  const change = changePhrase(told.changes, sinceMs);
  const expected = `expected ${shown(low)} to ${shown(high)}`;
  const until =
    told.cause === 'frozen'
      ? `over when it changes for ${calmSamples} samples`
      : `over when ${calmSamples} samples in a row are expected ones`;
  return {
    state: 'bad',
    reason: `${subject(meta)} is ${shown(told.value)} and ${what[told.cause]} (${expected})${lasting}${change}; by chance alone once in ${rarity(told)}; ${until}`,
    numbers: {
      value: told.value,
      low,
      high,
      score: told.score,
      surprise: told.surprise,
      oneInSamples: Math.exp(Math.min(told.surprise, 40)),
    },
    confidence: Math.min(0.97, 0.5 + 0.08 * Math.max(0, told.surprise - told.enough)),
    sinceMs,
    chart: chartOf(told),
  };
}

/** What is said of a series in which nothing is strange, or not enough is known yet. */
export function usual(told: Told, ready: boolean): Verdict {
  const { meta, low, high, score, value } = told;
  const numbers = { value, low, high, score };
  if (!ready)
    return {
      state: 'unknown',
      reason: `${subject(meta)}: too few samples to know what is usual`,
      numbers,
      confidence: 0,
    };
  const shown = (v: number): string => formatValue(v, meta.unit);
  const reason = `${subject(meta)} is ${shown(value)}, expected ${shown(low)} to ${shown(high)}`;
  return { state: 'good', reason, numbers, confidence: 0.5 };
}

// In the time it takes at this pace of samples.
function rarity({ surprise, intervalMs }: Told): string {
  const ms = Math.exp(Math.min(surprise, 40)) * Math.max(1, intervalMs);
  const years = ms / 31_557_600_000;
  if (years >= 1_000) return 'a thousand years';
  return years >= 2 ? `${Math.round(years)} years` : formatDuration(ms);
}

// The band of the last day, hour by hour where hours differ, then what was seen since it began.
function chartOf(told: Told): Omit<FindingChart, 'seriesKey'> {
  const hourMs = 3_600_000;
  const expected: { tMs: number; low: number; high: number }[] = [];
  for (let hour = 23; hour >= 1; hour--) {
    const tMs = told.sinceMs - hour * hourMs;
    const { low, high } = told.expectedAt(tMs);
    const before = expected.at(-1);
    const same = before !== undefined && before.low === low && before.high === high;
    if (!same || hour === 1) expected.push({ tMs, low, high });
  }
  expected.push({ tMs: told.sinceMs, low: told.low, high: told.high });
  if (told.lastMs > told.sinceMs) expected.push({ tMs: told.lastMs, low: told.low, high: told.high });
  return { seen: told.seen, expected };
}
