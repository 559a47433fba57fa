import type { Clock, Random } from '../../domain/ports/io.ts';
import { sha256Hex } from '../../lib/canonical.ts';
import { limits } from '../../lib/limits.ts';
import type { Identity } from './identity.ts';

/** Who is signed in on the page. Kept in memory: a restart signs everybody out. */
export interface Sessions {
  /** Begins one; the text is for the cookie, and is kept here by its digest alone. */
  begin(identity: Identity): string;
  find(cookie: string): Identity | undefined;
}

interface Session {
  readonly identity: Identity;
  readonly untilMs: number;
}

/** Makes the store of sessions. */
export function createSessions({ clock, random }: { readonly clock: Clock; readonly random: Random }): Sessions {
  const sessions = new Map<string, Session>();
  const secret = (): string => Buffer.from(random.bytes(32)).toString('base64url');
  const live = (key: string): Session | undefined => {
    const found = sessions.get(key);
    if (found !== undefined && found.untilMs > clock.monotonicMs()) return found;
    sessions.delete(key);
    return undefined;
  };
  return {
    begin: (identity) => {
      const cookie = secret();
      const key = sha256Hex(cookie);
      const stands = (): boolean => live(key) !== undefined;
      const { untilMs: _, ...rest } = identity;
      const session: Identity = {
        ...rest,
        via: 'session',
        csrf: secret(),
        stands,
        end: () => void sessions.delete(key),
      };
      sessions.set(key, { identity: session, untilMs: clock.monotonicMs() + limits.sessionMs });
      for (const [oldest] of sessions) if (sessions.size > limits.sessions) sessions.delete(oldest);
      return cookie;
    },
    find: (cookie) => live(sha256Hex(cookie))?.identity,
  };
}
