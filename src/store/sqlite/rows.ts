import type { SQLOutputValue } from 'node:sqlite';

import { WatchkeeperError } from '../../lib/errors.ts';

/** A row as node:sqlite gives it. */
export type Row = Readonly<Record<string, SQLOutputValue>>;

/** An INTEGER column. */
export function integer(row: Row, column: string): number {
  const value = row[column];
  if (typeof value !== 'number') throw unreadable(column);
  return value;
}

/** A TEXT column. */
export function text(row: Row, column: string): string {
  const value = row[column];
  if (typeof value !== 'string') throw unreadable(column);
  return value;
}

/** A BLOB column. */
export function blob(row: Row, column: string): Uint8Array {
  const value = row[column];
  if (!(value instanceof Uint8Array)) throw unreadable(column);
  return value;
}

/** What a value of the wrong shape makes of a read. */
export function unreadable(column: string): WatchkeeperError {
  return new WatchkeeperError('store-failed', `the store holds a value that cannot be read in column ${column}`, {
    fix: 'Keep the file for inspection and restore the latest backup.',
  });
}
