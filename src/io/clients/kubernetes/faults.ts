import { WatchkeeperError, type ErrorCode } from '../../../lib/errors.ts';

const codes: Readonly<Record<number, ErrorCode>> = {
  400: 'config-invalid',
  401: 'unauthorized',
  403: 'forbidden',
  404: 'not-found',
  405: 'unsupported',
  409: 'conflict',
  410: 'conflict',
  413: 'too-large',
  415: 'unsupported',
  422: 'config-invalid',
  429: 'rate-limited',
};

const fixes: Partial<Record<ErrorCode, string>> = {
  unauthorized: 'Check the token or certificate of this cluster; an expired one must be renewed.',
  forbidden: '"watchkeeper permissions kubernetes" prints the Role that is needed.',
};

/** An error answer of the API server, as ours. Its own words are kept: they name the object, the verb and the user. */
export function answerFault(status: number, body: string, path: string, retryAfter?: string): WatchkeeperError {
  const code = codes[status] ?? 'unreachable';
  const fix = fixes[code];
  return new WatchkeeperError(code, `${path}: ${status}: ${messageOf(body)}`, {
    ...(fix === undefined ? {} : { fix }),
    cause: { status, retryAfterMs: retryAfterMs(retryAfter) },
  });
}

/** How long the server asked to wait, if it did. */
export function askedToWaitMs(fault: WatchkeeperError): number | undefined {
  const cause = fault.cause as { readonly retryAfterMs?: number } | undefined;
  return cause?.retryAfterMs;
}

/** The status the server answered with, if it answered. */
export function statusOf(fault: WatchkeeperError): number | undefined {
  const cause = fault.cause as { readonly status?: number } | undefined;
  return typeof cause?.status === 'number' ? cause.status : undefined;
}

function retryAfterMs(header: string | undefined): number | undefined {
  return header !== undefined && /^\d{1,6}$/.test(header) ? Number(header) * 1_000 : undefined;
}

function messageOf(body: string): string {
  try {
    const status: unknown = JSON.parse(body);
    if (typeof status === 'object' && status !== null && 'message' in status && typeof status.message === 'string')
      return status.message.slice(0, 2_000);
  } catch {
    // Not a Status object: a proxy in between, whose text says more than nothing.
  }
  return body.trim().slice(0, 200) || 'no message';
}
