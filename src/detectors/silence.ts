import { formatDuration } from '../lib/duration.ts';
import { median } from '../lib/stats.ts';
import { seriesKey, type Gap, type Labels, type SeriesMeta } from '../domain/telemetry.ts';
import type { Verdict } from './fold.ts';
import { subject } from './words.ts';

/** When a series was last heard, and its last distances between samples and between arrivals. */
export interface Heard {
  readonly meta: SeriesMeta;
  readonly lastMs: number;
  /** How long after its own time the last sample came. */
  readonly lateMs: number;
  readonly gaps: readonly number[];
  readonly arrivals: readonly number[];
}

/** Why nothing can be said of a series that brought no sample in this step; `undefined` while its last one still stands. */
export function silence(track: Heard, asOfMs: number, gaps: readonly Gap[], ownSilence: boolean): Verdict | undefined {
  const gap = gapFor(track.meta, gaps);
  const quietMs = asOfMs - track.lastMs;
  const numbers = { quiet_s: quietMs / 1_000 };
  if (gap !== undefined)
    return {
      state: 'unknown',
      reason: `${subject(track.meta)} cannot be read: ${gap.message}`,
      numbers,
      confidence: 0,
    };
  if (ownSilence || quietMs <= staleAfterMs(track) + lateness(track.lateMs)) return undefined;
  const reason = `${subject(track.meta)} has sent nothing for ${formatDuration(quietMs)}: silence is not recovery, so its state is unknown`;
  return { state: 'unknown', reason, numbers, confidence: 0 };
}

/** The gap that explains why this series brought nothing, if there is one; of several the first. */
export function gapFor(
  about: Pick<SeriesMeta, 'source' | 'service' | 'signal' | 'labels'>,
  gaps: readonly Gap[],
): Gap | undefined {
  if (gaps.length === 0) return undefined;
  let index = indexes.get(gaps);
  if (index === undefined) indexes.set(gaps, (index = indexOf(gaps)));
  const { source, service, signal, labels } = about;
  const found = [
    index.get(nameOf(source)),
    index.get(nameOf(source, service)),
    index.get(nameOf(source, undefined, signal)),
    index.get(nameOf(source, service, signal)),
    index.get(nameOf(source, service, signal, labels)),
  ].filter((at) => at !== undefined);
  return found.length === 0 ? undefined : gaps[Math.min(...found)];
}

// When a large source is down there is a gap for each of its signals, and every series asks: they are found by name.
const indexes = new WeakMap<readonly Gap[], ReadonlyMap<string, number>>();

function indexOf(gaps: readonly Gap[]): ReadonlyMap<string, number> {
  const index = new Map<string, number>();
  for (const [at, gap] of gaps.entries()) {
    const name = nameOf(gap.source, gap.service, gap.signal, gap.labels);
    if (!index.has(name)) index.set(name, at);
  }
  return index;
}

function nameOf(source: string, service?: string, signal?: string, labels?: Labels): string {
  const which = labels === undefined ? '' : seriesKey('', '', labels);
  return `${source}\n${service ?? '\t'}\n${signal ?? '\t'}\n${which}`;
}

// Clouds show a sample minutes after its time: so much longer it takes to know that none came.
const longestLatenessMs = 15 * 60_000;

/** What lateness of the last sample is granted to the next, in milliseconds. */
export function lateness(lateMs: number): number {
  return Math.max(0, Math.min(longestLatenessMs, lateMs));
}

// Five of its own intervals, whether samples are far apart or come in seldom batches; a minute is assumed at first.
function staleAfterMs(track: Heard): number {
  return Math.max(10_000, 5 * Math.max(median(track.gaps) ?? 60_000, median(track.arrivals) ?? 0));
}
