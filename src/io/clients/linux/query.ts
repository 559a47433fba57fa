import * as z from 'zod';

import type { Schema } from '../../../domain/ports/schema.ts';
import type { JsonObject } from '../../../lib/json.ts';
import { schemaOf } from '../../../lib/schema.ts';
import { metricNames, metricOf } from './metrics/catalogue.ts';
import type { MetricName } from './metrics/catalogue.ts';

/** A `telemetry` binding of a Service of a machine, here or reached over SSH. */
export interface HostQuery {
  readonly metric: MetricName;
  readonly mount?: string;
  readonly device?: string;
  readonly interface?: string;
  readonly path?: string;
  readonly kind?: 'some' | 'full';
  readonly window?: 'avg10' | 'avg60' | 'avg300';
}

const absolute = z.string().regex(/^\//, 'must be an absolute path').max(4_096);

const query = z
  .strictObject({
    metric: z.enum(metricNames),
    mount: absolute.exactOptional(),
    device: z.string().max(64).exactOptional(),
    interface: z.string().max(64).exactOptional(),
    path: absolute.exactOptional(),
    kind: z.enum(['some', 'full']).exactOptional(),
    window: z.enum(['avg10', 'avg60', 'avg300']).exactOptional(),
  })
  .superRefine((value, context) => {
    const allowed: readonly string[] = ['metric', ...metricOf(value.metric).by];
    for (const key of Object.keys(value)) {
      if (!allowed.includes(key)) {
        const choices = allowed.length === 1 ? 'nothing more' : allowed.slice(1).join(', ');
        context.addIssue({ code: 'custom', path: [key], message: `${value.metric} is narrowed by ${choices}` });
      }
    }
  });

const querySchema = schemaOf<HostQuery>(query);

/** Checks a telemetry binding that names a machine's source. */
export const hostQuery: Schema<JsonObject> = {
  parse(input) {
    const parsed = querySchema.parse(input);
    return parsed.ok ? { ok: true, value: { ...parsed.value } } : parsed;
  },
  jsonSchema: () => querySchema.jsonSchema(),
};

/** Reads a binding's query; `undefined` when the catalog let something through that is not one. */
export function parseHostQuery(input: JsonObject): HostQuery | undefined {
  const parsed = querySchema.parse(input);
  return parsed.ok ? parsed.value : undefined;
}
