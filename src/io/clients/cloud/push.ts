import type { InboundRequest } from '../../../domain/ports/channel.ts';
import type { Clock } from '../../../domain/ports/io.ts';
import type { SourceReply } from '../../../domain/ports/source.ts';
import { WatchkeeperError } from '../../../lib/errors.ts';
import { limits } from '../../../lib/limits.ts';
import { bearerOf } from '../signed-tokens.ts';
import { createBell } from './bell.ts';

/** Takes what a cloud sends to `POST /hooks/SOURCE`: a verified alert is a reason to look now, and nothing else. */
export interface Push {
  readonly receive: (request: InboundRequest, signal: AbortSignal) => Promise<SourceReply>;
  /** Resolves when there was an alert since it resolved last, not too often, and when the signal fires. */
  readonly news: (signal: AbortSignal) => Promise<void>;
}

/** What was read of a push. */
export type Pushed =
  | { readonly is: 'alert'; /** The same for one that comes twice. */ readonly name: string; readonly atMs: number }
  /** Of the sender, and no alert: taken, for it would only come again, and nothing is done. */
  | { readonly is: 'other'; readonly because: string }
  /** From where nothing is taken. */
  | { readonly is: 'foreign'; readonly because: string };

/** How one cloud's pushes are known for its own, and read. */
export interface PushPeer {
  /** @throws `unauthorized` with the reason; `unreachable` when the keys to verify with cannot be had. */
  readonly verify: (token: string, signal: AbortSignal) => Promise<void>;
  /** Undefined: it is no message of this cloud. */
  readonly read: (body: Uint8Array) => Pushed | undefined;
}

/**
 * Makes it for a cloud that signs with bearer tokens. Who sent it is known by its token; what it says is not believed: alerts
 * are read from the cloud then. So nothing is lost that was answered with 200 and never looked at: whoever starts looks first.
 */
export function createTokenPush({ verify, read }: PushPeer, clock: Clock): Push {
  const bell = createBell(clock);
  return {
    news: bell.news,
    receive: async ({ headers, body }, signal) => {
      const token = bearerOf(headers);
      if (token === undefined) return refused(401, 'it has no token');
      try {
        await verify(token, signal);
      } catch (thrown) {
        const { code, message } = WatchkeeperError.from(thrown);
        // What cannot be verified now is not taken, and comes again.
        return refused(code === 'unauthorized' ? 401 : 503, message);
      }
      const pushed = read(body);
      if (pushed === undefined) return refused(400, 'it is no message of an alert');
      if (pushed.is === 'foreign') return refused(403, pushed.because);
      if (pushed.is === 'other') return { ...reply(200, 'nothing is done'), refused: pushed.because };
      // It was looked since, or is when somebody starts: a recording that is played again is no reason to.
      if (pushed.atMs < clock.nowMs() - limits.pushOldMs) return reply(200, 'it is old');
      return reply(200, bell.ring(pushed.name) ? 'taken' : 'known already');
    },
  };
}

function refused(status: number, because: string): SourceReply {
  return { ...reply(status, status === 503 ? 'Try again shortly.' : 'That was not accepted.'), refused: because };
}

function reply(status: number, body: string): SourceReply {
  return { status, type: 'text/plain', body };
}

/** A body as JSON; undefined where it is none. */
export function jsonOf(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch {
    return undefined;
  }
}
