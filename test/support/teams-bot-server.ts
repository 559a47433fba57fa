import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { exportJWK, SignJWT, type JWK } from 'jose';

import type { InboundRequest } from '../../src/domain/ports/channel.ts';
import type { JsonObject } from '../../src/lib/json.ts';

type Body = Record<string, unknown>;

export const appId = '11111111-1111-4111-8111-111111111111';
export const tenant = '22222222-2222-4222-8222-222222222222';
export const appSecret = 'the-secret-of-the-app';
export const conversation = '19:oncall@thread.tacv2';
export const issuer = 'https://api.botframework.com';

/** A message as it stands in Teams. */
export interface TeamsPost {
  readonly id: string;
  /** With `;messageid=` where it is a reply in a channel. */
  readonly conversation: string;
  card: Body;
  edits: number;
}

/** What a token says beside what it should; `undefined` leaves a claim out. */
export interface TokenOptions {
  readonly claims?: Body;
  readonly expiresInS?: number;
  /** `forged`: by a key nobody published; `unendorsed`: by one that is published for another chat. */
  readonly key?: 'good' | 'forged' | 'unendorsed';
  /** Default RS256. */
  readonly alg?: string;
}

/**
 * What of the Bot Framework the channel uses, after its published REST API and authentication (connector v3, Entra ID's token
 * endpoint, OpenID metadata with endorsed keys), over real HTTP. Cards above 28 KB are refused, as Teams does.
 */
export interface TeamsBotServer {
  readonly url: string;
  readonly posts: TeamsPost[];
  /** Statuses to answer calls of the connector with before anything else is looked at. */
  readonly faults: number[];
  /** How often something was asked for. */
  readonly asked: { tokens: number; keys: number };
  /** Tokens that were given out do not count any more. */
  withdraw(): void;
  token(options?: TokenOptions): Promise<string>;
  /** The request the service makes: what is not said in `activity` is as it should be. */
  sends(activity: Body, options?: TokenOptions): Promise<InboundRequest>;
  close(): Promise<void>;
}

interface Keys {
  readonly published: readonly JWK[];
  readonly by: Readonly<Record<'good' | 'forged' | 'unendorsed', KeyObject>>;
}

export async function startTeamsBot(): Promise<TeamsBotServer> {
  const keys = await makeKeys();
  const issued = new Set<string>();
  let made = 0;
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => void chunks.push(chunk));
    request.on('end', () => {
      const what = `${request.method ?? ''} ${request.url ?? ''}`;
      const [status, body] = handle(what, Buffer.concat(chunks).toString(), request.headers.authorization ?? '');
      response.writeHead(status, { 'content-type': 'application/json', 'retry-after': '0' });
      response.end(JSON.stringify(body));
    });
  });
  const handle = (what: string, text: string, authorization: string): readonly [number, Body] => {
    if (what === `POST /${tenant}/oauth2/v2.0/token`) return giveToken(new URLSearchParams(text));
    if (what === 'GET /metadata') return [200, { issuer, jwks_uri: `${teams.url}/keys` }];
    if (what === 'GET /keys') {
      teams.asked.keys++;
      return [200, { keys: keys.published }];
    }
    const fault = teams.faults.shift();
    if (fault !== undefined) return [fault, { error: { code: 'Fault', message: `fault ${fault}` } }];
    if (!issued.has(authorization)) return [401, { error: { message: 'Authorization has been denied' } }];
    if (Buffer.byteLength(text) > 28 * 1024) return [413, { error: { message: 'The message is too large' } }];
    return converse(what, JSON.parse(text) as Body);
  };
  const giveToken = (form: URLSearchParams): readonly [number, Body] => {
    teams.asked.tokens++;
    const right = form.get('client_id') === appId && form.get('client_secret') === appSecret;
    const asks = form.get('grant_type') === 'client_credentials' && form.get('scope') !== null;
    if (!right || !asks) return [401, { error: 'invalid_client' }];
    const token = `token-${teams.asked.tokens}`;
    issued.add(`Bearer ${token}`);
    return [200, { token_type: 'Bearer', expires_in: 3_599, access_token: token }];
  };
  const converse = (what: string, body: Body): readonly [number, Body] => {
    const [, method, where = '', below] =
      /^(POST|PUT) \/teams\/v3\/conversations\/([^/]+)\/activities(?:\/([^/]+))?$/.exec(what) ?? [];
    const [attachment] = (body['attachments'] ?? []) as { contentType: string; content: Body }[];
    if (method === undefined || attachment === undefined) return [400, { error: { message: 'Bad request' } }];
    if (method === 'POST') {
      const id = `170000000000${++made}`;
      const at = decodeURIComponent(where);
      teams.posts.push({ id, conversation: at, card: attachment.content, edits: 0 });
      return [201, { id }];
    }
    const post = teams.posts.find(({ id }) => id === decodeURIComponent(below ?? ''));
    if (post === undefined) return [404, { error: { message: 'Activity not found' } }];
    Object.assign(post, { card: attachment.content, edits: post.edits + 1 });
    return [200, { id: post.id }];
  };
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const teams: TeamsBotServer = {
    url,
    posts: [],
    faults: [],
    asked: { tokens: 0, keys: 0 },
    withdraw: () => issued.clear(),
    token: (options = {}) => sign(keys, `${url}/teams/`, options),
    sends: async (activity, options) => {
      const token = await teams.token(options);
      const body = JSON.stringify({ ...activityOf(url, ++made), ...activity });
      return { headers: { authorization: `Bearer ${token}` }, body: new TextEncoder().encode(body) };
    },
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
  return teams;
}

