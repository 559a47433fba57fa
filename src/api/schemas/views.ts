import * as z from 'zod';

import type {
  Accepted,
  CaseFile,
  IncidentView,
  Readiness,
  ServiceView,
  SignalView,
  Snooze,
  SourceStatus,
  StatusView,
} from '../../agent/index.ts';
import { dictionary, list, named, zAutonomy, zGap, zLabels, zMs, zSample, zSeverity } from './common.ts';
import { zDecision, zMatch, zPendingApproval } from './decisions.ts';
import { zAlert, zChange, zChangeVerdict, zDiagnosis, zIncident } from './incidents.ts';
import { zExecution, zPlan } from './plans.ts';

/** Whether the daemon watches. */
export const zReadiness = named<Readiness>('Readiness', 'Whether the daemon watches, and if not, why.', {
  ready: z.boolean(),
  reasons: list(z.string()),
  stale: list(z.string()),
});

/** What came of something handed in. */
export const zAccepted = named<Accepted>('Accepted', 'What came of something handed in from outside.', {
  accepted: z.int(),
  problems: list(z.string()),
});

/** A signal's recent course. */
export const zSignalView = named<SignalView>('SignalView', 'A signal with its recent course, thinned.', {
  signal: z.string(),
  unit: z.string(),
  labels: zLabels,
  seriesKey: z.string(),
  latest: zSample.exactOptional(),
  recent: list(zSample),
});

/** A service as a status line shows it. */
export const zServiceView = named<ServiceView>('ServiceView', 'A service as a status line shows it.', {
  name: z.string(),
  team: z.string(),
  state: z.enum(['ok', 'pending', 'firing', 'unknown']),
  because: z.string(),
  signals: list(zSignalView),
  changes: list(zChange),
  verdicts: list(zChangeVerdict),
  alerts: list(zAlert),
});

const zSourceStatus = named<SourceStatus>('SourceStatus', 'How a source is doing.', {
  id: z.string(),
  kind: z.string(),
  intervalMs: z.number(),
  startedMs: zMs,
  lastAnswerMs: zMs.exactOptional(),
  lastCompleteMs: zMs.exactOptional(),
  gaps: list(zGap),
  calls: z.int(),
  parts: list(
    z.object({
      name: z.string(),
      heardMs: zMs.exactOptional(),
      objects: z.int(),
      namespace: z.string().exactOptional(),
      vital: z.boolean(),
      stale: z.string().exactOptional(),
    }),
  ).exactOptional(),
});

/** The kill switch, when it is thrown. */
export const zPause = z.object({ by: z.string(), atMs: zMs, reason: z.string() });

/** Which part a replica has. */
export const zReplica = z.object({
  role: z.enum(['leader', 'follower']),
  name: z.string(),
  leader: z.string().exactOptional(),
  epoch: z.int(),
});

/** What the watch is doing now. */
export const zStatusView = named<StatusView>('StatusView', 'What the watch is doing now.', {
  version: z.string(),
  asOfMs: zMs,
  startedAtMs: zMs,
  ceiling: zAutonomy,
  paused: zPause.exactOptional(),
  unwell: list(z.string()),
  replica: zReplica.exactOptional(),
  sources: list(zSourceStatus),
  services: list(zServiceView),
  incidents: list(zIncident),
  approvals: list(zPendingApproval),
  running: list(zExecution),
  gaps: list(zGap),
  ledger: z.object({ size: z.int(), origin: z.string() }),
  resources: z.object({
    digest: z.string(),
    loadedAtMs: zMs,
    ok: z.boolean(),
    problems: list(z.string()),
    counts: dictionary(z.int()),
  }),
});

const zSnooze = named<Snooze>('Snooze', 'Nobody is called about an incident until a time, or until it gets worse.', {
  by: z.string(),
  atMs: zMs,
  untilMs: zMs,
  severity: zSeverity,
  reason: z.string().exactOptional(),
});

/** Everything worked out about an incident. */
export const zCaseFile = named<CaseFile>('CaseFile', 'Why it acted, why it did not, and what it waits for.', {
  incidentId: z.string(),
  updatedAtMs: zMs,
  diagnosis: zDiagnosis.exactOptional(),
  matches: list(zMatch),
  plans: list(zPlan),
  decisions: list(zDecision),
  executions: list(z.string()),
  suggestions: list(z.string()),
  standing: z.string(),
  noticed: list(z.string()),
  retryAtMs: zMs.exactOptional(),
  tries: z.int(),
  refusals: z.int().exactOptional(),
  snooze: zSnooze.exactOptional(),
});

/** An incident with everything that belongs to it. */
export const zIncidentView = named<IncidentView>('IncidentView', 'One incident with everything that belongs to it.', {
  incident: zIncident,
  alerts: list(zAlert),
  file: zCaseFile.exactOptional(),
  approvals: list(zPendingApproval),
  executions: list(zExecution),
  changes: list(zChange),
  series: list(zSignalView),
});
