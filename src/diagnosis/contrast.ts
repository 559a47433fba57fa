import { instanceLabels, sideOfChange } from '../domain/change.ts';
import type { Change } from '../domain/change.ts';
import type { Series } from '../domain/telemetry.ts';
import { median, robustSpread } from '../lib/stats.ts';
import { oneLine } from '../lib/text.ts';
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
  const signals = new Map<string, { touched: number[]; rest: number[]; names: Names; series: Series }>();
  for (const { series, role } of scene.shifts.get(change.service) ?? []) {
    if (role !== 'errors' && role !== 'latency') continue;
    const side = sideOf(series, change, scene);
    if (side === undefined) continue;
    const names = { touched: new Set<string>(), rest: new Set<string>() };
    const group = signals.get(series.signal) ?? { touched: [], rest: [], names, series };
    group.names[side].add(instanceOf(series));
    group[side].push(
      ...series.samples.filter((sample) => sample.tMs >= since && sample.tMs <= scene.asOfMs).map((sample) => sample.v),
    );
    signals.set(series.signal, group);
  }
  const notes: Note[] = [];
  for (const [signal, { touched, rest, names, series }] of [...signals].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const [bad, good] = [median(touched), median(rest)];
    if (bad === undefined || good === undefined || touched.length < 3 || rest.length < 3) continue;
    const inverted = /availab|success/i.test(series.signal) ? -1 : 1;
    const spread = Math.max(robustSpread(rest) ?? 0, 0.1 * Math.abs(good), roleOf(series) === 'errors' ? 0.002 : 0);
    const score = spread === 0 ? 0 : ((bad - good) / spread) * inverted;
    const text = `${signal} is ${figure(bad, series.unit)} where it was applied${said(names.touched)} and ${figure(good, series.unit)} where it was not${said(names.rest)}`;
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

interface Names {
  readonly touched: Set<string>;
  readonly rest: Set<string>;
}

function sideOf(series: Series, change: Change, scene: Scene): 'touched' | 'rest' | undefined {
  const version = series.labels['version'] ?? series.labels['release'] ?? series.labels['service.version'];
  if (version !== undefined && change.to !== undefined) return version === change.to ? 'touched' : 'rest';
  const side = sideOfChange(change, series.labels);
  // Where the same came at another time, it is no place that is without it.
  if (side === 'rest' && scene.changes.some((other) => isSame(other, change) && isOn(other, series))) return undefined;
  return side;
}

function isSame(other: Change, change: Change): boolean {
  return (
    other.id !== change.id &&
    other.service === change.service &&
    other.what === change.what &&
    other.to !== undefined &&
    other.to === change.to
  );
}

function isOn(change: Change, { labels }: Series): boolean {
  return sideOfChange(change, labels) !== 'rest';
}

function instanceOf({ labels }: Series): string {
  return instanceLabels.map((name) => labels[name]).find((value) => value !== undefined) ?? '';
}

// ` (2: web-1, web-2)`; nothing where instances have no names.
function said(names: ReadonlySet<string>): string {
  const shown = [...names].filter((name) => name !== '').sort();
  if (shown.length === 0) return '';
  return ` (${shown.length}: ${shown
    .slice(0, 4)
    .map((name) => oneLine(name, 40))
    .join(', ')}${shown.length > 4 ? ' …' : ''})`;
}
