import type { Clock, Log, Random } from '../../domain/ports/io.ts';

/** Who we are to the server, and how we know it: read anew for each connection, so that rotated files take effect. */
export interface PostgresCredentials {
  readonly password?: string;
  /** Absent: no TLS. With it the server's certificate is verified, always. */
  readonly tls?: {
    /** PEM of the authorities to trust; absent: those of Node. */
    readonly ca?: string;
    readonly cert?: string;
    readonly key?: string;
    /** The name that the certificate must bear; absent: the host. */
    readonly serverName?: string;
  };
}

/** Which database, and how it is reached. */
export interface PostgresOptions {
  /** A host name, an address, or the folder of a Unix socket. */
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  /** The schema that holds our tables and nothing else. */
  readonly schema: string;
  readonly credentials: (signal: AbortSignal) => Promise<PostgresCredentials>;
  /** Connections for reads, at most. */
  readonly readConnections: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** How a store in PostgreSQL is opened. */
export interface PostgresStoreOptions extends PostgresOptions {
  /** Look without touching, beside a running writer: a follower, `ledger verify`. */
  readonly readOnly?: boolean;
}
