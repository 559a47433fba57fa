import type { DetectorDefinition } from '../domain/definitions.ts';
import type { Finding } from '../domain/alert.ts';
import type { Change } from '../domain/change.ts';
import type { Detector, DetectorBatch, DetectorContext } from '../domain/ports/detector.ts';
import type { Service } from '../domain/service.ts';
import type { Gap, LogRecord, Series } from '../domain/telemetry.ts';
import type { Holding } from './hold.ts';

/** A stretch of recorded or invented time. Everything is sorted by time. */
export interface Recording {
  readonly fromMs: number;
  readonly untilMs: number;
  readonly stepMs: number;
  readonly services: readonly Service[];
  readonly series: readonly Series[];
  readonly changes: readonly Change[];
  readonly logs: readonly LogRecord[];
  readonly external: readonly Finding[];
  readonly gaps: readonly Gap[];
}

const changesBackMs = 24 * 3_600_000;

/**
 * Plays a recording to one detector, step by step and causally: at time t it has been shown nothing later than t.
 * `onStep` gets what it said. `holding` answers `isWatched`, as the daemon's alerts do.
 */
export function replay(
  definition: Pick<DetectorDefinition, 'changesOf'>,
  detector: Detector,
  recording: Recording,
  holding: Holding,
  onStep: (asOfMs: number, findings: readonly Finding[]) => void,
): void {
  const cursors = recording.series.map(() => 0);
  let seenMs = Number.NEGATIVE_INFINITY;
  for (let asOfMs = recording.fromMs; asOfMs <= recording.untilMs; asOfMs += recording.stepMs) {
    const batch = batchAt(recording, cursors, seenMs, asOfMs);
    const findings = detector.step(batch, contextAt(definition, recording, asOfMs, holding));
    onStep(asOfMs, findings);
    seenMs = asOfMs;
  }
}

function batchAt(recording: Recording, cursors: number[], afterMs: number, asOfMs: number): DetectorBatch {
  const series: Series[] = [];
  recording.series.forEach((one, index) => {
    const from = cursors[index] ?? 0;
    let to = from;
    while ((one.samples[to]?.tMs ?? Number.POSITIVE_INFINITY) <= asOfMs) to++;
    cursors[index] = to;
    if (to > from) series.push({ ...one, samples: one.samples.slice(from, to) });
  });
  const arrived = (tMs: number): boolean => tMs > afterMs && tMs <= asOfMs;
  return {
    asOfMs,
    series,
    logs: recording.logs.filter((record) => arrived(record.tMs)),
    changes: recording.changes.filter((change) => arrived(change.atMs)),
    external: recording.external.filter((finding) => arrived(finding.atMs)),
    gaps: recording.gaps.filter((gap) => gap.fromMs <= asOfMs && asOfMs < gap.untilMs),
  };
}

function contextAt(
  definition: Pick<DetectorDefinition, 'changesOf'>,
  recording: Recording,
  asOfMs: number,
  holding: Holding,
): DetectorContext {
  const service = (name: string): Service | undefined => recording.services.find((one) => one.name === name);
  const known = new Map<string, readonly Change[]>();
  return {
    changesOf(name) {
      const before = known.get(name);
      if (before !== undefined) return before;
      const whose = {
        self: () => [name],
        dependencies: () => service(name)?.dependsOn ?? [],
        dependents: () => recording.services.filter(({ dependsOn }) => dependsOn.includes(name)).map((one) => one.name),
      } as const;
      const of = new Set(definition.changesOf.flatMap((one) => whose[one]()));
      const changes = recording.changes.filter(
        (change) => of.has(change.service) && change.atMs <= asOfMs && change.atMs > asOfMs - changesBackMs,
      );
      known.set(name, changes);
      return changes;
    },
    services: () => recording.services,
    service,
    slo: (name, slo) => service(name)?.slos.find((one) => one.name === slo),
    isRead: () => true,
    isWatched: (about) => holding.isWatched(about),
  };
}
