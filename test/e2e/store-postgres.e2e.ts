import { readFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';

import type { Store } from '../../src/domain/ports/store.ts';
import { systemClock, systemRandom } from '../../src/io/index.ts';
import { openPostgresStore, type PostgresStoreOptions } from '../../src/store/index.ts';
import { rowsFrom, storeContract } from '../contract/store.ts';
import { recordingLog } from '../support/quiet-log.ts';
import { postgresDatabase, postgresUser, startPostgres, type Postgres } from './peers/postgres.ts';

let server: Postgres;
let schemas = 0;

beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server.stop());

function optionsFor(schema: string, other: Partial<PostgresStoreOptions> = {}): PostgresStoreOptions {
  return {
    host: '127.0.0.1',
    port: server.port,
    database: postgresDatabase,
    user: postgresUser,
    schema,
    credentials: () => Promise.resolve({ password: readFileSync(server.passwordFile, 'utf8').trim() }),
    readConnections: 3,
    clock: systemClock,
    random: systemRandom,
    log: recordingLog(),
    ...other,
  };
}

function fresh(other: Partial<PostgresStoreOptions> = {}): PostgresStoreOptions {
  schemas += 1;
  return optionsFor(`wk_${schemas}`, other);
}

async function opened(options: PostgresStoreOptions): Promise<Store> {
  const store = await openPostgresStore(options);
  onTestFinished(() => store.close());
  return store;
}

/** Runs SQL against the database itself, as a stranger with the owner's rights would. */
async function stranger(schema: string, sql: string): Promise<void> {
  const { Client } = await import('pg');
  const password = readFileSync(server.passwordFile, 'utf8').trim();
  const client = new Client({
    host: '127.0.0.1',
    port: server.port,
    database: postgresDatabase,
    user: postgresUser,
    password,
  });
  client.on('error', () => undefined);
  await client.connect();
  try {
    await client.query(`SET search_path TO "${schema}"`);
    await client.query(sql);
  } finally {
    await client.end();
  }
}

storeContract('postgresql', () => {
  const options = fresh();
  return Promise.resolve({ open: () => openPostgresStore(options), remove: () => Promise.resolve() });
});

describe('opening', () => {
  test('two that start at once on an empty database make the tables once', async () => {
    const options = fresh();
    const stores = await Promise.all([opened(options), opened(options), opened(options)]);
    expect(await Promise.all(stores.map((store) => store.epoch()))).toEqual([0, 0, 0]);
  });

  test('a reader may look beside a writer, sees what is committed, and cannot write', async () => {
    const options = fresh();
    await expect(openPostgresStore({ ...options, readOnly: true })).rejects.toMatchObject({ code: 'not-found' });
    const writer = await opened(options);
    const reader = await opened({ ...options, readOnly: true });
    await writer.commit({ puts: [], expects: [], epoch: await writer.newEpoch(), ledger: rowsFrom(0, 2) });
    expect(await reader.ledgerSize()).toBe(2);
    await expect(reader.commit({ puts: [], expects: [], epoch: 1 })).rejects.toMatchObject({ code: 'unsupported' });
    await expect(reader.newEpoch()).rejects.toMatchObject({ code: 'unsupported' });
  });

  test('a schema of something else is left alone; another format is refused', async () => {
    const options = fresh();
    await stranger('public', `CREATE SCHEMA ${options.schema}; CREATE TABLE ${options.schema}.cats (name text)`);
    await expect(openPostgresStore(options)).rejects.toMatchObject({
      code: 'config-invalid',
      message: expect.stringContaining('cats') as string,
    });
    const ours = fresh();
    await (await openPostgresStore(ours)).close();
    await stranger(ours.schema, `UPDATE meta SET value = '99' WHERE key = 'format'`);
    await expect(openPostgresStore(ours)).rejects.toMatchObject({
      code: 'unsupported',
      message: expect.stringContaining('format 99') as string,
    });
  });

  test.each([
    ['a wrong password', { credentials: () => Promise.resolve({ password: 'wrong' }) }, 'unauthorized'],
    ['a database that is not there', { database: 'nowhere' }, 'not-found'],
    ['a port where nobody listens', { port: 1 }, 'unreachable'],
  ] as const)('%s is named', async (_what, other, code) => {
    await expect(openPostgresStore(fresh(other))).rejects.toMatchObject({ code });
  });

  test('a server that forgets what it acknowledged is refused', async () => {
    const loose = await startPostgres({ fsync: 'off' });
    onTestFinished(() => loose.stop());
    const credentials = (): Promise<{ password: string }> =>
      Promise.resolve({ password: readFileSync(loose.passwordFile, 'utf8').trim() });
    await expect(openPostgresStore(fresh({ port: loose.port, credentials }))).rejects.toMatchObject({
      code: 'unsupported',
      message: expect.stringContaining('fsync=off') as string,
    });
  });

  test('TLS is verified: the right authority is let through, a wrong name and an unknown authority are not', async () => {
    const password = readFileSync(server.passwordFile, 'utf8').trim();
    const ca = readFileSync(server.caFile, 'utf8');
    const withTls = (tls: object) => fresh({ credentials: () => Promise.resolve({ password, tls }) });
    const store = await opened(withTls({ ca }));
    expect(await store.newEpoch()).toBe(1);
    await opened(withTls({ ca, serverName: 'database.test' }));
    await expect(openPostgresStore(withTls({ ca, serverName: 'other.test' }))).rejects.toMatchObject({
      code: 'unreachable',
    });
    await expect(openPostgresStore(withTls({}))).rejects.toMatchObject({ code: 'unreachable' });
  });

  test('a Unix socket does as well', async () => {
    const store = await opened(fresh({ host: server.folder }));
    expect(await store.newEpoch()).toBe(1);
  });
});

