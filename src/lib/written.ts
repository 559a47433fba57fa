import * as z from 'zod';

import { parseDuration } from './duration.ts';

/*
 * The small values people write in every kind of document, as zod types for schemaOf.
 */

/** `5m`, `30d`: to milliseconds, more than none. */
export const writtenDuration = z
  .string()
  .transform((text, context) => {
    const ms = parseDuration(text);
    if (ms !== undefined && ms > 0) return ms;
    context.addIssue({ code: 'custom', message: 'must be a duration such as 90s, 5m, 2h or 30d' });
    return z.NEVER;
  })
  .describe('A duration: 90s, 5m, 2h, 30d');

/** `25%` or `0.25`: to a ratio in [0,1]. */
export const writtenRatio = z
  .union([z.string(), z.number()])
  .transform((written, context) => {
    const ratio = typeof written === 'string' ? percent(written) : written;
    if (ratio !== undefined && ratio >= 0 && ratio <= 1) return ratio;
    context.addIssue({ code: 'custom', message: 'must be a ratio such as 25% or 0.25' });
    return z.NEVER;
  })
  .describe('A ratio: 25% or 0.25');

/** A share of a whole, or a number of units. */
export type Amount = { readonly ratio: number } | { readonly count: number };

/** `25%` or `0.25`: a share; a whole number: that many. */
export const writtenAmount = z
  .union([z.string(), z.number()])
  .transform((written, context): Amount => {
    const ratio = typeof written === 'string' ? percent(written) : undefined;
    if (ratio !== undefined && ratio <= 1) return { ratio };
    if (typeof written === 'number' && Number.isSafeInteger(written) && written >= 0) return { count: written };
    if (typeof written === 'number' && written > 0 && written < 1) return { ratio: written };
    context.addIssue({ code: 'custom', message: 'must be a share such as 25% or 0.25, or a whole number' });
    return z.NEVER;
  })
  .describe('A share (25%, 0.25) or a whole number');

function percent(written: string): number | undefined {
  const digits = /^(\d{1,3}(?:\.\d{1,6})?)%$/.exec(written)?.[1];
  return digits === undefined ? undefined : Number((Number(digits) / 100).toFixed(9));
}
