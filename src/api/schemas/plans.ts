import * as z from 'zod';

import type {
  ActionTraits,
  AttemptLimit,
  BlastRadius,
  Execution,
  Plan,
  PlannedStep,
  StepRun,
  Target,
  Verification,
  VerifyRule,
} from '../../domain/remediation.ts';
import { dictionary, list, named, zAutonomy, zJson, zJsonObject, zLabels, zMs } from './common.ts';

const zTarget = named<Target>('Target', 'What an action touches.', {
  kind: z.string(),
  id: z.string(),
  service: z.string(),
  labels: zLabels,
});

/** Risk traits. */
export const zTraits = named<ActionTraits>('ActionTraits', "Risk traits, from the action's code.", {
  reversible: z.boolean(),
  idempotent: z.boolean(),
  destructive: z.boolean(),
  scope: z.enum(['process', 'service', 'host', 'cluster', 'external']),
});

const zBlastRadius = named<BlastRadius>('BlastRadius', 'How much is touched, counted from live state.', {
  touched: z.number(),
  total: z.number(),
  healthyAfter: z.number(),
  healthyNow: z.number().exactOptional(),
  replicasAfter: z.number().exactOptional(),
  names: list(z.string()).exactOptional(),
  targets: list(z.string()),
  dependents: list(z.string()),
});

const zVerifyRule = named<VerifyRule>('VerifyRule', 'What must become true afterwards.', {
  expect: z.string(),
  withinMs: z.number().exactOptional(),
  forMs: z.number().exactOptional(),
  atMs: z.number().exactOptional(),
});

const zStep = named<PlannedStep>('PlannedStep', 'One step, with every parameter resolved.', {
  id: z.string(),
  action: z.string(),
  params: zJsonObject,
  target: zTarget,
  traits: zTraits,
  timeoutMs: z.number(),
  retries: z.number(),
  require: list(z.string()),
  abortIf: list(z.string()),
  describe: z.string(),
  diff: list(z.string()),
  blast: zBlastRadius,
  stateHash: z.string(),
  each: z.strictObject({ step: z.string(), item: z.string() }).exactOptional(),
  between: list(zVerifyRule).exactOptional(),
});

const zAttempts = named<AttemptLimit>('AttemptLimit', 'At most max attempts within a time.', {
  per: z.enum(['target', 'service', 'runbook']),
  max: z.number(),
  inMs: z.number(),
});

/** A plan. */
export const zPlan = named<Plan>('Plan', 'What is to be done. id is the digest of everything else in it.', {
  id: z.string(),
  incidentId: z.string(),
  service: z.string(),
  runbook: z.object({ name: z.string(), digest: z.string(), summary: z.string() }),
  diagnosisId: z.string(),
  changeId: z.string().exactOptional(),
  params: zJsonObject,
  steps: list(zStep),
  verify: list(zVerifyRule),
  onFail: list(z.enum(['undo', 'escalate'])),
  attempts: zAttempts,
  because: z.string(),
  notWhen: z.string().exactOptional(),
  autonomy: zAutonomy.exactOptional(),
  proposedBy: z.string(),
  createdAtMs: zMs,
  expiresAtMs: zMs,
});

const zStepStatus = z.enum(['succeeded', 'failed', 'errored', 'inconclusive', 'unknown', 'skipped']);

const zVerdict = z.enum(['passed', 'failed', 'inconclusive', 'pending']);

const zVerification = named<Verification>('Verification', 'Whether it helped.', {
  status: zVerdict,
  rules: list(
    z.object({
      expect: z.string(),
      status: zVerdict,
      because: z.string(),
      sinceMs: zMs.exactOptional(),
    }),
  ),
  dueAtMs: zMs,
});

const zStepRun = named<StepRun>('StepRun', 'A step as the journal has it.', {
  stepId: z.string(),
  phase: z.enum(['planned', 'authorised', 'approved', 'intent', 'started', 'outcome', 'verified', 'undone']),
  status: zStepStatus.exactOptional(),
  attempt: z.number(),
  idempotencyKey: z.string(),
  intentAtMs: zMs.exactOptional(),
  endedAtMs: zMs.exactOptional(),
  message: z.string().exactOptional(),
  before: zJson.exactOptional(),
  undo: z.object({ status: zStepStatus, message: z.string() }).exactOptional(),
  between: zVerification.exactOptional(),
});

/** Where an execution stands. */
export const zExecutionStatus = z.enum([
  'waiting-approval',
  'running',
  'verifying',
  'succeeded',
  'failed',
  'undone',
  'unknown',
  'denied',
  'cancelled',
  'expired',
]);

/** A plan being carried out. */
export const zExecution = named<Execution>('Execution', 'One plan being carried out, or not.', {
  id: z.string(),
  plan: zPlan,
  status: zExecutionStatus,
  epoch: z.number(),
  policyDigest: z.string(),
  startedAtMs: zMs,
  updatedAtMs: zMs,
  endedAtMs: zMs.exactOptional(),
  steps: list(zStepRun),
  verification: zVerification.exactOptional(),
  because: z.string().exactOptional(),
  baseline: dictionary(z.number()),
});
