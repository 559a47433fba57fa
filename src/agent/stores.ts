import { hostname } from 'node:os';
import { join } from 'node:path';

import { kubernetesOperators } from '../io/clients/kubernetes/index.ts';
import { readFiles, type Ambient } from '../io/index.ts';
import type { LeaseBox, Leadership } from '../domain/ports/leadership.ts';
import type { Store } from '../domain/ports/store.ts';
import {
  openPostgresStore,
  openSqliteStore,
  postgresLease,
  type PostgresCredentials,
  type PostgresOptions,
} from '../store/index.ts';
import { createElector, kubernetesLease } from './leadership/index.ts';
import type { Config } from './load/index.ts';

type WrittenPostgres = Extract<Config['store'], { readonly kind: 'postgres' }>;

const pemBytes = 256 * 1024;

/** Where the store lies in a data folder. */
export function storePath(dataDir: string): string {
  return join(dataDir, 'watchkeeper.db');
}

/** How the configured database is reached. Its secrets are read anew for each connection. */
export function postgresOptions(store: WrittenPostgres, ambient: Ambient): PostgresOptions {
  const { host, port, database, user, schema, readConnections } = store;
  const { clock, random, log } = ambient;
  const credentials = (signal: AbortSignal): Promise<PostgresCredentials> => credentialsOf(store, ambient, signal);
  return { host, port, database, user, schema, readConnections, credentials, clock, random, log };
}

/** Opens the configured store to look at it, beside whoever writes. @throws `not-found` when there is none. */
export function openStoreToRead(config: Pick<Config, 'dataDir' | 'store'>, ambient: Ambient): Promise<Store> {
  if (config.store.kind === 'sqlite') return openSqliteStore({ path: storePath(config.dataDir), readOnly: true });
  return openPostgresStore({ ...postgresOptions(config.store, ambient), readOnly: true });
}

/** This replica's part in the election: over a Lease where one is configured, else over a row of the database. */
export function leadershipOf(config: Config, store: WrittenPostgres, ambient: Ambient): Leadership {
  const { name = hostname(), lease, renew, retry } = config.leadership;
  const { clock, random, log } = ambient;
  const id = Buffer.from(random.bytes(4)).toString('hex');
  return createElector({
    box: leaseBox(config, store, ambient),
    clock,
    random,
    log,
    name: `${name}_${id}`,
    timing: { leaseMs: lease, renewMs: renew, retryMs: retry },
  });
}

function leaseBox({ leadership }: Config, store: WrittenPostgres, ambient: Ambient): LeaseBox {
  const { kubernetes } = leadership;
  if (kubernetes === undefined) return postgresLease(postgresOptions(store, ambient));
  const { namespace, lease, ...connection } = kubernetes;
  const cluster = 'leadership';
  const operators = kubernetesOperators(ambient.clock, ambient.secrets, [{ cluster, ...connection }]);
  return kubernetesLease(operators.operator(cluster), namespace, lease);
}

async function credentialsOf(
  { host, password, tls = isHere(host) ? 'off' : {} }: WrittenPostgres,
  { secrets }: Ambient,
  signal: AbortSignal,
): Promise<PostgresCredentials> {
  const pem = async (path: string | undefined): Promise<string | undefined> =>
    path === undefined ? undefined : Buffer.from(await readFiles.read(path, pemBytes, signal)).toString('utf8');
  const secret = password === undefined ? undefined : await secrets.resolve(password, signal);
  const given = secret === undefined ? {} : { password: secret };
  if (tls === 'off') return given;
  const [ca, cert, key] = await Promise.all([pem(tls.ca), pem(tls.cert), pem(tls.key)]);
  return {
    ...given,
    tls: {
      ...(ca !== undefined && { ca }),
      ...(cert !== undefined && { cert }),
      ...(key !== undefined && { key }),
      ...(tls.serverName !== undefined && { serverName: tls.serverName }),
    },
  };
}

function isHere(host: string): boolean {
  return host.startsWith('/') || host === 'localhost' || host === '::1' || /^127\./.test(host);
}
