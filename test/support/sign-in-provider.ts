import { generateKeyPairSync } from 'node:crypto';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import Provider from 'oidc-provider';

/** A real OpenID Connect provider on a loopback port. */
export interface SignInProvider {
  readonly issuer: string;
  /** An access token for a machine, from the provider itself. */
  token(options?: { readonly resource?: string }): Promise<string>;
  /** From now on it signs with other keys. */
  rotate(): void;
  /** How often its keys were asked for. */
  readonly keyRequests: () => number;
  down(): Promise<void>;
  up(): Promise<void>;
  publicKeyPem(): string;
}

export const audience = 'urn:watchkeeper';
export const pageUrl = 'http://127.0.0.1:7999';
const secret = 'a-secret-of-the-test-that-is-long-enough';

export async function signInProvider(groups: readonly string[], page = pageUrl): Promise<SignInProvider> {
  let handler: RequestListener = (_request, response) => response.end();
  let server: Server = createServer((request, response) => handler(request, response));
  await listen(server, 0);
  const { port } = server.address() as AddressInfo;
  const issuer = `http://127.0.0.1:${port}`;
  let asked = 0;
  let pem = '';
  const rotate = (): void => {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    pem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
    const kid = `key-${pem.length}-${Math.random()}`;
    const jwk = { ...privateKey.export({ format: 'jwk' }), kid, use: 'sig', alg: 'RS256' };
    const callback = providerOf(issuer, groups, jwk, page).callback();
    handler = (request, response) => {
      if (request.url === '/jwks') asked += 1;
      callback(request, response);
    };
  };
  rotate();
  return {
    issuer,
    rotate,
    keyRequests: () => asked,
    publicKeyPem: () => pem,
    token: async ({ resource = audience } = {}) => {
      const response = await fetch(`${issuer}/token`, {
        method: 'POST',
        headers: { authorization: `Basic ${Buffer.from(`robot:${secret}`).toString('base64')}` },
        body: new URLSearchParams({ grant_type: 'client_credentials', resource, scope: 'api' }),
      });
      const said = (await response.json()) as { readonly access_token?: string };
      const token = said.access_token;
      if (token === undefined) throw new Error(`no token: ${response.status} ${JSON.stringify(said)}`);
      return token;
    },
    down: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
    up: async () => {
      server = createServer((request, response) => handler(request, response));
      await listen(server, port);
    },
  };
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve) => {
    server.listen(port, '127.0.0.1', resolve);
  });
}

function providerOf(issuer: string, groups: readonly string[], jwk: object, page: string): Provider {
  return new Provider(issuer, {
    clients: [
      {
        client_id: 'robot',
        client_secret: secret,
        grant_types: ['client_credentials'],
        redirect_uris: [],
        response_types: [],
        scope: 'api',
      },
      { client_id: 'page', client_secret: secret, redirect_uris: [`${page}/auth/callback`] },
    ],
    jwks: { keys: [jwk] },
    cookies: { keys: ['a-key-of-the-test'] },
    scopes: ['openid', 'api'],
    claims: { openid: ['sub', 'groups'] },
    conformIdTokenClaims: false,
    pkce: { required: () => true },
    findAccount: (_context: unknown, id: string) => ({ accountId: id, claims: () => ({ sub: id, groups }) }),
    extraTokenClaims: () => ({ groups }),
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => undefined,
        useGrantedResource: () => true,
        getResourceServerInfo: (_context: unknown, resource: string) => ({
          scope: 'api',
          audience: resource,
          accessTokenFormat: 'jwt',
          accessTokenTTL: 600,
          jwt: { sign: { alg: 'RS256' } },
        }),
      },
    },
  });
}

/** What the page's client is known by. */
export const pageClient = { clientId: 'page', clientSecret: secret, scopes: ['openid'] };

/** Signs somebody in at the provider as a browser would, from the address that the daemon sent to; gives the address it sends back to. */
export async function signInAt(where: string, name: string): Promise<string> {
  const cookies = new Map<string, string>();
  let url = where;
  let form: URLSearchParams | undefined;
  for (let step = 0; step < 20; step += 1) {
    if (url.startsWith(pageUrl)) return url;
    const response: Response = await fetch(url, {
      method: form === undefined ? 'GET' : 'POST',
      headers: { cookie: [...cookies].map(([key, value]) => `${key}=${value}`).join('; ') },
      ...(form === undefined ? {} : { body: form }),
      redirect: 'manual',
    });
    for (const one of response.headers.getSetCookie()) {
      const [pair = ''] = one.split(';');
      cookies.set(pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1));
    }
    const location = response.headers.get('location');
    if (location !== null) {
      url = new URL(location, url).href;
      form = undefined;
      continue;
    }
    const page = await response.text();
    url = new URL(/<form[^>]*action="([^"]+)"/.exec(page)?.[1] ?? '', url).href;
    const prompt = /name="prompt" value="(\w+)"/.exec(page)?.[1];
    if (prompt === undefined) throw new Error(`no form at ${url}: ${response.status} ${page.slice(0, 300)}`);
    form = new URLSearchParams(prompt === 'login' ? { prompt, login: name, password: 'x' } : { prompt });
  }
  throw new Error('the provider never sent back');
}
