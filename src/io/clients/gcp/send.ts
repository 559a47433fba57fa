import { WatchkeeperError } from '../../../lib/errors.ts';
import { limits } from '../../../lib/limits.ts';
import type { JsonObject } from '../../../lib/json.ts';
import type { Http } from '../../../domain/ports/io.ts';
import type { GcpCall, GcpConnection } from '../../../domain/ports/gcp.ts';
import { gcpApis, methodOf, pathParams } from './methods.ts';
import { gcpFetch } from './transport.ts';

/** Headers that say who asks: `authorization`, and the project whose quota is used. */
export type Identity = Readonly<Record<string, string>>;

/**
 * Sends one call once, by the request layer that all REST clients of Google share, imported with the first one. Throws what
 * that throws.
 */
export async function send(
  connection: Pick<GcpConnection, 'endpoint' | 'endpoints'>,
  call: GcpCall,
  identity: Identity,
  http: Http,
  signal: AbortSignal,
): Promise<JsonObject> {
  const { createAPIRequest } = await import('googleapis-common');
  const method = methodOf(call);
  const names = [...pathParams(method)];
  const root = connection.endpoints?.[call.service] ?? connection.endpoint ?? gcpApis[call.service].root;
  const { data } = await createAPIRequest<unknown>({
    options: {
      url: `${root.replace(/\/$/, '')}/${method.path}`,
      method: method.verb,
      headers: identity,
      ...{ retry: false, responseType: 'json', signal, timeout: limits.gcpTimeoutMs },
      fetchImplementation: gcpFetch(http),
    },
    params: { ...call.params, ...(call.body === undefined ? {} : { requestBody: call.body }) },
    requiredParams: names,
    pathParams: names,
    context: { _options: {} },
  });
  // An empty answer is one that has nothing to say; anything but an object is none of Google's.
  if (data === undefined || data === null || data === '') return {};
  if (typeof data !== 'object' || Array.isArray(data))
    throw new WatchkeeperError('malformed', `Google Cloud ${call.service} ${call.method} answered what is not JSON`);
  return data as JsonObject;
}
