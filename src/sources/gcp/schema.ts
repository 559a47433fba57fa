import * as z from 'zod';

import type { GcpConnection, GcpProject } from '../../domain/ports/gcp.ts';
import type { Schema } from '../../domain/ports/schema.ts';
import { gcpConnection, gcpRegion, readProjects, serviceAccount } from '../../io/clients/gcp/config.ts';
import type { JsonObject } from '../../lib/json.ts';
import { durationMs, schemaOf } from '../../lib/schema.ts';

/** One or more projects and locations of Google Cloud. */
export interface GcpConfig extends Omit<GcpConnection, 'source'> {
  readonly projects: readonly GcpProject[];
  /** Regions where Cloud Run is looked for; groups are found wherever they are. */
  readonly locations: readonly string[];
  /** How often it is looked at all, and how often Cloud Monitoring is asked for what a change touches. */
  readonly interval: number;
  /** How often Cloud Monitoring is asked for everything else. */
  readonly sweep: number;
  /** How long after a change its service, and what depends on it, is read at every look. */
  readonly closeUp: number;
  /** Points younger than this may still change, and are not taken. */
  readonly settle: number;
  /** The label that makes a resource a service, its value the service's name. */
  readonly label: string;
  readonly discover: boolean;
  readonly auditLogs: boolean;
  readonly alerts: boolean;
  /** Alerts that are pushed through Pub/Sub. Absent: nothing is pushed. */
  readonly push?: GcpPush;
  /** By list prices, in a day (UTC). */
  readonly dollarsPerDay: number;
}

/** How a push is known for Google's, and for ours. */
export interface GcpPush {
  /** Whom its token must be for: what the subscription says. */
  readonly audience: string;
  /** Of whom it must be: the service account that the subscription authenticates with. */
  readonly serviceAccount: string;
  readonly subscriptions: readonly string[];
  /** Where Google publishes its keys. */
  readonly keys: string;
}

const second = 1_000;

const push = z.strictObject({
  audience: z.string().min(1).max(1_000).describe("The subscription's audience."),
  serviceAccount: serviceAccount.describe('The service account that the subscription authenticates with.'),
  subscriptions: z
    .array(
      z
        .string()
        .regex(
          /^projects\/[a-z][a-z0-9-]{4,28}[a-z0-9]\/subscriptions\/[A-Za-z][\w.~+%-]{2,254}$/,
          'must be projects/PROJECT/subscriptions/NAME',
        ),
    )
    .min(1)
    .max(50),
  keys: z
    .string()
    .regex(/^(https:\/\/|http:\/\/(127\.0\.0\.1|localhost)[:/])/, 'must be an https:// URL')
    .default('https://www.googleapis.com/oauth2/v3/certs')
    .describe('Where Google publishes the keys that it signs with.'),
});

/** The source's block in watchkeeper.yaml. */
export const gcpConfig: Schema<GcpConfig> = schemaOf<GcpConfig>(
  z
    .strictObject({
      ...gcpConnection,
      projects: readProjects,
      locations: z.array(gcpRegion).max(50).default([]),
      interval: durationMs.refine((ms) => ms >= second && ms <= 600 * second, 'must be from 1s to 10m').prefault('1m'),
      sweep: durationMs.refine((ms) => ms >= second && ms <= 3_600 * second, 'must be from 1s to 1h').prefault('5m'),
      closeUp: durationMs.refine((ms) => ms <= 24 * 3_600 * second, 'must be at most 1d').prefault('30m'),
      settle: durationMs.refine((ms) => ms <= 900 * second, 'must be at most 15m').prefault('3m'),
      label: z
        .string()
        .regex(/^[a-z][a-z0-9_-]{0,62}$/, "must be a label's key: lower-case letters, digits, '_' and '-'")
        .default('watchkeeper-service'),
      discover: z.boolean().default(true),
      auditLogs: z.boolean().default(true),
      alerts: z.boolean().default(true),
      push: push.exactOptional().describe('Alerts that Cloud Monitoring pushes through Pub/Sub to /hooks/ID.'),
      dollarsPerDay: z.number().min(0).max(100_000).default(10),
    })
    .refine(({ interval, sweep }) => sweep >= interval, 'sweep must not be shorter than interval')
    .refine((all) => all.push === undefined || all.alerts, 'push is a reason to read alerts: it needs alerts'),
);

/** One selection of time series and what is made of them: one value a period. */
export interface MetricPick {
  /** `run.googleapis.com/request_count`. */
  readonly type: string;
  /** `cloud_run_revision`. */
  readonly resourceType?: string;
  /** Labels of the resource, and of the metric, that must be so. */
  readonly resource: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly align: string;
  readonly reduce: string;
}

