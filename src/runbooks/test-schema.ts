import * as z from 'zod';

import type { Schema } from '../domain/ports/schema.ts';
import { schemaOf } from '../lib/schema.ts';
import { writtenDuration } from '../lib/written.ts';

const labels = z.record(z.string(), z.string());
const autonomy = z.enum(['observe', 'suggest', 'approve', 'act']);
const instant = z.iso.datetime({ offset: true });

const incident = z.strictObject({
  detector: z.string(),
  kind: z.string().default('threshold'),
  signal: z.string().default('errors'),
  severity: z.enum(['info', 'warning', 'critical']).default('critical'),
  storm: z.boolean().default(false),
  recurrence: z.boolean().default(false),
  age: writtenDuration.default(60_000),
  hosts: z.array(z.string()).default([]).describe('Hosts that its alerts tell of'),
  mode: z.enum(['active', 'shadow']).default('active'),
});

const service = z.strictObject({
  name: z.string(),
  labels: labels.default({}),
  team: z.string().default('unowned'),
  escalate: z.string().default('default'),
  dependsOn: z.array(z.string()).default([]),
  workload: z
    .string()
    .regex(/^(Deployment|StatefulSet|DaemonSet|Job|CronJob)\/[a-z0-9-]+\/[a-z0-9.-]+$/)
    .exactOptional()
    .describe('Where it runs in Kubernetes: Deployment/shop/checkout'),
  aws: z
    .string()
    .regex(/^(ecs|lambda)\/[A-Za-z0-9_-]+\/[A-Za-z0-9_-]+$/)
    .exactOptional()
    .describe('What it is in AWS: ecs/CLUSTER/SERVICE or lambda/FUNCTION/ALIAS'),
  azure: z
    .string()
    .regex(
      /^((container-app|web-app|scale-set|virtual-machine)\/[A-Za-z0-9-]+|failover-group\/[a-z0-9-]+\/[a-z0-9-]+)$/,
    )
    .exactOptional()
    .describe(
      'What it is in Azure: container-app/NAME, web-app/NAME, scale-set/NAME, virtual-machine/NAME or failover-group/SERVER/NAME',
    ),
  os: z.literal('windows').exactOptional().describe('It is a service, a pool and a site of its name on a Windows host'),
  ssh: z
    .string()
    .regex(/^(host|group)\/[A-Za-z0-9_.-]+$/)
    .exactOptional()
    .describe('Where it runs over SSH: host/NAME or group/NAME'),
  gcp: z
    .string()
    .regex(/^((run|instance-group|instance|sql)\/[a-z0-9-]+|deploy\/[a-z0-9-]+\/[a-z0-9-]+)$/)
    .exactOptional()
    .describe(
      'What it is in Google Cloud: run/SERVICE, instance-group/NAME, instance/NAME, sql/INSTANCE or deploy/PIPELINE/TARGET',
    ),
});

const change = z.strictObject({
  kind: z.enum(['deploy', 'rollback', 'config', 'scale', 'flag', 'package', 'restart', 'infrastructure']),
  age: writtenDuration.default(5 * 60_000),
  what: z.string().default('current'),
  from: z.string().exactOptional().describe('Empty: there was nothing before it'),
  previous: z.string().exactOptional().describe('The same as from'),
  to: z.string().exactOptional(),
  actor: z.string().exactOptional(),
  ref: z.string().exactOptional(),
  irreversible: z.boolean().default(false),
  instances: z.array(z.string()).exactOptional().describe('Where it was made, when not everywhere'),
});

const diagnosis = z.strictObject({
  cause: z.enum(['change', 'dependency', 'resource', 'traffic', 'host', 'external', 'unknown']),
  confidence: z.number().min(0).max(1).default(0.9),
  verdict: z.enum(['conclusive', 'inconclusive']).default('conclusive'),
});

const act = z.strictObject({
  outcome: z.enum(['succeeded', 'failed', 'undone', 'unknown', 'running']).default('succeeded'),
  ago: writtenDuration.default(60 * 60_000),
  runbook: z.string().exactOptional().describe('Default: the runbook in question'),
  target: z.string().exactOptional().describe('kind/id; default: the target in question'),
  action: z.string().exactOptional(),
  service: z.string().exactOptional(),
  times: z.int().min(1).max(1_000).default(1),
});

const given = z.strictObject({
  now: instant.default('2026-01-14T12:00:00Z'),
  incident: z.union([z.string(), incident]).default('a-detector'),
  service: z.union([z.string(), service]).default('shop'),
  change: change.exactOptional(),
  diagnosis: diagnosis.exactOptional().describe('Default: the change, when there is one; else unknown'),
  target: z.record(z.string(), z.json()).default({}).describe('Live facts; kind, id and labels too'),
  blast: z
    .strictObject({
      touched: z.int(),
      total: z.int(),
      healthyAfter: z.int(),
      healthyNow: z.int().exactOptional(),
      replicasAfter: z.int().exactOptional(),
      names: z.array(z.string()).exactOptional(),
    })
    .default({ touched: 1, total: 1, healthyAfter: 0 }),
  busy: z.string().exactOptional(),
  inFlight: z
    .array(z.strictObject({ action: z.string(), target: z.string(), service: z.string(), touched: z.int().default(1) }))
    .default([]),
  signals: z.record(z.string(), z.number()).default({}),
  budgets: z
    .record(z.string(), z.strictObject({ remaining: z.number().exactOptional(), burn: z.number().exactOptional() }))
    .default({}),
  history: z.array(act).default([]),
  answers: z
    .array(z.strictObject({ by: z.string(), verdict: z.enum(['approve', 'deny']).default('approve') }))
    .default([]),
  groups: z.record(z.string(), z.array(z.string())).default({}),
  health: z.strictObject({ total: z.int(), unhealthy: z.int() }).default({ total: 10, unhealthy: 1 }),
  paused: z.boolean().default(false),
  unwell: z.array(z.string()).default([]),
  ceiling: autonomy.default('act'),
  policies: z
    .array(z.string())
    .exactOptional()
    .describe('Names of the policies in force; default: all that are loaded'),
  action: z.string().exactOptional().describe('Decide about this action, without a runbook'),
  params: z.record(z.string(), z.json()).default({}).describe('Parameters of the runbook, or of the action'),
});

const expected = z.strictObject({
  runbook: z.string().exactOptional().describe('The one that is chosen; none when none is'),
  decision: z.enum(['allow', 'require-approval', 'deny']).exactOptional(),
  because: z.string().exactOptional().describe('The code of a denial'),
  by: z.string().exactOptional().describe('The rule that decides'),
  actions: z.array(z.string()).exactOptional(),
  autonomy: autonomy.exactOptional(),
  approval: z.array(z.string()).exactOptional().describe('Whose consent is asked for, or would lift a denial'),
  escalates: z.boolean().exactOptional().describe('People are called'),
});

const test = z.strictObject({
  name: z.string().exactOptional(),
  given: given.default(given.parse({})),
  expect: expected,
});
const tests = z.array(test).min(1).max(1_000);

/** One case of a runbook's or policy's test file. */
export type ResourceTest = z.infer<typeof test>;
/** The world of one case. */
export type Given = z.infer<typeof given>;

/** A `*.test.yaml` of runbooks or policies: a list of cases. */
export const resourceTestsSchema: Schema<readonly ResourceTest[]> = schemaOf(tests);
