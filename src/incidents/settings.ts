import { limits } from '../lib/limits.ts';

/** Figures of the alert life cycle that documents do not set. All durations are milliseconds. */
export interface AlertSettings {
  /** Changes of state are counted within this stretch. */
  readonly flapWindowMs: number;
  /** More changes of state than this within the window: it flaps. */
  readonly flapChanges: number;
  /** A flapping alert must be good this long before it resolves. */
  readonly flapCalmMs: number;
  /** Nothing heard for this long: marked unknown. */
  readonly staleAfterMs: number;
  /** The most time that two neighbouring words of a detector can vouch for. */
  readonly maxCreditMs: number;
  /** Resolved alerts are kept this long, so that one that returns is known to flap. */
  readonly keepResolvedMs: number;
  /** The most alerts that are kept: pending and firing ones, and of the resolved as many. */
  readonly maxActive: number;
}

/** How alerts become incidents, and when these end. */
export interface IncidentSettings {
  /** How far along dependencies alerts belong together. */
  readonly hops: number;
  /** All alerts quiet this long: resolved. */
  readonly graceMs: number;
  /** A new incident of the same services within this stretch is a recurrence. */
  readonly recurrenceMs: number;
  /** This share of all services ill within `stormWindowMs`, and at least `stormServices` of them: a storm. */
  readonly stormShare: number;
  readonly stormServices: number;
  readonly stormWindowMs: number;
  readonly maxOpen: number;
  readonly maxRemembered: number;
  readonly maxTimeline: number;
}

/** The usual figures of incidents. */
export const incidentSettings: IncidentSettings = {
  hops: 2,
  graceMs: 60_000,
  recurrenceMs: 24 * 3_600_000,
  stormShare: 0.3,
  stormServices: 5,
  stormWindowMs: 10 * 60_000,
  maxOpen: limits.incidentsOpen,
  maxRemembered: limits.incidentsRemembered,
  maxTimeline: limits.incidentTimelineEntries,
};

/** The usual figures of alerts. */
export const alertSettings: AlertSettings = {
  flapWindowMs: 30 * 60_000,
  flapChanges: 4,
  flapCalmMs: 15 * 60_000,
  staleAfterMs: 5 * 60_000,
  maxCreditMs: 10 * 60_000,
  keepResolvedMs: 30 * 60_000,
  maxActive: limits.alertsActive,
};
