import * as z from 'zod';

import type { Schema } from '../../domain/ports/schema.ts';
import type { LogStoreConfig } from '../../io/clients/log-store.ts';
import { recordStoreShape, tenantName, type Bound } from '../../io/clients/record-store.ts';
import type { JsonObject } from '../../lib/json.ts';
import { schemaOf } from '../../lib/schema.ts';

/** One Loki (or anything that speaks its HTTP API). */
export interface LokiConfig extends LogStoreConfig {
  /** Sent as X-Scope-OrgID. */
  readonly tenant?: string;
  /** The label that holds a service's name, where a binding does not say what to read. */
  readonly serviceLabel: string;
  /** The largest page the server gives: its `max_entries_limit_per_query`. */
  readonly maxPage: number;
}

const labelName = z.string().regex(/^[a-zA-Z_][a-zA-Z0-9_]*$/, 'must be a label name');
const logql = z.string().min(1).max(16_384);

/** The source's block in watchkeeper.yaml. */
export const lokiConfig: Schema<LokiConfig> = schemaOf<LokiConfig>(
  z.strictObject({
    ...recordStoreShape,
    tenant: tenantName.exactOptional(),
    serviceLabel: labelName.default('service_name'),
    maxRecords: z.int().min(1).max(10_000).default(2_000),
    maxPage: z.int().min(10).max(50_000).default(5_000),
    maxSeries: z.int().min(1).max(10_000).default(200),
  }),
);

/** A `telemetry` binding: a LogQL metric query. */
export const lokiQuery: Schema<JsonObject> = schemaOf<JsonObject>(z.strictObject({ query: logql }));

/** A `logs` binding: a log query, labels, another name in the service label, or nothing. */
export const lokiRecords: Schema<JsonObject> = schemaOf<JsonObject>(
  z.union([
    z.strictObject({ query: logql.refine((text) => text.trimStart().startsWith('{'), 'must be a log query: {...}') }),
    z.strictObject({
      labels: z.record(labelName, z.string()).refine((all) => Object.keys(all).length > 0, 'is empty'),
    }),
    z.strictObject({ service: z.string().min(1).max(253).exactOptional() }),
  ]),
);

/** The log query of a binding. Values are quoted here and nowhere else, so that none can end its string. */
export function toLogql({ service, query }: Bound, serviceLabel: string): string {
  if (typeof query['query'] === 'string') return query['query'];
  const labels = (query['labels'] as Record<string, string> | undefined) ?? {
    [serviceLabel]: typeof query['service'] === 'string' ? query['service'] : service,
  };
  return `{${Object.entries(labels)
    .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
    .join(', ')}}`;
}
