import type { DatabaseSync } from 'node:sqlite';

import { WatchkeeperError } from '../../lib/errors.ts';
import { text } from './rows.ts';

/** Version of the tables below. A store in any other format is refused, never guessed at. */
export const storeFormat = 2;

// One row an append: the entries of a commit behind one another, with the checkpoint of the tree they lead to. A row an entry
// costs three times as much to write. Hashes of leaves are not kept beside them: full tiles hold them already.
//
// Entries are numbered without holes and tables of the log only grow. The insert triggers also stop INSERT OR REPLACE,
// which would otherwise slip past the delete triggers of a connection that has recursive triggers off.
const tables = `
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE lease (one INTEGER PRIMARY KEY CHECK (one = 1), epoch INTEGER NOT NULL) STRICT;
CREATE TABLE state (
  space TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, version INTEGER NOT NULL, UNIQUE (space, key)
) STRICT;
CREATE TABLE append (
  size INTEGER PRIMARY KEY, first INTEGER NOT NULL, note TEXT NOT NULL, entries BLOB NOT NULL
) STRICT;
CREATE TABLE tile (
  level INTEGER NOT NULL, idx INTEGER NOT NULL, data BLOB NOT NULL CHECK (length(data) = 8192), UNIQUE (level, idx)
) STRICT;
CREATE TABLE payload (
  seq INTEGER PRIMARY KEY, commitment TEXT NOT NULL, salt BLOB NOT NULL, data BLOB NOT NULL
) STRICT;

CREATE TRIGGER append_in_order BEFORE INSERT ON append
  WHEN NEW.first <> (SELECT coalesce(max(size), 0) FROM append) OR NEW.size <= (SELECT coalesce(max(size), -1) FROM append)
  BEGIN SELECT raise(ABORT, 'the ledger only grows, one append after the other'); END;
CREATE TRIGGER tile_in_order BEFORE INSERT ON tile
  WHEN NEW.idx <> (SELECT coalesce(max(idx) + 1, 0) FROM tile WHERE level = NEW.level)
  BEGIN SELECT raise(ABORT, 'the ledger only grows, one tile after the other'); END;
CREATE TRIGGER append_no_update BEFORE UPDATE ON append BEGIN SELECT raise(ABORT, 'ledger entries are never changed'); END;
CREATE TRIGGER append_no_delete BEFORE DELETE ON append BEGIN SELECT raise(ABORT, 'ledger entries are never removed'); END;
CREATE TRIGGER tile_no_update BEFORE UPDATE ON tile BEGIN SELECT raise(ABORT, 'ledger tiles are never changed'); END;
CREATE TRIGGER tile_no_delete BEFORE DELETE ON tile BEGIN SELECT raise(ABORT, 'ledger tiles are never removed'); END;
CREATE TRIGGER payload_no_update BEFORE UPDATE ON payload
  BEGIN SELECT raise(ABORT, 'payloads are erased, never changed'); END;

INSERT INTO lease VALUES (1, 0);
INSERT INTO meta VALUES ('format', '${storeFormat}');
`;

/** Creates the tables in an empty file; checks the format of any other. */
export function prepareSchema(db: DatabaseSync, path: string, readOnly: boolean): void {
  if (db.prepare(`SELECT name FROM sqlite_schema LIMIT 1`).get() === undefined) {
    if (readOnly) throw new WatchkeeperError('not-found', `${path} is empty: there is no ledger in it yet`);
    db.exec(`BEGIN IMMEDIATE;${tables}COMMIT;`);
    return;
  }
  const found = Number(readFormat(db, path));
  if (found === storeFormat) return;
  throw new WatchkeeperError('unsupported', `${path} has store format ${found}; this version reads ${storeFormat}`, {
    fix:
      found < storeFormat
        ? 'Start the version that wrote it and export its ledger, or begin anew in an empty data folder.'
        : 'Start the version that wrote it, or a newer one.',
  });
}

function readFormat(db: DatabaseSync, path: string): string {
  const known = db.prepare(`SELECT name FROM sqlite_schema WHERE type = 'table' AND name = 'meta'`).get();
  const row = known && db.prepare(`SELECT value FROM meta WHERE key = 'format'`).get();
  if (row) return text(row, 'value');
  throw new WatchkeeperError('config-invalid', `${path} is a database of something else`, {
    fix: 'Point the store at a file of its own.',
  });
}
