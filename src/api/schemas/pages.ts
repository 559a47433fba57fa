import * as z from 'zod';

import type {
  ApprovalView,
  Chart,
  Charts,
  EntryProof,
  ExecutionBrief,
  IncidentBrief,
  IncidentPage,
  Mark,
  MatrixView,
  Overview,
  RunbookView,
  ServiceBrief,
  ServiceDetail,
  SloView,
  SourceBrief,
  TrackRecord,
} from '../../agent/index.ts';
import { dictionary, list, named, zAutonomy, zJson, zLabels, zMode, zMs, zSample, zSeverity } from './common.ts';
import { zDecision, zMatrixRow, zPendingApproval } from './decisions.ts';
import { zExpected } from './incidents.ts';
import { zLedgerEntry } from './ledger.ts';
import { zExecutionStatus, zPlan, zTraits } from './plans.ts';
import { zPause, zReadiness, zReplica, zServiceView } from './views.ts';

/** An incident as a list shows it. */
export const zIncidentBrief = named<IncidentBrief>('IncidentBrief', 'An incident without its story.', {
  id: z.string(),
  status: z.enum(['open', 'mitigated', 'resolved']),
  severity: zSeverity,
  title: z.string(),
  service: z.string(),
  services: list(z.string()),
  alertCount: z.int(),
  last: z.string().exactOptional().meta({ description: 'The last words of its story.' }),
  openedAtMs: zMs,
  updatedAtMs: zMs,
  resolvedAtMs: zMs.exactOptional(),
  storm: z.boolean(),
  mode: zMode,
  recurrenceOf: z.string().exactOptional(),
  mergedInto: z.string().exactOptional(),
  quietForMs: z.number(),
});

/** A page of incidents. */
export const zIncidentPage = named<IncidentPage>('IncidentPage', 'A page of incidents, the newest first.', {
  incidents: list(zIncidentBrief),
  next: z.string().exactOptional().meta({ description: 'The cursor of the next page; absent on the last one.' }),
});

const zServiceBrief = named<ServiceBrief>('ServiceBrief', 'A service in a word.', {
  name: z.string(),
  team: z.string(),
  state: z.enum(['ok', 'pending', 'firing', 'unknown']),
  because: z.string(),
});

const zExecutionBrief = named<ExecutionBrief>('ExecutionBrief', 'An execution in a line.', {
  id: z.string(),
  status: zExecutionStatus,
  startedAtMs: zMs,
  incidentId: z.string(),
  service: z.string(),
  runbook: z.string(),
});

const zSourceBrief = named<SourceBrief>('SourceBrief', 'A source in a word.', {
  id: z.string(),
  kind: z.string(),
  ok: z.boolean(),
  because: z.string(),
});

/** What is happening now. */
export const zOverview = named<Overview>('Overview', 'What is happening now, small enough for every look.', {
  version: z.string(),
  asOfMs: zMs,
  startedAtMs: zMs,
  ceiling: zAutonomy,
  paused: zPause.exactOptional(),
  unwell: list(z.string()),
  replica: zReplica.exactOptional(),
  ledger: z.object({ size: z.int(), origin: z.string() }),
  readiness: zReadiness,
  services: list(zServiceBrief),
  incidents: list(zIncidentBrief),
  openIncidents: z.int(),
  approvals: list(zPendingApproval),
  running: list(zExecutionBrief),
  sources: list(zSourceBrief),
  resources: z.object({ ok: z.boolean(), problems: list(z.string()) }),
});

const zSlo = named<SloView>('Slo', 'An objective and what is left of its error budget.', {
  name: z.string(),
  objective: z.number(),
  windowMs: z.number(),
  signal: z.string(),
  remaining: z.number().exactOptional(),
  burn: z.number().exactOptional(),
});

