import { WatchkeeperError, type ErrorCode } from '../../../lib/errors.ts';
import { oneLine } from '../../../lib/text.ts';
import type { GcpCall } from '../../../domain/ports/gcp.ts';

/** What Google says of an error: by AIP-193, in the older words of Compute and SQL (`errors[].reason`), or as OAuth does. */
interface Said {
  readonly status: number;
  /** `PERMISSION_DENIED`, `rateLimitExceeded`, `invalid_grant`; empty where it says none. */
  readonly words: readonly string[];
  readonly message: string;
  readonly retryAfterMs?: number;
}

const byWord: Readonly<Record<string, ErrorCode>> = {
  ...{ RESOURCE_EXHAUSTED: 'rate-limited', RATE_LIMIT_EXCEEDED: 'rate-limited', rateLimitExceeded: 'rate-limited' },
  ...{ userRateLimitExceeded: 'rate-limited', quotaExceeded: 'rate-limited' },
  ...{ NOT_FOUND: 'not-found', notFound: 'not-found' },
  ...{ ABORTED: 'conflict', ALREADY_EXISTS: 'conflict', FAILED_PRECONDITION: 'conflict', conditionNotMet: 'conflict' },
  ...{ resourceNotReady: 'conflict', operationInProgress: 'conflict', resourceInUseByAnotherResource: 'conflict' },
  ...{ INVALID_ARGUMENT: 'config-invalid', OUT_OF_RANGE: 'config-invalid', invalid: 'config-invalid' },
  ...{ UNIMPLEMENTED: 'unsupported', UNAUTHENTICATED: 'unauthorized', PERMISSION_DENIED: 'forbidden' },
  ...{ UNAVAILABLE: 'unreachable', INTERNAL: 'unreachable', DEADLINE_EXCEEDED: 'timeout' },
};
const byStatus: Readonly<Record<number, ErrorCode>> = {
  ...{ 400: 'config-invalid', 401: 'unauthorized', 403: 'forbidden', 404: 'not-found', 409: 'conflict' },
  ...{ 408: 'timeout', 412: 'conflict', 429: 'rate-limited', 501: 'unsupported' },
};

/**
 * What Google's libraries threw, in our words: what was asked, in which project, what Google said, and what to do. Its own
 * words are untrusted and bounded.
 */
export function faultOf(thrown: unknown, call: Pick<GcpCall, 'service' | 'method' | 'project'>): WatchkeeperError {
  const ours = ownError(thrown);
  if (ours !== undefined) return ours;
  const where = `Google Cloud ${call.service} ${call.method}${call.project === undefined ? '' : ` in ${call.project}`}`;
  const said = saidBy(thrown);
  const { status, words, message } = said;
  const fault = (code: ErrorCode, text: string, fix?: string): WatchkeeperError =>
    new WatchkeeperError(code, `${where}: ${text}`, { ...(fix === undefined ? {} : { fix }), cause: thrown });
  if (/reasonable timeframe|iat and exp|used too early|not yet valid/i.test(message))
    return fault('unauthorized', `the clock of this machine and that of Google differ: ${message}`, skewFix);
  if (isExpired(thrown)) return fault('unauthorized', `the credentials have expired: ${message}`, expiredFix);
  if (words.some((word) => notEnabled.has(word)))
    return fault('forbidden', `the API is not enabled: ${message}`, 'Enable it: gcloud services enable.');
  if (status === 0 || words.some((word) => oauth.has(word)))
    return fault('unauthorized', `no credentials that Google accepts: ${message}`, credentialsFix);
  const code = words.flatMap((word) => byWord[word] ?? [])[0] ?? byStatus[status] ?? restOf(status);
  const fix = code === 'forbidden' ? permissionsFix : code === 'unauthorized' ? credentialsFix : undefined;
  return fault(code, `${words[0] ?? status}: ${message}`, fix);
}

/** Whether fresh credentials may help: they ran out, or were revoked, while we held them. */
export function isExpired(thrown: unknown): boolean {
  const { status, words, message } = saidBy(thrown);
  return words.includes('ACCESS_TOKEN_EXPIRED') || (status === 401 && /expired/i.test(message));
}

/** Whether an error of ours says that the API is not enabled in the project: nothing of it can be there. */
export function isNotEnabled(thrown: unknown): boolean {
  return thrown instanceof WatchkeeperError && saidBy(thrown.cause).words.some((word) => notEnabled.has(word));
}

/** How long Google wants to be left alone, in milliseconds. */
export function retryAfterOf(thrown: unknown): number | undefined {
  return saidBy(thrown).retryAfterMs;
}

const notEnabled = new Set(['SERVICE_DISABLED', 'accessNotConfigured']);
const oauth = new Set(['invalid_grant', 'invalid_client', 'unauthorized_client', 'invalid_request', 'access_denied']);
const skewFix = 'Set the clock by NTP; Google refuses assertions from another time.';
const expiredFix = 'Renew what the application default credentials read, or use an identity that renews itself.';
const permissionsFix = '"watchkeeper permissions gcp" prints the roles that are needed.';
const credentialsFix =
  'Give the daemon application default credentials: a service account of the machine or pod, GOOGLE_APPLICATION_CREDENTIALS, or workload identity federation.';

function restOf(status: number): ErrorCode {
  if (status >= 500) return 'unreachable';
  return status >= 400 ? 'unsupported' : 'malformed';
}

// Our own port below throws our own errors; the libraries wrap them.
function ownError(thrown: unknown): WatchkeeperError | undefined {
  for (let one: unknown = thrown, depth = 0; one instanceof Error && depth < 4; one = one.cause, depth++)
    if (one instanceof WatchkeeperError) return one;
  return undefined;
}

function saidBy(thrown: unknown): Said {
  if (!(thrown instanceof Error)) return { status: 0, words: [], message: oneLine(String(thrown), 300) };
  const { response } = thrown as { readonly response?: { status?: unknown; data?: unknown; headers?: unknown } };
  const status = typeof response?.status === 'number' ? response.status : 0;
  const after = response?.headers instanceof Headers ? Number(response.headers.get('retry-after')) : 0;
  return {
    status,
    ...saidIn(response?.data, thrown.message),
    ...(Number.isFinite(after) && after > 0 ? { retryAfterMs: after * 1_000 } : {}),
  };
}

function saidIn(data: unknown, otherwise: string): Pick<Said, 'words' | 'message'> {
  const error = objectOf(objectOf(data)?.['error']);
  const plain = objectOf(data)?.['error'];
  const told = [error?.['message'], objectOf(data)?.['error_description'], otherwise].find(
    (one): one is string => typeof one === 'string' && one !== '',
  );
  const reasons = [...listOf(error?.['errors']), ...listOf(error?.['details'])].map((one) => objectOf(one)?.['reason']);
  const words = [...reasons, error?.['status'], plain].flatMap((one) =>
    typeof one === 'string' && /^\w{1,60}$/.test(one) ? [one] : [],
  );
  return { words, message: oneLine(told ?? '', 300) };
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : undefined;
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
