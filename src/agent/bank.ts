import { WatchkeeperError } from '../lib/errors.ts';
import { globMatches } from '../lib/glob.ts';
import { selects } from '../lib/selector.ts';
import type { Finding } from '../domain/alert.ts';
import type { Change } from '../domain/change.ts';
import type { DetectorDefinition } from '../domain/definitions.ts';
import type { Json } from '../lib/json.ts';
import type { Detector, DetectorBatch, DetectorContext } from '../domain/ports/detector.ts';
import type { Log } from '../domain/ports/io.ts';
import type { Put } from '../domain/ports/store.ts';
import type { Service } from '../domain/service.ts';
import type { Series, SeriesMeta } from '../domain/telemetry.ts';
import { detectorPuts } from './detector-rows.ts';
import { folded } from './folded.ts';

/** What the detectors are told beside the samples. */
export interface BankContext {
  readonly services: ReadonlyMap<string, Service>;
  readonly changesOf: (service: string) => readonly Change[];
  readonly dependenciesOf: (service: string) => readonly string[];
  readonly dependentsOf: (service: string) => readonly string[];
  readonly isRead: (source: string) => boolean;
  readonly isWatched: (detector: string, finding: Pick<Finding, 'service' | 'signal' | 'labels'>) => boolean;
  readonly describe?: (key: string) => SeriesMeta | undefined;
}

/** All running detectors. */
export interface DetectorBank {
  /** Swaps the set. A detector whose definition did not change keeps its state; a new one starts from what was saved. */
  replace(definitions: readonly DetectorDefinition[], saved: (name: string) => Json | undefined): void;
  step(batch: DetectorBatch, context: BankContext): readonly Finding[];
  /**
   * The state of the detectors, to be written to the store: with `all` of every one, otherwise what changed. After a write
   * that failed, everything is to be asked for. Rows are made as they are taken: all of them need not fit in memory.
   */
  save(all: boolean): Iterable<Put>;
  definitions(): ReadonlyMap<string, DetectorDefinition>;
}

interface Running {
  readonly definition: DetectorDefinition;
  readonly detector: Detector;
  /** Whether a service is selected, remembered until the services change. */
  readonly selected: Map<string, boolean>;
}

/**
 * Makes the bank. A detector that throws is a bug of ours, and must not take the watch down with it: its services
 * become `unknown` by a finding that says so, and the others go on.
 */
export function createBank(
  create: (definition: DetectorDefinition, saved: Json | undefined) => Detector,
  log: Log,
): DetectorBank {
  let running = new Map<string, Running>();
  let servicesSeen: ReadonlyMap<string, Service> | undefined;

  return {
    replace: (definitions, saved) => {
      const next = new Map<string, Running>();
      for (const definition of definitions) {
        const old = running.get(definition.name);
        const kept = old?.definition.digest === definition.digest ? old.detector : undefined;
        next.set(definition.name, {
          definition,
          detector: kept ?? create(definition, savedState(saved(definition.name), definition.digest)),
          selected: new Map(),
        });
      }
      running = next;
    },
    step: (batch, context) => {
      if (servicesSeen !== context.services) for (const entry of running.values()) entry.selected.clear();
      servicesSeen = context.services;
      const bySignal = Map.groupBy(batch.series, ({ signal }) => signal);
      return [...running.values()].flatMap((entry) => {
        try {
          const own = contextFor(entry, context);
          const said = entry.detector.step(narrow(batch, bySignal, entry, context), own);
          return folded(said, (finding) => own.isWatched(finding));
        } catch (thrown) {
          const error = WatchkeeperError.from(thrown);
          log.error('a detector failed; what it watches is unknown', { detector: entry.definition.name, error });
          return [broken(entry.definition, batch.asOfMs, error.message)];
        }
      });
    },
    save: function* (all) {
      for (const { definition, detector } of running.values())
        yield* detectorPuts({ name: definition.name, digest: definition.digest, detector }, all);
    },
    definitions: () => new Map([...running].map(([name, entry]) => [name, entry.definition])),
  };
}

