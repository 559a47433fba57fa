import { WatchkeeperError, type ErrorCode } from '../../../lib/errors.ts';
import { oneLine } from '../../../lib/text.ts';
import type { AzureCall } from '../../../domain/ports/azure.ts';

/** An answer that is not 2xx, as far as it is read here. */
export interface Refusal {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: unknown;
}

// More than this apart, and tokens are not valid yet, or not any more.
const skewMs = 4 * 60_000;
const unauthentic = new Set([
  ...['CredentialUnavailableError', 'AuthenticationError', 'AuthenticationRequiredError'],
  ...['AggregateAuthenticationError', 'ChainedTokenCredentialError'],
]);

/** `Azure containerApps.get of …/web (subscription prod)`. */
export function whereOf({ operation, on, region, subscription }: AzureCall): string {
  const what = on === undefined ? '' : ` of ${on.split('/').slice(-1)[0] ?? ''}`;
  const where = region === undefined ? '' : ` in ${region}`;
  return `Azure ${operation}${what}${where}${subscription === undefined ? '' : ` (subscription ${subscription})`}`;
}

/** What Azure refused, in our words: what was asked, where, what it said, and what to do. Its words are untrusted and bounded. */
export function faultOfRefusal(refusal: Refusal, call: AzureCall, nowMs: number): WatchkeeperError {
  const { status, headers, body } = refusal;
  const { name, message } = saidBy(body, status);
  const where = whereOf(call);
  if (status === 401) {
    if (isSkewed(headers['date'], message, nowMs))
      return new WatchkeeperError(
        'unauthorized',
        `${where}: the clock of this machine and that of Azure differ: ${message}`,
        { fix: 'Set the clock by NTP: tokens are valid from one moment to another.' },
      );
    if (/expired/i.test(name + message))
      return new WatchkeeperError('unauthorized', `${where}: the token has expired: ${message}`, {
        fix: 'Renew what the credentials are made of: a secret, a certificate or a federated token.',
      });
    return new WatchkeeperError('unauthorized', `${where}: no credentials that Azure accepts: ${name}: ${message}`, {
      fix: 'Check tenantId, clientId, and in which cloud the subscription is.',
    });
  }
  const code = codeOf(status, name);
  const fix = fixes[code] ?? (/Registration|NotRegistered/.test(name) ? register : undefined);
  return new WatchkeeperError(code, `${where}: ${name}: ${message}`, fix === undefined ? {} : { fix });
}

const register = 'Register the resource provider in the subscription: az provider register --namespace NAME.';
const fixes: Readonly<Partial<Record<ErrorCode, string>>> = {
  forbidden:
    '"watchkeeper permissions azure" prints the roles that are needed; a new assignment takes minutes to work.',
  'rate-limited': 'It slows down by itself; ask less, by interval and sweep.',
};

/** What the SDK threw before there was an answer: no credentials, no connection, out of time. */
export function faultOfThrown(thrown: unknown, call: AzureCall): WatchkeeperError {
  const ours = oursIn(thrown);
  if (ours !== undefined) return ours;
  const where = whereOf(call);
  const name = thrown instanceof Error ? thrown.name : 'Error';
  const message = oneLine(thrown instanceof Error ? thrown.message : String(thrown), 400);
  if (name === 'AbortError') return new WatchkeeperError('aborted', `${where}: stopped`, { cause: thrown });
  if (!unauthentic.has(name))
    return new WatchkeeperError('malformed', `${where}: ${name}: ${message}`, { cause: thrown });
  const isClock = /AADSTS(700024|50013|90027)/.test(message) && /time range|clock|not within/i.test(message);
  const isOld = /AADSTS(7000222|700024)/.test(message);
  const what = isClock
    ? 'the clock of this machine and that of Azure differ'
    : isOld
      ? 'the credentials have expired'
      : 'no credentials that Azure accepts';
  return new WatchkeeperError('unauthorized', `${where}: ${what}: ${message}`, {
    fix: isClock
      ? 'Set the clock by NTP: tokens are valid from one moment to another.'
      : 'Give the daemon credentials: a managed identity of the machine, workload identity, or AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET.',
    cause: thrown,
  });
}

/** How long Azure asks to be left alone, in milliseconds, at most ten minutes. */
export function retryAfterOf(headers: Refusal['headers'], nowMs: number): number | undefined {
  const ms = headers['retry-after-ms'] ?? headers['x-ms-retry-after-ms'];
  const seconds = headers['retry-after'] ?? headers['x-ms-user-quota-resets-after'];
  const of =
    ms !== undefined
      ? Number(ms)
      : seconds === undefined
        ? NaN
        : /^\d+$/.test(seconds)
          ? Number(seconds) * 1_000
          : /^\d\d:\d\d:\d\d/.test(seconds)
            ? clockMs(seconds)
            : Date.parse(seconds) - nowMs;
  return Number.isFinite(of) ? Math.min(Math.max(0, of), 600_000) : undefined;
}

/** Whether a budget is nearly used up: Azure counts down what is left of it. */
export function isNearlySpent(headers: Refusal['headers']): boolean {
  return Object.entries(headers).some(
    ([name, value]) => /^x-ms-(ratelimit-remaining|user-quota-remaining)/.test(name) && Number(value) < 3,
  );
}

function clockMs(text: string): number {
  const [hours = 0, minutes = 0, seconds = 0] = text.split(':').map(Number);
  return ((hours * 60 + minutes) * 60 + seconds) * 1_000;
}

function isSkewed(date: string | undefined, message: string, nowMs: number): boolean {
  const apart = Math.abs(Date.parse(date ?? '') - nowMs);
  return apart > skewMs || /not yet valid|not before|nbf|Lifetime validation failed/i.test(message);
}

// What our own port threw lies below what the SDK made of it.
function oursIn(thrown: unknown): WatchkeeperError | undefined {
  let at: unknown = thrown;
  for (let depth = 0; depth < 5 && at instanceof Error; depth++) {
    if (at instanceof WatchkeeperError) return at;
    const { errors, cause } = at as { readonly errors?: readonly unknown[]; readonly cause?: unknown };
    at = cause ?? errors?.find((one) => one instanceof WatchkeeperError);
  }
  return undefined;
}

function saidBy(body: unknown, status: number): { readonly name: string; readonly message: string } {
  const outer = record(body);
  const error = record(outer['error'] ?? body);
  const name = wordsIn(error, ['code', 'Code']) ?? `status ${status}`;
  const message = wordsIn(error, ['message', 'Message']) ?? (typeof body === 'string' ? body : '');
  const inner = wordsIn(record(error['innererror']), ['message']) ?? '';
  return { name: oneLine(name, 80), message: oneLine(`${message} ${inner}`, 300) };
}

function wordsIn(of: Readonly<Record<string, unknown>>, keys: readonly string[]): string | undefined {
  return keys.map((key) => of[key]).find((value) => typeof value === 'string');
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
}

function codeOf(status: number, name: string): ErrorCode {
  if (status === 429 || /TooManyRequests|Throttl|RateLimiting/i.test(name)) return 'rate-limited';
  if (status === 403) return 'forbidden';
  if (status === 404) return 'not-found';
  if (status === 409 || status === 412) return /NotRegistered|Registration/.test(name) ? 'config-invalid' : 'conflict';
  if (status === 501 || status === 405) return 'unsupported';
  if (status >= 500) return 'unreachable';
  if (status >= 400) return 'config-invalid';
  return 'malformed';
}
