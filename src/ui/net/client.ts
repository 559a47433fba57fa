import type { JsonObject } from '../../lib/json.ts';
import { csrf, forget, token, way } from './session.ts';

/** The daemon said no, or said nothing. */
export class ApiError extends Error {
  readonly status: number;
  readonly fix: string | undefined;

  constructor(status: number, message: string, fix?: string) {
    super(message);
    this.name = 'ApiError';
    this.status = status;
    this.fix = fix;
  }
}

const withinMs = 15_000;

/** Asks the API. @throws ApiError with a sentence; status 0 when there was no answer. */
export async function get<T>(path: string): Promise<T> {
  const response = await send('GET', path, {});
  if (!response.ok) throw await errorOf(response);
  return (await response.json()) as T;
}

/** Asks for something to be done. Answers that say what was refused, and why, are answers. @throws ApiError. */
export async function post<T>(path: string, body: JsonObject): Promise<T> {
  const response = await send('POST', path, { body: JSON.stringify(body) });
  if (response.ok) return (await response.json()) as T;
  const said = (await response
    .clone()
    .json()
    .catch(() => ({}))) as { readonly is?: unknown };
  if (response.status === 409 && said.is === 'refused') return said as T;
  throw await errorOf(response);
}

/** Opens the stream of events. @throws ApiError. */
export async function openStream(path: string, lastId: string | undefined, signal: AbortSignal): Promise<Response> {
  const headers = { accept: 'text/event-stream', ...(lastId === undefined ? {} : { 'last-event-id': lastId }) };
  const response = await send('GET', path, { headers, signal });
  if (response.ok) return response;
  throw await errorOf(response);
}

async function send(method: string, path: string, init: RequestInit): Promise<Response> {
  const headers = new Headers(init.headers);
  const shown = token.value;
  if (shown !== undefined) headers.set('authorization', `Bearer ${shown}`);
  else if (method !== 'GET' && csrf.value !== undefined) headers.set('x-csrf-token', csrf.value);
  if (init.body !== undefined) headers.set('content-type', 'application/json');
  if (!headers.has('accept')) headers.set('accept', 'application/json');
  const signal = init.signal ?? AbortSignal.timeout(withinMs);
  try {
    const response = await fetch(path, { ...init, method, headers, signal, redirect: 'error', cache: 'no-store' });
    // Another answer may have come first, and somebody may have signed in anew since.
    if (response.status === 401 && token.value === shown && way.value === (shown === undefined ? 'session' : 'token'))
      forget(shown === undefined ? 'Your session is over.' : 'The daemon does not know this token.');
    return response;
  } catch (thrown) {
    const late = thrown instanceof DOMException && thrown.name === 'TimeoutError';
    throw new ApiError(0, late ? 'the daemon did not answer in time' : 'the daemon does not answer');
  }
}

async function errorOf(response: Response): Promise<ApiError> {
  const body = (await response.json().catch(() => ({}))) as {
    readonly detail?: unknown;
    readonly fix?: unknown;
    readonly error?: { readonly message?: unknown; readonly fix?: unknown };
  };
  const message = body.detail ?? body.error?.message;
  const fix = body.fix ?? body.error?.fix;
  const said = typeof message === 'string' ? message : `the daemon answered with status ${response.status}`;
  return new ApiError(response.status, said, typeof fix === 'string' ? fix : undefined);
}
