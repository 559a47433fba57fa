import type { Context, Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { secureHeaders } from 'hono/secure-headers';

import type { Agent } from '../agent/index.ts';
import type { Clock, Log } from '../domain/ports/io.ts';
import { WatchkeeperError } from '../lib/errors.ts';
import { limits } from '../lib/limits.ts';
import { oneLine } from '../lib/text.ts';
import { identify, type Ways } from './auth/index.ts';
import type { Identity, Presented } from './auth/identity.ts';
import { createLimiter } from './limiter.ts';
import { problemOf } from './problem.ts';
import type { Env } from './request.ts';

/** What stands before every route. */
export interface GuardOptions {
  readonly agent: Agent;
  readonly clock: Clock;
  readonly log: Log;
  readonly hosts: readonly string[];
  readonly publicUrl: string | undefined;
}

/** The address of whoever holds the connection; absent where there is none, as in tests. */
export function peerOf(c: Context<Env>): string | undefined {
  const { incoming } =
    (c.env as { readonly incoming?: { readonly socket?: { readonly remoteAddress?: string } } } | undefined) ?? {};
  return incoming?.socket?.remoteAddress;
}

/** Headers, sizes, host names, how often; and what becomes of what is thrown. */
export function guard(app: Hono<Env>, options: GuardOptions): void {
  const { clock, hosts } = options;
  app.use(secureHeaders({ xFrameOptions: 'DENY', referrerPolicy: 'no-referrer', crossOriginEmbedderPolicy: false }));
  // What is no page is no document: were a browser ever to show an answer as one, it could do nothing.
  app.use(async (c, next) => {
    await next();
    if (!c.res.headers.has('content-security-policy'))
      c.res.headers.set('content-security-policy', "default-src 'none'; frame-ancestors 'none'; base-uri 'none'");
  });
  const perAddress = createLimiter(clock, limits.addressPerMinute, limits.addressBurst, 'requests from this address');
  app.use(async (c, next) => {
    perAddress.take(peerOf(c) ?? '');
    await next();
  });
  const tooLarge = new WatchkeeperError('too-large', `a body is at most ${limits.apiBodyBytes} bytes`);
  app.use(bodyLimit({ maxSize: limits.apiBodyBytes, onError: () => Promise.reject(tooLarge) }));
  app.use(async (c, next) => {
    const host = (c.req.header('host') ?? '').replace(/:\d+$/, '').toLowerCase();
    if (hosts.length > 0 && !hosts.includes(host))
      throw new WatchkeeperError('forbidden', `this daemon is not called ${JSON.stringify(host.slice(0, 100))}`);
    await next();
  });
  const logged = createLimiter(clock, limits.refusalsLogged, limits.refusalsLogged, 'refusals');
  app.onError((thrown, c) => {
    const error = WatchkeeperError.from(thrown);
    if (error.code === 'internal')
      options.log.error('a request failed by a fault of ours', { path: c.req.path, error });
    else refused(options, c, error, logged.empty(''), () => logged.take(''));
    return problemOf(error);
  });
  app.notFound((c) => {
    const error = new WatchkeeperError('not-found', `there is no ${c.req.method} ${oneLine(c.req.path, 200)}`);
    refused(options, c, error, logged.empty(''), () => logged.take(''));
    return problemOf(error);
  });
}

const worthTelling: ReadonlySet<string> = new Set([
  'unauthorized',
  'forbidden',
  'malformed',
  'too-large',
  'rate-limited',
  'not-found',
  'unreachable',
]);

// Every refusal is in the log, and that of an act in the ledger as well; both within bounds, or they could be filled.
function refused(
  { agent, log }: GuardOptions,
  c: Context<Env>,
  error: WatchkeeperError,
  full: boolean,
  count: () => void,
): void {
  if (!worthTelling.has(error.code)) return;
  const what = `${oneLine(c.req.method, 20)} ${oneLine(c.req.path, 200)}`;
  const identity = c.get('identity') as Identity | undefined;
  const who = identity?.principal.id ?? 'nobody';
  if (!full) {
    count();
    log.warn('a request was refused', {
      what,
      who,
      code: error.code,
      because: error.message,
      ...(error.cause === undefined ? {} : { cause: WatchkeeperError.from(error.cause).message }),
      peer: peerOf(c) ?? '',
    });
  }
  if (c.req.method === 'GET' || c.req.method === 'HEAD' || !c.req.path.startsWith('/api/')) return;
  agent.refused(who, what, 'api', error.message).catch((thrown: unknown) => {
    // A follower writes nothing; its leader was not asked.
    log.debug('a refusal is in the log alone', { error: WatchkeeperError.from(thrown) });
  });
}

/** Nobody under /api without a name. */
export function authentication(app: Hono<Env>, options: GuardOptions, ways: Ways): void {
  const { clock, publicUrl } = options;
  const perIdentity = createLimiter(clock, limits.apiPerMinute, limits.apiBurst, 'requests of this identity');
  const failures = createLimiter(
    clock,
    limits.failuresPerMinute,
    limits.failuresBurst,
    'failures to sign in from this address',
  );
  app.use('/api/*', async (c: Context<Env>, next) => {
    const peer = peerOf(c);
    const presented: Presented = { header: (name) => c.req.header(name), peer, signal: c.req.raw.signal };
    let identity: Identity;
    try {
      identity = await identify(c, ways, presented, () => {
        if (failures.empty(peer ?? '')) failures.take(peer ?? '');
      });
    } catch (thrown) {
      // The one who guesses is slowed down; the one who comes with what is right never is, whoever shares his address.
      if (thrown instanceof WatchkeeperError && thrown.code === 'unauthorized') failures.take(peer ?? '');
      throw thrown;
    }
    c.set('identity', identity);
    perIdentity.take(identity.principal.id);
    sameOrigin(c, identity, publicUrl);
    await next();
  });
}

// Cookies, and a proxy's own, are sent by the browser whoever asks it to: an act must come from our page. Bearer tokens are
// put there by whoever holds them.
function sameOrigin(c: Context<Env>, identity: Identity, publicUrl: string | undefined): void {
  if (c.req.method === 'GET' || c.req.method === 'HEAD') return;
  if (identity.via !== 'session' && identity.via !== 'proxy') return;
  const origin = c.req.header('origin');
  const site = c.req.header('sec-fetch-site');
  const ours = publicUrl === undefined ? undefined : new URL(publicUrl).origin;
  const foreign = (origin !== undefined && origin !== ours) || (site !== undefined && site !== 'same-origin');
  if (foreign || (identity.via === 'session' && origin === undefined))
    throw new WatchkeeperError('forbidden', 'this act was not asked for from our own page', {
      fix: 'Open the page at http.publicUrl, and act there.',
    });
  if (identity.via === 'session' && c.req.header('x-csrf-token') !== identity.csrf)
    throw new WatchkeeperError('forbidden', 'the X-CSRF-Token of this session is missing or wrong', {
      fix: 'Send what GET /api/v1/whoami gives as "csrf".',
    });
}
