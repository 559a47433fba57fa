import * as z from 'zod';

import { zDuration, zSelector } from '../lib/zod-parts.ts';

/** `5m` as milliseconds. */
export const durationMs = zDuration;

/** A number, or a percentage: `5%` is 0.05. */
export const amount = z.union([z.number(), z.string()]).transform((value, context) => {
  if (typeof value === 'number') return value;
  const matched = /^(-?\d+(?:\.\d+)?)\s?(%?)$/.exec(value);
  if (matched !== null) return Number(matched[1]) / (matched[2] === '%' ? 100 : 1);
  context.addIssue({
    code: 'custom',
    message: `must be a number or a percentage such as 5%, not ${JSON.stringify(value)}`,
  });
  return z.NEVER;
});

/** Which series of the signal, by their labels: `{mount: [/, /var*]}`. */
export const where = zSelector.optional();

/** The severities a Detector may give. */
export const severity = z.enum(['info', 'warning', 'critical']);
