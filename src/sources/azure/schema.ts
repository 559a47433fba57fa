import * as z from 'zod';

import type { AzureReading } from '../../domain/ports/azure.ts';
import type { Schema } from '../../domain/ports/schema.ts';
import {
  azureConnection,
  azureIdentity,
  azureRegion,
  azureSubscriptions,
  guid,
} from '../../io/clients/azure/config.ts';
import type { JsonObject } from '../../lib/json.ts';
import { durationMs, schemaOf } from '../../lib/schema.ts';

/** One or more subscriptions of Azure. */
export interface AzureConfig extends Omit<AzureReading, 'source'> {
  /** How often it is looked at all, and how often metrics are asked for of what a change touches. */
  readonly interval: number;
  /** How often metrics are asked for of everything else. */
  readonly sweep: number;
  /** How long after a change its service, and what depends on it, is read at every look. */
  readonly closeUp: number;
  /** Datapoints younger than this may still change, and are not taken. */
  readonly settle: number;
  /** Log lines may come into a workspace this much after their own time. */
  readonly late: number;
  /** The tag that makes a resource a service, its value the service's name. */
  readonly tag: string;
  readonly discover: boolean;
  readonly activityLog: boolean;
  readonly resourceChanges: boolean;
  readonly alerts: boolean;
  /** Alerts that an action group pushes. Absent: nothing is pushed. */
  readonly push?: AzurePush;
  /** By list prices, in a day (UTC). */
  readonly dollarsPerDay: number;
}

/** How a push is known for Azure's, and for ours. */
export interface AzurePush {
  readonly tenantId: string;
  /** Of the app registration that stands for the daemon. */
  readonly clientId: string;
  /** Its Application ID URI, where that is not `api://CLIENT-ID`. */
  readonly audience?: string;
}

const second = 1_000;

const push = z.strictObject({
  tenantId: guid.describe('The tenant of the action groups, and of the app registration.'),
  clientId: guid.describe('The app registration that stands for the daemon.'),
  audience: z
    .string()
    .min(1)
    .max(500)
    .exactOptional()
    .describe('Its Application ID URI, where that is not api://CLIENT-ID.'),
});

/** The source's block in watchkeeper.yaml. */
export const azureConfig: Schema<AzureConfig> = schemaOf<AzureConfig>(
  z
    .strictObject({
      ...azureConnection,
      subscriptions: azureSubscriptions,
      identity: z.strictObject(azureIdentity).exactOptional().describe('As whom is read.'),
      interval: durationMs.refine((ms) => ms >= second && ms <= 600 * second, 'must be from 1s to 10m').prefault('1m'),
      sweep: durationMs.refine((ms) => ms >= second && ms <= 3_600 * second, 'must be from 1s to 1h').prefault('5m'),
      closeUp: durationMs.refine((ms) => ms <= 24 * 3_600 * second, 'must be at most 1d').prefault('30m'),
      settle: durationMs.refine((ms) => ms <= 900 * second, 'must be at most 15m').prefault('3m'),
      late: durationMs.refine((ms) => ms <= 1_800 * second, 'must be at most 30m').prefault('5m'),
      tag: z
        .string()
        .regex(/^[A-Za-z0-9_.-]{1,128}$/, 'must be letters, digits, "_", "." and "-": Azure allows no slash in a tag')
        .default('watchkeeper-service'),
      discover: z.boolean().default(true),
      activityLog: z.boolean().default(true),
      resourceChanges: z.boolean().default(true),
      alerts: z.boolean().default(true),
      push: push.exactOptional().describe('Alerts that the secure webhook of an action group pushes to /hooks/ID.'),
      dollarsPerDay: z.number().min(0).max(100_000).default(10),
    })
    .refine(({ interval, sweep }) => sweep >= interval, 'sweep must not be shorter than interval')
    .refine((all) => all.push === undefined || all.alerts, 'push is a reason to read alerts: it needs alerts')
    .refine(
      (all) => all.push === undefined || all.cloud === 'public',
      'push is known of the public cloud alone: the others have issuers of their own',
    ),
);

/** One metric of Azure Monitor, and which of its values. */
export interface MetricPick {
  readonly name: string;
  readonly aggregation: 'Average' | 'Total' | 'Minimum' | 'Maximum' | 'Count';
  /** Dimensions it must have: `{statusCodeCategory: 5xx}`, or one of several values. */
  readonly where: Readonly<Record<string, string | readonly string[]>>;
}

/** Where a signal is, when it is not where its service is. */
interface Whereabouts {
  readonly region?: string;
  readonly subscription?: string;
  /** The resource below its subscription. */
  readonly resource?: string;
  /** Absent: that of the resource's type. */
  readonly namespace?: string;
  /** Milliseconds. */
  readonly period: number;
}

/** One metric; one part of another, such as errors of requests; or a total as so much a second. */
export type MetricQuery = Whereabouts &
  (
    | { readonly metric: MetricPick }
    | { readonly rate: MetricPick }
    | { readonly ratio: { readonly bad: MetricPick; readonly all: MetricPick } }
  );

/** What the resource's own API says of it, without metrics: at once, and free. */
export interface StateQuery {
  readonly state: 'availability' | 'rollout_failing' | 'replicas';
}

/** A telemetry binding. */
export type AzureQuery = MetricQuery | StateQuery;

