import { hostname } from 'node:os';
import { DatabaseSync } from 'node:sqlite';

import { WatchkeeperError } from '../../lib/errors.ts';
import { isBusy, storeFault } from './faults.ts';
import { integer, text } from './rows.ts';

/** Held until released or until the process ends, however it ends. */
export interface WriterLock {
  release(): void;
}

/**
 * Takes the right to write, or says who has it.
 *
 * The lock is a write transaction kept open on a small database beside the store. The operating system drops it with the
 * process, so a `kill -9` leaves nothing to clean up, and the store itself stays open to readers (which SQLite's own
 * exclusive mode would shut out). A reserved lock lets others read who holds it.
 *
 * @throws WatchkeeperError `conflict` naming the holder.
 */
export function takeWriterLock(path: string): WriterLock {
  const db = new DatabaseSync(path, { timeout: 0 });
  try {
    db.exec('PRAGMA journal_mode = DELETE; PRAGMA synchronous = OFF;');
    db.exec('BEGIN IMMEDIATE');
    db.exec(
      'CREATE TABLE IF NOT EXISTS holder (one INTEGER PRIMARY KEY CHECK (one = 1), pid INTEGER, host TEXT, since TEXT) STRICT',
    );
    db.prepare(`INSERT OR REPLACE INTO holder VALUES (1, ?, ?, datetime('now'))`).run(process.pid, hostname());
    db.exec('COMMIT');
    // Others may slip in here; then the next line is the one that fails, and they hold it.
    db.exec('BEGIN IMMEDIATE');
  } catch (thrown) {
    const holder = isBusy(thrown) ? describeHolder(db) : undefined;
    db.close();
    if (holder === undefined) throw storeFault(thrown, `taking the lock ${path}`);
    throw new WatchkeeperError('conflict', `the store is in use by ${holder}`, {
      fix: 'Stop that process first, or give this one a data folder of its own.',
      cause: thrown,
    });
  }
  return {
    release: () => {
      if (db.isOpen) db.close();
    },
  };
}

function describeHolder(db: DatabaseSync): string {
  try {
    const row = db.prepare('SELECT pid, host, since FROM holder').get();
    if (row) return `process ${integer(row, 'pid')} on ${text(row, 'host')}, since ${text(row, 'since')} UTC`;
  } catch {
    // The holder is just writing its name down; that it exists is what matters.
  }
  return 'another process';
}
