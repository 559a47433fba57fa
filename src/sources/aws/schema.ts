import * as z from 'zod';

import type { AwsAccount, AwsConnection } from '../../domain/ports/aws.ts';
import type { Schema } from '../../domain/ports/schema.ts';
import { awsConnection, awsRegion, readAccounts } from '../../io/clients/aws/config.ts';
import type { JsonObject } from '../../lib/json.ts';
import { durationMs, schemaOf } from '../../lib/schema.ts';

/** One or more accounts and regions of AWS. */
export interface AwsConfig extends Omit<AwsConnection, 'source'> {
  readonly accounts: readonly AwsAccount[];
  readonly regions: readonly string[];
  /** How often it is looked at all, and how often CloudWatch is asked for what a change touches. */
  readonly interval: number;
  /** How often CloudWatch is asked for everything else. */
  readonly sweep: number;
  /** How long after a change its service, and what depends on it, is read at every look. */
  readonly closeUp: number;
  /** Datapoints younger than this may still change, and are not taken. */
  readonly settle: number;
  /** The tag that makes a resource a service, its value the service's name. */
  readonly tag: string;
  readonly discover: boolean;
  readonly cloudtrail: boolean;
  readonly alarms: boolean;
  /** Topics of SNS that alarms are pushed through, by ARN. Absent: nothing is pushed. */
  readonly push?: { readonly topics: readonly string[] };
  /** Whole traces of a service that one look reads at most. */
  readonly maxTraces: number;
  /** By list prices, in a day (UTC). */
  readonly dollarsPerDay: number;
}

const second = 1_000;

/** The source's block in watchkeeper.yaml. */
export const awsConfig: Schema<AwsConfig> = schemaOf<AwsConfig>(
  z
    .strictObject({
      ...awsConnection,
      accounts: readAccounts.default([{ name: 'default' }]),
      regions: z.array(awsRegion).min(1).max(40),
      interval: durationMs.refine((ms) => ms >= second && ms <= 600 * second, 'must be from 1s to 10m').prefault('1m'),
      sweep: durationMs.refine((ms) => ms >= second && ms <= 3_600 * second, 'must be from 1s to 1h').prefault('5m'),
      closeUp: durationMs.refine((ms) => ms <= 24 * 3_600 * second, 'must be at most 1d').prefault('30m'),
      settle: durationMs.refine((ms) => ms <= 900 * second, 'must be at most 15m').prefault('90s'),
      tag: z.string().min(1).max(128).default('watchkeeper.dev/service'),
      discover: z.boolean().default(true),
      cloudtrail: z.boolean().default(true),
      alarms: z.boolean().default(true),
      push: z
        .strictObject({
          topics: z
            .array(
              z.string().regex(/^arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[\w-]{1,256}$/, 'must be the ARN of a topic'),
            )
            .min(1)
            .max(50),
        })
        .exactOptional(),
      maxTraces: z.int().min(1).max(200).default(20),
      dollarsPerDay: z.number().min(0).max(100_000).default(10),
    })
    .refine(({ interval, sweep }) => sweep >= interval, 'sweep must not be shorter than interval'),
);

/** One metric of CloudWatch and what is made of it. */
export interface MetricPick {
  readonly namespace: string;
  readonly name: string;
  readonly dimensions: Readonly<Record<string, string>>;
  /** Average, Sum, Minimum, Maximum, SampleCount, p99, tm95 … */
  readonly stat: string;
}

/** Where a signal is, when it is not where its service is. */
interface Whereabouts {
  readonly region?: string;
  readonly account?: string;
  /** Milliseconds. */
  readonly period: number;
}

/** One metric, or an expression of metric math over several. */
export type CloudWatchQuery = Whereabouts &
  (
    | { readonly metric: MetricPick }
    | { readonly expression: string; readonly metrics: Readonly<Record<string, MetricPick>> }
  );

/** What the service's own API says of an ECS service, without CloudWatch: at once, and free. */
export interface StateQuery {
  readonly state: 'availability' | 'desired' | 'rollout_failing' | 'failed_tasks';
}

/** A telemetry binding. */
export type AwsQuery = CloudWatchQuery | StateQuery;

