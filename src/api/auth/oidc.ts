import type { JSONWebKeySet, JWTPayload, JWTVerifyGetKey } from 'jose';
import * as z from 'zod';

import type { Clock, Http } from '../../domain/ports/io.ts';
import { WatchkeeperError } from '../../lib/errors.ts';
import { limits } from '../../lib/limits.ts';
import { groupsFrom, nameFrom, roleFrom, type Identity, type RoleRule } from './identity.ts';

/** An OpenID Connect provider and what its claims mean here. */
export interface OidcSettings {
  readonly issuer: string;
  /** Whom bearer tokens must be for. */
  readonly audience: string;
  readonly usernameClaim: string;
  readonly groupsClaim: string;
  readonly roles: readonly RoleRule[];
}

/** The provider, with its keys. */
export interface OidcProvider {
  /** Whether a text is a JWT that says it is of this issuer: worth verifying, and not yet to be believed. */
  claims(token: string): boolean;
  /** A bearer token. @throws `unauthorized`, `forbidden` without a role; `unreachable` when its keys cannot be had. */
  bearer(token: string, signal: AbortSignal): Promise<Identity>;
  /** An ID token from the code flow, of this login. @throws as `bearer`. */
  idToken(
    token: string,
    expected: { readonly audience: string; readonly nonce: string },
    signal: AbortSignal,
  ): Promise<Identity>;
  readonly discover: (signal: AbortSignal) => Promise<Discovered>;
}

const zDiscovered = z.object({
  issuer: z.string(),
  jwks_uri: z.url(),
  authorization_endpoint: z.url(),
  token_endpoint: z.url(),
});
const zKeys = z.object({ keys: z.array(z.looseObject({ kty: z.string() })).max(100) });

/** The parts of the provider's own description that are used (OpenID Connect Discovery 1.0). */
export type Discovered = z.output<typeof zDiscovered>;

// Asymmetric ones alone: with HS256 a public key would be a shared secret, and "none" is no signature at all.
const algorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA'];

/** Makes it; nothing is asked of the provider before the first token. */
export function oidcProvider(settings: OidcSettings, io: { readonly clock: Clock; readonly http: Http }): OidcProvider {
  const keys = keyRing(settings, io);
  const verified = async (token: string, audience: string, signal: AbortSignal): Promise<JWTPayload> => {
    const { jwtVerify, errors } = await import('jose');
    const verify = (key: JWTVerifyGetKey) =>
      jwtVerify(token, key, {
        issuer: settings.issuer,
        audience,
        algorithms,
        clockTolerance: 30,
        currentDate: new Date(io.clock.nowMs()),
        requiredClaims: ['exp', 'sub'],
      });
    try {
      try {
        return (await verify(await keys.get(false, signal))).payload;
      } catch (thrown) {
        // Signed by a key we have not seen: the provider may have a new one.
        if (!(thrown instanceof errors.JWKSNoMatchingKey)) throw thrown;
        return (await verify(await keys.get(true, signal))).payload;
      }
    } catch (thrown) {
      if (thrown instanceof WatchkeeperError) throw thrown;
      const why = thrown instanceof errors.JOSEError ? thrown.code : 'unreadable';
      throw new WatchkeeperError('unauthorized', `the token is refused (${why})`, { cause: thrown });
    }
  };
  return {
    claims: (token) => issuerOf(token) === settings.issuer,
    bearer: async (token, signal) => identityOf(await verified(token, settings.audience, signal), settings),
    idToken: async (token, { audience, nonce }, signal) => {
      const payload = await verified(token, audience, signal);
      if (payload['nonce'] !== nonce) throw new WatchkeeperError('unauthorized', 'the token is of another login');
      return identityOf(payload, settings);
    },
    discover: keys.discover,
  };
}

