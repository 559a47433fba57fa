import * as z from 'zod';

import { WatchkeeperError } from '../../lib/errors.ts';
import { limits } from '../../lib/limits.ts';
import type { ReaderIo } from '../../domain/ports/io.ts';

/** Whose keys they are, and where they are published. */
export interface KeyRingSettings {
  /** For messages: `the Bot Framework`. */
  readonly whose: string;
  /** OpenID metadata that names the keys, and the issuer that it must name; or the address of the keys themselves. */
  readonly published: { readonly metadata: string; readonly issuer: string } | { readonly keys: string };
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

/** One published key (RFC 7517). */
export type PublishedKey = z.output<typeof zKeys>['keys'][number];

/** Gives the keys. `anew`: those that are known do not fit. @throws `unreachable` when there are none, or none newer, to be had. */
export type KeyRing = (anew: boolean, signal: AbortSignal) => Promise<readonly PublishedKey[]>;

/**
 * Makes it; nothing is asked before the first token. Keys are asked for anew when they are old, so that one that was withdrawn is
 * forgotten, and when one is unknown, but not for each forged token. While the service is away, those that are known go on for a while.
 */
export function keyRing({ whose, published }: KeyRingSettings, io: Pick<ReaderIo, 'http' | 'clock'>): KeyRing {
  const { http, clock } = io;
  let held: { readonly keys: readonly PublishedKey[]; readonly atMs: number } | undefined;
  let askedMs = -Infinity;
  let asking: Promise<void> | undefined;
  const ask = async (url: string, signal: AbortSignal): Promise<unknown> => {
    const { keysTimeoutMs: timeoutMs, keysAnswerBytes: maxBytes } = limits;
    const { status, body } = await http.request({ method: 'GET', url, timeoutMs, maxBytes, signal });
    if (status !== 200) throw new WatchkeeperError('unreachable', `the keys' service answered with status ${status}`);
    return JSON.parse(new TextDecoder().decode(body));
  };
  const addressOf = async (signal: AbortSignal): Promise<string> => {
    if ('keys' in published) return published.keys;
    const { metadata, issuer } = published;
    const found = zMetadata.parse(await ask(metadata, signal));
    if (found.issuer !== issuer || (metadata.startsWith('https://') && !found.jwks_uri.startsWith('https://')))
      throw new WatchkeeperError('unreachable', "the keys' service describes itself as another one");
    return found.jwks_uri;
  };
  const refresh = async (signal: AbortSignal): Promise<void> => {
    askedMs = clock.monotonicMs();
    held = { keys: zKeys.parse(await ask(await addressOf(signal), signal)).keys, atMs: clock.monotonicMs() };
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
    const fits = held !== undefined && clock.monotonicMs() - held.atMs <= limits.oidcKeysStaleMs;
    // One that is unknown may be a new one that cannot be had yet: that is no forgery.
    if (held !== undefined && fits && !(anew && cause !== undefined)) return held.keys;
    throw new WatchkeeperError('unreachable', `the keys of ${whose} cannot be had now`, { cause });
  };
}
