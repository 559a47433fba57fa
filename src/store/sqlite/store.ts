import type { DatabaseSync } from 'node:sqlite';

import type { Space, Store, StoreBatch, Stored, StoredEntry, StoredPayload } from '../../domain/ports/store.ts';
import { WatchkeeperError } from '../../lib/errors.ts';
import { unpackFrames } from '../../lib/frames.ts';
import type { Json } from '../../lib/json.ts';
import { writeBatch } from './commit.ts';
import { isBusy, storeFault } from './faults.ts';
import type { WriterLock } from './lock.ts';
import { attempt } from './attempt.ts';
import { blob, integer, text, unreadable, type Row } from './rows.ts';
import { prepareStatements, type Statements } from './statements.ts';

interface Opened {
  readonly path: string;
  readonly version: string;
  readonly readOnly: boolean;
  readonly lock: WriterLock | undefined;
}

const refusals: ReadonlySet<string> = new Set(['conflict', 'fenced']);
// As many as SQLite itself would wait for: 4 MB of log.
const foldAtPages = 1_000;
// Above every code point, so that `prefix + this` ends the range of keys that start with the prefix.
const afterAll = '\u{10ffff}\u{10ffff}';

/** The Store port on one SQLite connection. SQLite is synchronous: a commit blocks for one sync of the disk. */
export class SqliteStore implements Store {
  readonly #db: DatabaseSync;
  readonly #run: Statements;
  readonly #opened: Opened;
  #poison: WatchkeeperError | undefined;

  constructor(db: DatabaseSync, opened: Opened) {
    this.#db = db;
    this.#opened = opened;
    this.#run = prepareStatements(db);
  }

