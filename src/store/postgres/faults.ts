import { WatchkeeperError } from '../../lib/errors.ts';

/** The connection is gone, or was given up because no answer came in time: what was asked may or may not have happened. */
export class ConnectionLost extends Error {
  constructor(message: string, cause: unknown) {
    super(message, { cause });
    this.name = 'ConnectionLost';
  }
}

/** PostgreSQL's code of five characters (SQLSTATE), or `undefined` when the server did not say one. */
export function sqlState(thrown: unknown): string | undefined {
  if (!(thrown instanceof Error) || !('code' in thrown) || typeof thrown.code !== 'string') return undefined;
  return 'severity' in thrown && /^[0-9A-Z]{5}$/.test(thrown.code) ? thrown.code : undefined;
}

/**
 * Whether the connection ended. The server's own word counts as well: after FATAL it hangs up, and for a COMMIT that was
 * under way even that word does not say whether it happened.
 */
export function isLost(thrown: unknown): boolean {
  if (thrown instanceof ConnectionLost) return true;
  if (thrown instanceof WatchkeeperError || !(thrown instanceof Error)) return false;
  if (sqlState(thrown) === undefined) return true;
  return 'severity' in thrown && (thrown.severity === 'FATAL' || thrown.severity === 'PANIC');
}

/** Whether a row was still locked when our patience ended. */
export function isLockTimeout(thrown: unknown): boolean {
  return sqlState(thrown) === '55P03';
}

/** Turns what the driver or the server threw into one of ours, with advice where a person can do something. */
export function postgresFault(thrown: unknown, doing: string): WatchkeeperError {
  if (thrown instanceof WatchkeeperError) return thrown;
  const state = sqlState(thrown);
  const said = thrown instanceof Error ? thrown.message : String(thrown);
  const message = `the store failed while ${doing}: ${said}`;
  if (state !== undefined) {
    const known = told.find(([states]) => states.test(state));
    if (known !== undefined) {
      const [, code, fix] = known;
      return new WatchkeeperError(code, message, { fix, cause: thrown });
    }
  }
  if (isLost(thrown))
    return new WatchkeeperError('unreachable', message, {
      fix: 'See whether the database server runs and can be reached from here.',
      cause: thrown,
    });
  return new WatchkeeperError('store-failed', message, { cause: thrown });
}

const told: readonly (readonly [RegExp, WatchkeeperError['code'], string])[] = [
  [/^28/, 'unauthorized', 'Check user and password of the store, and the server’s pg_hba.conf.'],
  [/^3D000$/, 'not-found', 'Create the database, or name another one in store.database.'],
  [
    /^42501$/,
    'forbidden',
    'Let the user of the store own the schema: GRANT CREATE ON DATABASE, or CREATE SCHEMA ... AUTHORIZATION.',
  ],
  [/^53100$/, 'store-failed', 'Free space on the disk of the database server.'],
  [/^25006$/, 'store-failed', 'Point the store at the primary: this server is read-only.'],
];
