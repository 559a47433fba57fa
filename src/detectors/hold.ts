import type { DetectorDefinition } from '../domain/definitions.ts';
import type { Finding } from '../domain/alert.ts';
import { seriesKey } from '../domain/telemetry.ts';

/** One alert of one detector, as far as hold and clear make it. */
export interface Held {
  readonly finding: Finding;
  readonly sinceMs: number;
  readonly firingAtMs: number | undefined;
  readonly endsAtMs: number | undefined;
}

/** Turns findings into alerts by hold and clear. The daemon's own does more (flaps, dedup); replays may inject it. */
export interface Holding {
  /** Takes a step's findings; gives the alerts that began to fire and those that ended. */
  step(
    findings: readonly Finding[],
    asOfMs: number,
  ): { readonly fired: readonly Held[]; readonly ended: readonly Held[] };
  isWatched(about: Pick<Finding, 'service' | 'signal' | 'labels'>): boolean;
  /** Everything that fires now. */
  firing(): readonly Held[];
}

interface Entry {
  finding: Finding;
  sinceMs: number;
  firingAtMs: number | undefined;
  goodSinceMs: number | undefined;
}

/** Hold and clear and nothing else: for unit tests of detectors, and the default of `backtest`. `unknown` changes nothing. */
export function holdAndClear(rule: Pick<DetectorDefinition, 'holdMs' | 'clearMs'>): Holding {
  const entries = new Map<string, Entry>();
  return {
    step(findings, asOfMs) {
      const fired: Held[] = [];
      const ended: Held[] = [];
      for (const finding of findings) {
        const key = seriesKey(finding.service, finding.signal, finding.labels);
        const entry = entries.get(key);
        if (finding.state === 'bad') {
          const next = entry ?? { finding, sinceMs: asOfMs, firingAtMs: undefined, goodSinceMs: undefined };
          Object.assign(next, { finding, goodSinceMs: undefined });
          entries.set(key, next);
          if (next.firingAtMs === undefined && (asOfMs - next.sinceMs >= rule.holdMs || overwhelming(finding))) {
            next.firingAtMs = asOfMs;
            fired.push(heldOf(next, undefined));
          }
        } else if (finding.state === 'good' && entry !== undefined) {
          entry.goodSinceMs ??= asOfMs;
          const over = entry.firingAtMs === undefined || asOfMs - entry.goodSinceMs >= rule.clearMs;
          if (!over) continue;
          entries.delete(key);
          if (entry.firingAtMs !== undefined) ended.push(heldOf(entry, asOfMs));
        }
      }
      return { fired, ended };
    },
    isWatched: (about) => entries.has(seriesKey(about.service, about.signal, about.labels)),
    firing: () =>
      [...entries.values()].filter((entry) => entry.firingAtMs !== undefined).map((entry) => heldOf(entry, undefined)),
  };
}

// Hold is skipped when it is critical and there is nothing left to doubt.
function overwhelming(finding: Finding): boolean {
  return finding.severity === 'critical' && finding.confidence >= 1;
}

function heldOf(entry: Entry, endsAtMs: number | undefined): Held {
  return { finding: entry.finding, sinceMs: entry.sinceMs, firingAtMs: entry.firingAtMs, endsAtMs };
}
