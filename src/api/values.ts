import * as z from 'zod';

/**
 * A whole number in an address. More than `most` counts as `most`, so that a page is bounded whatever is asked for.
 */
export function zCount(fallback: number, most: number, description: string) {
  return z
    .unknown()
    .transform((input, context): number => {
      const value = wholeNumber(input);
      if (value !== undefined) return Math.min(value, most);
      context.issues.push({ code: 'custom', message: 'a whole number is expected', input });
      return z.NEVER;
    })
    .prefault(String(fallback))
    .meta({ type: 'integer', minimum: 0, default: fallback, description });
}

/** A whole number that must be there. */
export const zWhole = z
  .unknown()
  .transform((input, context): number => {
    const value = wholeNumber(input);
    if (value !== undefined) return value;
    context.issues.push({ code: 'custom', message: 'a whole number is expected', input });
    return z.NEVER;
  })
  .meta({ type: 'integer', minimum: 0 });

function wholeNumber(input: unknown): number | undefined {
  const value = typeof input === 'string' && /^\d{1,16}$/.test(input) ? Number(input) : Number.NaN;
  return Number.isSafeInteger(value) ? value : undefined;
}

/** A name or an id in an address: bounded, and nothing that a log line or a key could be confused by. */
export const zId = z
  .string()
  .min(1)
  .max(256)
  .regex(/^[^\p{Cc}/\\]+$/u, 'no slashes and no control characters');
