import { WatchkeeperError, type ErrorCode } from '../../../lib/errors.ts';
import { oneLine } from '../../../lib/text.ts';
import type { AwsCall } from '../../../domain/ports/aws.ts';

const expired: ReadonlySet<string> = new Set(['ExpiredToken', 'ExpiredTokenException', 'TokenRefreshRequired']);
const refused: ReadonlySet<string> = new Set([
  ...['UnrecognizedClientException', 'InvalidClientTokenId', 'SignatureDoesNotMatch', 'InvalidSignatureException'],
  ...['AuthFailure', 'MissingAuthenticationToken', 'IncompleteSignature', 'InvalidAccessKeyId', 'OptInRequired'],
  ...['CredentialsProviderError', 'TokenProviderError', 'ProviderError'],
]);
const skewed: ReadonlySet<string> = new Set(['RequestTimeTooSkewed', 'RequestExpired', 'RequestInTheFuture']);
const throttled =
  /throttl|TooManyRequests|RequestLimitExceeded|SlowDown|BandwidthLimitExceeded|LimitExceededException$/i;
const denied = /AccessDenied|UnauthorizedOperation|NotAuthorized|^Forbidden/;
const absent = /NotFound|NoSuchEntity|DoesNotExist|^InvalidInstanceID/;
const wrong =
  /Validation|InvalidParameter|MissingParameter|InvalidInput|Malformed|InvalidRequest|ClientException|^Invalid/;
const unserved = /UnknownOperation|UnsupportedOperation|InvalidAction|NotImplemented|UnknownError/;
const raced = /Conflict|PreconditionFailed|ResourceInUse|InProgress|UpdateInProgress|ServiceNotActive/;

/**
 * What the SDK threw, in our words: what was asked, where, what AWS said, and what to do. AWS' own words are untrusted
 * and bounded.
 */
export function faultOf(thrown: unknown, call: AwsCall): WatchkeeperError {
  if (thrown instanceof WatchkeeperError) return thrown;
  const { name, message, status } = partsOf(thrown);
  const where = `AWS ${call.service} ${call.operation} in ${call.region}${call.account === undefined ? '' : ` (account ${call.account})`}`;
  if (name === 'AbortError' || name === 'TimeoutError')
    return new WatchkeeperError(name === 'AbortError' ? 'aborted' : 'timeout', `${where}: no answer in time`);
  if (isSkewed(name, message))
    return new WatchkeeperError(
      'unauthorized',
      `${where}: the clock of this machine and that of AWS differ: ${message}`,
      {
        fix: 'Set the clock by NTP; AWS refuses requests that are more than five minutes off.',
        cause: thrown,
      },
    );
  if (expired.has(name))
    return new WatchkeeperError('unauthorized', `${where}: the credentials have expired: ${message}`, {
      fix: 'Renew what the credential chain reads (a profile, AWS_SESSION_TOKEN), or use a role that renews itself.',
      cause: thrown,
    });
  if (refused.has(name))
    return new WatchkeeperError('unauthorized', `${where}: no credentials that AWS accepts: ${message}`, {
      fix: "Give the daemon credentials that the SDK's chain finds: a role of the machine, AWS_PROFILE, or a web identity.",
      cause: thrown,
    });
  const code = codeOf(name, status);
  return new WatchkeeperError(code, `${where}: ${name}: ${message}`, {
    ...(code === 'forbidden' ? { fix: '"watchkeeper permissions aws" prints the policies that are needed.' } : {}),
    cause: thrown,
  });
}

/** Whether fresh credentials may help: they ran out while we held them. */
export function isExpired(thrown: unknown): boolean {
  return expired.has(partsOf(thrown).name);
}

/** Whether the SDK has learnt the time from the answer, so that asking once more is worth it. */
export function isSkew(thrown: unknown): boolean {
  const { name, message } = partsOf(thrown);
  return isSkewed(name, message);
}

function isSkewed(name: string, message: string): boolean {
  return skewed.has(name) || (/Signature/.test(name) && /expired|not yet current/i.test(message));
}

function codeOf(name: string, status: number): ErrorCode {
  if (throttled.test(name) || status === 429) return 'rate-limited';
  if (denied.test(name)) return 'forbidden';
  if (unserved.test(name) || status === 501 || (status === 404 && name === 'UnknownError')) return 'unsupported';
  if (status >= 500) return 'unreachable';
  if (absent.test(name)) return 'not-found';
  if (raced.test(name)) return 'conflict';
  if (wrong.test(name)) return 'config-invalid';
  if (status === 401 || status === 403) return 'forbidden';
  // What the SDK cannot read is thrown with the status of the answer: 200.
  return status < 300 ? 'malformed' : 'unsupported';
}

function partsOf(thrown: unknown): { readonly name: string; readonly message: string; readonly status: number } {
  if (!(thrown instanceof Error)) return { name: 'Error', message: oneLine(String(thrown), 300), status: 0 };
  const { $metadata } = thrown as { readonly $metadata?: { readonly httpStatusCode?: number } };
  const name = thrown.name === '' ? 'Error' : oneLine(thrown.name, 80);
  return { name, message: oneLine(thrown.message, 300), status: $metadata?.httpStatusCode ?? 0 };
}
