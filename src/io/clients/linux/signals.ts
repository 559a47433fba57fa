import type { SignalQuery } from '../../../domain/ports/source.ts';
import { seriesKey } from '../../../domain/telemetry.ts';
import type { Gap, Labels, Series } from '../../../domain/telemetry.ts';
import { metricOf } from './metrics/catalogue.ts';
import type { Point, Problem, Reading } from './reading.ts';
import type { HostQuery } from './query.ts';

/** One asked-for signal with its query understood. */
export interface Wanted {
  readonly query: HostQuery;
  readonly asked: SignalQuery;
}

/** When and for whom an answer is made. */
export interface Stamp {
  readonly source: string;
  readonly nowMs: number;
  readonly fromMs: number;
}

const filters = ['mount', 'device', 'interface', 'path', 'kind', 'window', 'pool', 'site'] as const;

/**
 * Picks from a reading what one signal asked for. A signal that finds nothing gets a Gap that says why: something
 * could not be read, a counter needs its second reading, or there is no such mount, device or interface.
 */
export function answer(
  wanted: Wanted,
  reading: Reading,
  stamp: Stamp,
): { series: readonly Series[]; gaps: readonly Gap[] } {
  const { query, asked } = wanted;
  const points = reading.points.filter((point) => point.metric === query.metric && selects(query, point.labels));
  const series = points.flatMap((point) => seriesOf(point, asked, stamp));
  const gap = (problem: Pick<Problem, 'reason' | 'message'>): Gap => ({
    source: stamp.source,
    reason: problem.reason,
    message: problem.message,
    fromMs: Math.min(stamp.fromMs, stamp.nowMs),
    untilMs: stamp.nowMs,
    service: asked.service,
    signal: asked.signal,
  });
  const gaps = reading.problems
    .filter(({ metrics, labels }) => metrics.includes(query.metric) && (labels === undefined || selects(query, labels)))
    .map(gap);
  if (series.length === 0 && gaps.length === 0) gaps.push(gap(points.length > 0 ? firstReading : nothing(query)));
  return { series, gaps };
}

const firstReading = {
  reason: 'missing',
  message: 'no rate yet: a counter needs two readings some time apart',
} as const;

function nothing(query: HostQuery): Pick<Problem, 'reason' | 'message'> {
  const narrowed = filters.filter((key) => query[key] !== undefined).map((key) => `${key} ${query[key] ?? ''}`);
  const where = narrowed.length === 0 ? '' : ` with ${narrowed.join(', ')}`;
  return { reason: 'missing', message: `this machine has no ${query.metric}${where}` };
}

function selects(query: HostQuery, labels: Labels): boolean {
  const window = query.window ?? 'avg10';
  return filters.every((key) => {
    const wanted = key === 'window' ? window : query[key];
    return wanted === undefined || labels[key] === undefined || labels[key] === wanted;
  });
}

function seriesOf({ metric, labels: all, v }: Point, asked: SignalQuery, stamp: Stamp): readonly Series[] {
  if (v === undefined || !Number.isFinite(v)) return [];
  const { window: _window, ...labels } = all; // chosen by the query, so it tells no two series apart
  return [
    {
      key: seriesKey(asked.service, asked.signal, labels),
      source: stamp.source,
      service: asked.service,
      signal: asked.signal,
      labels,
      unit: asked.binding.unit === '' ? metricOf(metric).unit : asked.binding.unit,
      nature: asked.binding.nature,
      samples: [{ tMs: stamp.nowMs, v }],
    },
  ];
}