  get(space: Space, key: string): Promise<Stored | undefined> {
    return this.#read('reading', () => {
      const row = this.#run.get.get(space, key);
      return row && toStored(row);
    });
  }

  list(
    space: Space,
    options: { readonly limit: number; readonly prefix?: string; readonly after?: string; readonly reverse?: boolean },
  ): Promise<readonly Stored[]> {
    const prefix = options.prefix ?? '';
    const { after, limit } = options;
    return this.#read('listing', () => {
      const end = prefix + afterAll;
      if (options.reverse === true) {
        const below = after !== undefined && after < end ? after : end;
        return this.#run.backward.all(space, prefix, below, limit).map(toStored);
      }
      const rows =
        after === undefined
          ? this.#run.first.all(space, prefix, end, limit)
          : this.#run.next.all(space, prefix, end, after, limit);
      return rows.map(toStored);
    });
  }

  commit(batch: StoreBatch): Promise<void> {
    return this.#write('committing', () => writeBatch(this.#run, batch));
  }

  newEpoch(): Promise<number> {
    return this.#write('taking over', () => {
      const row = this.#run.raiseEpoch.get();
      if (row === undefined) throw new WatchkeeperError('store-failed', 'the store has lost its lease row');
      return integer(row, 'epoch');
    });
  }

  epoch(): Promise<number> {
    return this.#read('reading the epoch', () => integer(this.#run.epoch.get() ?? {}, 'epoch'));
  }

  ledgerSize(): Promise<number> {
    return this.#read('reading the ledger', () => integer(this.#run.size.get() ?? {}, 'size'));
  }

  ledgerEntries(fromSeq: number, limit: number): Promise<readonly StoredEntry[]> {
    return this.#read('reading the ledger', () => {
      const end = fromSeq + limit;
      return limit <= 0 ? [] : this.#run.entries.all(fromSeq, end).flatMap((row) => entriesOf(row, fromSeq, end));
    });
  }

  ledgerTile(level: number, index: number): Promise<Uint8Array | undefined> {
    return this.#read('reading the ledger', () => {
      const row = this.#run.tile.get(level, index);
      return row && blob(row, 'data');
    });
  }

  ledgerCheckpoint(size?: number): ReturnType<Store['ledgerCheckpoint']> {
    return this.#read('reading the ledger', () => {
      const row = size === undefined ? this.#run.newest.get() : this.#run.checkpoint.get(size);
      return row && { size: integer(row, 'size'), note: text(row, 'note') };
    });
  }

  ledgerPayload(seq: number): Promise<StoredPayload | undefined> {
    return this.#read('reading the ledger', () => {
      const row = this.#run.payload.get(seq);
      return row && toPayload(row);
    });
  }

  ledgerPayloads(fromSeq: number, width: number): Promise<readonly StoredPayload[]> {
    return this.#read('reading the ledger', () => this.#run.payloads.all(fromSeq, fromSeq + width).map(toPayload));
  }

  erasePayload(seq: number): Promise<void> {
    return this.#write('erasing', () => void this.#run.erase.run(seq)).then(() =>
      // The freed pages are zeroed (secure_delete), but the write-ahead log still holds the old ones until it is emptied.
      this.#read('erasing', () => {
        try {
          this.#run.empty.get();
        } catch (thrown) {
          throw this.#poisonWith(storeFault(thrown, 'erasing'));
        }
      }),
    );
  }

  info(): Promise<{ readonly engine: string; readonly bytes: number }> {
    return this.#read('measuring', () => ({
      engine: `sqlite ${this.#opened.version}`,
      bytes: integer(this.#run.bytes.get() ?? {}, 'bytes'),
    }));
  }

  close(): Promise<void> {
    return attempt(() => {
      try {
        if (this.#db.isOpen) this.#db.close();
      } finally {
        this.#poison ??= new WatchkeeperError('store-failed', 'the store is closed');
        this.#opened.lock?.release();
      }
    });
  }

  #read<T>(doing: string, work: () => T): Promise<T> {
    return attempt(() => {
      this.#refuseWhenPoisoned();
      try {
        return work();
      } catch (thrown) {
        throw storeFault(thrown, doing);
      }
    });
  }

  #write<T>(doing: string, work: () => T): Promise<T> {
    return attempt(() => {
      this.#refuseWhenPoisoned();
      if (this.#opened.readOnly) throw new WatchkeeperError('unsupported', 'the store is open for reading only');
      this.#begin();
      try {
        const result = work();
        this.#run.commit.run();
        return result;
      } catch (thrown) {
        throw this.#giveUp(thrown, doing);
      }
    });
  }

  #begin(): void {
    try {
      this.#fold();
      this.#run.begin.run();
    } catch (thrown) {
      if (!isBusy(thrown)) throw this.#poisonWith(storeFault(thrown, 'beginning a transaction'));
      throw new WatchkeeperError('conflict', `another program is writing to ${this.#opened.path}`, {
        fix: 'Close whatever else has opened the store for writing.',
        retryable: true,
        cause: thrown,
      });
    }
  }

  // Between transactions: when it fails, no commit is in doubt, and none follows. A reader may keep it from finishing; then
  // the next one goes on.
  #fold(): void {
    const pages = integer(this.#run.log.get() ?? {}, 'log');
    if (pages >= foldAtPages) this.#run.fold.get();
  }

  // A refusal rolls back cleanly. After anything else it is unknown what reached the disk; a failed sync must not be tried
  // again, because the kernel may have dropped the dirty pages and would report success for nothing.
  #giveUp(thrown: unknown, doing: string): WatchkeeperError {
    const fault = storeFault(thrown, doing);
    if (!refusals.has(fault.code)) this.#poisonWith(fault);
    try {
      if (this.#db.isTransaction) this.#run.rollback.run();
    } catch (rollback) {
      this.#poisonWith(storeFault(rollback, 'rolling back'));
    }
    return fault;
  }

  #poisonWith(fault: WatchkeeperError): WatchkeeperError {
    this.#poison ??= fault;
    return fault;
  }

  #refuseWhenPoisoned(): void {
    if (this.#poison === undefined) return;
    throw new WatchkeeperError('store-failed', `the store can no longer be used: ${this.#poison.message}`, {
      fix: 'Stop acting, look after the cause, and start again; what was acknowledged is safe.',
      cause: this.#poison,
    });
  }
}

function toStored(row: Row): Stored {
  return { key: text(row, 'key'), value: JSON.parse(text(row, 'value')) as Json, version: integer(row, 'version') };
}

// The entries of an append that are asked for: those from `from` up to, but without, `end`.
function entriesOf(row: Row, from: number, end: number): readonly StoredEntry[] {
  const first = integer(row, 'first');
  const frames = unpackFrames(blob(row, 'entries'));
  if (frames?.length !== integer(row, 'size') - first) throw unreadable('entries');
  const found: StoredEntry[] = [];
  for (let seq = Math.max(first, from); seq < Math.min(first + frames.length, end); seq++) {
    const data = frames[seq - first];
    if (data !== undefined) found.push({ seq, data });
  }
  return found;
}

function toPayload(row: Row): StoredPayload {
  return {
    seq: integer(row, 'seq'),
    commitment: text(row, 'commitment'),
    salt: blob(row, 'salt'),
    data: blob(row, 'data'),
  };
}