const zTrackRecord = named<TrackRecord>('TrackRecord', 'What became of the runs of one runbook on one service.', {
  runbook: z.string(),
  runs: z.int(),
  succeeded: z.int(),
  failed: z.int(),
  undone: z.int(),
  unknown: z.int(),
  lastAtMs: zMs,
});

/** One service whole. */
export const zServiceDetail = named<ServiceDetail>('ServiceDetail', 'One service with everything people ask of it.', {
  service: zServiceView,
  labels: zLabels,
  owner: z.object({ team: z.string(), escalate: z.string() }),
  dependsOn: list(z.string()),
  dependents: list(z.string()),
  runsOn: list(z.looseObject({ on: z.string() })) as unknown as z.ZodType<ServiceDetail['runsOn']>,
  origin: z.enum(['declared', 'discovered']),
  slos: list(zSlo),
  autonomy: list(zMatrixRow),
  record: list(zTrackRecord),
});

const zChart = named<Chart>('Chart', 'A signal over the time of an incident, beside what was expected of it.', {
  service: z.string(),
  signal: z.string(),
  unit: z.string(),
  labels: zLabels,
  seriesKey: z.string(),
  samples: list(zSample),
  expected: list(zExpected),
  alerting: z.boolean(),
});

const zMark = named<Mark>('Mark', 'Something that happened beside the curves.', {
  atMs: zMs,
  untilMs: zMs.exactOptional(),
  kind: z.enum(['change', 'action', 'incident']),
  text: z.string(),
  id: z.string(),
});

/** The charts of an incident. */
export const zCharts = named<Charts>('Charts', 'The charts of an incident, those of its alerts first.', {
  fromMs: zMs,
  untilMs: zMs,
  charts: list(zChart),
  marks: list(zMark),
});

const zParam = z.object({
  type: z.enum(['string', 'int', 'number', 'bool', 'duration']),
  default: z.union([z.string(), z.number(), z.boolean()]).exactOptional(),
  min: z.number().exactOptional(),
  max: z.number().exactOptional(),
  oneOf: z.array(z.union([z.string(), z.number()])).exactOptional(),
});

/** The policy matrix. */
export const zMatrix = named<MatrixView>('Matrix', 'What policy lets happen at best, cell by cell.', {
  rows: list(zMatrixRow),
  complete: z.boolean().meta({ description: 'False while some services are still to be reckoned: ask again.' }),
});

/** A runbook in force. */
export const zRunbook = named<RunbookView>('Runbook', 'A runbook in force.', {
  name: z.string(),
  summary: z.string(),
  autonomy: zAutonomy.exactOptional(),
  notWhen: z.string().exactOptional(),
  params: dictionary(zParam),
  steps: list(z.object({ id: z.string(), action: z.string(), traits: zTraits })),
});

/** A question with what an answer needs. */
export const zApprovalView = named<ApprovalView>('ApprovalView', 'A plan that waits, with all that an answer needs.', {
  approval: zPendingApproval,
  plan: zPlan.exactOptional(),
  decision: zDecision.exactOptional(),
  incident: zIncidentBrief.exactOptional(),
  diagnosis: z.string().exactOptional(),
  yours: z.boolean().meta({ description: 'Whether the caller is among those asked.' }),
});

/** An entry with everything that proves it. */
export const zEntryProof = named<EntryProof>(
  'EntryProof',
  'An entry with everything that proves it; binary is base64.',
  {
    entry: zLedgerEntry,
    leaf: z.string().meta({ description: 'The bytes in the tree: SHA-256(0x00 ‖ leaf) is the leaf hash (RFC 6962).' }),
    proof: z.object({ index: z.int(), size: z.int(), hashes: list(z.string()) }),
    note: z.string().meta({ description: 'The signed checkpoint of the tree of that size.' }),
    payload: z
      .object({ data: z.string(), salt: z.string(), value: zJson })
      .exactOptional()
      .meta({ description: 'entry.commitment is hex HMAC-SHA256 of data under salt.' }),
  },
);
