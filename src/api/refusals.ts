import type { Context } from 'hono';

import type { Agent } from '../agent/index.ts';
import type { Clock, Log } from '../domain/ports/io.ts';
import { WatchkeeperError, type ErrorCode } from '../lib/errors.ts';
import { limits } from '../lib/limits.ts';
import { oneLine } from '../lib/text.ts';
import type { Identity } from './auth/identity.ts';
import { createLimiter } from './limiter.ts';
import type { Env } from './request.ts';

/** The address of whoever holds the connection; absent where there is none, as in tests. */
export function peerOf(c: Context<Env>): string | undefined {
  const env = c.env as { readonly incoming?: { readonly socket?: { readonly remoteAddress?: string } } } | undefined;
  return env?.incoming?.socket?.remoteAddress;
}

const told: ReadonlySet<ErrorCode> = new Set([
  'unauthorized',
  'forbidden',
  'malformed',
  'too-large',
  'rate-limited',
  'not-found',
  'unreachable',
]);

/** A request that was refused, and what is known of who sent it. */
export interface RefusedRequest {
  readonly what: string;
  readonly who: string;
  readonly error: WatchkeeperError;
  readonly peer: string | undefined;
  /** It has nothing to say to the ledger: it was no attempt at anything, or is there already. */
  readonly inLogAlone: boolean;
}

/** Writes down what was refused, in the log and in the ledger; both within bounds, or they could be filled. */
export type Refusals = (refused: RefusedRequest) => void;

/** Makes the book of a window. A follower writes nothing into the ledger, so what it refused is in its log alone. */
export function createRefusals(options: {
  readonly agent: Pick<Agent, 'refused'>;
  readonly clock: Clock;
  readonly log: Log;
}): Refusals {
  const { agent, clock, log } = options;
  const lines = createLimiter(clock, limits.refusalsLogged, limits.refusalsLogged, 'refusals');
  return ({ what, who, error, peer = '', inLogAlone }) => {
    if (!told.has(error.code)) return;
    if (!lines.empty('')) {
      lines.take('');
      const cause = error.cause === undefined ? {} : { cause: WatchkeeperError.from(error.cause).message };
      log.warn('a request was refused', { what, who, code: error.code, because: error.message, ...cause, peer });
    }
    if (inLogAlone) return;
    agent.refused(who, what, 'api', error.message, ...(peer === '' ? [] : [peer])).catch((thrown: unknown) => {
      log.debug('a refusal is in the log alone', { error: WatchkeeperError.from(thrown) });
    });
  };
}

// What browsers ask for by themselves, wherever they are.
const unasked = /^\/($|favicon|robots\.txt$|apple-touch-icon|\.well-known\/)/;

/** A request of the app as one that was refused. `routed`: something was there to answer it. */
export function refusedBy(c: Context<Env>, error: WatchkeeperError, routed: boolean): RefusedRequest {
  const { method, path, url } = c.req;
  const looks = method === 'GET' || method === 'HEAD';
  const came = ['authorization', 'cookie'].some((name) => c.req.header(name) !== undefined);
  // A page before anybody has signed in asks this; and what a handler itself says no to is where it was decided.
  const isStranger = looks && error.code === 'unauthorized' && !came && path === '/api/v1/whoami' && !url.includes('?');
  const isAnswered = routed && error.code === 'not-found';
  return {
    what: `${oneLine(method, 20)} ${oneLine(path, 200)}`,
    who: (c.get('identity') as Identity | undefined)?.principal.id ?? 'nobody',
    error,
    peer: peerOf(c),
    inLogAlone: isStranger || isAnswered || (looks && !routed && unasked.test(path)),
  };
}
