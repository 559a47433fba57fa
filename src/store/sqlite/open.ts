import { chmodSync, closeSync, existsSync, fsyncSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

import type { Store } from '../../domain/ports/store.ts';
import { WatchkeeperError } from '../../lib/errors.ts';
import { attempt } from './attempt.ts';
import { storeFault } from './faults.ts';
import { takeWriterLock, type WriterLock } from './lock.ts';
import { text } from './rows.ts';
import { prepareSchema } from './schema.ts';
import { SqliteStore } from './store.ts';

/** Which file, and how it is opened. */
export interface SqliteStoreOptions {
  /** The database file. Its folder is created with mode 0700, the file with 0600. */
  readonly path: string;
  /** Look without touching, beside a running writer: `ledger verify`. */
  readonly readOnly?: boolean;
}

// Two connections writing or checkpointing at once can corrupt a WAL database before this one
// (https://www.sqlite.org/wal.html#walresetbug).
const oldestSafe = [3, 51, 3] as const;
const busyTimeoutMs = 2_000;

/**
 * Opens the store, creating it when absent. Nothing is returned unless the engine is recent enough, this process is the
 * only writer, syncing is really on, and the file passes SQLite's own check.
 *
 * @throws WatchkeeperError `conflict` when another process writes to it, `unsupported` for an older SQLite or a newer
 * format, `not-found` when read-only and absent, `store-failed` when it cannot be opened or is damaged.
 */
export function openSqliteStore(options: SqliteStoreOptions): Promise<Store> {
  return attempt(() => open(options.path, options.readOnly ?? false));
}

function open(path: string, readOnly: boolean): Store {
  if (readOnly && !existsSync(path)) throw new WatchkeeperError('not-found', `there is no store at ${path}`);
  if (!readOnly) createPrivately(path);
  const lock = readOnly ? undefined : takeWriterLock(`${path}.lock`);
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(path, { readOnly, timeout: busyTimeoutMs, defensive: true, allowExtension: false });
    const version = checkEngine(db);
    configure(db, readOnly);
    checkIntegrity(db, path);
    prepareSchema(db, path, readOnly);
    if (!readOnly) syncFolder(dirname(path));
    return new SqliteStore(db, { path, version, readOnly, lock });
  } catch (thrown) {
    abandon(db, lock);
    throw storeFault(thrown, `opening ${path}`);
  }
}

function createPrivately(path: string): void {
  try {
    makeWithParents(dirname(path));
    // Only created here, never opened again by hand: closing a second descriptor would drop SQLite's locks.
    for (const file of [path, `${path}.lock`]) {
      if (existsSync(file)) chmodSync(file, 0o600);
      else closeSync(openSync(file, 'a', 0o600));
    }
  } catch (thrown) {
    throw new WatchkeeperError('store-failed', `cannot create the store at ${path}: ${String(thrown)}`, {
      fix: 'Check that the folder exists and that this user may write to it.',
      cause: thrown,
    });
  }
}

// Node's own recursive mkdir never returns where the system has no room for a folder in one that is there, as below /proc.
function makeWithParents(folder: string): void {
  if (existsSync(folder)) return;
  if (dirname(folder) !== folder) makeWithParents(dirname(folder));
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'EEXIST') throw thrown;
  }
}

// SQLite syncs the folder when it makes a file, but does not look whether that succeeded; a log whose name is lost is lost.
function syncFolder(folder: string): void {
  const handle = openSync(folder, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

function checkEngine(db: DatabaseSync): string {
  const row = db.prepare('SELECT sqlite_version() AS version').get();
  const version = row ? text(row, 'version') : '0';
  assertSafeEngine(version);
  return version;
}

/** @throws WatchkeeperError `unsupported` for an SQLite that can corrupt a write-ahead log. */
export function assertSafeEngine(version: string): void {
  const parts = version.split('.').map(Number);
  for (const [index, least] of oldestSafe.entries()) {
    const part = parts[index] ?? 0;
    if (part > least) return;
    if (part < least)
      throw new WatchkeeperError(
        'unsupported',
        `SQLite ${version} can corrupt a write-ahead log; ${oldestSafe.join('.')} or newer is needed`,
        { fix: 'Run on Node 24 or newer, which brings a newer SQLite along.' },
      );
  }
}

function configure(db: DatabaseSync, readOnly: boolean): void {
  db.exec('PRAGMA trusted_schema = OFF; PRAGMA recursive_triggers = ON; PRAGMA cell_size_check = ON;');
  if (readOnly) {
    db.exec('PRAGMA query_only = ON');
    return;
  }
  db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON; PRAGMA fullfsync = ON;');
  // SQLite folds the log into the database by itself, but keeps it to itself when that fails: the store does it (store.ts).
  db.exec('PRAGMA wal_autocheckpoint = 0');
  demand(db, 'journal_mode', 'wal');
  demand(db, 'synchronous', 2);
  demand(db, 'secure_delete', 1);
  demand(db, 'wal_autocheckpoint', 0);
}

// A pragma that does not take is silent, and some builds of SQLite do not sync by default: so each is read back.
function demand(db: DatabaseSync, pragma: string, wanted: string | number): void {
  const got = Object.values(db.prepare(`PRAGMA ${pragma}`).get() ?? {})[0];
  if (got !== wanted)
    throw new WatchkeeperError('store-failed', `PRAGMA ${pragma} is ${String(got)} although ${wanted} was asked for`, {
      fix: 'Put the store on a local file system that supports locking and shared memory.',
    });
}

function checkIntegrity(db: DatabaseSync, path: string): void {
  const row = db.prepare('PRAGMA quick_check(1)').get();
  const verdict = row ? text(row, 'quick_check') : 'no answer';
  if (verdict !== 'ok')
    throw new WatchkeeperError('store-failed', `${path} is damaged: ${verdict}`, {
      fix: 'Keep the file for inspection, restore the latest backup, and compare it with a mirror of the ledger.',
    });
}

function abandon(db: DatabaseSync | undefined, lock: WriterLock | undefined): void {
  try {
    if (db?.isOpen === true) db.close();
  } finally {
    lock?.release();
  }
}
