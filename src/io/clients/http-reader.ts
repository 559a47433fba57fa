import { gunzipSync } from 'node:zlib';

import * as z from 'zod';

import { WatchkeeperError } from '../../lib/errors.ts';
import type { HttpRequest, HttpResponse, ReaderIo, SecretRef } from '../../domain/ports/io.ts';
import type { GapReason } from '../../domain/telemetry.ts';

/** `{file: /run/secrets/token}` or `{env: NAME}`: a secret by handle, exactly one of the two. */
export const secretRef = z.union([
  z.strictObject({ file: z.string().min(1) }),
  z.strictObject({ env: z.string().min(1) }),
]);

/** How an HTTP peer is told who we are. Absent: it is not told. */
export const httpAuth = z.union([
  z.strictObject({ bearer: secretRef }),
  z.strictObject({ basic: z.strictObject({ username: z.string().min(1), password: secretRef }) }),
  z.strictObject({
    apiKey: secretRef,
    /** Without one: `authorization: ApiKey ...`. */
    header: z
      .string()
      .regex(/^[A-Za-z0-9-]+$/, 'must be a header name')
      .exactOptional(),
  }),
]);

/** How a reader proves who it is: secrets by handle. */
export type HttpAuth =
  | { readonly bearer: SecretRef }
  | { readonly basic: { readonly username: string; readonly password: SecretRef } }
  | { readonly apiKey: SecretRef; readonly header?: string };

/** An http(s) URL without credentials in it: those would end up in logs and in the configuration's ledger entry. */
export const httpUrl = z
  .string()
  .refine(
    (text) => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol),
    'must be an http:// or https:// URL',
  )
  .refine(
    (text) => !URL.canParse(text) || (new URL(text).username === '' && new URL(text).password === ''),
    'must not hold credentials: use auth with a secret from a file or the environment',
  );

/** Extra headers, less those that would smuggle credentials or break the framing. */
export const httpHeaders = z.record(
  z.string().regex(/^[A-Za-z0-9-]+$/, 'must be a header name'),
  z.string().regex(/^[\t\x20-\x7e]*$/, 'must be printable ASCII'),
);

/** Resolves the secret now, at the last moment, and makes the header of it. */
export async function authHeaders(
  auth: HttpAuth | undefined,
  io: Pick<ReaderIo, 'secrets'>,
  signal: AbortSignal,
): Promise<Readonly<Record<string, string>>> {
  if (auth === undefined) return {};
  if ('bearer' in auth) return { authorization: `Bearer ${await io.secrets.resolve(auth.bearer, signal)}` };
  if ('apiKey' in auth) {
    const key = await io.secrets.resolve(auth.apiKey, signal);
    return auth.header === undefined ? { authorization: `ApiKey ${key}` } : { [auth.header.toLowerCase()]: key };
  }
  const password = await io.secrets.resolve(auth.basic.password, signal);
  return { authorization: `Basic ${Buffer.from(`${auth.basic.username}:${password}`).toString('base64')}` };
}

/** A refused or failed reading, in the words a Gap needs. */
export interface ReadFault {
  readonly reason: GapReason;
  readonly message: string;
}

/** What an error of the HTTP port or of secret resolution means for a reading. `aborted` is for the caller to rethrow. */
export function faultOfError(thrown: unknown): ReadFault {
  const error = WatchkeeperError.from(thrown, 'unreachable');
  return { reason: reasonOfCode[error.code] ?? 'unreachable', message: error.message };
}

const reasonOfCode: Partial<Record<WatchkeeperError['code'], GapReason>> = {
  timeout: 'timeout',
  'too-large': 'too-large',
  malformed: 'malformed',
  'rate-limited': 'rate-limited',
  unauthorized: 'unauthorized',
  forbidden: 'unauthorized',
  'not-found': 'unauthorized',
  unsupported: 'unsupported',
};

/** What a status other than 2xx means for a reading; `detail` is the peer's own, already shortened, explanation. */
export function faultOfStatus(status: number, where: string, detail = ''): ReadFault {
  const said = `${where} answered ${status}${detail === '' ? '' : `: ${detail}`}`;
  if (status === 401 || status === 403) return { reason: 'unauthorized', message: `${said}; check its auth` };
  if (status === 429) return { reason: 'rate-limited', message: said };
  if (status === 413) return { reason: 'too-large', message: said };
  if (status === 404) return { reason: 'missing', message: `${said}; check its URL` };
  if (status >= 300 && status < 400) return { reason: 'malformed', message: `${said}; redirects are not followed` };
  return { reason: status >= 500 ? 'unreachable' : 'malformed', message: said };
}

/** `Retry-After` in milliseconds (seconds or an HTTP date), at most ten minutes; `undefined` when absent or unreadable. */
export function retryAfterMs(response: HttpResponse, nowMs: number): number | undefined {
  const header = response.headers['retry-after']?.trim();
  if (header === undefined || header === '') return undefined;
  const ms = /^\d{1,9}$/.test(header) ? Number(header) * 1_000 : Date.parse(header) - nowMs;
  return Number.isFinite(ms) ? Math.min(Math.max(ms, 0), 600_000) : undefined;
}

/** Host and path of a URL: what may be shown to people and logged. */
export function placeOf(url: string): string {
  const parsed = new URL(url);
  return `${parsed.protocol}//${parsed.host}${parsed.pathname}`;
}

/** Rethrows when it was our caller who stopped us; a source's own deadline is a fault, not an abort. */
export function rethrowAbort(thrown: unknown, signal: AbortSignal): void {
  if (signal.aborted) throw new WatchkeeperError('aborted', 'stopped', { cause: thrown });
}

/**
 * An answer's body, unpacked when it is gzip: told by its magic number and not by the header, since some proxies unpack and
 * leave the header, and others pack unasked and set none.
 *
 * @throws WatchkeeperError `too-large` beyond `maxBytes` unpacked, `malformed` when the gzip is broken.
 */
export function unpacked(body: Uint8Array, where: string, maxBytes: number): Uint8Array {
  if (body[0] !== 0x1f || body[1] !== 0x8b) return body;
  try {
    return gunzipSync(body, { maxOutputLength: maxBytes });
  } catch (thrown) {
    const tooLarge = thrown instanceof RangeError || (thrown as { code?: unknown }).code === 'ERR_BUFFER_TOO_LARGE';
    throw new WatchkeeperError(
      tooLarge ? 'too-large' : 'malformed',
      tooLarge ? `${where} unpacks to more than ${maxBytes} bytes` : `${where} answered broken gzip`,
      { cause: thrown },
    );
  }
}

/** A request to be made under whatever signal its caller has. */
export type HttpCall = Omit<HttpRequest, 'signal'>;

const codeOf: Partial<Record<GapReason, WatchkeeperError['code']>> = {
  unauthorized: 'unauthorized',
  'rate-limited': 'rate-limited',
  timeout: 'timeout',
  malformed: 'malformed',
  missing: 'not-found',
  'too-large': 'too-large',
};

/** A fault as the error that `check` throws. */
export function faultError(who: string, { reason, message }: ReadFault, fix: string): WatchkeeperError {
  return new WatchkeeperError(codeOf[reason] ?? 'unreachable', `${who}: ${message}`, { fix });
}
