import * as z from 'zod';

import type { WatchkeeperError } from '../lib/errors.ts';
import { type ErrorCode } from '../lib/errors.ts';

/** The HTTP status that says what an error code means. */
export const statusOf: Readonly<
  Record<ErrorCode, 400 | 401 | 403 | 404 | 409 | 413 | 429 | 500 | 501 | 502 | 503 | 504>
> = {
  'config-invalid': 400,
  usage: 400,
  'not-found': 404,
  conflict: 409,
  unauthorized: 401,
  forbidden: 403,
  'rate-limited': 429,
  unreachable: 502,
  timeout: 504,
  aborted: 503,
  malformed: 400,
  'too-large': 413,
  unsupported: 501,
  'store-failed': 503,
  'ledger-invalid': 503,
  fenced: 503,
  internal: 500,
};

/** The body of every error answer: problem details (RFC 9457), with our closed code and what to do. */
export const zProblem = z
  .object({
    type: z.string().meta({ description: 'Always about:blank: the code says more.' }),
    title: z.string(),
    status: z.int(),
    detail: z.string().meta({ description: 'What is wrong, in a sentence.' }),
    code: z.enum(Object.keys(statusOf) as [ErrorCode, ...ErrorCode[]]),
    fix: z.string().exactOptional().meta({ description: 'What to do about it.' }),
  })
  .meta({ id: 'Problem', description: 'What went wrong (RFC 9457).' });

/** Its media type. */
export const problemType = 'application/problem+json';

const titles: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  409: 'Conflict',
  413: 'Content Too Large',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
};

/** An error as an answer. What is underneath it never goes out. */
export function problemOf(error: WatchkeeperError): Response {
  const status = statusOf[error.code];
  // A bug's own words may hold anything: they are for the log.
  const detail = error.code === 'internal' ? 'a fault of ours; the log has it' : error.message;
  const body: z.output<typeof zProblem> = {
    type: 'about:blank',
    title: titles[status] ?? 'Error',
    status,
    detail,
    code: error.code,
    ...(error.fix === undefined ? {} : { fix: error.fix }),
  };
  const headers = new Headers({ 'content-type': problemType, 'cache-control': 'no-store' });
  const seconds = /^Come back in (\d+) s/.exec(error.fix ?? '')?.[1];
  if (status === 429 && seconds !== undefined) headers.set('retry-after', seconds);
  if (status === 401) headers.set('www-authenticate', 'Bearer');
  return new Response(JSON.stringify(body), { status, headers });
}
