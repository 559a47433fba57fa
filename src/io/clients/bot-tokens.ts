import type { errors as JoseErrors, JWTPayload } from 'jose';
import * as z from 'zod';

import { WatchkeeperError } from '../../lib/errors.ts';
import { limits } from '../../lib/limits.ts';
import type { ReaderIo } from '../../domain/ports/io.ts';

/** Who signs what a bot is sent, and for whom it must be. */
export interface BotTokenSettings {
  /** The OpenID metadata that names the keys. */
  readonly metadata: string;
  readonly issuer: string;
  readonly appId: string;
  /** The keys must be endorsed for it: `msteams`. */
  readonly endorsement: string;
}

/** Verifies the tokens with which the Bot Framework calls. */
export interface BotTokens {
  /** The `serviceurl` it was signed for. @throws `unauthorized` with the reason; `unreachable` when keys cannot be had. */
  verify(token: string, signal: AbortSignal): Promise<string>;
}

const zMetadata = z.object({ issuer: z.string(), jwks_uri: z.url() });
const zKeys = z.object({
  keys: z
    .array(
      z.looseObject({
        kty: z.string(),
        kid: z.string().exactOptional(),
        endorsements: z.array(z.string()).exactOptional(),
      }),
    )
    .max(200),
});

type Keys = z.output<typeof zKeys>['keys'];

/**
 * Makes it; nothing is asked before the first token. As the Bot Framework's documentation demands: RS256 alone, the issuer, the
 * audience, the times with five minutes' tolerance, a key of the published set that is endorsed for the channel.
 */
export function botTokens(settings: BotTokenSettings, io: Pick<ReaderIo, 'http' | 'clock'>): BotTokens {
  const ring = keyRing(settings, io);
  const check = async (token: string, keys: Keys): Promise<JWTPayload> => {
    const { jwtVerify, createLocalJWKSet } = await import('jose');
    const endorsed = keys.filter(({ endorsements }) => endorsements?.includes(settings.endorsement) === true);
    const set = createLocalJWKSet({ keys: endorsed });
    const { payload } = await jwtVerify(token, set, {
      issuer: settings.issuer,
      audience: settings.appId,
      algorithms: ['RS256'],
      clockTolerance: 300,
      currentDate: new Date(io.clock.nowMs()),
      requiredClaims: ['exp', 'serviceurl'],
    });
    return payload;
  };
  return {
    verify: async (token, signal) => {
      const { errors } = await import('jose');
      try {
        const payload = await check(token, await ring(false, signal)).catch(async (thrown: unknown) => {
          // Signed by a key we have not seen: there may be a new one.
          if (!(thrown instanceof errors.JWKSNoMatchingKey)) throw thrown;
          return check(token, await ring(true, signal));
        });
        const serviceUrl = payload['serviceurl'];
        if (typeof serviceUrl === 'string') return serviceUrl;
        throw new WatchkeeperError('unauthorized', 'its token names no service');
      } catch (thrown) {
        if (thrown instanceof WatchkeeperError) throw thrown;
        throw new WatchkeeperError('unauthorized', `its token is refused (${reasonOf(thrown, errors)})`, {
          cause: thrown,
        });
      }
    },
  };
}

function reasonOf(thrown: unknown, errors: typeof JoseErrors): string {
  if (thrown instanceof errors.JWTExpired) return 'it has expired';
  if (thrown instanceof errors.JWTClaimValidationFailed) return `its claim ${thrown.claim} is not as it must be`;
  if (thrown instanceof errors.JWKSNoMatchingKey) return 'no key that is endorsed for this chat signed it';
  return thrown instanceof errors.JOSEError ? thrown.code : 'unreadable';
}

// Keys are asked for anew when they are old, and when one is unknown, but not for each forged token. While the service is away,
// those that are known go on for a while.
function keyRing(
  { metadata, issuer }: BotTokenSettings,
  { http, clock }: Pick<ReaderIo, 'http' | 'clock'>,
): (anew: boolean, signal: AbortSignal) => Promise<Keys> {
  let held: { readonly keys: Keys; readonly atMs: number } | undefined;
  let askedMs = -Infinity;
  let asking: Promise<void> | undefined;
  const ask = async (url: string, signal: AbortSignal): Promise<unknown> => {
    const maxBytes = limits.chatAnswerBytes;
    const { status, body } = await http.request({
      method: 'GET',
      url,
      timeoutMs: limits.chatTimeoutMs,
      maxBytes,
      signal,
    });
    if (status !== 200) throw new WatchkeeperError('unreachable', `the keys' service answered with status ${status}`);
    return JSON.parse(new TextDecoder().decode(body));
  };
  const refresh = async (signal: AbortSignal): Promise<void> => {
    askedMs = clock.monotonicMs();
    const found = zMetadata.parse(await ask(metadata, signal));
    if (found.issuer !== issuer || (metadata.startsWith('https://') && !found.jwks_uri.startsWith('https://')))
      throw new WatchkeeperError('unreachable', "the keys' service describes itself as another one");
    held = { keys: zKeys.parse(await ask(found.jwks_uri, signal)).keys, atMs: clock.monotonicMs() };
  };
  return async (anew, signal) => {
    const nowMs = clock.monotonicMs();
    const old = held === undefined || nowMs - held.atMs > limits.oidcKeysMs;
    if ((old || anew) && nowMs - askedMs >= limits.oidcAgainMs)
      asking ??= refresh(signal).finally(() => (asking = undefined));
    let cause: unknown;
    try {
      await asking;
    } catch (thrown) {
      cause = thrown;
    }
    if (held !== undefined && clock.monotonicMs() - held.atMs <= limits.oidcKeysStaleMs) return held.keys;
    throw new WatchkeeperError('unreachable', 'the keys of the Bot Framework cannot be had now', { cause });
  };
}
