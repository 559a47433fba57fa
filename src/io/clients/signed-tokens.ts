import type { errors as JoseErrors, JWTPayload } from 'jose';

import { WatchkeeperError } from '../../lib/errors.ts';
import type { ReaderIo } from '../../domain/ports/io.ts';
import { keyRing, type KeyRingSettings, type PublishedKey } from './key-ring.ts';

/** Who signs the tokens with which a service calls us, for whom they must be, and what they must say. */
export interface SignedTokenSettings extends KeyRingSettings {
  readonly issuer: string;
  /** One of them must be named. */
  readonly audiences: readonly string[];
  /** How far its clock may be from ours, in seconds. */
  readonly tolerance: number;
  /** Claims that must be there, besides `exp`. */
  readonly required: readonly string[];
  /** Of the published keys those that count, and which these are: `that is endorsed for this chat`. Absent: all. */
  readonly counts?: { readonly which: string; readonly is: (key: PublishedKey) => boolean };
}

/** Verifies tokens. */
export interface SignedTokens {
  /** What it claims. @throws `unauthorized` with the reason; `unreachable` when keys cannot be had. */
  verify(token: string, signal: AbortSignal): Promise<JWTPayload>;
}

/** The token of a request, or undefined where it has none that could be one. Header names are lower case. */
export function bearerOf(headers: Readonly<Record<string, string>>): string | undefined {
  return /^Bearer ([A-Za-z0-9_.-]{1,8192})$/i.exec(headers['authorization'] ?? '')?.[1];
}

/** The issuer that a token says it is of: not to be believed, but enough to know whose keys to try. */
export async function issuerSaid(token: string): Promise<string | undefined> {
  const { decodeJwt } = await import('jose');
  try {
    return decodeJwt(token).iss;
  } catch {
    return undefined;
  }
}

/**
 * Makes it; nothing is asked before the first token. RS256 alone, as Google and Microsoft sign: with HS256 a public key would be
 * a shared secret, and "none" is no signature at all.
 */
export function signedTokens(settings: SignedTokenSettings, io: Pick<ReaderIo, 'http' | 'clock'>): SignedTokens {
  const ring = keyRing(settings, io);
  const check = async (token: string, keys: readonly PublishedKey[]): Promise<JWTPayload> => {
    const { jwtVerify, createLocalJWKSet } = await import('jose');
    const { issuer, audiences, tolerance, required, counts } = settings;
    const set = createLocalJWKSet({ keys: counts === undefined ? [...keys] : keys.filter(counts.is) });
    const { payload } = await jwtVerify(token, set, {
      ...{ issuer, audience: [...audiences], algorithms: ['RS256'], clockTolerance: tolerance },
      currentDate: new Date(io.clock.nowMs()),
      requiredClaims: ['exp', ...required],
    });
    return payload;
  };
  return {
    verify: async (token, signal) => {
      const { errors } = await import('jose');
      try {
        return await check(token, await ring(false, signal)).catch(async (thrown: unknown) => {
          // Signed by a key we have not seen: there may be a new one.
          if (!(thrown instanceof errors.JWKSNoMatchingKey)) throw thrown;
          return check(token, await ring(true, signal));
        });
      } catch (thrown) {
        if (thrown instanceof WatchkeeperError) throw thrown;
        const because = `its token is refused (${reasonOf(thrown, errors, settings)})`;
        throw new WatchkeeperError('unauthorized', because, { cause: thrown });
      }
    },
  };
}

function reasonOf(thrown: unknown, errors: typeof JoseErrors, { whose, counts }: SignedTokenSettings): string {
  if (thrown instanceof errors.JWTExpired) return 'it has expired';
  if (thrown instanceof errors.JWTClaimValidationFailed) return `its claim ${thrown.claim} is not as it must be`;
  if (thrown instanceof errors.JWKSNoMatchingKey) return `no key ${counts?.which ?? `of ${whose}`} signed it`;
  return thrown instanceof errors.JOSEError ? thrown.code : 'unreadable';
}
