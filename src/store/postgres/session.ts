import { WatchkeeperError } from '../../lib/errors.ts';
import { limits } from '../../lib/limits.ts';
import { integer, text, type Row } from './rows.ts';

/** What a connection is for: commits need a server that keeps what it acknowledges, reads may not write. */
export type Use = 'write' | 'read';

type Query = (sql: string) => Promise<readonly Row[]>;

const oldestVersion = 14;

/**
 * Sets a fresh session up and reads back that it took: limits in time, our schema alone, and for commits that the server
 * is a primary that syncs to disk before it says yes. Gives the server's version.
 *
 * @throws WatchkeeperError `unsupported` naming the setting that is wrong.
 */
export async function setUp(query: Query, schema: string, use: Use): Promise<string> {
  await query(
    [
      `SET search_path TO ${quoted(schema)}`,
      `SET statement_timeout TO ${limits.storeQueryMs}`,
      `SET lock_timeout TO ${limits.storeLockMs}`,
      // A writer that was stopped in the middle must not hold the fence against its successor.
      `SET idle_in_transaction_session_timeout TO ${limits.storeIdleMs}`,
      `SET default_transaction_isolation TO 'read committed'`,
      `SET default_transaction_read_only TO ${use === 'read' ? 'on' : 'off'}`,
      // Stricter is left as it is: where a standby must have applied it as well, that stays so.
      `SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') <> 'remote_apply'`,
    ].join(';'),
  );
  const [row] = await query(`SELECT current_setting('server_version') AS version,
    current_setting('server_version_num')::int / 10000 AS major,
    pg_is_in_recovery()::text AS standby,
    current_setting('fsync') AS fsync,
    current_setting('full_page_writes') AS full_page_writes,
    current_setting('synchronous_commit') AS synchronous_commit,
    current_setting('server_encoding') AS server_encoding,
    current_setting('client_encoding') AS client_encoding`);
  const major = integer(row, 'major');
  if (major < oldestVersion)
    throw new WatchkeeperError('unsupported', `PostgreSQL ${major} is too old; ${oldestVersion} or newer is needed`);
  demand(row, 'server_encoding', ['UTF8'], 'Create the database with ENCODING UTF8.');
  demand(row, 'client_encoding', ['UTF8'], 'Do not set client_encoding for this user.');
  if (use === 'write') demandDurable(row);
  return text(row, 'version').split(' ')[0] ?? '';
}

function demandDurable(row: Row | undefined): void {
  if (text(row, 'standby') !== 'false')
    throw new WatchkeeperError('unsupported', 'the database server is a standby: it takes no writes', {
      fix: 'Point the store at the primary.',
      retryable: true,
    });
  const fix = 'Set it in postgresql.conf: without it the server forgets what it has acknowledged.';
  demand(row, 'fsync', ['on'], fix);
  demand(row, 'full_page_writes', ['on'], fix);
  demand(row, 'synchronous_commit', ['on', 'remote_apply'], fix);
}

function demand(row: Row | undefined, setting: string, wanted: readonly string[], fix: string): void {
  const got = text(row, setting);
  if (!wanted.includes(got))
    throw new WatchkeeperError(
      'unsupported',
      `the database server runs with ${setting}=${got}, not ${wanted.join(' or ')}`,
      {
        fix,
      },
    );
}

/** A schema's name as an SQL identifier. Configuration has checked its characters; nothing else is ever put into SQL. */
export function quoted(schema: string): string {
  return `"${schema.replaceAll('"', '""')}"`;
}
