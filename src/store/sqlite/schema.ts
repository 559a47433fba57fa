import type { DatabaseSync } from 'node:sqlite';

import { WatchkeeperError } from '../../lib/errors.ts';
import { text } from './rows.ts';

/** Version of the tables below. A store written by a newer one is refused, never guessed at. */
export const storeFormat = 1;

// Entries are numbered without holes and tables of the log only grow. The insert triggers also stop INSERT OR REPLACE,
// which would otherwise slip past the delete triggers of a connection that has recursive triggers off.
const tables = `
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE lease (one INTEGER PRIMARY KEY CHECK (one = 1), epoch INTEGER NOT NULL) STRICT;
CREATE TABLE state (
  space TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, version INTEGER NOT NULL, UNIQUE (space, key)
) STRICT;
CREATE TABLE entry (seq INTEGER PRIMARY KEY, leaf BLOB NOT NULL CHECK (length(leaf) = 32), data BLOB NOT NULL) STRICT;
CREATE TABLE tile (
  level INTEGER NOT NULL, idx INTEGER NOT NULL, data BLOB NOT NULL CHECK (length(data) = 8192), UNIQUE (level, idx)
) STRICT;
CREATE TABLE checkpoint (size INTEGER PRIMARY KEY, note TEXT NOT NULL) STRICT;
CREATE TABLE payload (
  seq INTEGER PRIMARY KEY, commitment TEXT NOT NULL, salt BLOB NOT NULL, data BLOB NOT NULL
) STRICT;

CREATE TRIGGER entry_in_order BEFORE INSERT ON entry
  WHEN NEW.seq <> (SELECT coalesce(max(seq) + 1, 0) FROM entry)
  BEGIN SELECT raise(ABORT, 'the ledger only grows, one entry after the other'); END;
CREATE TRIGGER tile_in_order BEFORE INSERT ON tile
  WHEN NEW.idx <> (SELECT coalesce(max(idx) + 1, 0) FROM tile WHERE level = NEW.level)
  BEGIN SELECT raise(ABORT, 'the ledger only grows, one tile after the other'); END;
CREATE TRIGGER checkpoint_in_order BEFORE INSERT ON checkpoint
  WHEN NEW.size <= (SELECT coalesce(max(size), -1) FROM checkpoint)
  BEGIN SELECT raise(ABORT, 'the ledger only grows, one checkpoint after the other'); END;
CREATE TRIGGER entry_no_update BEFORE UPDATE ON entry BEGIN SELECT raise(ABORT, 'ledger entries are never changed'); END;
CREATE TRIGGER entry_no_delete BEFORE DELETE ON entry BEGIN SELECT raise(ABORT, 'ledger entries are never removed'); END;
CREATE TRIGGER tile_no_update BEFORE UPDATE ON tile BEGIN SELECT raise(ABORT, 'ledger tiles are never changed'); END;
CREATE TRIGGER tile_no_delete BEFORE DELETE ON tile BEGIN SELECT raise(ABORT, 'ledger tiles are never removed'); END;
CREATE TRIGGER checkpoint_no_update BEFORE UPDATE ON checkpoint
  BEGIN SELECT raise(ABORT, 'ledger checkpoints are never changed'); END;
CREATE TRIGGER checkpoint_no_delete BEFORE DELETE ON checkpoint
  BEGIN SELECT raise(ABORT, 'ledger checkpoints are never removed'); END;
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
    fix: 'Start the version that wrote it, or a newer one.',
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
