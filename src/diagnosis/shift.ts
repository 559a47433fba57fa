import type { Sample, Series } from '../domain/telemetry.ts';
import { mean, median, ordered, quantileOf } from '../lib/stats.ts';

/** What a series tells of its service. A `limit` (a pool's maximum, a quota) moves only when somebody moves it. */
export type Role = 'errors' | 'latency' | 'state' | 'traffic' | 'resource' | 'limit' | 'output' | 'other';

/** How a series moved: level before and after its own change-point, and how surprising that is. */
export interface Shift {
  readonly series: Series;
  readonly role: Role;
  /** When its level changed: the time of the first sample that belongs to the new level. */
  readonly onsetMs: number;
  readonly before: number;
  readonly after: number;
  /** Median shift in robust spreads, positive when it is for the worse. Within ±50. */
  readonly score: number;
  /** True when the shift is larger than noise, in spreads and in proportion. */
  readonly moved: boolean;
}

const mostScore = 50;
const minuteMs = 60_000;

/**
 * Measures one series: least-squares change-point within `fromMs..untilMs`, then the shift of the median over
 * max(IQR/1.35, 5 % of the level, 0.3 sd), so that neither one spike nor a near-constant series wins. `undefined` when
 * there are too few points on either side to say.
 */
export function shiftOf(series: Series, fromMs: number, untilMs: number, binMs: number = minuteMs): Shift | undefined {
  const usable = series.samples.filter((sample) => sample.tMs <= untilMs && Number.isFinite(sample.v));
  const bins = binned(usable, binMs);
  const found = changePoint(bins, fromMs);
  if (found === undefined) return undefined;
  const values = bins.map((bin) => bin.v);
  const oldLevel = median(values.slice(0, found)) ?? 0;
  const isMove = Math.abs((median(values.slice(found)) ?? 0) - oldLevel) >= 0.1 * Math.abs(oldLevel);
  const split = isMove ? footOfRamp(bins, found) : found;
  const role = roleOf(series);
  const before = values.slice(0, split);
  const sorted = ordered(before);
  const levelBefore = quantileOf(sorted, 0.5) ?? 0;
  const spread = spreadOf(before, sorted, levelBefore, series.unit);
  const start = onsetFrom(bins, split, levelBefore, spread);
  const levelAfter = median(values.slice(split)) ?? 0;
  const raw = (levelAfter - levelBefore) / spread;
  const score = Math.max(-mostScore, Math.min(mostScore, raw * badDirection(series, role)));
  const relative = Math.abs(levelAfter - levelBefore) / Math.max(Math.abs(levelBefore), 1e-9);
  const moved = Math.abs(score) >= 3 && relative >= 0.1;
  return { series, role, onsetMs: bins[start]?.tMs ?? untilMs, before: levelBefore, after: levelAfter, score, moved };
}

/**
 * How finely to look: a minute, where there is an hour or more to look at and the trouble is some minutes old, so that
 * a fine series weighs no more than a coarse one. Soon after the onset, or soon after the daemon's own start, finer, or
 * there would be too few points on one side to say anything at the moment when it matters.
 */
export function resolutionOf(spanMs: number, sinceMs: number): number {
  return Math.max(1_000, Math.min(minuteMs, spanMs / 60, Math.max(sinceMs, 20_000) / 4));
}

// One value a bin: the mean.
function binned(samples: readonly Sample[], binMs: number): readonly Sample[] {
  const bins: { readonly tMs: number; readonly bin: number; sum: number; count: number }[] = [];
  let last: (typeof bins)[number] | undefined;
  for (const { tMs, v } of samples) {
    const bin = Math.floor(tMs / binMs);
    if (last?.bin === bin) {
      last.sum += v;
      last.count++;
    } else {
      last = { tMs, bin, sum: v, count: 1 };
      bins.push(last);
    }
  }
  return bins.map(({ tMs, sum, count }) => ({ tMs, v: sum / count }));
}

// Least squares on values clamped to the 2nd and 98th percentile: one spike makes no change-point.
function changePoint(bins: readonly Sample[], fromMs: number): number | undefined {
  const [fewBefore, fewAfter] = [5, 2];
  if (bins.length < fewBefore + fewAfter) return undefined;
  const raw = bins.map((bin) => bin.v);
  const sorted = bins.length >= 60 ? ordered(raw) : undefined;
  const [low, high] = sorted ? [quantileOf(sorted, 0.02) ?? 0, quantileOf(sorted, 0.98) ?? 0] : [-Infinity, Infinity];
  const values = raw.map((value) => Math.min(high, Math.max(low, value)));
  const total = values.reduce((sum, value) => sum + value, 0);
  let left = 0;
  let best: number | undefined;
  let bestGain = -1;
  for (let split = 1; split <= values.length - fewAfter; split++) {
    left += values[split - 1] ?? 0;
    if (split < fewBefore || (bins[split]?.tMs ?? 0) < fromMs) continue;
    const right = total - left;
    const n = values.length;
    const gain = ((split * (n - split)) / n) * (left / split - right / (n - split)) ** 2;
    if (gain > bestGain * 1.000001) {
      bestGain = gain;
      best = split;
    }
  }
  return best;
}

