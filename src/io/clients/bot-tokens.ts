import { WatchkeeperError } from '../../lib/errors.ts';
import type { ReaderIo } from '../../domain/ports/io.ts';
import { signedTokens } from './signed-tokens.ts';

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

/**
 * Makes it; nothing is asked before the first token. As the Bot Framework's documentation demands: RS256 alone, the issuer, the
 * audience, the times with five minutes' tolerance, a key of the published set that is endorsed for the channel.
 */
export function botTokens(
  { metadata, issuer, appId, endorsement }: BotTokenSettings,
  io: Pick<ReaderIo, 'http' | 'clock'>,
): BotTokens {
  const tokens = signedTokens(
    {
      ...{ whose: 'the Bot Framework', published: { metadata, issuer }, issuer, audiences: [appId] },
      ...{ tolerance: 300, required: ['serviceurl'] },
      counts: {
        which: 'that is endorsed for this chat',
        is: ({ endorsements }) => endorsements?.includes(endorsement) === true,
      },
    },
    io,
  );
  return {
    verify: async (token, signal) => {
      const { serviceurl } = await tokens.verify(token, signal);
      if (typeof serviceurl === 'string') return serviceurl;
      throw new WatchkeeperError('unauthorized', 'its token names no service');
    },
  };
}
