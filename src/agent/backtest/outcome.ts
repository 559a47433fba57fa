import type { Alert, DetectorMode, FindingChart } from '../../domain/alert.ts';
import type { Change, ChangeVerdict } from '../../domain/change.ts';
import type { DetectorDefinition } from '../../domain/definitions.ts';
import type { Labels, Sample } from '../../domain/telemetry.ts';
import { limits } from '../../lib/limits.ts';
import type { Observed } from '../observe.ts';
import { play, stretchOf } from './play.ts';
import type { Recorded } from './recording.ts';

/** One alert of a backtest; times in epoch seconds, as recordings have them. */
export interface BacktestAlert {
  readonly service: string;
  readonly at: number;
  /** Null while it still fired at the end. */
  readonly until: number | null;
  readonly signal: string;
  readonly labels: Labels;
  readonly reason: string;
  readonly detector: string;
  readonly severity: string;
  /** `shadow` alerts call nobody. */
  readonly mode: DetectorMode;
  /** What a chart of it needs, around the time it fired. */
  readonly picture: Picture | undefined;
}

/** The series of an alert with what was expected of it, and what was changed meanwhile. */
export interface Picture {
  readonly seriesKey: string;
  readonly unit: string;
  readonly seen: readonly Sample[];
  readonly expected: FindingChart['expected'];
}

/** Everything a backtest came to. */
export interface BacktestOutcome {
  /** Oldest first. */
  readonly alerts: readonly BacktestAlert[];
  /** Times people would have been called: incidents that were opened by an active detector. */
  readonly pages: readonly { readonly at: number; readonly services: readonly string[]; readonly text: string }[];
  readonly changes: readonly Change[];
  /** The last verdict of each detector on each change and signal. */
  readonly verdicts: readonly ChangeVerdict[];
  readonly services: readonly string[];
  readonly detectors: readonly string[];
  readonly series: number;
  readonly samples: number;
  readonly gaps: number;
  readonly from: number;
  readonly until: number;
}

interface Fired {
  readonly alert: Alert;
  last: Alert;
  endsAtMs: number | undefined;
  readonly expected: Map<number, FindingChart['expected'][number]>;
}

/** Plays a recording to detectors and keeps what came of it. */
export function outcomeOf(recorded: Recorded, definitions: readonly DetectorDefinition[]): BacktestOutcome {
  const fired: Fired[] = [];
  const live = new Map<string, Fired>();
  const pages: BacktestOutcome['pages'][number][] = [];
  const verdicts = new Map<string, ChangeVerdict>();
  let known: ReadonlyMap<string, ChangeVerdict> | undefined;
  play(recorded, definitions, (asOfMs, observed) => {
    follow(observed, asOfMs, live, fired);
    pages.push(...pagesOf(observed, asOfMs));
    if (observed.state.verdicts === known) return;
    known = observed.state.verdicts;
    for (const [key, verdict] of known) verdicts.set(key, verdict);
  });
  const { firstMs, lastMs } = stretchOf(recorded);
  return {
    alerts: fired.map((one, index) => alertOf(one, recorded, index < limits.backtestPictures)),
    pages,
    changes: recorded.changes,
    verdicts: [...verdicts.values()],
    services: recorded.services.map(({ name }) => name),
    detectors: definitions.map(({ name }) => name),
    series: recorded.series.length,
    samples: recorded.series.reduce((sum, { times }) => sum + times.length, 0),
    gaps: recorded.gaps.length,
    from: firstMs / 1_000,
    until: lastMs / 1_000,
  };
}

function follow({ state }: Observed, asOfMs: number, live: Map<string, Fired>, fired: Fired[]): void {
  const seen = new Set<string>();
  for (const alert of state.alerts) {
    const open = live.get(alert.fingerprint);
    if (alert.status === 'firing') {
      seen.add(alert.fingerprint);
      const entry = open ?? { alert, last: alert, endsAtMs: undefined, expected: new Map() };
      if (open === undefined) {
        live.set(alert.fingerprint, entry);
        fired.push(entry);
      }
      if (open === undefined || entry.last.finding !== alert.finding) keepBand(entry, alert);
      entry.last = alert;
    } else if (open !== undefined) open.endsAtMs = alert.endsAtMs ?? asOfMs;
  }
  for (const [fingerprint, entry] of live) {
    if (seen.has(fingerprint)) continue;
    entry.endsAtMs ??= asOfMs;
    live.delete(fingerprint);
  }
}

function keepBand({ expected }: Fired, { finding }: Alert): void {
  for (const point of finding.chart?.expected ?? [])
    if (expected.size < limits.backtestPicturePoints) expected.set(point.tMs, point);
}

function pagesOf({ events, state }: Observed, asOfMs: number): readonly BacktestOutcome['pages'][number][] {
  return events.flatMap((event) => {
    if (event.kind !== 'opened') return [];
    const incident = state.incidents.find(({ id }) => id === event.incidentId);
    if (incident === undefined || incident.mode === 'shadow') return [];
    return [{ at: asOfMs / 1_000, services: incident.services, text: event.text }];
  });
}

function alertOf({ alert, endsAtMs, expected }: Fired, recorded: Recorded, pictured: boolean): BacktestAlert {
  const { service, signal, labels, severity, mode, detector, finding } = alert;
  const at = (alert.firingAtMs ?? alert.startsAtMs) / 1_000;
  return {
    ...{ service, at, until: endsAtMs === undefined ? null : endsAtMs / 1_000, signal, labels },
    ...{ reason: finding.reason, detector, severity, mode },
    picture: pictured ? pictureOf(alert, endsAtMs, expected, recorded) : undefined,
  };
}

const beforeMs = 2 * 3_600_000;
const afterMs = 3_600_000;

function pictureOf(
  alert: Alert,
  endsAtMs: number | undefined,
  expected: Fired['expected'],
  recorded: Recorded,
): Picture | undefined {
  const key = alert.finding.chart?.seriesKey;
  const series =
    recorded.series.find(({ meta }) => meta.key === key) ??
    recorded.series.find(({ meta }) => meta.service === alert.service && meta.signal === alert.signal);
  if (series === undefined) return undefined;
  const firedMs = alert.firingAtMs ?? alert.startsAtMs;
  const untilMs = Math.min((endsAtMs ?? firedMs) + afterMs, firedMs + 4 * beforeMs);
  const seen: Sample[] = [];
  for (const [index, tMs] of series.times.entries())
    if (tMs >= firedMs - beforeMs && tMs <= untilMs) seen.push({ tMs, v: series.values[index] ?? NaN });
  return {
    seriesKey: series.meta.key,
    unit: series.meta.unit,
    seen: thinned(seen, limits.backtestPicturePoints),
    expected: [...expected.values()].sort((a, b) => a.tMs - b.tMs),
  };
}

// Of each stretch the lowest and the highest stay, so that no spike is lost.
function thinned(samples: readonly Sample[], most: number): readonly Sample[] {
  if (samples.length <= most) return samples;
  const width = (2 * samples.length) / most;
  const kept: Sample[] = [];
  for (let from = 0; from < samples.length; from += width) {
    const part = samples.slice(Math.floor(from), Math.floor(from + width));
    const low = part.reduce((best, one) => (one.v < best.v ? one : best), part[0] ?? { tMs: 0, v: 0 });
    const high = part.reduce((best, one) => (one.v > best.v ? one : best), low);
    kept.push(...(low.tMs <= high.tMs ? [low, high] : [high, low]));
  }
  return kept.filter((one, index) => index === 0 || one !== kept[index - 1]);
}
