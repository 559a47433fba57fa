import * as z from 'zod';

import type { Alert, Finding, FindingChart, Incident, TimelineEntry } from '../../domain/alert.ts';
import type { Change, ChangeVerdict } from '../../domain/change.ts';
import type { Diagnosis, Evidence, Hypothesis } from '../../domain/diagnosis.ts';
import { dictionary, list, named, zGap, zJson, zLabels, zMode, zMs, zSample, zSeverity } from './common.ts';

/** One moment of an expected envelope. */
export const zExpected = z.object({ tMs: zMs, low: z.number(), high: z.number() });

const zChart = named<FindingChart>('FindingChart', 'The expected envelope beside what was seen.', {
  seriesKey: z.string(),
  expected: list(zExpected),
  seen: list(zSample),
});

/** What a detector says. */
export const zFinding = named<Finding>('Finding', 'What a detector says about one series or service.', {
  detector: z.string(),
  kind: z.string(),
  service: z.string(),
  signal: z.string(),
  labels: zLabels,
  state: z.enum(['bad', 'good', 'unknown']),
  atMs: zMs,
  sinceMs: zMs,
  severity: zSeverity,
  reason: z.string(),
  numbers: dictionary(z.number()),
  confidence: z.number(),
  changeId: z.string().exactOptional(),
  chart: zChart.exactOptional(),
});

/** An alert. */
export const zAlert = named<Alert>('Alert', "An alert, in Prometheus' life cycle.", {
  fingerprint: z.string(),
  detector: z.string(),
  kind: z.string(),
  service: z.string(),
  signal: z.string(),
  labels: zLabels,
  severity: zSeverity,
  mode: zMode,
  status: z.enum(['pending', 'firing', 'resolved']),
  startsAtMs: zMs,
  firingAtMs: zMs.exactOptional(),
  endsAtMs: zMs.exactOptional(),
  lastSeenMs: zMs,
  goodSinceMs: zMs.exactOptional(),
  flaps: list(zMs),
  finding: zFinding,
  badForMs: z.number(),
  goodForMs: z.number(),
  silentForMs: z.number(),
  unknownSinceMs: zMs.exactOptional(),
  because: z.string(),
});

/** A line of an incident's story. */
export const zTimelineEntry = named<TimelineEntry>('TimelineEntry', "One line of an incident's story.", {
  atMs: zMs,
  kind: z.string(),
  text: z.string(),
  ledgerSeq: z.int().exactOptional(),
  data: dictionary(zJson).exactOptional(),
});

/** An incident. */
export const zIncident = named<Incident>('Incident', 'Alerts that belong together, with a timeline.', {
  id: z.string(),
  status: z.enum(['open', 'mitigated', 'resolved']),
  severity: zSeverity,
  title: z.string(),
  service: z.string(),
  services: list(z.string()),
  alerts: list(z.string()),
  openedAtMs: zMs,
  updatedAtMs: zMs,
  resolvedAtMs: zMs.exactOptional(),
  storm: z.boolean(),
  mode: zMode,
  recurrenceOf: z.string().exactOptional(),
  mergedInto: z.string().exactOptional(),
  quietForMs: z.number(),
  timeline: list(zTimelineEntry),
});

/** A change. */
export const zChange = named<Change>('Change', 'A deploy, or another change to a service.', {
  id: z.string(),
  kind: z.enum(['deploy', 'rollback', 'config', 'scale', 'flag', 'package', 'restart', 'infrastructure']),
  service: z.string(),
  atMs: zMs,
  what: z.string(),
  from: z.string().exactOptional(),
  to: z.string().exactOptional(),
  actor: z.string().exactOptional(),
  ref: z.string().exactOptional(),
  source: z.string(),
  instances: list(z.string()).exactOptional(),
  instanceAtMs: z.record(z.string(), zMs).exactOptional(),
  irreversible: z.boolean().exactOptional(),
  carried: z.strictObject({ by: z.string(), fromMs: zMs, untilMs: zMs }).exactOptional(),
  attributes: zLabels,
});

/** What was concluded about a change. */
export const zChangeVerdict = named<ChangeVerdict>('ChangeVerdict', 'What a detector concluded about a change.', {
  changeId: z.string(),
  service: z.string(),
  detector: z.string(),
  signal: z.string(),
  verdict: z.enum(['healthy', 'regressed', 'inconclusive']),
  because: z.string(),
  atMs: zMs,
});

const zCause = z.enum(['change', 'dependency', 'resource', 'traffic', 'host', 'external', 'unknown']);

const zEvidence = named<Evidence>('Evidence', 'A cited fact. weight is a log-likelihood ratio.', {
  id: z.string(),
  kind: z.enum(['metric', 'log', 'trace', 'change', 'topology', 'state', 'alert', 'history']),
  text: z.string(),
  weight: z.number(),
  atMs: zMs.exactOptional(),
  refutedBy: z.string().exactOptional(),
});

const zHypothesis = named<Hypothesis>('Hypothesis', 'One explanation, with what speaks for it and against it.', {
  id: z.string(),
  cause: zCause,
  service: z.string(),
  changeId: z.string().exactOptional(),
  title: z.string(),
  diff: z.string().exactOptional(),
  confidence: z.number(),
  for: list(zEvidence),
  against: list(zEvidence),
  ruledOut: z.string().exactOptional(),
});

/** A diagnosis. */
export const zDiagnosis = named<Diagnosis>('Diagnosis', 'Ranked hypotheses, or inconclusive and what is needed.', {
  id: z.string(),
  incidentId: z.string(),
  asOfMs: zMs,
  verdict: z.enum(['conclusive', 'inconclusive']),
  cause: zCause,
  service: z.string(),
  changeId: z.string().exactOptional(),
  confidence: z.number(),
  summary: z.string(),
  hypotheses: list(zHypothesis),
  gaps: list(zGap),
  needed: z.string().exactOptional(),
});
