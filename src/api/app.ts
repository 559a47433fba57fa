import { Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { secureHeaders } from 'hono/secure-headers';

import type { Agent } from '../agent/index.ts';
import type { Clock, Log } from '../domain/ports/io.ts';
import { WatchkeeperError } from '../lib/errors.ts';
import { limits } from '../lib/limits.ts';
import { authenticate, type TokenGrant } from './auth.ts';
import { createFeed, type Feed } from './feed.ts';
import { hooks } from './hooks.ts';
import { mount } from './mount.ts';
import { pageRoutes, type Page } from './page.ts';
import { problemOf } from './problem.ts';
import type { Env } from './request.ts';
import { table } from './table.ts';

/** What the API shows, to whom, and under which host names. */
export interface AppOptions {
  readonly agent: Agent;
  readonly grants: readonly TokenGrant[];
  /** Host names under which the daemon may be addressed: anything else is refused, against DNS rebinding. Empty: any. */
  readonly hosts: readonly string[];
  readonly log: Log;
  readonly clock: Clock;
  /** The page, where there is one to show. */
  readonly page?: Page;
}

/**
 * The HTTP API. Health, readiness and metrics are open (they are what probes and scrapers read, and hold no secret);
 * everything under /api needs a bearer token whose role allows it. GET never changes anything. There are no cookies, so there is no CSRF.
 */
export function createApp(options: AppOptions, feed: Feed = createFeed(options)): Hono<Env> {
  const app = new Hono<Env>();
  guard(app, options);
  app.use('/api/*', async (c, next) => {
    const grant = authenticate(c.req.header('authorization'), options.grants);
    if (!grant) {
      const fix = 'Send "Authorization: Bearer TOKEN"; the local token is in the data folder, in api-token.';
      throw new WatchkeeperError('unauthorized', 'no or wrong bearer token', { fix });
    }
    c.set('who', grant.principal);
    c.set('role', grant.role);
    c.set('holds', () => true);
    await next();
  });
  mount(app, table, { agent: options.agent, feed });
  hooks(app, options.agent);
  if (options.page) pageRoutes(app, options.page);
  return app;
}

function guard(app: Hono<Env>, options: AppOptions): void {
  app.use(secureHeaders());
  const tooLarge = new WatchkeeperError('too-large', `a body is at most ${limits.apiBodyBytes} bytes`);
  app.use(bodyLimit({ maxSize: limits.apiBodyBytes, onError: () => problemOf(tooLarge) }));
  app.use(async (c, next) => {
    const host = (c.req.header('host') ?? '').replace(/:\d+$/, '');
    if (options.hosts.length > 0 && !options.hosts.includes(host)) {
      throw new WatchkeeperError('forbidden', `this daemon is not called ${JSON.stringify(host)}`);
    }
    await next();
  });
  app.onError((thrown, c) => {
    const error = WatchkeeperError.from(thrown);
    if (error.code === 'internal')
      options.log.error('a request failed by a fault of ours', { path: c.req.path, error });
    return problemOf(error);
  });
  app.notFound((c) => problemOf(new WatchkeeperError('not-found', `there is no ${c.req.method} ${c.req.path}`)));
}
