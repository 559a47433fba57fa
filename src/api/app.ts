import { Hono } from 'hono';

import type { Agent } from '../agent/index.ts';
import type { Clock, Log } from '../domain/ports/io.ts';
import type { TokenGrant } from './auth/index.ts';
import { loginRoutes } from './auth/login.ts';
import { openWays, type AuthOptions } from './auth/ways.ts';
import { createFeed, type Feed } from './feed.ts';
import { authentication, guard } from './guard.ts';
import { hooks } from './hooks.ts';
import { mount } from './mount.ts';
import { pageRoutes, type Page } from './page.ts';
import { createRefusals, type Refusals } from './refusals.ts';
import type { Env } from './request.ts';
import { table } from './table.ts';

/** What the API shows, to whom, and under which host names. */
export interface AppOptions {
  readonly agent: Agent;
  readonly grants: readonly TokenGrant[];
  /** The ways in beside tokens. */
  readonly auth?: AuthOptions;
  /** Host names under which the daemon may be addressed: anything else is refused, against DNS rebinding. Empty: any. */
  readonly hosts: readonly string[];
  readonly log: Log;
  readonly clock: Clock;
  /** The page, where there is one to show. */
  readonly page?: Page;
}

/**
 * The HTTP API. Health, readiness and metrics are open (they are what probes and scrapers read, and hold no secret);
 * everything under /api needs somebody with a name whose role allows it. GET never changes anything.
 */
export function createApp(
  options: AppOptions,
  feed: Feed = createFeed(options),
  refused: Refusals = createRefusals(options),
): Hono<Env> {
  const app = new Hono<Env>();
  const opened = openWays(options.grants, options.clock, options.auth);
  const guarded = { ...options, refused, publicUrl: options.auth?.publicUrl };
  guard(app, guarded);
  authentication(app, guarded, opened.ways);
  mount(app, table, { agent: options.agent, feed, clock: options.clock, login: opened.login !== undefined });
  hooks(app, options.agent);
  if (opened.login && options.auth) {
    const { http, random } = options.auth;
    const { clock, log } = options;
    loginRoutes(app, opened.login.settings, { clock, log, http, random, sessions: opened.login.sessions });
  }
  if (options.page) pageRoutes(app, options.page);
  return app;
}
