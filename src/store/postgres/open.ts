import type { Store } from '../../domain/ports/store.ts';
import { connect, type Connection } from './connection.ts';
import { postgresFault } from './faults.ts';
import type { PostgresOptions, PostgresStoreOptions } from './options.ts';
import { noPoison } from './poison.ts';
import { createReaders } from './readers.ts';
import { demandSchema, prepareSchema } from './schema.ts';
import { postgresStore } from './store.ts';
import { createWriter } from './writer.ts';

/**
 * Opens the store, making its tables where there are none. Nothing is returned unless the server is a primary that syncs
 * to disk before it acknowledges, and the tables are ours. Any number may open it; who may write, the epoch says.
 *
 * @throws WatchkeeperError `unreachable` when nobody answers, `unsupported` for a server or a format that will not do,
 * `not-found` when read-only and absent.
 */
export async function openPostgresStore(options: PostgresStoreOptions): Promise<Store> {
  const reader = await opened(options, async () => {
    if (options.readOnly !== true) await preparePostgres(options);
    const connection = await connect(options, 'read');
    return checked(connection, options);
  });
  const poison = noPoison();
  const readers = createReaders(options, reader);
  if (options.readOnly === true) return postgresStore({ version: reader.version, readers, writer: undefined, poison });
  try {
    const first = await connect(options, 'write');
    return postgresStore({ version: reader.version, readers, writer: createWriter(options, first, poison), poison });
  } catch (thrown) {
    readers.close();
    throw postgresFault(thrown, 'opening the store');
  }
}

/**
 * Connects as a writer would, and gives the server's version. Changes nothing.
 *
 * @throws WatchkeeperError as `openPostgresStore` does, but for the tables: those the daemon makes.
 */
export async function checkPostgres(options: PostgresOptions): Promise<string> {
  const connection = await connect(options, 'write');
  connection.destroy();
  return connection.version;
}

/** Makes the tables where there are none: what a follower and an election need before anybody leads. */
export async function preparePostgres(options: PostgresOptions): Promise<void> {
  const connection = await connect(options, 'write');
  try {
    await opened(options, () => prepareSchema(connection, options.schema));
  } finally {
    connection.destroy();
  }
}

async function checked(connection: Connection, { schema }: PostgresOptions): Promise<Connection> {
  try {
    await demandSchema(connection, schema);
    return connection;
  } catch (thrown) {
    connection.destroy();
    throw thrown;
  }
}

async function opened<T>(options: PostgresOptions, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    throw postgresFault(thrown, `opening the schema ${options.schema}`);
  }
}
