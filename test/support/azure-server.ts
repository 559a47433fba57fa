import { createServer, type Server } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';

import type { Json, JsonObject } from '../../src/lib/json.ts';
import { answerOf, type AzureWorld } from './azure-world.ts';
import { selfSigned } from './self-signed.ts';

/** A call of Resource Manager, as what it takes and whether its identity may. */
export interface AzureCalled {
  readonly who: string;
  /** `Microsoft.App/containerApps/write`. */
  readonly permission: string;
  readonly resource: string;
  readonly allowed: boolean;
}

/**
 * What stands for Azure: the authority, Resource Manager, Resource Graph, the activity log, alerts, metrics and logs, in the
 * shapes of the REST reference, over TLS. Rights are kept by the rule that Resource Manager has: a path and a method are
 * a permission, and a role at a scope allows it or does not.
 */
export interface AzureServer {
  readonly url: string;
  /** What a client must believe. */
  readonly certificate: string;
  readonly called: readonly AzureCalled[];
  /** Assigns a role: these permissions, at these scopes and below. */
  assign(clientId: string, permissions: readonly string[], scopes: readonly string[], more?: MoreOfRole): void;
  close(): Promise<void>;
}

/** What a role names beside its actions. */
interface MoreOfRole {
  readonly notActions?: readonly string[];
  readonly dataActions?: readonly string[];
}

interface Assignment extends MoreOfRole {
  readonly clientId: string;
  readonly permissions: readonly string[];
  readonly scopes: readonly string[];
}

/**
 * Starts it over a world. This process believes its certificate from now on. `taken` may answer a call in its place, when that
 * is none for a token.
 */
