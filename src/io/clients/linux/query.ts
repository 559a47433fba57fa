import * as z from 'zod';

import type { Schema } from '../../../domain/ports/schema.ts';
import type { JsonObject } from '../../../lib/json.ts';
import { schemaOf } from '../../../lib/schema.ts';
import { metricNames, metricOf, windowsMetricNames } from './metrics/catalogue.ts';
import type { AnyMetricName } from './metrics/catalogue.ts';

/** A `telemetry` binding of a Service of a machine, here or reached over SSH. */
export interface HostQuery {
  readonly metric: AnyMetricName;
  readonly mount?: string;
  readonly device?: string;
  readonly interface?: string;
  readonly path?: string;
  readonly kind?: 'some' | 'full';
  readonly window?: 'avg10' | 'avg60' | 'avg300';
  readonly pool?: string;
  readonly site?: string;
}

const absolute = z.string().regex(/^\//, 'must be an absolute path').max(4_096);

const mount = z
  .string()
  .regex(/^(\/|[A-Za-z]:)/, 'must be an absolute path')
  .max(4_096);

const filters = {
  mount: mount.exactOptional(),
  device: z.string().max(64).exactOptional(),
  interface: z.string().max(256).exactOptional(),
  path: absolute.exactOptional(),
  kind: z.enum(['some', 'full']).exactOptional(),
  window: z.enum(['avg10', 'avg60', 'avg300']).exactOptional(),
};

const narrows = (value: HostQuery, context: z.RefinementCtx): void => {
  const allowed: readonly string[] = ['metric', ...metricOf(value.metric).by];
  for (const key of Object.keys(value)) {
    if (!allowed.includes(key)) {
      const choices = allowed.length === 1 ? 'nothing more' : allowed.slice(1).join(', ');
      context.addIssue({ code: 'custom', path: [key], message: `${value.metric} is narrowed by ${choices}` });
    }
  }
};

const query = z.strictObject({ metric: z.enum(metricNames), ...filters }).superRefine(narrows);

const anyQuery = z
  .strictObject({
    metric: z.enum([...metricNames, ...windowsMetricNames]),
    ...filters,
    pool: z.string().max(64).exactOptional(),
    site: z.string().max(64).exactOptional(),
  })
  .superRefine(narrows);

/** Checks a telemetry binding that names the source of this machine. */
export const hostQuery: Schema<JsonObject> = asJson(schemaOf<HostQuery>(query));

const anySchema = schemaOf<HostQuery>(anyQuery);

/** The same for machines over SSH, of which some run Windows. */
export const sshQuery: Schema<JsonObject> = asJson(anySchema);

function asJson(schema: Schema<HostQuery>): Schema<JsonObject> {
  return {
    parse(input) {
      const parsed = schema.parse(input);
      return parsed.ok ? { ok: true, value: { ...parsed.value } } : parsed;
    },
    jsonSchema: () => schema.jsonSchema(),
  };
}

/** Reads a binding's query; `undefined` when the catalog let something through that is not one. */
export function parseHostQuery(input: JsonObject): HostQuery | undefined {
  const parsed = anySchema.parse(input);
  return parsed.ok ? parsed.value : undefined;
}
