import * as z from 'zod';

import type { Schema } from '../../domain/ports/schema.ts';
import type { LogStoreConfig } from '../../io/clients/log-store.ts';
import { recordStoreShape, type Bound } from '../../io/clients/record-store.ts';
import type { JsonObject } from '../../lib/json.ts';
import { schemaOf } from '../../lib/schema.ts';

/** One VictoriaLogs. */
export interface VictorialogsConfig extends LogStoreConfig {
  /** `ACCOUNT` or `ACCOUNT:PROJECT`, numbers, sent as AccountID and ProjectID. */
  readonly tenant?: string;
  /** The field that holds a service's name, where a binding does not say what to read. */
  readonly serviceField: string;
}

const logsql = z.string().min(1).max(16_384);

/** The source's block in watchkeeper.yaml. */
export const victorialogsConfig: Schema<VictorialogsConfig> = schemaOf<VictorialogsConfig>(
  z.strictObject({
    ...recordStoreShape,
    tenant: z
      .string()
      .regex(/^\d{1,10}(:\d{1,10})?$/, 'must be ACCOUNT or ACCOUNT:PROJECT, both numbers')
      .exactOptional(),
    serviceField: z.string().min(1).max(200).default('service.name'),
    maxRecords: z.int().min(1).max(10_000).default(2_000),
    maxSeries: z.int().min(1).max(10_000).default(200),
  }),
);

/** A `telemetry` binding: LogsQL that ends in a `stats` pipe. */
export const victorialogsQuery: Schema<JsonObject> = schemaOf<JsonObject>(
  z.strictObject({
    query: logsql.refine((text) => /\|\s*stats\b/.test(text), 'must have a stats pipe: ... | stats count() n'),
  }),
);

/** A `logs` binding: a LogsQL filter, another name in the service field, or nothing. */
export const victorialogsRecords: Schema<JsonObject> = schemaOf<JsonObject>(
  z.union([
    z.strictObject({ query: logsql.refine((text) => !text.includes('|'), 'must be a filter, without pipes') }),
    z.strictObject({ service: z.string().min(1).max(253).exactOptional() }),
  ]),
);

/** The filter of a binding. Values are quoted here and nowhere else, so that none can end its string. */
export function toLogsql({ service, query }: Bound, serviceField: string): string {
  if (typeof query['query'] === 'string') return `(${query['query']})`;
  const name = typeof query['service'] === 'string' ? query['service'] : service;
  return `${JSON.stringify(serviceField)}:=${JSON.stringify(name)}`;
}