function identityOf(payload: JWTPayload, settings: OidcSettings): Identity {
  const name = nameFrom(payload[settings.usernameClaim]);
  if (name === undefined)
    throw new WatchkeeperError('unauthorized', `the token has no usable ${settings.usernameClaim}`);
  // An address that nobody has confirmed may be anybody's.
  if (settings.usernameClaim === 'email' && payload['email_verified'] === false)
    throw new WatchkeeperError('unauthorized', 'the e-mail address in the token is not verified');
  const id = `oidc:${name}`;
  const groups = groupsFrom(payload[settings.groupsClaim]);
  const role = roleFrom(id, groups, settings.roles);
  return { principal: { id, groups }, role, via: 'oidc', untilMs: (payload.exp ?? 0) * 1_000 };
}

function issuerOf(token: string): string | undefined {
  const parts = token.split('.');
  if (parts.length !== 3) return undefined;
  try {
    const payload = JSON.parse(Buffer.from(parts[1] ?? '', 'base64url').toString('utf8')) as { readonly iss?: unknown };
    return typeof payload.iss === 'string' ? payload.iss : undefined;
  } catch {
    return undefined;
  }
}

interface Ring {
  /** `anew`: the keys that are known do not fit. @throws `unreachable` when there are none and none can be had. */
  get(anew: boolean, signal: AbortSignal): Promise<JWTVerifyGetKey>;
  readonly discover: (signal: AbortSignal) => Promise<Discovered>;
}

// Keys are asked for anew when they are old, so that one that was withdrawn is forgotten, and when one is unknown, but not
// for each forged token. While the provider is away, those that are known go on for a while.
function keyRing(settings: OidcSettings, { clock, http }: { readonly clock: Clock; readonly http: Http }): Ring {
  let described: Discovered | undefined;
  let held: { readonly key: JWTVerifyGetKey; readonly atMs: number } | undefined;
  let askedMs = -Infinity;
  let asking: Promise<void> | undefined;
  const ask = async (url: string, signal: AbortSignal): Promise<unknown> => {
    const headers = { accept: 'application/json' };
    const { status, body } = await http.request({
      method: 'GET',
      url,
      headers,
      maxBytes: limits.oidcAnswerBytes,
      signal,
    });
    if (status !== 200)
      throw new WatchkeeperError('unreachable', `the sign-in provider answered with status ${status}`);
    return JSON.parse(Buffer.from(body).toString('utf8'));
  };
  const discover = async (signal: AbortSignal): Promise<Discovered> => {
    if (described) return described;
    const url = `${settings.issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
    const found = zDiscovered.parse(await ask(url, signal));
    const secure = (address: string): boolean =>
      address.startsWith('https://') || settings.issuer.startsWith('http://');
    if (found.issuer !== settings.issuer || ![found.jwks_uri, found.token_endpoint].every(secure))
      throw new WatchkeeperError('unreachable', 'the sign-in provider describes itself as another one');
    described = found;
    return found;
  };
  const refresh = async (signal: AbortSignal): Promise<void> => {
    askedMs = clock.monotonicMs();
    const { createLocalJWKSet } = await import('jose');
    const { jwks_uri: url } = await discover(signal);
    const keys = zKeys.parse(await ask(url, signal)) as JSONWebKeySet;
    held = { key: createLocalJWKSet(keys), atMs: clock.monotonicMs() };
  };
  const get: Ring['get'] = async (anew, signal) => {
    const nowMs = clock.monotonicMs();
    const old = held === undefined || nowMs - held.atMs > limits.oidcKeysMs;
    if ((old || anew) && nowMs - askedMs >= limits.oidcAgainMs)
      asking ??= refresh(signal).finally(() => (asking = undefined));
    try {
      await asking;
    } catch (thrown) {
      if (held === undefined) throw away(thrown);
    }
    if (held !== undefined && clock.monotonicMs() - held.atMs <= limits.oidcKeysStaleMs) return held.key;
    throw away(undefined);
  };
  return { get, discover: (signal) => discover(signal).catch((thrown: unknown) => Promise.reject(away(thrown))) };
}

function away(cause: unknown): WatchkeeperError {
  return new WatchkeeperError('unreachable', 'the sign-in provider cannot be asked for its keys now', {
    fix: 'Try again shortly, or use a token of http.tokens.',
    cause,
  });
}