export async function startAzure(
  world: AzureWorld,
  taken: (path: string, body: string, response: ServerResponse) => boolean = () => false,
): Promise<AzureServer> {
  const { key, cert } = selfSigned('localhost');
  setDefaultCACertificates([...getCACertificates('default'), cert]);
  const called: AzureCalled[] = [];
  const assignments: Assignment[] = [];
  const rolesAt = (who: string, resource: string): readonly Assignment[] =>
    assignments.filter(
      ({ clientId, scopes }) =>
        clientId === who && scopes.some((scope) => `${resource}/`.toLowerCase().startsWith(`${scope}/`.toLowerCase())),
    );
  const may = (who: string, permission: string, resource: string): boolean =>
    rolesAt(who, resource).some(
      ({ permissions, notActions = [] }) =>
        permissions.some((one) => covers(one, permission)) && !notActions.some((one) => covers(one, permission)),
    );
  const server: Server = createServer({ key, cert }, (request, response) => {
    const respond = (status: number, body: Json): void => {
      response.writeHead(status, { 'content-type': 'application/json', date: new Date().toUTCString() });
      response.end(JSON.stringify(body));
    };
    void bodyOf(request).then((body) => {
      const url = new URL(request.url ?? '/', 'https://localhost');
      const tenant = /^(\/[^/]+)\/v2\.0\/\.well-known\/openid-configuration$/.exec(url.pathname)?.[1];
      if (tenant !== undefined) {
        const base = `https://${request.headers.host ?? ''}${tenant}`;
        respond(200, {
          ...{ issuer: `${base}/v2.0`, authorization_endpoint: `${base}/oauth2/v2.0/authorize` },
          ...{ token_endpoint: `${base}/oauth2/v2.0/token`, jwks_uri: `${base}/discovery/v2.0/keys` },
        });
        return;
      }
      if (url.pathname.endsWith('/oauth2/v2.0/token')) {
        const form = new URLSearchParams(body);
        const who = form.get('client_id') ?? '';
        if (form.get('client_secret') !== `secret of ${who}`) respond(401, refusedSecret);
        else respond(200, { token_type: 'Bearer', expires_in: 3_600, ext_expires_in: 3_600, access_token: who });
        return;
      }
      if (taken(url.pathname, body, response)) return;
      const who = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1] ?? '';
      const { permission, resource } = permissionOf(request.method ?? 'GET', url.pathname);
      const lacked = [permission, ...tableRights(url.pathname, body)].find((one) => !may(who, one, resource));
      called.push({ who, permission, resource, allowed: lacked === undefined });
      if (lacked !== undefined) {
        const message = `The client '${who}' does not have authorization to perform action '${lacked}' over scope '${resource}'.`;
        respond(403, { error: { code: 'AuthorizationFailed', message } });
        return;
      }
      if (permission === 'Microsoft.Authorization/permissions/read') {
        const value = rolesAt(who, resource).map(({ permissions: actions, notActions = [], dataActions = [] }) => ({
          ...{ actions: [...actions], notActions: [...notActions] },
          ...{ dataActions: [...dataActions], notDataActions: [] },
        }));
        respond(200, { value });
        return;
      }
      const { status, body: said } = answerOf(world, {
        ...{ method: request.method ?? 'GET', path: url.pathname, query: url.searchParams, who, permission, resource },
        body: (body === '' ? {} : JSON.parse(body)) as JsonObject,
        clientRequestId: String(request.headers['x-ms-client-request-id'] ?? ''),
      });
      respond(status, said);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `https://localhost:${(server.address() as AddressInfo).port}`,
    certificate: cert,
    called,
    assign: (clientId, permissions, scopes, more = {}) => assignments.push({ clientId, permissions, scopes, ...more }),
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

// `Microsoft.App/*` covers all that begins so, in capitals or not.
function covers(pattern: string, permission: string): boolean {
  const [head = '', ...rest] = pattern.toLowerCase().split('*');
  const word = permission.toLowerCase();
  return rest.length === 0 ? word === head : word.startsWith(head) && word.endsWith(rest.at(-1) ?? '');
}

const refusedSecret = {
  error: 'invalid_client',
  error_description: 'AADSTS7000215: Invalid client secret provided.',
  error_codes: [7_000_215],
};

// What a workspace asks for beside the right to query: one for each table that the query begins with, or makes a union of.
function tableRights(path: string, body: string): readonly string[] {
  if (!path.startsWith('/v1/workspaces/')) return [];
  const { query } = JSON.parse(body) as { readonly query: string };
  const tables = [...query.matchAll(/(?:^|\bunion )(\w+(?:, \w+)*)$/gm)].flatMap(([, list = '']) => list.split(', '));
  const rights = tables.map((name) => `query/${name.endsWith('_CL') ? 'Tables.Custom' : name}/read`);
  return ['read', ...rights].map((right) => `Microsoft.OperationalInsights/workspaces/${right}`);
}

/** What Resource Manager asks a role for: the types of the path, and its method. A last word without a name is a list or an action. */
export function permissionOf(method: string, path: string): { readonly permission: string; readonly resource: string } {
  if (path.startsWith('/v1/workspaces/'))
    return { permission: 'Microsoft.OperationalInsights/workspaces/query/read', resource: '/subscriptions' };
  if (path.endsWith('/metrics:getBatch'))
    return { permission: 'Microsoft.Insights/metrics/read', resource: path.slice(0, path.lastIndexOf('/')) };
  if (/^\/providers\/Microsoft.ResourceGraph/.test(path))
    return { permission: 'Microsoft.ResourceGraph/resources/read', resource: '/subscriptions' };
  const at = path.lastIndexOf('/providers/');
  if (at < 0) return { permission: 'Microsoft.Resources/subscriptions/read', resource: path };
  const [namespace = '', ...words] = path.slice(at + '/providers/'.length).split('/');
  const types = words.filter((_word, index) => index % 2 === 0);
  const isOpen = words.length % 2 === 1;
  const verb = method === 'GET' ? 'read' : method === 'POST' ? 'action' : 'write';
  const resource = isOpen ? path.slice(0, path.lastIndexOf('/')) : path;
  const special = path.includes('/Microsoft.Insights/eventtypes/')
    ? 'Microsoft.Insights/eventtypes/values/read'
    : undefined;
  // Of an action on a revision, the revision's own name stands before the verb's.
  return {
    permission: special ?? [namespace, ...types, verb].join('/'),
    // What is listed of a subscription or a group is a right there.
    resource: special !== undefined || words.length === 1 ? path.slice(0, at) : resource,
  };
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts).toString();
}
