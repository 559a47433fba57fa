import { WatchkeeperError } from '../../lib/errors.ts';
import type { LeaseBox, LeaseRecord } from '../../domain/ports/leadership.ts';
import { connect, type Connection } from './connection.ts';
import { postgresFault } from './faults.ts';
import type { PostgresOptions } from './options.ts';
import { integer, text, type Row } from './rows.ts';

const columns = 'revision, holder, lease_ms, acquired_ms, renewed_ms, transitions';

/**
 * The lease of the leader in a row of the database, for replicas that share nothing else. On a connection of its own, so
 * that a renewal never waits behind a commit.
 */
export function postgresLease(options: PostgresOptions): LeaseBox {
  let held: Connection | undefined;
  const ask = async (
    doing: string,
    signal: AbortSignal,
    sql: string,
    values: readonly unknown[],
  ): Promise<readonly Row[]> => {
    try {
      const connection = held?.lost() === false ? held : await connect(options, 'write');
      held = connection;
      // A question that nobody waits for any more must not be answered later, in the order of the next one.
      const drop = (): void => connection.destroy();
      signal.addEventListener('abort', drop, { once: true });
      if (signal.aborted) drop();
      try {
        return await connection.query(sql, values);
      } finally {
        signal.removeEventListener('abort', drop);
      }
    } catch (thrown) {
      throw postgresFault(thrown, doing);
    }
  };
  return {
    read: async (signal) => {
      const [row] = await ask('looking at the lease', signal, `SELECT ${columns} FROM leader`, []);
      return row && { record: toRecord(row), revision: String(integer(row, 'revision')) };
    },
    write: async (record, over, signal) => {
      const sql = `UPDATE leader SET revision = revision + 1, holder = $1, lease_ms = $2, acquired_ms = $3, renewed_ms = $4,
        transitions = $5 WHERE revision = $6 RETURNING revision`;
      const { holder, leaseMs, acquiredAtMs, renewedAtMs, transitions } = record;
      const values = [holder, leaseMs, acquiredAtMs, renewedAtMs, transitions, over];
      const [row] = await ask('renewing the lease', signal, sql, values);
      if (row === undefined) throw new WatchkeeperError('conflict', 'the lease has changed: somebody else wrote it');
      return String(integer(row, 'revision'));
    },
    close: () => {
      held?.destroy();
      return Promise.resolve();
    },
  };
}

function toRecord(row: Row): LeaseRecord {
  return {
    holder: text(row, 'holder'),
    leaseMs: integer(row, 'lease_ms'),
    acquiredAtMs: integer(row, 'acquired_ms'),
    renewedAtMs: integer(row, 'renewed_ms'),
    transitions: integer(row, 'transitions'),
  };
}
