import * as z from 'zod';

import { kubernetesConnection } from '../../io/clients/kubernetes/config.ts';
import { zDuration, zSecretRef } from '../../lib/zod-parts.ts';

const sqlite = z.strictObject({ kind: z.literal('sqlite') });

const tls = z.strictObject({
  ca: z.string().min(1).exactOptional().describe('PEM file of the authorities to trust; default: those of Node.'),
  cert: z.string().min(1).exactOptional().describe('PEM file of our own certificate, where the server asks for one.'),
  key: z.string().min(1).exactOptional().describe('PEM file of its key.'),
  serverName: z.string().min(1).exactOptional().describe('The name in the server’s certificate; default: host.'),
});

const postgres = z.strictObject({
  kind: z.literal('postgres'),
  host: z.string().min(1).describe('A name, an address, or the folder of a Unix socket.'),
  port: z.int().min(1).max(65_535).default(5_432),
  database: z.string().min(1).max(63),
  user: z.string().min(1).max(63),
  password: zSecretRef.exactOptional().describe('Absent where the server knows us otherwise: peer, certificate.'),
  schema: z
    .string()
    .regex(/^[a-z_][a-z0-9_]{0,62}$/, 'a schema is lower-case letters, digits and "_", at most 63')
    .default('watchkeeper')
    .describe('A schema of its own; it is made when it is not there.'),
  tls: z
    .union([z.literal('off'), tls])
    .exactOptional()
    .describe('The server’s certificate is always verified. Default: on, but for this machine and Unix sockets.'),
  readConnections: z.int().min(1).max(50).default(4).describe('Connections for reads, at most; commits have one more.'),
});

/** `store` of watchkeeper.yaml. */
export const storeSchema = z
  .discriminatedUnion('kind', [sqlite, postgres])
  .prefault({ kind: 'sqlite' })
  .describe(
    'Where working state, journal and ledger are kept: in dataDir, or in PostgreSQL, which two replicas share.',
  );

const duration = (min: number, max: number, text: string) =>
  zDuration.refine((ms) => typeof ms !== 'number' || (ms >= min && ms <= max), { message: text });

/** `leadership` of watchkeeper.yaml. */
export const leadershipSchema = z
  .strictObject({
    name: z
      .string()
      .regex(/^[A-Za-z0-9]([A-Za-z0-9.-]{0,61}[A-Za-z0-9])?$/, 'a name is letters, digits, "." and "-", at most 63')
      .exactOptional()
      .describe('What this replica is called; default: the host name.'),
    lease: duration(1_000, 300_000, 'expected from 1s to 5m')
      .prefault('15s')
      .describe('How long others leave a lease alone that is not renewed.'),
    renew: duration(500, 200_000, 'expected from 500ms to 200s')
      .prefault('10s')
      .describe('The leader gives up when it could not renew for so long.'),
    retry: duration(50, 60_000, 'expected from 50ms to 1m')
      .prefault('2s')
      .describe('How often the lease is renewed, or looked at.'),
    kubernetes: z
      .strictObject({
        namespace: z.string().min(1).max(63),
        lease: z.string().min(1).max(253).default('watchkeeper').describe('The name of the Lease.'),
        ...kubernetesConnection,
      })
      .exactOptional()
      .describe('Keep the lease in Kubernetes, with these credentials. Absent: in the database.'),
  })
  .prefault({})
  .describe('Which of several replicas on one PostgreSQL leads. A daemon with a store of its own always does.');

/** A store in PostgreSQL, as written. */
export type WrittenPostgres = z.output<typeof postgres>;
