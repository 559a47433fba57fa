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
import { taken } from './door.ts';
import { createLimiter } from './limiter.ts';
import { problemOf } from './problem.ts';
import { peerOf, refusedBy, type Refusals } from './refusals.ts';
import type { Env } from './request.ts';

/** What stands before every route. */
export interface GuardOptions {
  readonly agent: Agent;
  readonly clock: Clock;
  readonly log: Log;
  readonly hosts: readonly string[];
  readonly publicUrl: string | undefined;
  readonly refused: Refusals;
}

/** Headers, sizes, host names, how often; and what becomes of what is thrown. */
export function guard(app: Hono<Env>, options: GuardOptions): void {
  const { clock, hosts } = options;
  app.use(async (c, next) => {
    const { incoming } = (c.env as { readonly incoming?: object } | undefined) ?? {};
    if (incoming !== undefined) taken.add(incoming);
    await next();
  });
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
    // A request line may name a host too, and it counts before the header does (RFC 9112, section 3.2.2).
    const names = [(c.req.header('host') ?? '').replace(/:\d+$/, ''), new URL(c.req.url).hostname];
    const other = names.map((name) => name.toLowerCase()).find((name) => !hosts.includes(name));
    if (hosts.length > 0 && other !== undefined)
      throw new WatchkeeperError('forbidden', `this daemon is not called ${JSON.stringify(other.slice(0, 100))}`);
    await next();
  });
  app.onError((thrown, c) => {
    const error = WatchkeeperError.from(thrown);
    if (error.code === 'internal')
      options.log.error('a request failed by a fault of ours', { path: c.req.path, error });
    else options.refused(refusedBy(c, error, true));
    return problemOf(error);
  });
  app.notFound((c) => {
    const error = new WatchkeeperError('not-found', `there is no ${c.req.method} ${oneLine(c.req.path, 200)}`);
    options.refused(refusedBy(c, error, false));
    return problemOf(error);
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
      const tried = c.req.header('authorization') !== undefined;
      if (tried && thrown instanceof WatchkeeperError && thrown.code === 'unauthorized') failures.take(peer ?? '');
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
