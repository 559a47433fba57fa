import type { Space, Store, StoreBatch, Stored, StoredEntry, StoredPayload } from '../../domain/ports/store.ts';
import { WatchkeeperError } from '../../lib/errors.ts';
import { unpackFrames } from '../../lib/frames.ts';
import type { Json } from '../../lib/json.ts';
import { writeBatch } from './commit.ts';
import type { Poison } from './poison.ts';
import type { Readers } from './readers.ts';
import { blob, integer, text, unreadable, type Row } from './rows.ts';
import type { Work, Writer } from './writer.ts';

/** What a store in PostgreSQL is made of. Without a writer it only looks. */
export interface PostgresParts {
  readonly version: string;
  readonly readers: Readers;
  readonly writer: Writer | undefined;
  readonly poison: Poison;
}

// Above every code point, so that `prefix + this` ends the range of keys that start with the prefix.
const afterAll = '\u{10ffff}\u{10ffff}';

const reading = 'reading the ledger';

/** The Store port over PostgreSQL: commits on one connection, reads on a few others, all of the same primary. */
export function postgresStore({ version, readers, writer, poison }: PostgresParts): Store {
  const read = (doing: string, sql: string, values: readonly unknown[] = []): Promise<readonly Row[]> =>
    refusing(poison, () => readers.query(doing, sql, values));
  const write = <T>(doing: string, work: Work<T>): Promise<T> =>
    refusing(poison, () => {
      if (writer === undefined) throw new WatchkeeperError('unsupported', 'the store is open for reading only');
      return writer.run(doing, work);
    });
  return {
    get: async (space, key) => {
      const sql = 'SELECT key, value, version FROM state WHERE space = $1 AND key = $2';
      const [row] = await read('reading', sql, [space, key]);
      return row && toStored(row);
    },
    list: async (space, options) => (await read('listing', ...listing(space, options))).map(toStored),
    commit: (batch: StoreBatch) => write('committing', (tx, token) => writeBatch(tx, batch, token)),
    newEpoch: () =>
      write('taking over', async (tx, token) => {
        const sql = 'UPDATE fence SET epoch = epoch + 1, token = $1 RETURNING epoch';
        const [row] = await tx.query(sql, [token]);
        return integer(row, 'epoch');
      }),
    epoch: async () => integer((await read('reading the epoch', 'SELECT epoch FROM fence'))[0], 'epoch'),
    ledgerSize: async () =>
      integer((await read(reading, 'SELECT coalesce(max(size), 0) AS size FROM append'))[0], 'size'),
    ledgerEntries: async (fromSeq, limit) => {
      if (limit <= 0) return [];
      const end = fromSeq + limit;
      // The appends that hold the entries from one number up to, but without, another.
      const sql = `SELECT size, first, entries FROM append WHERE size > $1
        AND size <= coalesce((SELECT min(size) FROM append WHERE size >= $2), ${Number.MAX_SAFE_INTEGER}) ORDER BY size`;
      return (await read(reading, sql, [fromSeq, end])).flatMap((row) => entriesOf(row, fromSeq, end));
    },
    ledgerTile: async (level, index) => {
      const [row] = await read(reading, 'SELECT data FROM tile WHERE level = $1 AND idx = $2', [level, index]);
      return row && blob(row, 'data');
    },
    ledgerCheckpoint: async (size) => {
      const newest = 'SELECT size, note FROM append ORDER BY size DESC LIMIT 1';
      const at = 'SELECT size, note FROM append WHERE size = $1';
      const [row] = await (size === undefined ? read(reading, newest) : read(reading, at, [size]));
      return row && { size: integer(row, 'size'), note: text(row, 'note') };
    },
    ledgerPayload: async (seq) => {
      const [row] = await read(reading, 'SELECT seq, commitment, salt, data FROM payload WHERE seq = $1', [seq]);
      return row && toPayload(row);
    },
    ledgerPayloads: async (fromSeq, width) => {
      const sql = 'SELECT seq, commitment, salt, data FROM payload WHERE seq >= $1 AND seq < $2 ORDER BY seq';
      return (await read(reading, sql, [fromSeq, fromSeq + width])).map(toPayload);
    },
    erasePayload: (seq) =>
      write('erasing', async (tx, token) => {
        await tx.query('UPDATE fence SET token = $1', [token]);
        await tx.query('DELETE FROM payload WHERE seq = $1', [seq]);
      }),
    info: async () => {
      const sql = `SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint AS bytes FROM pg_class c
        WHERE c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace`;
      return { engine: `postgresql ${version}`, bytes: integer((await read('measuring', sql))[0], 'bytes') };
    },
    close: () => {
      poison.put(new WatchkeeperError('store-failed', 'the store is closed'));
      writer?.close();
      readers.close();
      return Promise.resolve();
    },
  };
}

async function refusing<T>(poison: Poison, work: () => Promise<T>): Promise<T> {
  poison.refuse();
  return work();
}

function listing(space: Space, options: Parameters<Store['list']>[1]): readonly [string, readonly unknown[]] {
  const { prefix = '', after, reverse = false, limit } = options;
  const values: unknown[] = [space, prefix, prefix + afterAll, limit];
  if (after !== undefined) values.push(after);
  const from = after === undefined ? '' : `AND key ${reverse ? '<' : '>'} $5`;
  return [
    `SELECT key, value, version FROM state WHERE space = $1 AND key >= $2 AND key < $3 ${from}
     ORDER BY key ${reverse ? 'DESC' : 'ASC'} LIMIT $4`,
    values,
  ];
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
