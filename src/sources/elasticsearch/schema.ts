import * as z from 'zod';

import type { Schema } from '../../domain/ports/schema.ts';
import type { LogStoreConfig } from '../../io/clients/log-store.ts';
import { recordStoreShape } from '../../io/clients/record-store.ts';
import type { Json, JsonObject } from '../../lib/json.ts';
import { schemaOf } from '../../lib/schema.ts';

/** One cluster, and where in it logs are. */
export interface ElasticsearchConfig extends LogStoreConfig {
  /** Names or patterns, separated by commas. */
  readonly index: string;
  /** When a document was; a `date` or `date_nanos`. */
  readonly timeField: string;
  readonly messageField: string;
  /** The field that holds a service's name, where a binding does not say what to read. */
  readonly serviceField: string;
}

const field = z.string().regex(/^[@\w][\w.@-]{0,199}$/, 'must be a field name');
const lucene = z.string().min(1).max(16_384);

/** The source's block in watchkeeper.yaml. */
export const elasticsearchConfig: Schema<ElasticsearchConfig> = schemaOf<ElasticsearchConfig>(
  z.strictObject({
    ...recordStoreShape,
    index: z
      .string()
      .regex(
        /^[a-z0-9*.][a-z0-9*._-]*(,[a-z0-9*.][a-z0-9*._-]*)*$/,
        'must be index names or patterns, separated by commas',
      )
      .default('logs-*'),
    timeField: field.default('@timestamp'),
    messageField: field.default('message'),
    serviceField: field.default('service.name'),
    maxRecords: z.int().min(1).max(10_000).default(2_000),
    maxSeries: z.int().min(1).max(10_000).default(200),
  }),
);

/** A signal: how many a second, what part of others, or a statistic of a field. */
export interface CountQuery {
  /** Lucene's query string. */
  readonly query: string;
  /** With it the value is the part that `query` is of these. */
  readonly of?: string;
  readonly field?: string;
  readonly stat?: 'avg' | 'min' | 'max' | 'sum' | 'p50' | 'p95' | 'p99';
}

const query: Schema<CountQuery> = schemaOf<CountQuery>(
  z
    .strictObject({
      query: lucene,
      of: lucene.exactOptional(),
      field: field.exactOptional(),
      stat: z.enum(['avg', 'min', 'max', 'sum', 'p50', 'p95', 'p99']).exactOptional(),
    })
    .refine((all) => (all.field === undefined) === (all.stat === undefined), 'field and stat belong together')
    .refine((all) => all.of === undefined || all.field === undefined, 'of is for counts: it does not go with field'),
);

/** A `telemetry` binding, for the loader. */
export const elasticsearchQuery: Schema<JsonObject> = {
  parse: (input) => {
    const parsed = query.parse(input);
    return parsed.ok ? { ok: true, value: input as JsonObject } : parsed;
  },
  jsonSchema: () => query.jsonSchema(),
};

/** The same, typed. The loader has let it through; what it would not have gives nothing. */
export function parsedQuery(input: Readonly<Record<string, Json>>): CountQuery {
  const parsed = query.parse(input);
  return parsed.ok ? parsed.value : { query: 'NOT *' };
}

/** A `logs` binding: Lucene's query string, another name in the service field, or nothing. */
export const elasticsearchRecords: Schema<JsonObject> = schemaOf<JsonObject>(
  z.union([z.strictObject({ query: lucene }), z.strictObject({ service: z.string().min(1).max(253).exactOptional() })]),
);
