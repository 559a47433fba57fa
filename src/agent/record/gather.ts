import { canonicalJson } from '../../lib/canonical.ts';
import { WatchkeeperError } from '../../lib/errors.ts';
import { limits } from '../../lib/limits.ts';
import type { Change } from '../../domain/change.ts';
import type { Gap, Series, SeriesMeta } from '../../domain/telemetry.ts';
import type { Collected } from '../../domain/ports/source.ts';

/** What has been recorded so far, bounded in series and points. */
export interface Gathered {
  readonly series: ReadonlyMap<
    string,
    { readonly meta: SeriesMeta; readonly times: number[]; readonly values: number[] }
  >;
  readonly changes: ReadonlyMap<string, Change>;
  readonly gaps: readonly Gap[];
  /** @throws `too-large` beyond the limits: half of a recording would look like a whole one. */
  add(collected: Pick<Collected, 'series' | 'changes' | 'gaps'>): void;
}

/** Nothing gathered yet. */
export function createGathered(): Gathered {
  const series = new Map<string, { readonly meta: SeriesMeta; readonly times: number[]; readonly values: number[] }>();
  const changes = new Map<string, Change>();
  const gaps: Gap[] = [];
  let points = 0;
  const takeSeries = ({ samples, ...meta }: Series): void => {
    let kept = series.get(meta.key);
    if (kept === undefined) {
      if (series.size >= limits.recordingSeries) throw tooLarge('series', limits.recordingSeries);
      series.set(meta.key, (kept = { meta, times: [], values: [] }));
    }
    for (const { tMs, v } of samples) {
      // Sources overlap their reads on purpose; what is not later is known already.
      if (!Number.isFinite(v) || tMs <= (kept.times.at(-1) ?? -Infinity)) continue;
      if (++points > limits.recordingPoints) throw tooLarge('samples', limits.recordingPoints);
      kept.times.push(tMs);
      kept.values.push(v);
    }
  };
  return {
    series,
    changes,
    gaps,
    add: (collected) => {
      for (const one of collected.series) takeSeries(one);
      for (const change of collected.changes) changes.set(change.id, change);
      for (const gap of collected.gaps) extend(gaps, gap);
    },
  };
}

// A source that stays silent says so at every read: one gap, as long as it lasts.
function extend(gaps: Gap[], gap: Gap): void {
  const same = gaps.findLastIndex(
    (one) =>
      one.source === gap.source &&
      one.reason === gap.reason &&
      one.service === gap.service &&
      one.signal === gap.signal &&
      canonicalJson(one.labels ?? null) === canonicalJson(gap.labels ?? null) &&
      one.untilMs >= gap.fromMs - 1_000,
  );
  const before = gaps[same];
  if (before !== undefined) gaps[same] = { ...before, untilMs: Math.max(before.untilMs, gap.untilMs) };
  else if (gaps.length < limits.recordingGaps) gaps.push(gap);
}

function tooLarge(what: string, most: number): WatchkeeperError {
  return new WatchkeeperError('too-large', `the recording would hold more than ${most.toLocaleString('en')} ${what}`, {
    fix: 'Record fewer services (--service), a shorter stretch, or a longer --step.',
  });
}
