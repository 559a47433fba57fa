import * as z from 'zod';

import { limits } from '../../lib/limits.ts';
import { durationMs, schemaOf } from '../../lib/schema.ts';
import { httpAuth, httpHeaders, httpUrl, type HttpAuth } from '../../io/clients/http-reader.ts';
import type { Schema } from '../../domain/ports/schema.ts';
import type { JsonObject } from '../../lib/json.ts';

/** One Prometheus (or anything that speaks its HTTP API). Many servers are many sources. */
export interface PrometheusConfig {
  /** Up to, and without, `/api/v1`: `https://prometheus.example.com`, `https://mimir.example.com/prometheus`. */
  readonly url: string;
  readonly auth?: HttpAuth;
  readonly headers?: Readonly<Record<string, string>>;
  readonly interval: number;
  /** For one query, waiting included on the server's side. */
  readonly timeout: number;
  /** Queries under way at once. */
  readonly concurrency: number;
  /** For one query; more is a gap, never a silent cut. */
  readonly maxSeries: number;
}

/** The source's block in watchkeeper.yaml. */
export const prometheusConfig: Schema<PrometheusConfig> = schemaOf<PrometheusConfig>(
  z.strictObject({
    url: httpUrl.refine((text) => !text.includes('?') && !text.includes('#'), 'must have no query and no fragment'),
    auth: httpAuth.exactOptional(),
    headers: httpHeaders.exactOptional(),
    interval: durationMs.refine((ms) => ms >= 1_000, 'must be at least 1s').prefault('15s'),
    timeout: durationMs.refine((ms) => ms >= 100 && ms <= 120_000, 'must be between 100ms and 2m').prefault('10s'),
    concurrency: z.int().min(1).max(64).default(4),
    maxSeries: z.int().min(1).max(limits.seriesPerCollect).default(1_000),
  }),
);

/** Any PromQL that gives an instant vector or a scalar at each step. */
export interface PromqlQuery {
  readonly query: string;
}

/** The common case without PromQL: one metric, its labels, whether it is a counter, and what to keep apart. */
export interface MetricQuery {
  readonly metric: string;
  /** Exactly these values. */
  readonly labels?: Readonly<Record<string, string>>;
  /** These RE2 expressions, on the whole value. */
  readonly match?: Readonly<Record<string, string>>;
  /** Per second over this window. A counter needs it. */
  readonly rate?: number;
  readonly by?: readonly string[];
  readonly aggregate?: 'sum' | 'avg' | 'min' | 'max';
}

/** A telemetry binding: PromQL, or a metric by name with labels. */
export type PrometheusQuery = PromqlQuery | MetricQuery;

const labelName = z.string().regex(/^[a-zA-Z_][a-zA-Z0-9_]*$/, 'must be a label name');
const promqlQuery = z.strictObject({ query: z.string().min(1).max(16_384) });
const metricQuery = z.strictObject({
  metric: z.string().regex(/^[a-zA-Z_:][a-zA-Z0-9_:]*$/, 'must be a metric name; for anything more use query'),
  labels: z.record(labelName, z.string()).exactOptional(),
  match: z.record(labelName, z.string()).exactOptional(),
  rate: durationMs.refine((ms) => ms >= 1_000, 'must be at least 1s').exactOptional(),
  by: z.array(labelName).max(10).exactOptional(),
  aggregate: z.enum(['sum', 'avg', 'min', 'max']).exactOptional(),
});

/** A binding's query, typed, for the source itself. */
export const typedQuery: Schema<PrometheusQuery> = schemaOf<PrometheusQuery>(z.union([promqlQuery, metricQuery]));

/** The same for the loader: what it lets through is kept as written, so that it can be parsed again here. */
export const prometheusQuery: Schema<JsonObject> = {
  parse: (input) => {
    const parsed = typedQuery.parse(input);
    return parsed.ok ? { ok: true, value: input as JsonObject } : parsed;
  },
  jsonSchema: () => typedQuery.jsonSchema(),
};

/** The PromQL of a query. Label values are quoted here and nowhere else, so that no value can end its string. */
export function toPromql(query: PrometheusQuery): string {
  if ('query' in query) return query.query;
  const matchers = [
    ...Object.entries(query.labels ?? {}).map(([name, value]) => `${name}=${JSON.stringify(value)}`),
    ...Object.entries(query.match ?? {}).map(([name, value]) => `${name}=~${JSON.stringify(value)}`),
  ];
  const selector = `${query.metric}{${matchers.join(',')}}`;
  const values = query.rate === undefined ? selector : `rate(${selector}[${query.rate}ms])`;
  if (query.by === undefined && query.aggregate === undefined) return values;
  const by = query.by === undefined ? '' : ` by (${query.by.join(', ')})`;
  return `${query.aggregate ?? 'sum'}${by} (${values})`;
}