const stat = z
  .string()
  .regex(
    /^(Average|Sum|Minimum|Maximum|SampleCount|IQM|(p|tm|wm|tc|ts)\d{1,2}(\.\d{1,2})?|p100)$/,
    'must be a statistic of CloudWatch: Average, Sum, Minimum, Maximum, SampleCount, p99, tm95 …',
  );
const metric = z.strictObject({
  namespace: z.string().min(1).max(255),
  name: z.string().min(1).max(255),
  dimensions: z
    .record(z.string().min(1).max(255), z.string().min(1).max(1_024))
    .refine((all) => Object.keys(all).length <= 30, 'CloudWatch knows at most 30 dimensions')
    .default({}),
  stat: stat.default('Average'),
});
const whereabouts = {
  region: awsRegion.exactOptional(),
  account: z.string().min(1).max(63).exactOptional(),
  period: durationMs
    .refine(
      (ms) => [1, 5, 10, 30].includes(ms / second) || (ms > 0 && ms % (60 * second) === 0),
      'must be a multiple of 1m, or 1s, 5s, 10s or 30s of a high-resolution metric',
    )
    .prefault('1m'),
};
const metricName = z.string().regex(/^[a-z][A-Za-z0-9_]{0,30}$/, 'must begin with a small letter');
const state = z.strictObject({ state: z.enum(['availability', 'desired', 'rollout_failing', 'failed_tasks']) });
const single = z.strictObject({ ...whereabouts, metric });
const math = z.strictObject({
  ...whereabouts,
  expression: z.string().min(1).max(1_024),
  metrics: z.record(metricName, metric).refine((all) => Object.keys(all).length <= 20, 'at most 20 metrics'),
});

/** A binding's query, typed, for the source itself. */
export const typedQuery: Schema<AwsQuery> = schemaOf<AwsQuery>(z.union([single, math, state]));

/** The same for the loader: what it lets through is kept as written, so that it can be parsed again here. */
export const awsQuery: Schema<JsonObject> = keptAsWritten(typedQuery);

/** A `logs` binding: a log group and what of it. */
export interface LogsQuery {
  readonly group: string;
  /** CloudWatch's filter pattern: `?ERROR ?Exception`. Absent: every line. */
  readonly filter?: string;
  /** Commands of Logs Insights with which it is searched as evidence, instead of the filter: `filter level = "error"`. */
  readonly insights?: string;
  readonly region?: string;
  readonly account?: string;
}

/** A `logs` binding, typed. */
export const typedLogs: Schema<LogsQuery> = schemaOf<LogsQuery>(
  z.strictObject({
    group: z.string().regex(/^[\w./#-]{1,512}$/, 'must be the name of a log group'),
    filter: z.string().min(1).max(1_024).exactOptional(),
    insights: z
      .string()
      .min(1)
      .max(2_000)
      .regex(
        /^\s*(filter|parse|fields|filterIndex)\b/,
        'must begin with a command of Logs Insights: filter, parse or fields',
      )
      .exactOptional(),
    region: awsRegion.exactOptional(),
    account: z.string().min(1).max(63).exactOptional(),
  }),
);

/** A `traces` binding: a service of X-Ray, and where. */
export interface TracesQuery {
  /** As X-Ray names it, where that is another name. */
  readonly service?: string;
  readonly region?: string;
  readonly account?: string;
}

/** A `traces` binding, typed. */
export const typedTraces: Schema<TracesQuery> = schemaOf<TracesQuery>(
  z.strictObject({
    service: z.string().min(1).max(200).exactOptional(),
    region: awsRegion.exactOptional(),
    account: z.string().min(1).max(63).exactOptional(),
  }),
);

/** The same for the loader. */
export const awsTraces: Schema<JsonObject> = keptAsWritten(typedTraces);

/** The same for the loader. */
export const awsLogs: Schema<JsonObject> = keptAsWritten(typedLogs);

function keptAsWritten<T>(typed: Schema<T>): Schema<JsonObject> {
  return {
    parse: (input) => {
      const parsed = typed.parse(input);
      return parsed.ok ? { ok: true, value: input as JsonObject } : parsed;
    },
    jsonSchema: () => typed.jsonSchema(),
  };
}
