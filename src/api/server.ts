import type { AddressInfo } from 'node:net';

import { createAdaptorServer } from '@hono/node-server';

import { WatchkeeperError } from '../lib/errors.ts';
import { limits } from '../lib/limits.ts';
import { createApp, type AppOptions } from './app.ts';
import { watchTheDoor } from './door.ts';
import { createFeed } from './feed.ts';
import { createRefusals } from './refusals.ts';

/** Where the API listens. */
export interface ServerOptions extends AppOptions {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  /** How long a request may take to arrive whole. Default 30 s. */
  readonly requestWithinMs?: number;
}

/** A listening API. */
export interface ApiServer {
  readonly url: string;
  close(): Promise<void>;
}

const headersWithinMs = 10_000;
const requestWithinMs = 30_000;
const mostConnections = 256;

/** Starts listening. @throws `conflict` when the port is taken, with what to do about it. */
export async function startServer(options: ServerOptions): Promise<ApiServer> {
  const feed = createFeed(options);
  const refused = createRefusals(options);
  const app = createApp(options, feed, refused);
  const server = createAdaptorServer({
    fetch: app.fetch,
    serverOptions: {
      headersTimeout: Math.min(headersWithinMs, options.requestWithinMs ?? headersWithinMs),
      requestTimeout: options.requestWithinMs ?? requestWithinMs,
      connectionsCheckingInterval: 1_000,
      // A request without a host is refused behind the parser, where it can be written down.
      requireHostHeader: false,
    },
  });
  server.maxConnections = mostConnections;
  watchTheDoor(server, refused);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (thrown: NodeJS.ErrnoException) => reject(cannotListen(options, thrown)));
    server.listen(options.port, options.host, resolve);
  });
  const { port } = server.address() as AddressInfo;
  const host = options.host.includes(':') ? `[${options.host}]` : options.host;
  return {
    url: `http://${host}:${port}`,
    close: async () => {
      feed.close();
      const closed = new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
      if ('closeIdleConnections' in server) server.closeIdleConnections();
      // What was begun may be said to its end; whoever does not take it is cut off.
      const waited = new AbortController();
      const late = options.clock.sleep(limits.apiGoodbyeMs, waited.signal).catch(() => undefined);
      await Promise.race([closed, late]);
      waited.abort();
      if ('closeAllConnections' in server) server.closeAllConnections();
      await closed;
    },
  };
}

function cannotListen(options: ServerOptions, thrown: NodeJS.ErrnoException): WatchkeeperError {
  const taken = thrown.code === 'EADDRINUSE';
  const fix = taken
    ? 'Another daemon may be running here; choose another port with http.listen or WATCHKEEPER_HTTP_LISTEN.'
    : 'Choose an address of this machine with http.listen.';
  const message = `cannot listen on ${options.host}:${options.port}: ${thrown.message}`;
  return new WatchkeeperError(taken ? 'conflict' : 'forbidden', message, { cause: thrown, fix });
}
