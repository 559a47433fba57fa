import * as z from 'zod';

export { writtenDuration as durationMs } from '../lib/written.ts';

/** `99.9%` or `0.999`: to a ratio strictly between 0 and 1. */
export const objective = z
  .union([z.string(), z.number()])
  .transform((written, context) => {
    const percent = typeof written === 'string' ? /^(\d{1,3}(?:\.\d{1,6})?)%$/.exec(written)?.[1] : undefined;
    // Rounded, so that 99.9% is 0.999 and not its floating-point neighbour.
    const ratio = percent === undefined ? Number(written) : Number((Number(percent) / 100).toFixed(9));
    if (ratio > 0 && ratio < 1) return ratio;
    context.addIssue({ code: 'custom', message: 'must be a ratio between 0 and 1, such as 99.9% or 0.999' });
    return z.NEVER;
  })
  .describe('A ratio: 99.9% or 0.999');

/** A path from the root, on Linux or Windows: a relative one would mean something else in each reader. */
export const absolutePath = z
  .string()
  .max(4_096)
  .regex(/^(\/|[A-Za-z]:[\\/]|\\\\)[^\0\n]*$/, 'must be an absolute path');

/** The name of a service, signal or objective. */
export const plainName = z
  .string()
  .max(253)
  .regex(/^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$/, 'must be letters, digits, dots, dashes and underscores');