/** One pick, or how much one is of another. */
export type SeriesQuery = { readonly project?: string; /** Milliseconds. */ readonly period: number } & (
  { readonly metric: MetricPick } | { readonly ratio: { readonly of: MetricPick; readonly to: MetricPick } }
);

/** What the resource's own API says, without Cloud Monitoring: at once, and free. */
export interface StateQuery {
  readonly state: 'availability' | 'rollout_failing' | 'size' | 'unhealthy';
}

const text = z.string().min(1).max(1_024);
const labels = z
  .record(z.string().regex(/^[A-Za-z_][\w.]{0,99}$/, 'must be the key of a label'), text)
  .refine((all) => Object.keys(all).length <= 20, 'at most 20 labels');
const aligners = [
  ...['ALIGN_RATE', 'ALIGN_DELTA', 'ALIGN_MEAN', 'ALIGN_MAX', 'ALIGN_MIN', 'ALIGN_SUM', 'ALIGN_COUNT'],
  ...['ALIGN_NEXT_OLDER', 'ALIGN_PERCENTILE_99', 'ALIGN_PERCENTILE_95', 'ALIGN_PERCENTILE_50', 'ALIGN_FRACTION_TRUE'],
] as const;
const reducers = [
  ...['REDUCE_SUM', 'REDUCE_MEAN', 'REDUCE_MAX', 'REDUCE_MIN', 'REDUCE_COUNT', 'REDUCE_FRACTION_TRUE'],
  ...['REDUCE_PERCENTILE_99', 'REDUCE_PERCENTILE_95', 'REDUCE_PERCENTILE_50'],
] as const;
const metric = z.strictObject({
  type: z
    .string()
    .regex(/^[a-z][\w.-]*\/[\w./-]{1,200}$/, 'must be a metric type such as run.googleapis.com/request_count'),
  resourceType: z
    .string()
    .regex(/^[a-z][a-z0-9_]{0,99}$/, 'must be a monitored resource type such as cloud_run_revision')
    .exactOptional(),
  resource: labels.default({}),
  labels: labels.default({}),
  align: z.enum(aligners).default('ALIGN_MEAN'),
  reduce: z.enum(reducers).default('REDUCE_MEAN'),
});
const whereabouts = {
  project: z.string().min(1).max(63).exactOptional(),
  period: durationMs
    .refine((ms) => ms >= second && ms % second === 0 && ms <= 24 * 3_600 * second, 'must be whole seconds, at most 1d')
    .prefault('1m'),
};
const state = z.strictObject({ state: z.enum(['availability', 'rollout_failing', 'size', 'unhealthy']) });
const single = z.strictObject({ ...whereabouts, metric });
const share = z.strictObject({ ...whereabouts, ratio: z.strictObject({ of: metric, to: metric }) });

/** A binding's query, typed, for the source itself. */
export const typedQuery: Schema<SeriesQuery | StateQuery> = schemaOf<SeriesQuery | StateQuery>(
  z.union([single, share, state]),
);

/** The same for the loader: what it lets through is kept as written, so that it can be parsed again here. */
export const gcpQuery: Schema<JsonObject> = keptAsWritten(typedQuery);

/** A `logs` binding: entries of a project, by a filter of the Logging query language. */
export interface LogsQuery {
  readonly filter: string;
  readonly project?: string;
  /** Whether it is read at every look, or only as evidence. */
  readonly live: boolean;
}

/** A `logs` binding, typed. */
export const typedLogs: Schema<LogsQuery> = schemaOf<LogsQuery>(
  z.strictObject({
    filter: z.string().min(1).max(2_000),
    project: z.string().min(1).max(63).exactOptional(),
    live: z.boolean().default(true),
  }),
);

/** The same for the loader. */
export const gcpLogs: Schema<JsonObject> = keptAsWritten(typedLogs);

/** A `traces` binding: traces of a project, by a filter of Cloud Trace. */
export interface TracesQuery {
  readonly filter: string;
  readonly project?: string;
}

/** A `traces` binding, typed. */
export const typedTraces: Schema<TracesQuery> = schemaOf<TracesQuery>(
  z.strictObject({ filter: z.string().min(1).max(1_000), project: z.string().min(1).max(63).exactOptional() }),
);

/** The same for the loader. */
export const gcpTraces: Schema<JsonObject> = keptAsWritten(typedTraces);

function keptAsWritten<T>(typed: Schema<T>): Schema<JsonObject> {
  return {
    parse: (input) => {
      const parsed = typed.parse(input);
      return parsed.ok ? { ok: true, value: input as JsonObject } : parsed;
    },
    jsonSchema: () => typed.jsonSchema(),
  };
}