describe('the log only grows, and the database itself sees to that', () => {
  test.each([
    ['changing an entry', `UPDATE append SET entries = 'x'`],
    ['removing an entry', 'DELETE FROM append WHERE size = 3'],
    ['removing all', 'TRUNCATE append'],
    ['leaving a hole', `INSERT INTO append VALUES (9, 8, 'x', 'x')`],
    ['going back', `INSERT INTO append VALUES (2, 3, 'x', 'x')`],
    ['changing a tile', `UPDATE tile SET data = data`],
    ['removing a tile', 'DELETE FROM tile'],
    ['removing all tiles', 'TRUNCATE tile'],
    ['leaving out a tile', `INSERT INTO tile SELECT 0, 5, data FROM tile`],
    ['changing a payload', `UPDATE payload SET data = 'x'`],
    ['removing all payloads', 'TRUNCATE payload'],
  ])('%s is refused, whoever asks', async (_what, sql) => {
    const options = fresh();
    const store = await opened(options);
    const tile = { level: 0, index: 0, data: Buffer.alloc(8192) };
    const epoch = await store.newEpoch();
    await store.commit({ puts: [], expects: [], epoch, ledger: { ...rowsFrom(0, 3), tiles: [tile] } });
    await expect(stranger(options.schema, sql)).rejects.toThrow(/only grows|never|erased/);
  });
});

/** A way to the server that can be cut, or cut behind the COMMIT that was sent. */
async function cuttable(
  port: number,
): Promise<{ readonly port: number; cutAfterCommit(): void; cut(): void; close(): void }> {
  const pairs = new Set<readonly [Socket, Socket]>();
  let afterCommit = false;
  const relay = createServer((client) => {
    const upstream = connect(port, '127.0.0.1');
    const pair = [client, upstream] as const;
    pairs.add(pair);
    client.on('data', (chunk) => {
      upstream.write(chunk);
      if (!afterCommit || !chunk.includes('COMMIT')) return;
      afterCommit = false;
      // The question goes through, the answer never comes.
      upstream.removeAllListeners('data');
      client.destroy();
    });
    upstream.on('data', (chunk) => client.write(chunk));
    for (const [one, other] of [pair, [upstream, client] as const]) {
      one.on('error', () => undefined);
      one.on('close', () => {
        pairs.delete(pair);
        other.end();
      });
    }
  });
  await new Promise<void>((resolve) => relay.listen(0, '127.0.0.1', resolve));
  return {
    port: (relay.address() as AddressInfo).port,
    cutAfterCommit: () => {
      afterCommit = true;
    },
    cut: () => {
      for (const [one, other] of pairs) for (const socket of [one, other]) socket.destroy();
    },
    close: () => {
      relay.close();
    },
  };
}

