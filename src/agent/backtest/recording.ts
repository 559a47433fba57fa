import type { GapReason, Labels, SeriesNature } from '../../domain/telemetry.ts';
import type { Change } from '../../domain/change.ts';
import type { Gap, SeriesMeta } from '../../domain/telemetry.ts';
import type { Service } from '../../domain/service.ts';

/** One recorded series in columns: the n-th value belongs to the n-th time. Times rise strictly; a hole has no entry. */
export interface RecordedSeries {
  readonly meta: SeriesMeta;
  /** Epoch milliseconds. */
  readonly times: Float64Array;
  readonly values: Float64Array;
}

/** A stretch of recorded time, ready to be played. Nothing of what came of it is in here: no label, no verdict. */
export interface Recorded {
  readonly stepMs: number;
  readonly services: readonly Service[];
  readonly series: readonly RecordedSeries[];
  /** Oldest first. */
  readonly changes: readonly Change[];
  readonly gaps: readonly Gap[];
}

/** What a column of `signals.csv` is, where its name alone does not tell. */
export interface ColumnAbout {
  readonly signal: string;
  readonly unit: string;
  readonly nature: SeriesNature;
  readonly labels: Labels;
}

/** What is known of a recorded service beside its columns. All of it may be absent: such a recording is made by hand. */
export interface ServiceAbout {
  readonly labels?: Labels;
  readonly dependsOn?: readonly string[];
  readonly slos?: Service['slos'];
  /** By the column's heading. */
  readonly columns?: Readonly<Record<string, ColumnAbout>>;
  readonly gaps?: readonly GapAbout[];
}

/** What could not be read while it was recorded. `from` and `until` are epoch seconds. */
export interface GapAbout {
  readonly from: number;
  readonly until: number;
  readonly reason: GapReason;
  readonly message: string;
  /** Absent: all signals of the service. */
  readonly signal?: string;
}

/** `index.json`. The members of the contract, and `about`, which `watchkeeper record` adds. */
export interface RecordingIndex {
  readonly services: readonly string[];
  readonly step_s: number;
  /** Epoch seconds. */
  readonly start: number;
  readonly signals: readonly string[];
  readonly about?: Readonly<Record<string, ServiceAbout>>;
}

/** `changes.json`, one entry. */
export interface RecordedChange {
  readonly at: number;
  readonly kind: string;
  readonly version?: string;
  readonly previous?: string;
  readonly service?: string;
  readonly what?: string;
  /** Which instances it touched, when not all. */
  readonly instances?: readonly string[];
}

const knownColumns: readonly (readonly [RegExp, string, string, SeriesNature])[] = [
  [/^(error|failure)s?(_ratio)?$/, 'errors', 'ratio', 'ratio'],
  [/^latency.*_ms$/, 'latency', 'ms', 'latency'],
  [/^latency/, 'latency', 's', 'latency'],
  [/^(traffic|requests?)(_rps|_per_second)?$/, 'traffic', '1/s', 'rate'],
  [/^cpu/, 'cpu', '1', 'gauge'],
  [/^mem(ory)?_mib$/, 'memory', 'MiBy', 'gauge'],
  [/^mem(ory)?/, 'memory', 'By', 'gauge'],
];

/** What a column is by its name, when nothing else says so: `latency_p99_ms` is the signal `latency` in ms. */
export function columnByName(column: string): ColumnAbout {
  const known = knownColumns.find(([pattern]) => pattern.test(column));
  return known === undefined
    ? { signal: column, unit: '1', nature: 'gauge', labels: {} }
    : { signal: known[1], unit: known[2], nature: known[3], labels: {} };
}
