import * as z from 'zod';

import type { Json, JsonObject } from '../../lib/json.ts';
import { gapReasons, type Gap, type Labels, type Sample } from '../../domain/telemetry.ts';

// What the API answers, as schemas. Each is bound to the type it shows: a member that comes, goes or changes its type does
// not compile until it is described here, and so in the OpenAPI document.

/** A schema for every member of `T`, and for nothing else. */
export type ShapeOf<T> = { readonly [K in keyof T]-?: z.ZodType<Required<T>[K]> };

/** The schema of a domain type. It gets a name under `components/schemas`. */
export function named<T>(id: string, description: string, shape: ShapeOf<T>): z.ZodType<T> {
  return z.object(shape).meta({ id, description }) as unknown as z.ZodType<T>;
}

/** A list that is not changed. */
export function list<T>(type: z.ZodType<T>): z.ZodType<readonly T[]> {
  return z.array(type);
}

/** A dictionary that is not changed. */
export function dictionary<T>(type: z.ZodType<T>): z.ZodType<Readonly<Record<string, T>>> {
  return z.record(z.string(), type);
}

/** Any JSON. */
export const zJson = z.unknown().meta({ description: 'Any JSON.' }) as z.ZodType<Json>;

/** Any JSON object. */
export const zJsonObject = z.record(z.string(), z.unknown()) as unknown as z.ZodType<JsonObject>;

/** Epoch milliseconds. */
export const zMs = z.number().meta({ description: 'Epoch milliseconds.' });

/** Labels. */
export const zLabels: z.ZodType<Labels> = dictionary(z.string());

/** One measured point. */
export const zSample = named<Sample>('Sample', 'One measured point.', { tMs: zMs, v: z.number() });

/** How much it matters. */
export const zSeverity = z.enum(['info', 'warning', 'critical']);

/** Whether a detector acts, or is on trial. */
export const zMode = z.enum(['active', 'shadow']);

/** How far the machine may go by itself. */
export const zAutonomy = z.enum(['observe', 'suggest', 'approve', 'act']);

/** What could not be read, and why. */
export const zGap = named<Gap>('Gap', 'What could not be read, and why. Never "healthy" and never "broken".', {
  source: z.string(),
  reason: z.enum(gapReasons),
  message: z.string(),
  fromMs: zMs,
  untilMs: zMs,
  service: z.string().exactOptional(),
  signal: z.string().exactOptional(),
  labels: zLabels.exactOptional(),
});
