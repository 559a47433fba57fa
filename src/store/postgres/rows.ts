import { WatchkeeperError } from '../../lib/errors.ts';

/** A row as the driver gives it: bigint comes as text. */
export type Row = Readonly<Record<string, unknown>>;

/** An integer or bigint column. */
export function integer(row: Row | undefined, column: string): number {
  const value = row?.[column];
  const number = typeof value === 'string' ? Number(value) : value;
  if (typeof number !== 'number' || !Number.isSafeInteger(number)) throw unreadable(column);
  return number;
}

/** A text column. */
export function text(row: Row | undefined, column: string): string {
  const value = row?.[column];
  if (typeof value !== 'string') throw unreadable(column);
  return value;
}

/** A bytea column. */
export function blob(row: Row | undefined, column: string): Uint8Array {
  const value = row?.[column];
  if (!(value instanceof Uint8Array)) throw unreadable(column);
  return value;
}

/** What a value of the wrong shape makes of a read. */
export function unreadable(column: string): WatchkeeperError {
  return new WatchkeeperError('store-failed', `the store holds a value that cannot be read in column ${column}`, {
    fix: 'Keep the database for inspection and restore the latest backup.',
  });
}
