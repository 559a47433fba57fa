import type * as z from 'zod';

import { WatchkeeperError } from '../../../lib/errors.ts';
import type { Json } from '../../../lib/json.ts';

/** Reads back what was recorded before acting. @throws WatchkeeperError `malformed`. */
export function parseBefore<T>(kind: string, shape: z.ZodType<T>, before: Json): T {
  const parsed = shape.safeParse(before);
  if (parsed.success) return parsed.data;
  throw new WatchkeeperError('malformed', `what was recorded before ${kind} cannot be read`);
}
