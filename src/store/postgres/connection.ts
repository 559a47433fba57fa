import { isIP } from 'node:net';
import type { ConnectionOptions } from 'node:tls';

import type { Client, ClientConfig } from 'pg';

import { WatchkeeperError } from '../../lib/errors.ts';
import { limits } from '../../lib/limits.ts';
import { ConnectionLost, isLost, postgresFault } from './faults.ts';
import type { PostgresCredentials, PostgresOptions } from './options.ts';
import type { Row } from './rows.ts';
import { setUp, type Use } from './session.ts';

/** One connection, set up and checked. Each question has a deadline; when it passes, the connection is given up. */
export interface Connection {
  /** `15.18`, as the server says. */
  readonly version: string;
  /** @throws ConnectionLost when no answer came; the server's own error otherwise. */
  query(sql: string, values?: readonly unknown[]): Promise<readonly Row[]>;
  readonly lost: () => boolean;
  /** Ends it at once, whatever is under way. */
  destroy(): void;
}

const never = new AbortController().signal;

/**
 * Connects, sets the session up for its use and reads back that it took.
 *
 * @throws WatchkeeperError `unreachable`, `unauthorized`, `not-found`, `forbidden`; `unsupported` for a server that does
 * not keep what it acknowledges.
 */
export async function connect(options: PostgresOptions, use: Use): Promise<Connection> {
  const { clock, host, port, database } = options;
  const where = host.startsWith('/') ? `${host} (${database})` : `${host}:${port}/${database}`;
  const deadline = clock.deadline(limits.storeConnectMs, never);
  let client: Client | undefined;
  try {
    const { Client: PgClient } = await import('pg');
    client = new PgClient(clientConfig(options, await options.credentials(deadline.signal)));
    const wire = wireOf(client, options);
    await orLost(client.connect(), deadline.signal, () => wire.destroy());
    const version = await setUp(wire.query, options.schema, use);
    return { ...wire, version };
  } catch (thrown) {
    if (client !== undefined) hangUp(client);
    throw postgresFault(thrown, `connecting to ${where}`);
  } finally {
    deadline.cancel();
  }
}

function clientConfig(options: PostgresOptions, credentials: PostgresCredentials): ClientConfig {
  const { tls, password } = credentials;
  return {
    host: options.host,
    port: options.port,
    database: options.database,
    user: options.user,
    // Without this the driver would look into the environment and ~/.pgpass.
    password: password ?? '',
    application_name: 'watchkeeper',
    keepAlive: true,
    ssl: tls === undefined ? false : verified(tls, options.host),
  };
}

function verified(tls: NonNullable<PostgresCredentials['tls']>, host: string): ConnectionOptions {
  const { serverName = host, ...material } = tls;
  // An address may be certified, but not be asked for by name.
  return {
    ...material,
    rejectUnauthorized: true,
    host: serverName,
    ...(isIP(serverName) === 0 && { servername: serverName }),
  };
}

function wireOf(client: Client, { clock }: PostgresOptions): Omit<Connection, 'version'> {
  let gone = false;
  // Without a listener an idle connection that breaks would end the process.
  client.on('error', () => {
    gone = true;
  });
  client.on('end', () => {
    gone = true;
  });
  const destroy = (): void => {
    gone = true;
    hangUp(client);
  };
  return {
    lost: () => gone,
    destroy,
    query: async (sql, values) => {
      if (gone) throw new ConnectionLost('the connection to the database is gone', undefined);
      const deadline = clock.deadline(limits.storeQueryMs, never);
      try {
        const asked = values === undefined ? client.query<Row>(sql) : client.query<Row>(sql, [...values]);
        return (await orLost(asked, deadline.signal, destroy)).rows;
      } catch (thrown) {
        if (isLost(thrown)) destroy();
        throw thrown;
      } finally {
        deadline.cancel();
      }
    },
  };
}

// The driver cannot take a question back: when nobody answers in time the connection is given up with it.
async function orLost<T>(asked: Promise<T>, signal: AbortSignal, giveUp: () => void): Promise<T> {
  const late = Promise.withResolvers<never>();
  const onAbort = (): void => {
    giveUp();
    late.reject(new ConnectionLost('the database did not answer in time', signal.reason));
  };
  signal.addEventListener('abort', onAbort, { once: true });
  // Whoever loses the race has nobody listening any more.
  asked.catch(() => undefined);
  try {
    return await Promise.race([asked, late.promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

function hangUp(client: Client): void {
  // `end` would wait for what is under way, for ever when the server hangs.
  const { connection } = client as unknown as { readonly connection?: { readonly stream?: { destroy(): void } } };
  if (connection?.stream === undefined)
    throw new WatchkeeperError('internal', 'the PostgreSQL driver has no stream to close');
  connection.stream.destroy();
}
