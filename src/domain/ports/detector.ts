import type { Json } from '../../lib/json.ts';
import type { Change } from '../change.ts';
import type { Finding, Severity } from '../alert.ts';
import type { Service, Slo } from '../service.ts';
import type { Gap, LogRecord, Series, SeriesMeta } from '../telemetry.ts';
import type { Schema } from './schema.ts';

/** What a change may do to a signal: learned from the service's own healthy deploys, a stated bound, or nothing. */
export type AfterChange =
  | { readonly expect: 'learned' }
  | { readonly expect: 'none' }
  | { readonly expect: 'bound'; readonly upTo: number; readonly forMs: number };

/** Whose changes count: the service itself, what it calls or needs, what calls or needs it; the last two directly. */
export type ChangesOf = 'self' | 'dependencies' | 'dependents';

/** The part of a Detector document every kind shares, resolved. */
export interface DetectorRule {
  readonly name: string;
  readonly kind: string;
  readonly on: string;
  readonly severity: Severity;
  readonly afterChange: AfterChange;
  readonly changesOf: readonly ChangesOf[];
}

/** Everything that arrived since the last step, for the services this detector watches. */
export interface DetectorBatch {
  readonly asOfMs: number;
  /** New samples only, oldest first; series with none are left out. */
  readonly series: readonly Series[];
  readonly logs: readonly LogRecord[];
  /** Changes first seen in this step (also present in `context.changes`). */
  readonly changes: readonly Change[];
  /** Findings of kind `external` that arrived. */
  readonly external: readonly Finding[];
  readonly gaps: readonly Gap[];
}

/** What a detector may know of the world beside its samples. */
export interface DetectorContext {
  /** Recent changes of a service and, where the rule says so, of its neighbours; newest last. At most 24 h back. */
  changesOf(service: string): readonly Change[];
  /** Every service this detector watches, also those that have sent nothing yet: absence needs to know of them. */
  services(): readonly Service[];
  /** The watched services by name. */
  service(name: string): Service | undefined;
  slo(service: string, name: string): Slo | undefined;
  /** Whether a source of this name is being read at all: one that was removed has no gaps. */
  isRead(source: string): boolean;
  /** True while an alert with this detector, service, signal and labels is pending or firing: say `good` for those. */
  isWatched(finding: Pick<Finding, 'service' | 'signal' | 'labels'>): boolean;
  /** What describes a series that is kept elsewhere too, to be shared where it says the same: many series cost less so. */
  describe?(key: string): SeriesMeta | undefined;
}

/**
 * A running detector: a bank of folds, one per series. `step` is deterministic, its cost per point constant, its
 * memory per series bounded; how the bank keeps its state (objects, typed arrays) is its own affair.
 *
 * It says `bad` and `unknown` whenever that is so, and `good` at least for what `context.isWatched`. A series that
 * stops is `unknown`, not `good`.
 */
export interface Detector {
  step(batch: DetectorBatch, context: DetectorContext): readonly Finding[];
  /** Everything needed to go on after a restart as if nothing had happened. JSON, or base64 of typed arrays in it. */
  save(): Json;
  /**
   * For kinds with much state: the parts that changed since they were last given, by name, `0` first; with `all` every
   * one of them, otherwise a bounded number, the rest at the next call. They are made one by one, as they are asked for, so
   * that all of them need not fit in memory beside the state itself. `create` takes `{version: 1, parts}` of all that
   * was ever given. A part that could not be written must be asked for again with `all`.
   */
  saveParts?(all: boolean): Iterable<readonly [string, Json]>;
}

/** One kind of detector. A new one is a file that exports this, and one line in detectors/index.ts. */
export interface DetectorKind<Params> {
  readonly kind: string;
  readonly summary: string;
  readonly params: Schema<Params>;
  /** Upper bound of state per series, in bytes; docs are printed from it, a test holds it. */
  readonly stateBytesPerSeries: number;
  /** How much history it wants to see before it is any use; the daemon backfills that much at start where it can. */
  warmupMs(params: Params): number;
  create(rule: DetectorRule, params: Params, saved: Json | undefined): Detector;
}
