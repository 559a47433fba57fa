import * as z from 'zod';

import { parseDuration } from '../lib/duration.ts';

/** `5m` as milliseconds. */
export const durationMs = z.string().transform((text, context) => {
  const ms = parseDuration(text);
  if (ms !== undefined && ms > 0) return ms;
  context.addIssue({
    code: 'custom',
    message: `must be a duration such as 90s, 5m or 2h, not ${JSON.stringify(text)}`,
  });
  return z.NEVER;
});

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

/** `3x`: how many times the value before the change. */
export const factor = z.string().transform((text, context) => {
  const matched = /^(\d+(?:\.\d+)?)x$/.exec(text);
  const value = matched === null ? 0 : Number(matched[1]);
  if (value >= 1) return value;
  context.addIssue({
    code: 'custom',
    message: `must be a factor such as 3x (at least 1x), not ${JSON.stringify(text)}`,
  });
  return z.NEVER;
});

export const severity = z.enum(['info', 'warning', 'critical']);
