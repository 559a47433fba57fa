import { Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { secureHeaders } from 'hono/secure-headers';

import type { Agent } from '../agent/index.ts';
import type { Log } from '../domain/ports/io.ts';
import { WatchkeeperError } from '../lib/errors.ts';
import { limits } from '../lib/limits.ts';
import { authenticate, type TokenGrant } from './auth.ts';
import { errorBody, statusOf } from './errors.ts';
import type { Env } from './request.ts';
import { acting, feeding, reading } from './routes.ts';

/** What the API shows, to whom, and under which host names. */
export interface AppOptions {
  readonly agent: Agent;
  readonly grants: readonly TokenGrant[];
  /** Host names under which the daemon may be addressed: anything else is refused, against DNS rebinding. Empty: any. */
  readonly hosts: readonly string[];
  readonly log: Log;
}

/**
 * The HTTP API. Health, readiness and metrics are open (they are what probes and scrapers read, and hold no secret);
 * everything under /api needs a bearer token whose role allows it. GET never changes anything. There are no cookies, so there is no CSRF.
 */
export function createApp(options: AppOptions): Hono<Env> {
  const app = new Hono<Env>();
  guard(app, options);
  probes(app, options.agent);
  app.use('/api/*', async (c, next) => {
    const grant = authenticate(c.req.header('authorization'), options.grants);
    if (!grant) {
      const fix = 'Send "Authorization: Bearer TOKEN"; the local token is in the data folder, in api-token.';
      throw new WatchkeeperError('unauthorized', 'no or wrong bearer token', { fix });
    }
    c.set('who', grant.principal);
    c.set('role', grant.role);
    c.header('cache-control', 'no-store');
    await next();
  });
  reading(app, options.agent);
  acting(app, options.agent);
  feeding(app, options.agent);
  return app;
}

function guard(app: Hono<Env>, options: AppOptions): void {
  app.use(secureHeaders());
  const tooLarge = new WatchkeeperError('too-large', `a body is at most ${limits.apiBodyBytes} bytes`);
  app.use(bodyLimit({ maxSize: limits.apiBodyBytes, onError: (c) => c.json(errorBody(tooLarge), 413) }));
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
    return c.json(errorBody(error), statusOf[error.code]);
  });
  app.notFound((c) =>
    c.json(errorBody(new WatchkeeperError('not-found', `there is no ${c.req.method} ${c.req.path}`)), 404),
  );
}

function probes(app: Hono<Env>, agent: Agent): void {
  app.get('/healthz', (c) => c.text('ok\n'));
  app.get('/readyz', (c) => {
    const readiness = agent.readiness();
    return c.json(readiness, readiness.ready ? 200 : 503);
  });
  app.get('/metrics', async (c) =>
    c.text(await agent.metrics(), 200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' }),
  );
}