function savedState(saved: Json | undefined, digest: string): Json | undefined {
  if (saved === undefined || saved === null || typeof saved !== 'object' || !('state' in saved)) return undefined;
  return saved['digest'] === digest ? saved['state'] : undefined;
}

function watches(entry: Running, context: BankContext, service: string): boolean {
  const known = entry.selected.get(service);
  if (known !== undefined) return known;
  const found = context.services.get(service);
  const { services, runsOn } = entry.definition;
  const answer =
    found !== undefined &&
    selects(services, found) &&
    (runsOn === undefined || found.runsOn.some(({ on }) => on === runsOn));
  entry.selected.set(service, answer);
  return answer;
}

function narrow(
  batch: DetectorBatch,
  bySignal: ReadonlyMap<string, readonly Series[]>,
  entry: Running,
  context: BankContext,
): DetectorBatch {
  const { definition } = entry;
  const mine = (service: string): boolean => watches(entry, context, service);
  return {
    asOfMs: batch.asOfMs,
    series: seriesFor(definition, batch, bySignal).filter(({ service }) => mine(service)),
    logs: batch.logs.filter((record) => mine(record.service)),
    changes: batch.changes.filter((change) => mine(change.service)),
    external: batch.external.filter((finding) => mine(finding.service) || !context.services.has(finding.service)),
    gaps: batch.gaps.filter(
      (gap) =>
        (gap.service === undefined || mine(gap.service)) &&
        (gap.signal === undefined || definition.on === '' || globMatches(definition.on, gap.signal)),
    ),
  };
}

function seriesFor(
  { on }: DetectorDefinition,
  batch: DetectorBatch,
  bySignal: ReadonlyMap<string, readonly Series[]>,
): readonly Series[] {
  if (on === '') return batch.series;
  const own = /[*?]/.test(on)
    ? [...bySignal].flatMap(([signal, series]) => (globMatches(on, signal) ? series : []))
    : (bySignal.get(on) ?? []);
  // A ratio is judged together with the traffic behind it.
  const traffic = globMatches(on, 'traffic') ? undefined : bySignal.get('traffic');
  return traffic === undefined ? own : [...own, ...traffic];
}

function contextFor(entry: Running, context: BankContext): DetectorContext {
  const { definition } = entry;
  // Asked for with every sample of every series, and the same for as long as the step lasts.
  const changes = new Map<string, readonly Change[]>();
  return {
    services: () => [...context.services.values()].filter((service) => watches(entry, context, service.name)),
    changesOf: (service) => {
      const known = changes.get(service) ?? changesFor(definition, service, context);
      changes.set(service, known);
      return known;
    },
    service: (name) => context.services.get(name),
    slo: (service, name) => context.services.get(service)?.slos.find((slo) => slo.name === name),
    isRead: (source) => context.isRead(source),
    isWatched: (finding) => context.isWatched(definition.name, finding),
    describe: (key) => context.describe?.(key),
  };
}

function changesFor({ changesOf }: DetectorDefinition, service: string, context: BankContext): readonly Change[] {
  const whose = {
    self: () => [service],
    dependencies: () => context.dependenciesOf(service),
    dependents: () => context.dependentsOf(service),
  } as const;
  const names = new Set(changesOf.flatMap((one) => whose[one]()));
  return [...names].flatMap((name) => context.changesOf(name)).sort((a, b) => a.atMs - b.atMs);
}

function broken(definition: DetectorDefinition, asOfMs: number, message: string): Finding {
  return {
    detector: definition.name,
    kind: definition.kind,
    service: 'watchkeeper',
    signal: definition.on,
    labels: {},
    state: 'unknown',
    atMs: asOfMs,
    sinceMs: asOfMs,
    severity: definition.severity,
    reason: `the detector ${definition.name} failed, so what it watches is unknown: ${message}`,
    numbers: {},
    confidence: 0,
  };
}
