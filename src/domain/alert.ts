import type { Json } from '../lib/json.ts';
import type { Labels, Sample } from './telemetry.ts';

/** How much it matters, least first. */
export type Severity = 'info' | 'warning' | 'critical';

/** `active` acts and pages; `shadow` is evaluated and recorded, and never acts or pages. */
export type DetectorMode = 'active' | 'shadow';

/**
 * What a detector says now about one series (or one service). `unknown` is a value: the data does not allow an answer
 * (I10), so an alert neither starts nor ends by it.
 */
export interface Finding {
  readonly detector: string;
  readonly kind: string;
  readonly service: string;
  readonly signal: string;
  /** Tells apart findings of one detector about one service: the series' labels, a log template, an alert name. */
  readonly labels: Labels;
  readonly state: 'bad' | 'good' | 'unknown';
  readonly atMs: number;
  /** Since when it has been so, as far as the detector knows. */
  readonly sinceMs: number;
  readonly severity: Severity;
  /** One sentence: expected, seen, since when, what was deployed. */
  readonly reason: string;
  /** The figures behind the sentence, for charts, cards and CEL. */
  readonly numbers: Readonly<Record<string, number>>;
  /** How surprising, 0..1; 1 lets `hold` be skipped for critical findings. */
  readonly confidence: number;
  /** The change the detector holds against it, when it judged one. Not yet a cause. */
  readonly changeId?: string;
  /** What a chart of this finding shows. */
  readonly chart?: FindingChart;
}

/** The expected envelope beside what was seen. */
export interface FindingChart {
  readonly seriesKey: string;
  readonly expected: readonly { readonly tMs: number; readonly low: number; readonly high: number }[];
  readonly seen: readonly Sample[];
}

/** Prometheus' life cycle. `fingerprint` is the identity: digest of detector, service, signal and labels. */
export interface Alert {
  readonly fingerprint: string;
  readonly detector: string;
  readonly kind: string;
  readonly service: string;
  readonly signal: string;
  readonly labels: Labels;
  readonly severity: Severity;
  readonly mode: DetectorMode;
  readonly status: 'pending' | 'firing' | 'resolved';
  readonly startsAtMs: number;
  readonly firingAtMs?: number;
  readonly endsAtMs?: number;
  readonly lastSeenMs: number;
  /** Set while it is clearing: since when it has been good. */
  readonly goodSinceMs?: number;
  /** Changes of state within the flap window; a flapping alert stays firing until it is calm. */
  readonly flaps: readonly number[];
  /** The last finding that was bad. */
  readonly finding: Finding;
  /**
   * How long it has been bad, how long good, and how long nothing was heard, counted in time that really passed
   * (monotonic), so that a wall clock that jumps neither fires nor resolves anything.
   */
  readonly badForMs: number;
  readonly goodForMs: number;
  readonly silentForMs: number;
  /** Set while the data does not say whether it still is so. It neither ends nor goes on by that; it is shown. */
  readonly unknownSinceMs?: number;
  /** Why it last changed, in a sentence. */
  readonly because: string;
}

/** `mitigated`: an action helped and is being watched; `resolved`: all alerts stayed quiet long enough. */
export type IncidentStatus = 'open' | 'mitigated' | 'resolved';

/** One line of an incident's story, in order, with the ledger entry that proves it where there is one. */
export interface TimelineEntry {
  readonly atMs: number;
  readonly kind: string;
  readonly text: string;
  readonly ledgerSeq?: number;
  readonly data?: Readonly<Record<string, Json>>;
}

/** Alerts that belong together, with a timeline. An incident that is resolved is never silently opened again. */
export interface Incident {
  readonly id: string;
  readonly status: IncidentStatus;
  readonly severity: Severity;
  readonly title: string;
  /** The service it started on (or was traced to). */
  readonly service: string;
  readonly services: readonly string[];
  readonly alerts: readonly string[];
  readonly openedAtMs: number;
  readonly updatedAtMs: number;
  readonly resolvedAtMs?: number;
  /** True when so many services are ill at once that this is one storm, not many incidents. */
  readonly storm: boolean;
  readonly mode: DetectorMode;
  /** The incident of the same services that was resolved shortly before, if any: it came back. */
  readonly recurrenceOf?: string;
  /** Set when it turned out to be part of another incident, which goes on in its place. */
  readonly mergedInto?: string;
  /** How long none of its alerts has been firing, in time that really passed. It resolves after a grace. */
  readonly quietForMs: number;
  readonly timeline: readonly TimelineEntry[];
}