// A slow ramp is split in its middle. While the stretch before the split still climbs towards it, look further back;
// an earlier step followed by a level stretch is another event and is left alone.
function footOfRamp(bins: readonly Sample[], split: number): number {
  let at = split;
  for (let round = 0; round < 4; round++) {
    const earlier = changePoint(bins.slice(0, at), 0);
    if (earlier === undefined) return at;
    const base = median(bins.slice(0, earlier).map((bin) => bin.v)) ?? 0;
    const climb = bins.slice(earlier, at).map((bin) => bin.v);
    const third = Math.max(1, Math.floor(climb.length / 3));
    const rise = (median(climb.slice(-third)) ?? 0) - (median(climb.slice(0, third)) ?? 0);
    const whole = (median(bins.slice(at).map((bin) => bin.v)) ?? 0) - base;
    if (climb.length < 6 || rise * Math.sign(whole) < 0.2 * Math.abs(whole)) return at;
    at = earlier;
  }
  return at;
}

function spreadOf(before: readonly number[], sorted: Float64Array, level: number, unit: string): number {
  const iqr = (quantileOf(sorted, 0.75) ?? 0) - (quantileOf(sorted, 0.25) ?? 0);
  const average = mean(before) ?? 0;
  const sd = Math.sqrt(mean(before.map((value) => (value - average) ** 2)) ?? 0);
  const quantum = unit === 'ratio' ? 0.002 : unit === '%' ? 0.2 : 1e-9;
  return Math.max(iqr / 1.35, 0.05 * Math.abs(level), 0.3 * sd, quantum);
}

// A slow ramp is split in its middle; walk back to where it left the old level.
function onsetFrom(bins: readonly Sample[], split: number, level: number, spread: number): number {
  const rising = (bins[split]?.v ?? level) >= level ? 1 : -1;
  let at = split;
  while (at > 0 && ((bins[at - 1]?.v ?? level) - level) * rising > 3 * spread) at--;
  return at;
}

/**
 * What a moment did to a series: half an hour before against ten minutes after, or until `untilMs`. `undefined` when
 * either side has fewer than three points. Used to ask of each change what moved with it before people felt anything.
 */
export function stepAt(
  series: Series,
  atMs: number,
  untilMs: number,
): Pick<Shift, 'before' | 'after' | 'score' | 'moved'> | undefined {
  const endMs = Math.min(untilMs, atMs + 10 * minuteMs);
  const near = series.samples.filter((sample) => sample.tMs > atMs - 30 * minuteMs && sample.tMs <= endMs);
  const before = near.filter((sample) => sample.tMs <= atMs).map((sample) => sample.v);
  const after = near.filter((sample) => sample.tMs > atMs).map((sample) => sample.v);
  if (before.length < 3 || after.length < 3) return undefined;
  const [from, to] = [median(before) ?? 0, median(after) ?? 0];
  const score =
    ((to - from) / spreadOf(before, ordered(before), from, series.unit)) * badDirection(series, roleOf(series));
  const moved = Math.abs(score) >= 3 && Math.abs(to - from) >= 0.1 * Math.abs(from);
  return { before: from, after: to, score: Math.max(-mostScore, Math.min(mostScore, score)), moved };
}

/** Judges a series by name, unit and nature. */
export function roleOf(series: Pick<Series, 'signal' | 'unit' | 'nature'>): Role {
  const name = series.signal.toLowerCase();
  if (/(^|_)(max|limit|quota|capacity|desired)(_|$)/.test(name) && !/latency|duration/.test(name)) return 'limit';
  if (/err|fail|5xx|4xx|panic|exception|availab|success|crash|restart|reject|timeout/.test(name)) return 'errors';
  if (series.nature === 'state') return 'state';
  if (/wait|latency|duration|response_?time|(^|_)p\d\d(_|$)/.test(name) || series.nature === 'latency')
    return 'latency';
  if (
    /cpu|mem|disk|inode|(^|_)fds?(_|$)|pool|conn|in_use|satur|pressure|swap|load|thread|heap|gc|queue|backlog|lag|age|expiry|hit_ratio|cache/.test(
      name,
    )
  )
    return 'resource';
  if (/traffic|request|rps|qps|throughput|(^|_)calls?(_|$)/.test(name)) return 'traffic';
  if (/flushed|enriched|processed|result|order|count|per_(min|sec)/.test(name) || series.nature === 'rate')
    return 'output';
  return series.nature === 'ratio' ? 'errors' : 'other';
}

function badDirection(series: Series, role: Role): 1 | -1 {
  const name = series.signal.toLowerCase();
  if (/availab|success|free|remaining|expiry|hit_ratio|headroom/.test(name)) return -1;
  if (role === 'state' || role === 'output') return -1;
  return 1;
}
