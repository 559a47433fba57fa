/**
 * The store: journal, working state and ledger rows in one database, one transaction for each change of the world's
 * picture and the entry that tells of it. It keeps bytes and versions; it knows nothing of trees, plans or alerts.
 *
 * A store answers for three things. **Durable**: when `commit` resolves, the bytes have been synced. **Single-minded**: one
 * writer at a time, by an epoch checked inside every transaction, and for a file also by a lock that dies with its process.
 * **Honest**: after a failure whose effect is unclear it is poisoned and says so for ever, because a write that may or
 * may not have happened must not be followed by an act.
 *
 * Any other engine passes the same suite: test/contract/store.ts.
 */
export { openSqliteStore } from './sqlite/open.ts';
export type { SqliteStoreOptions } from './sqlite/open.ts';
export { postgresLease } from './postgres/lease.ts';
export { checkPostgres, openPostgresStore, preparePostgres } from './postgres/open.ts';
export type { PostgresCredentials, PostgresOptions, PostgresStoreOptions } from './postgres/options.ts';
