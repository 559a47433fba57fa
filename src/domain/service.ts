import type { Json } from '../lib/json.ts';
import type { Labels, SeriesNature } from './telemetry.ts';
import type { Place } from './places.ts';

/** Where one of a service's signals is read. `query` is the source's own part, checked by that source's schema. */
export interface TelemetryBinding {
  readonly source: string;
  readonly unit: string;
  readonly nature: SeriesNature;
  readonly query: Readonly<Record<string, Json>>;
  /** What its series bear beside the source's own labels, where the service has the signal in several places. */
  readonly labels?: Labels;
  /** The same signal in the service's other places, each with its labels. */
  readonly others?: readonly TelemetryBinding[];
}

/** Where a service's log records or spans are read, beside its signals. `query` is the source's own part. */
export interface RecordBinding {
  readonly source: string;
  readonly query: Readonly<Record<string, Json>>;
}

/** A service-level objective over one signal. `objective` is a ratio in (0,1): 0.999. */
export interface Slo {
  readonly name: string;
  readonly objective: number;
  readonly windowMs: number;
  /** The signal that gives the ratio of bad events. */
  readonly errors: string;
}

/** Something that is watched: what it is called, who owns it, what it depends on, where it runs, how it is measured. */
export interface Service {
  readonly name: string;
  readonly labels: Labels;
  readonly owner: { readonly team: string; readonly escalate: string };
  readonly dependsOn: readonly string[];
  readonly runsOn: readonly Place[];
  readonly telemetry: Readonly<Record<string, TelemetryBinding>>;
  readonly slos: readonly Slo[];
  /** Places outside the machine where its log lines are kept. Absent: none were named. */
  readonly logs?: readonly RecordBinding[];
  /** Places where its traces are kept. Absent: none were named. */
  readonly traces?: readonly RecordBinding[];
  readonly origin: 'declared' | 'discovered';
}
