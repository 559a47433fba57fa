import { WatchkeeperError } from '../../lib/errors.ts';
import type { Connection } from './connection.ts';
import { text } from './rows.ts';
import { quoted } from './session.ts';

/** Version of the tables below. A schema in any other format is refused, never guessed at. */
export const postgresFormat = 1;

// The tables of the SQLite store, in PostgreSQL's words. `fence` is the row that every commit writes under the lock it
// takes by that: the epoch that may write, and the token of the last commit, by which a commit whose answer was lost is
// found again. Keys sort by their bytes, as they do in SQLite.
const tables = (schema: string): string => `
CREATE TABLE meta (key text PRIMARY KEY, value text NOT NULL);
CREATE TABLE fence (
  one boolean PRIMARY KEY CHECK (one), epoch bigint NOT NULL, token text NOT NULL
) WITH (fillfactor = 10);
CREATE TABLE leader (
  one boolean PRIMARY KEY CHECK (one), revision bigint NOT NULL, holder text NOT NULL, lease_ms bigint NOT NULL,
  acquired_ms bigint NOT NULL, renewed_ms bigint NOT NULL, transitions bigint NOT NULL
) WITH (fillfactor = 10);
CREATE TABLE state (
  space text COLLATE "C" NOT NULL, key text COLLATE "C" NOT NULL, value text NOT NULL, version bigint NOT NULL,
  PRIMARY KEY (space, key)
);
CREATE TABLE append (
  size bigint PRIMARY KEY, first bigint NOT NULL, note text NOT NULL, entries bytea NOT NULL
);
CREATE TABLE tile (
  level integer NOT NULL, idx bigint NOT NULL, data bytea NOT NULL CHECK (length(data) = 8192), PRIMARY KEY (level, idx)
);
CREATE TABLE payload (
  seq bigint PRIMARY KEY, commitment text NOT NULL, salt bytea NOT NULL, data bytea NOT NULL
);

CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION '%', TG_ARGV[0]; END $$;
CREATE FUNCTION append_in_order() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF NEW.first <> (SELECT coalesce(max(size), 0) FROM ${schema}.append)
    OR NEW.size <= (SELECT coalesce(max(size), -1) FROM ${schema}.append)
  THEN RAISE EXCEPTION 'the ledger only grows, one append after the other'; END IF;
  RETURN NEW;
END $$;
CREATE FUNCTION tile_in_order() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF NEW.idx <> (SELECT coalesce(max(idx) + 1, 0) FROM ${schema}.tile WHERE level = NEW.level)
  THEN RAISE EXCEPTION 'the ledger only grows, one tile after the other'; END IF;
  RETURN NEW;
END $$;

CREATE TRIGGER append_in_order BEFORE INSERT ON append FOR EACH ROW EXECUTE FUNCTION append_in_order();
CREATE TRIGGER tile_in_order BEFORE INSERT ON tile FOR EACH ROW EXECUTE FUNCTION tile_in_order();
${refusal('append', 'UPDATE OR DELETE', 'ROW', 'ledger entries are never changed or removed')}
${refusal('append', 'TRUNCATE', 'STATEMENT', 'ledger entries are never changed or removed')}
${refusal('tile', 'UPDATE OR DELETE', 'ROW', 'ledger tiles are never changed or removed')}
${refusal('tile', 'TRUNCATE', 'STATEMENT', 'ledger tiles are never changed or removed')}
${refusal('payload', 'UPDATE', 'ROW', 'payloads are erased, never changed')}
${refusal('payload', 'TRUNCATE', 'STATEMENT', 'payloads are erased one by one')}

INSERT INTO fence VALUES (true, 0, '');
INSERT INTO leader VALUES (true, 0, '', 0, 0, 0, 0);
INSERT INTO meta VALUES ('format', '${postgresFormat}');
`;

function refusal(table: string, when: string, each: 'ROW' | 'STATEMENT', because: string): string {
  const name = `${table}_no_${when.toLowerCase().replaceAll(' ', '_')}`;
  return `CREATE TRIGGER ${name} BEFORE ${when} ON ${table} FOR EACH ${each} EXECUTE FUNCTION refuse('${because}');`;
}

/**
 * Makes the schema and its tables where there are none, and checks the format of any other. Two that start together make
 * it once.
 *
 * @throws WatchkeeperError `config-invalid` for a schema of something else, `unsupported` for another format.
 */
export async function prepareSchema(connection: Connection, schema: string): Promise<void> {
  if (await made(connection, schema)) return checkFormat(connection, schema);
  await connection.query('BEGIN');
  try {
    await connection.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [`watchkeeper ${schema}`]);
    if (!(await made(connection, schema))) await create(connection, schema);
    await connection.query('COMMIT');
  } catch (thrown) {
    await connection.query('ROLLBACK').catch(() => undefined);
    throw thrown;
  }
  return checkFormat(connection, schema);
}

/** Checks that there is a store to read. @throws WatchkeeperError `not-found`, `unsupported`. */
export async function demandSchema(connection: Connection, schema: string): Promise<void> {
  if (!(await made(connection, schema)))
    throw new WatchkeeperError('not-found', `there is no store in the schema ${schema} of this database`, {
      fix: 'Start the daemon once: it makes the tables.',
    });
  await checkFormat(connection, schema);
}

async function create(connection: Connection, schema: string): Promise<void> {
  const [there] = await connection.query('SELECT oid::text FROM pg_namespace WHERE nspname = $1', [schema]);
  // Not IF NOT EXISTS: that asks for the right to create schemas even when there is nothing to create.
  if (there === undefined) await connection.query(`CREATE SCHEMA ${quoted(schema)}`);
  const [other] = await connection.query(
    'SELECT relname FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = $1 LIMIT 1',
    [schema],
  );
  if (other !== undefined)
    throw new WatchkeeperError(
      'config-invalid',
      `the schema ${schema} is something else’s: it has ${text(other, 'relname')}`,
      {
        fix: 'Name a schema of its own in store.schema.',
      },
    );
  await connection.query(tables(quoted(schema)));
}

async function made(connection: Connection, schema: string): Promise<boolean> {
  // Not to_regclass: it may remember from before the lock that there was nothing.
  const [row] = await connection.query(
    `SELECT relname FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = $1 AND relname = 'fence'`,
    [schema],
  );
  return row !== undefined;
}

async function checkFormat(connection: Connection, schema: string): Promise<void> {
  const [row] = await connection.query(`SELECT value FROM meta WHERE key = 'format'`);
  const found = row === undefined ? 'none' : text(row, 'value');
  if (found === String(postgresFormat)) return;
  throw new WatchkeeperError(
    'unsupported',
    `the schema ${schema} has store format ${found}; this version reads ${postgresFormat}`,
    {
      fix: 'Start the version that wrote it, or name another schema.',
    },
  );
}
