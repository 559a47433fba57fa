import { formatDuration } from '../lib/duration.ts';
import { median } from '../lib/stats.ts';
import type { Gap, SeriesMeta } from '../domain/telemetry.ts';
import type { Verdict } from './fold.ts';
import { subject } from './words.ts';

/** When a series was last heard, and its last distances between samples and between arrivals. */
export interface Heard {
  readonly meta: SeriesMeta;
  readonly lastMs: number;
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
  if (ownSilence || quietMs <= staleAfterMs(track)) return undefined;
  const reason = `${subject(track.meta)} has sent nothing for ${formatDuration(quietMs)}: silence is not recovery, so its state is unknown`;
  return { state: 'unknown', reason, numbers, confidence: 0 };
}

/** The gap that explains why this series brought nothing, if there is one. */
export function gapFor(
  about: Pick<SeriesMeta, 'source' | 'service' | 'signal'>,
  gaps: readonly Gap[],
): Gap | undefined {
  return gaps.find(
    (gap) =>
      gap.source === about.source &&
      (gap.service === undefined || gap.service === about.service) &&
      (gap.signal === undefined || gap.signal === about.signal),
  );
}

// Five of its own intervals, whether samples are far apart or come in seldom batches; a minute is assumed at first.
function staleAfterMs(track: Heard): number {
  return Math.max(10_000, 5 * Math.max(median(track.gaps) ?? 60_000, median(track.arrivals) ?? 0));
}
