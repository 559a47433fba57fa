import type { DatabaseSync, StatementSync } from 'node:sqlite';

const sql = {
  begin: 'BEGIN IMMEDIATE',
  commit: 'COMMIT',
  rollback: 'ROLLBACK',
  // Looks at the write-ahead log without doing anything (since 3.51.0).
  log: 'PRAGMA wal_checkpoint(NOOP)',
  fold: 'PRAGMA wal_checkpoint(PASSIVE)',
  empty: 'PRAGMA wal_checkpoint(TRUNCATE)',
  epoch: 'SELECT epoch FROM lease',
  raiseEpoch: 'UPDATE lease SET epoch = epoch + 1 RETURNING epoch',
  get: 'SELECT key, value, version FROM state WHERE space = ? AND key = ?',
  version: 'SELECT version FROM state WHERE space = ? AND key = ?',
  put: `INSERT INTO state (space, key, value, version) VALUES (?, ?, ?, 1)
        ON CONFLICT (space, key) DO UPDATE SET value = excluded.value, version = version + 1`,
  remove: 'DELETE FROM state WHERE space = ? AND key = ?',
  first: 'SELECT key, value, version FROM state WHERE space = ? AND key >= ? AND key < ? ORDER BY key LIMIT ?',
  next: 'SELECT key, value, version FROM state WHERE space = ? AND key >= ? AND key < ? AND key > ? ORDER BY key LIMIT ?',
  backward: 'SELECT key, value, version FROM state WHERE space = ? AND key >= ? AND key < ? ORDER BY key DESC LIMIT ?',
  size: 'SELECT coalesce(max(size), 0) AS size FROM append',
  // The appends that hold the entries from one number up to, but without, another.
  entries: `SELECT size, first, entries FROM append
            WHERE size > ? AND size <= coalesce((SELECT min(size) FROM append WHERE size >= ?), ${Number.MAX_SAFE_INTEGER})
            ORDER BY size`,
  append: 'INSERT INTO append (size, first, note, entries) VALUES (?, ?, ?, ?)',
  tile: 'SELECT data FROM tile WHERE level = ? AND idx = ?',
  addTile: 'INSERT INTO tile (level, idx, data) VALUES (?, ?, ?)',
  newest: 'SELECT size, note FROM append ORDER BY size DESC LIMIT 1',
  checkpoint: 'SELECT size, note FROM append WHERE size = ?',
  payload: 'SELECT seq, commitment, salt, data FROM payload WHERE seq = ?',
  payloads: 'SELECT seq, commitment, salt, data FROM payload WHERE seq >= ? AND seq < ? ORDER BY seq',
  addPayload: 'INSERT INTO payload (seq, commitment, salt, data) VALUES (?, ?, ?, ?)',
  erase: 'DELETE FROM payload WHERE seq = ?',
  bytes: `SELECT page_count * page_size AS bytes FROM pragma_page_count(), pragma_page_size()`,
} as const;

/** Every prepared statement by its name. */
export type Statements = Readonly<Record<keyof typeof sql, StatementSync>>;

/** Every statement the store ever runs, prepared once. */
export function prepareStatements(db: DatabaseSync): Statements {
  const prepared: Partial<Record<keyof typeof sql, StatementSync>> = {};
  for (const name of statementNames) prepared[name] = db.prepare(sql[name]);
  return prepared as Statements;
}

const statementNames = Object.keys(sql) as (keyof typeof sql)[];
