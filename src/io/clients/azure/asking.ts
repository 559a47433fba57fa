import type { Client } from '@azure-rest/core-client';
import type { TokenCredential } from '@azure/identity';

import { WatchkeeperError } from '../../../lib/errors.ts';
import type { JsonObject } from '../../../lib/json.ts';
import type { Clock, Http } from '../../../domain/ports/io.ts';
import type { AzureCall, AzureConnection } from '../../../domain/ports/azure.ts';
import { endpointOf, scopeOf } from './endpoints.ts';
import { faultOfRefusal, faultOfThrown, whereOf } from './faults.ts';
import { operationOf, pathOf } from './operations.ts';
import { azureTransport } from './transport.ts';

/** An answer: what Azure sent, and the headers in which it counts its budgets. */
export interface Asked {
  readonly body: JsonObject;
  readonly headers: Readonly<Record<string, string | undefined>>;
}

/** A refusal with the headers it came with: when to come back is in them. */
export class AzureRefused extends WatchkeeperError {
  readonly headers: Asked['headers'];

  constructor(fault: WatchkeeperError, headers: Asked['headers']) {
    super(fault.code, fault.message, { ...(fault.fix === undefined ? {} : { fix: fault.fix }), cause: fault });
    this.headers = headers;
  }
}

/** Makes calls with one credential, each exactly once: what is tried again is for the caller to say. */
export interface Asking {
  ask(call: AzureCall, subscriptionId: string, signal: AbortSignal): Promise<Asked>;
}

/** What it is made with. */
export interface AskingParts {
  readonly clock: Clock;
  readonly http: Http;
  /** Ends the user agent, so that Azure's own logs tell who asked. */
  readonly name: string;
}

// Retries are ours, redirects would carry a token elsewhere, and our HTTP port takes answers as they are, not packed.
const removed = ['defaultRetryPolicy', 'redirectPolicy', 'decompressResponsePolicy', 'logPolicy', 'tracingPolicy'];

/** Makes it. The SDK is imported now, if it was not before. */
export async function asking(
  connection: AzureConnection,
  credential: TokenCredential,
  { clock, http, name }: AskingParts,
): Promise<Asking> {
  const { getClient } = await import('@azure-rest/core-client');
  const httpClient = await azureTransport(http);
  const clients = new Map<string, Client>();
  const clientFor = ({ operation, region }: AzureCall): { readonly client: Client; readonly endpoint: string } => {
    const { host } = operationOf(operation);
    const endpoint = endpointOf(connection, host, region);
    const known = clients.get(endpoint);
    if (known !== undefined) return { client: known, endpoint };
    const client = getClient(endpoint, credential, {
      ...{ httpClient, credentials: { scopes: [scopeOf(connection, host)] } },
      userAgentOptions: { userAgentPrefix: `watchkeeper/${name}` },
    });
    for (const policy of removed) client.pipeline.removePolicy({ name: policy });
    clients.set(endpoint, client);
    return { client, endpoint };
  };
  return {
    ask: async (call, subscriptionId, signal) => {
      const { method, apiVersion } = operationOf(call.operation);
      const { client, endpoint } = clientFor(call);
      const { path, query } = targetOf(call, subscriptionId, endpoint, apiVersion);
      let answer;
      try {
        const resource = client.pathUnchecked(path);
        const options = {
          queryParameters: query,
          abortSignal: signal,
          // The activity log keeps it: by this an act is known for ours.
          ...(name === 'reader' ? {} : { headers: { 'x-ms-client-request-id': `watchkeeper-${name}` } }),
          ...(call.body === undefined ? {} : { body: call.body, contentType: 'application/json' }),
        };
        answer = await (method === 'GET'
          ? resource.get(options)
          : method === 'POST'
            ? resource.post(options)
            : resource.patch(options));
      } catch (thrown) {
        throw faultOfThrown(thrown, call);
      }
      const { headers } = answer;
      const status = Number(answer.status);
      if (status < 200 || status > 299)
        throw new AzureRefused(faultOfRefusal({ status, headers, body: answer.body }, call, clock.nowMs()), headers);
      return { body: plain(answer.body, call), headers };
    },
  };
}

// Of an answer's own link to more only what lies at the same address is followed.
function targetOf(
  call: AzureCall,
  subscriptionId: string,
  endpoint: string,
  apiVersion: string | undefined,
): { readonly path: string; readonly query: Readonly<Record<string, string>> } {
  const path = pathOf(call, subscriptionId);
  const version = apiVersion === undefined ? {} : { 'api-version': apiVersion };
  if (call.next === undefined) return { path, query: { ...version, ...call.query } };
  const link = URL.canParse(call.next) ? new URL(call.next) : undefined;
  if (link === undefined || link.origin !== new URL(endpoint).origin)
    throw new WatchkeeperError(
      'malformed',
      `${whereOf(call)}: the link to more leads elsewhere: ${call.next.slice(0, 100)}`,
    );
  return { path, query: { ...version, ...Object.fromEntries(link.searchParams) } };
}

// An accepted write has no body at all, or an empty text.
function plain(body: unknown, call: AzureCall): JsonObject {
  if (body === undefined || body === null || body === '') return {};
  if (typeof body === 'object' && !Array.isArray(body)) return body as JsonObject;
  throw new WatchkeeperError('malformed', `${whereOf(call)}: what came is no answer of Azure`);
}
