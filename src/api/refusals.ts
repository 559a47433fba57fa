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

/**
 * Writes down what was refused: in the log, and an act in the ledger as well; both within bounds, or they could be filled. What a
 * handler itself answers "no" to (`not-found` with `routed`) has been written down where it was decided.
 */
export function createRefusals(options: { readonly agent: Agent; readonly clock: Clock; readonly log: Log }) {
  const { agent, clock, log } = options;
  const lines = createLimiter(clock, limits.refusalsLogged, limits.refusalsLogged, 'refusals');
  return (c: Context<Env>, error: WatchkeeperError, routed: boolean): void => {
    if (!told.has(error.code)) return;
    const what = `${oneLine(c.req.method, 20)} ${oneLine(c.req.path, 200)}`;
    const who = (c.get('identity') as Identity | undefined)?.principal.id ?? 'nobody';
    if (!lines.empty('')) {
      lines.take('');
      const cause = error.cause === undefined ? {} : { cause: WatchkeeperError.from(error.cause).message };
      const fields = { what, who, code: error.code, because: error.message, ...cause, peer: peerOf(c) ?? '' };
      log.warn('a request was refused', fields);
    }
    const looked = c.req.method === 'GET' || c.req.method === 'HEAD';
    if (looked || !c.req.path.startsWith('/api/') || (routed && error.code === 'not-found')) return;
    agent.refused(who, what, 'api', error.message).catch((thrown: unknown) => {
      // A follower writes nothing; its leader was not asked.
      log.debug('a refusal is in the log alone', { error: WatchkeeperError.from(thrown) });
    });
  };
}
