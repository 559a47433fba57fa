import { WatchkeeperError } from '../../lib/errors.ts';

const primaryMask = 0xff;
const busy = 5;
const corrupt = 11;
const full = 13;
const cantOpen = 14;
const notADatabase = 26;

/** SQLite's primary result code (https://www.sqlite.org/rescode.html), or `undefined` when it is not SQLite's error. */
export function sqliteCode(thrown: unknown): number | undefined {
  if (!(thrown instanceof Error) || !('errcode' in thrown) || typeof thrown.errcode !== 'number') return undefined;
  return thrown.errcode & primaryMask;
}

/** Somebody else holds the lock; nothing of ours was written. */
export function isBusy(thrown: unknown): boolean {
  return sqliteCode(thrown) === busy;
}

/** Turns what SQLite threw into one of ours, with advice for the kinds a person can do something about. */
export function storeFault(thrown: unknown, doing: string): WatchkeeperError {
  if (thrown instanceof WatchkeeperError) return thrown;
  const text = thrown instanceof Error ? thrown.message : String(thrown);
  const fix = adviceFor(sqliteCode(thrown));
  return new WatchkeeperError('store-failed', `the store failed while ${doing}: ${text}`, {
    cause: thrown,
    ...(fix === undefined ? {} : { fix }),
  });
}

function adviceFor(code: number | undefined): string | undefined {
  if (code === full) return 'Free space on the disk that holds the store, then start again.';
  if (code === cantOpen) return 'Check that the folder exists and that this user may write to it.';
  if (code === corrupt || code === notADatabase)
    return 'Keep the file for inspection, restore the latest backup, and compare it with a mirror of the ledger.';
  return undefined;
}