const entry = (epoch: number, at: number) => ({
  puts: [{ space: 'incident', key: `k${String(at).padStart(5, '0')}`, value: at } as const],
  expects: [],
  epoch,
  ledger: rowsFrom(at, 1),
});

describe('failure', () => {
  test('a commit whose answer was lost is found again on a new connection, and not written twice', async () => {
    const way = await cuttable(server.port);
    onTestFinished(() => way.close());
    const store = await opened(fresh({ port: way.port }));
    const epoch = await store.newEpoch();
    for (let at = 0; at < 20; at += 1) {
      way.cutAfterCommit();
      await store.commit(entry(epoch, at));
      expect(await store.ledgerSize()).toBe(at + 1);
    }
    expect((await store.get('incident', 'k00007'))?.version).toBe(1);
  });

  test('connections that are cut at any moment lose nothing and double nothing', async () => {
    const way = await cuttable(server.port);
    onTestFinished(() => way.close());
    const store = await opened(fresh({ port: way.port }));
    const epoch = await store.newEpoch();
    const over = new AbortController();
    const cutting = (async () => {
      while (!over.signal.aborted) {
        await pause(30 + Math.random() * 300);
        way.cut();
      }
    })();
    for (let at = 0; at < 150; at += 1) await store.commit(entry(epoch, at));
    over.abort();
    await cutting;
    expect(await store.ledgerSize()).toBe(150);
    const rows = await store.list('incident', { limit: 200 });
    expect(rows.map(({ version }) => version)).toEqual(Array.from({ length: 150 }, () => 1));
  });

  test('a server that is killed with commits under way, ten times: what was acknowledged is there, once', async () => {
    const store = await opened(fresh());
    const epoch = await store.newEpoch();
    let acknowledged = 0;
    const over = new AbortController();
    const writing = (async () => {
      while (!over.signal.aborted) {
        await store.commit(entry(epoch, acknowledged));
        acknowledged += 1;
      }
    })();
    for (let kill = 0; kill < 10; kill += 1) {
      await pause(100 + Math.random() * 200);
      await server.crash();
      await server.start();
      const before = acknowledged;
      while (acknowledged === before) await pause(10);
    }
    over.abort();
    await writing;
    expect(await store.ledgerSize()).toBe(acknowledged);
    const entries = await store.ledgerEntries(0, acknowledged);
    expect(entries.map(({ seq }) => seq)).toEqual(Array.from({ length: acknowledged }, (_, at) => at));
  });

  test('a server that hangs for a while is waited for', async () => {
    const store = await opened(fresh());
    const epoch = await store.newEpoch();
    server.freeze();
    const committing = store.commit(entry(epoch, 0));
    await pause(3_000);
    server.resume();
    await committing;
    expect(await store.ledgerSize()).toBe(1);
  });

  test('a writer deposed while its server was away is fenced when it comes back', async () => {
    const options = fresh();
    const old = await opened(options);
    const epoch = await old.newEpoch();
    const next = await opened(options);
    expect(await next.newEpoch()).toBe(epoch + 1);
    await expect(old.commit(entry(epoch, 0))).rejects.toMatchObject({ code: 'fenced' });
    expect(await next.ledgerSize()).toBe(0);
  });

  test('a writer stopped inside its transaction does not hold the fence for ever', async () => {
    const options = fresh();
    const store = await opened(options);
    const epoch = await store.newEpoch();
    const { Client } = await import('pg');
    const password = readFileSync(server.passwordFile, 'utf8').trim();
    const stopped = new Client({
      host: '127.0.0.1',
      port: server.port,
      database: postgresDatabase,
      user: postgresUser,
      password,
    });
    stopped.on('error', () => undefined);
    await stopped.connect();
    await stopped.query(
      `SET search_path TO "${options.schema}"; SET idle_in_transaction_session_timeout TO 4000; BEGIN`,
    );
    await stopped.query('SELECT epoch FROM fence FOR UPDATE');
    await store.commit(entry(epoch, 0));
    expect(await store.ledgerSize()).toBe(1);
  });
});