const dimension = z.string().regex(/^[A-Za-z][\w.-]{0,100}$/, 'must be the name of a dimension');
const value = z.string().min(1).max(256);
const pick = (aggregation: MetricPick['aggregation']) =>
  z.strictObject({
    name: z.string().regex(/^[A-Za-z0-9][\w .()/%-]{0,200}$/, 'must be the name of a metric'),
    aggregation: z.enum(['Average', 'Total', 'Minimum', 'Maximum', 'Count']).default(aggregation),
    where: z
      .record(dimension, z.union([value, z.array(value).min(1).max(20)]))
      .refine((all) => Object.keys(all).length <= 5, 'at most 5 dimensions')
      .default({}),
  });
const whereabouts = {
  region: azureRegion.exactOptional(),
  subscription: z.string().min(1).max(63).exactOptional(),
  resource: z
    .string()
    .max(700)
    .regex(
      /^\/resourceGroups\/[\w.()-]+\/providers\/[\w.]+(\/\w+\/[\w.-]+)+$/,
      'must be a resource below its subscription',
    )
    .exactOptional(),
  namespace: z
    .string()
    .regex(/^[\w.]+(\/[\w.]+)+$/, 'must be a namespace such as Microsoft.App/containerapps')
    .exactOptional(),
  period: durationMs
    .refine((ms) => [1, 5, 15, 30, 60].includes(ms / (60 * second)), 'must be 1m, 5m, 15m, 30m or 1h')
    .prefault('1m'),
};
const state = z.strictObject({ state: z.enum(['availability', 'rollout_failing', 'replicas']) });
const single = z.strictObject({ ...whereabouts, metric: pick('Average') });
const rate = z.strictObject({ ...whereabouts, rate: pick('Total') });
const ratio = z.strictObject({ ...whereabouts, ratio: z.strictObject({ bad: pick('Total'), all: pick('Total') }) });

/** A binding's query, typed, for the source itself. */
export const typedQuery: Schema<AzureQuery> = schemaOf<AzureQuery>(z.union([single, rate, ratio, state]));

/** The same for the loader: what it lets through is kept as written, so that it can be parsed again here. */
export const azureQuery: Schema<JsonObject> = keptAsWritten(typedQuery);

/** Tables of a workspace that hold lines of applications, and what of them is read. */
export const logTables = {
  ContainerAppConsoleLogs_CL: { line: 'Log_s', beside: ['RevisionName_s', 'ContainerName_s', 'Stream_s'] },
  ContainerAppConsoleLogs: { line: 'Log', beside: ['RevisionName', 'ContainerName', 'Stream'] },
  ContainerAppSystemLogs_CL: { line: 'Log_s', beside: ['RevisionName_s', 'Reason_s', 'Type_s'] },
  AppServiceConsoleLogs: { line: 'ResultDescription', beside: ['Level', 'Host'] },
  AppServiceAppLogs: { line: 'Message', beside: ['Level', 'Logger', 'ExceptionClass'] },
  AppTraces: { line: 'Message', beside: ['SeverityLevel', 'AppRoleName', 'AppVersion', 'OperationId'] },
  AppExceptions: { line: 'OuterMessage', beside: ['SeverityLevel', 'ExceptionType', 'AppRoleName', 'OperationId'] },
} as const;

/** A `logs` binding: a table of a workspace, and which of its rows. */
export interface LogsQuery {
  /** The workspace's own id, a GUID. */
  readonly workspace: string;
  readonly table: keyof typeof logTables;
  /** Columns and what they must be: `{ContainerAppName_s: web}`. */
  readonly where: Readonly<Record<string, string>>;
  /** In whose tenant the workspace is. Absent: that of the service's place, or the first. */
  readonly subscription?: string;
  /** Words of the line; any one of them. Absent: every line. */
  readonly has?: readonly string[];
}

const workspace = z.string().regex(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i, 'must be the id of a workspace');

/** A `logs` binding, typed. */
export const typedLogs: Schema<LogsQuery> = schemaOf<LogsQuery>(
  z.strictObject({
    workspace,
    table: z.enum(Object.keys(logTables) as [keyof typeof logTables, ...(keyof typeof logTables)[]]),
    where: z
      .record(z.string().regex(/^[A-Za-z_]\w{0,100}$/, 'must be the name of a column'), z.string().min(1).max(500))
      .refine((all) => Object.keys(all).length <= 10, 'at most 10 columns')
      .default({}),
    subscription: z.string().min(1).max(63).exactOptional(),
    has: z.array(z.string().min(1).max(200)).min(1).max(20).exactOptional(),
  }),
);

/** The same for the loader. */
export const azureLogs: Schema<JsonObject> = keptAsWritten(typedLogs);

/** A `traces` binding: the workspace that an Application Insights resource writes to, and which role the service is. */
export interface TracesQuery {
  /** The workspace's own id, a GUID. */
  readonly workspace: string;
  /** The cloud role name. Absent: the name of the service's resource, or of the service where it has none here. */
  readonly role?: string;
  /** In whose tenant the workspace is. Absent: that of the service's place, or the first. */
  readonly subscription?: string;
}

/** A `traces` binding, typed. */
export const typedTraces: Schema<TracesQuery> = schemaOf<TracesQuery>(
  z.strictObject({
    workspace,
    role: z.string().min(1).max(253).exactOptional(),
    subscription: z.string().min(1).max(63).exactOptional(),
  }),
);

/** The same for the loader. */
export const azureTraces: Schema<JsonObject> = keptAsWritten(typedTraces);

function keptAsWritten<T>(typed: Schema<T>): Schema<JsonObject> {
  return {
    parse: (input) => {
      const parsed = typed.parse(input);
      return parsed.ok ? { ok: true, value: input as JsonObject } : parsed;
    },
    jsonSchema: () => typed.jsonSchema(),
  };
}
