import * as z from 'zod';

import { WatchkeeperError } from '../lib/errors.ts';
import type { Json } from '../lib/json.ts';

// What may be sent to the API. Strict: an unknown key is an error, so that a typo never silently means something else.

/** A person's answer to a request for approval. */
export const answerBody = z.strictObject({
  verdict: z.enum(['approve', 'deny']),
  comment: z.string().max(500).exactOptional(),
});

/** Pausing and resuming want a reason: it stands in the ledger. */
export const reasonBody = z.strictObject({ reason: z.string().min(1).max(500) });

/** Asks what a runbook would do now. */
export const planBody = z.strictObject({
  runbook: z.string().min(1).max(200),
  service: z.string().min(1).max(200),
  params: z.record(z.string(), z.json()).default({}),
});

/** Where the ledger is exported to. */
export const exportBody = z.strictObject({
  folder: z.string().min(1).max(4096).startsWith('/', 'an absolute path on the machine of the daemon'),
});

/** Parses a body. @throws `malformed` with every fault in one sentence. */
export function parseBody<T>(schema: z.ZodType<T>, body: Json): T {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map((issue) => `${issue.path.join('.') || 'body'}: ${issue.message}`);
  throw new WatchkeeperError('malformed', faults.join('; '));
}