function activityOf(url: string, n: number): Body {
  return {
    type: 'message',
    id: `f:${n}`,
    timestamp: new Date().toISOString(),
    channelId: 'msteams',
    serviceUrl: `${url}/teams/`,
    conversation: { id: `${conversation};messageid=1700`, conversationType: 'channel', tenantId: tenant },
    channelData: { tenant: { id: tenant } },
    recipient: { id: `28:${appId}` },
  };
}

async function makeKeys(): Promise<Keys> {
  const pair = () => generateKeyPairSync('rsa', { modulusLength: 2_048 });
  const [good, forged, unendorsed] = [pair(), pair(), pair()];
  const published = [
    { ...(await exportJWK(good.publicKey)), kid: 'good', use: 'sig', endorsements: ['msteams', 'webchat'] },
    { ...(await exportJWK(unendorsed.publicKey)), kid: 'unendorsed', use: 'sig', endorsements: ['webchat'] },
  ];
  return {
    published,
    by: { good: good.privateKey, forged: forged.privateKey, unendorsed: unendorsed.privateKey },
  };
}

function sign(
  keys: Keys,
  serviceUrl: string,
  { claims = {}, expiresInS = 3_600, key = 'good', alg = 'RS256' }: TokenOptions,
) {
  const nowS = Math.floor(Date.now() / 1_000);
  const payload = {
    iss: issuer,
    aud: appId,
    serviceurl: serviceUrl,
    nbf: nowS - 60,
    exp: nowS + expiresInS,
    ...claims,
  };
  return new SignJWT(JSON.parse(JSON.stringify(payload)) as Body)
    .setProtectedHeader({ alg, kid: key === 'forged' ? 'good' : key })
    .sign(keys.by[key]);
}

/** Settings of the channel for this server; its secret is called SECRET. */
export function botConfig(url: string, more: object = {}): JsonObject {
  return {
    ...{ appId, tenant, secret: { env: 'SECRET' }, conversations: { oncall: conversation } },
    ...{ serviceUrl: `${url}/teams/`, serviceHosts: [new URL(url).hostname] },
    ...{ authority: url, metadata: `${url}/metadata`, ...more },
  };
}

/** Every text that a card shows. */
export function textsIn(value: unknown): readonly string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, one]) =>
    key === 'text' && typeof one === 'string' ? [one] : textsIn(one),
  );
}

/** What stands on its buttons. */
export function titles(card: unknown): readonly string[] {
  return ((card as { actions?: { title: string }[] }).actions ?? []).map(({ title }) => title);
}
