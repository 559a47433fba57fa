import * as z from 'zod';

import { schemaOf } from '../../lib/schema.ts';
import type { Schema } from '../../domain/ports/schema.ts';
import { gapReasons } from '../../domain/telemetry.ts';
import type { ColumnAbout, RecordingIndex, ServiceAbout } from './recording.ts';

const labels = z.record(z.string(), z.string());
const seconds = z.number();

const column = z.strictObject({
  signal: z.string().min(1),
  unit: z.string(),
  nature: z.enum(['gauge', 'rate', 'ratio', 'latency', 'state']),
  labels,
});

const gap = z.strictObject({
  from: seconds,
  until: seconds,
  reason: z.enum(gapReasons),
  message: z.string(),
  signal: z.string().exactOptional(),
});

const slo = z.strictObject({
  name: z.string(),
  objective: z.number().gt(0).lt(1),
  windowMs: z.number().positive(),
  errors: z.string(),
});

const serviceAbout = z.strictObject({
  labels: labels.exactOptional(),
  dependsOn: z.array(z.string()).exactOptional(),
  slos: z.array(slo).exactOptional(),
  columns: z.record(z.string(), column).exactOptional(),
  gaps: z.array(gap).exactOptional(),
});

const folderName = z
  .string()
  .regex(/^[\w-][\w.-]{0,252}$/, 'must be a plain folder name')
  .describe('a service, and its folder');

// Loose: whoever made the recording may keep notes of their own in it.
const index = z.looseObject({
  services: z.array(folderName).min(1),
  step_s: z.number().positive('must be a number of seconds'),
  start: seconds.default(0),
  signals: z.array(z.string()).default([]),
  about: z.record(z.string(), serviceAbout).exactOptional(),
});

/** `index.json` of a recording. */
export const indexSchema: Schema<RecordingIndex> = schemaOf<RecordingIndex>(index);

/** What the recording says of a column, if it does. */
export function about(known: ServiceAbout, heading: string): ColumnAbout | undefined {
  return Object.hasOwn(known.columns ?? {}, heading) ? known.columns?.[heading] : undefined;
}
