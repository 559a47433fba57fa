import type { Change } from '../domain/change.ts';
import type { Series } from '../domain/telemetry.ts';
import { median, robustSpread } from '../lib/stats.ts';
import { figure } from './draft.ts';
import type { Note } from './draft.ts';
import { roleOf } from './shift.ts';
import type { Scene } from './scene.ts';

/**
 * New against old at the same time, where labels tell them apart: the strongest evidence there is, because traffic,
 * dependencies and the hour are the same for both. Touched instances against the rest where a change names them.
 */
export function contrastNotes(change: Change, scene: Scene): readonly Note[] {
  const since = Math.max(change.atMs, scene.onsetMs - scene.toleranceMs);
  const signals = new Map<string, { touched: number[]; rest: number[]; series: Series }>();
  for (const { series, role } of scene.shifts.get(change.service) ?? []) {
    if (role !== 'errors' && role !== 'latency') continue;
    const side = sideOf(series, change);
    if (side === undefined) continue;
    const group = signals.get(series.signal) ?? { touched: [], rest: [], series };
    group[side].push(
      ...series.samples.filter((sample) => sample.tMs >= since && sample.tMs <= scene.asOfMs).map((sample) => sample.v),
    );
    signals.set(series.signal, group);
  }
  const notes: Note[] = [];
  for (const [signal, { touched, rest, series }] of [...signals].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const [bad, good] = [median(touched), median(rest)];
    if (bad === undefined || good === undefined || touched.length < 3 || rest.length < 3) continue;
    const inverted = /availab|success/i.test(series.signal) ? -1 : 1;
    const spread = Math.max(robustSpread(rest) ?? 0, 0.1 * Math.abs(good), roleOf(series) === 'errors' ? 0.002 : 0);
    const score = spread === 0 ? 0 : ((bad - good) / spread) * inverted;
    const text = `${signal} is ${figure(bad, series.unit)} where it was applied and ${figure(good, series.unit)} where it was not`;
    if (score >= 3)
      notes.push({
        modality: 'contrast',
        kind: 'metric',
        text,
        weight: 2.5,
        refutedBy: 'the untouched instances going bad as well',
      });
    else if (Math.abs(score) < 1.5) notes.push({ modality: 'contrast', kind: 'metric', text, weight: -2 });
  }
  return notes;
}

function sideOf(series: Series, change: Change): 'touched' | 'rest' | undefined {
  const version = series.labels['version'] ?? series.labels['release'] ?? series.labels['service.version'];
  if (version !== undefined && change.to !== undefined) return version === change.to ? 'touched' : 'rest';
  const instance = series.labels['instance'] ?? series.labels['pod'] ?? series.labels['host'];
  if (instance === undefined || change.instances === undefined) return undefined;
  return change.instances.includes(instance) ? 'touched' : 'rest';
}
