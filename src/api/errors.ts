import type { ErrorCode, WatchkeeperError } from '../lib/errors.ts';

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

/** The body of every error answer. */
export function errorBody(error: WatchkeeperError): {
  readonly error: { readonly code: string; readonly message: string; readonly fix?: string };
} {
  return {
    error: { code: error.code, message: error.message, ...(error.fix === undefined ? {} : { fix: error.fix }) },
  };
}
