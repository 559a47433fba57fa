import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';

import { exportJWK, SignJWT, UnsecuredJWT, type JWK } from 'jose';

import { selfSigned } from './self-signed.ts';

/** How a token is signed, beside how it should be. */
export interface Signing {
  /** `other`: by a key that nobody published, under the name of the one that is. `unknown`: under a name of its own. */
  readonly key?: 'good' | 'other' | 'unknown';
  /** `none`: not at all; `HS256`: with the published key as if it were a secret. */
  readonly alg?: 'RS256' | 'HS256' | 'none';
  /** From now on; negative: it ran out so long ago. */
  readonly expiresInS?: number;
}

/** Who signs tokens, and publishes keys over HTTP: a key pair of the test's own. */
export interface TokenIssuer {
  readonly url: string;
  /** Where the key set is. */
  readonly keysUrl: string;
  readonly published: () => { readonly keys: readonly JWK[] };
  sign(claims: Readonly<Record<string, unknown>>, signing?: Signing): Promise<string>;
  /** From now on it signs with another key. */
  rotate(): Promise<void>;
  /** While it is `down` it answers nothing but 500. */
  down: boolean;
  /** How often its keys were asked for. */
  readonly asked: () => number;
  close(): Promise<void>;
}

interface Pair {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  readonly kid: string;
}

/**
 * Starts it. `issuers`: what its OpenID metadata say at each path, over TLS, whose certificate this process believes from now on;
 * absent: keys alone, in the clear.
 */
export async function startTokenIssuer(issuers?: Readonly<Record<string, string>>): Promise<TokenIssuer> {
  const [good, other] = [pair('key-1'), pair('key-1')];
  let current = { ...good, jwk: await published(good) };
  let asked = 0;
  const listener: RequestListener = ({ url = '' }, response) => {
    const said = issuers?.[url];
    if (said === undefined) asked++;
    response.writeHead(issuer.down ? 500 : 200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(said === undefined ? issuer.published() : { issuer: said, jwks_uri: issuer.keysUrl }));
  };
  const server = issuers === undefined ? createServer(listener) : createTlsServer(believed(), listener);
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  const url = issuers === undefined ? `http://127.0.0.1:${port}` : `https://localhost:${port}`;
  const issuer: TokenIssuer = {
    url,
    keysUrl: `${url}/keys`,
    published: () => ({ keys: [current.jwk] }),
    down: false,
    asked: () => asked,
    rotate: async () => {
      const next = pair(`key-${Math.random()}`);
      current = { ...next, jwk: await published(next) };
    },
    sign: (claims, { key = 'good', alg = 'RS256', expiresInS = 3_600 } = {}) => {
      const exp = Math.floor(Date.now() / 1_000) + expiresInS;
      const said = { iat: exp - 3_600, exp, ...claims };
      if (alg === 'none') return Promise.resolve(new UnsecuredJWT(said).encode());
      const kid = key === 'unknown' ? 'key-nobody-knows' : current.kid;
      const made = new SignJWT(said).setProtectedHeader({ alg, kid, typ: 'JWT' });
      if (alg === 'HS256') return made.sign(Buffer.from(current.publicKey.export({ type: 'spki', format: 'pem' })));
      return made.sign(key === 'good' ? current.privateKey : other.privateKey);
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return issuer;
}

let certificate: ReturnType<typeof selfSigned> | undefined;

// One for all: of two that bear one name a client would try the wrong one.
function believed(): ReturnType<typeof selfSigned> {
  if (certificate === undefined) {
    certificate = selfSigned('localhost');
    setDefaultCACertificates([...getCACertificates('default'), certificate.cert]);
  }
  return certificate;
}

function pair(kid: string): Pair {
  return { ...generateKeyPairSync('rsa', { modulusLength: 2_048 }), kid };
}

async function published({ publicKey, kid }: Pair): Promise<JWK> {
  return { ...(await exportJWK(publicKey)), kid, alg: 'RS256', use: 'sig' };
}
