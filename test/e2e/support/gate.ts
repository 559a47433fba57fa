import { until } from '../peers/peers.ts';
import { postgresDatabase, type Postgres } from '../peers/postgres.ts';

/** Where in its transaction a writer is held: with COMMIT not sent yet, or with COMMIT sent and not yet answered. */
export type Where = 'before COMMIT' | 'in COMMIT';

/** Somebody who is kept waiting, or will be. */
export interface Held {
  /** Resolves when they have come. */
  readonly come: Promise<unknown>;
  readonly letGo: () => unknown;
}

/** Holds a daemon, at the server, in the very transaction in which it writes a ledger entry. */
export interface Gate {
  /** From when this resolves on, whoever writes an entry of that type is held until they are let go. */
  hold(entry: string, where: Where): Promise<Held>;
}

/** A gate in front of the store in a schema, whose tables are there already. What it needs lies in a schema of its own. */
export async function gateOf(server: Postgres, schema: string): Promise<Gate> {
  const mine = `${schema}_gate`;
  const sql = (text: string): ReturnType<Postgres['sql']> => server.sql(text, postgresDatabase);
  // A sequence is seen from outside at once; nothing else that a held transaction writes is.
  await sql(
    `CREATE SCHEMA ${mine};
     CREATE TABLE ${mine}.closed (entry text NOT NULL, place text NOT NULL);
     CREATE SEQUENCE ${mine}.held;
     CREATE FUNCTION ${mine}.hold() RETURNS trigger LANGUAGE plpgsql AS $$
     DECLARE come boolean := false;
     BEGIN
       WHILE EXISTS (SELECT FROM ${mine}.closed
                     WHERE place = TG_ARGV[0] AND position(convert_to(entry, 'UTF8') IN NEW.entries) > 0) LOOP
         IF NOT come THEN PERFORM nextval('${mine}.held'); END IF;
         come := true;
         PERFORM pg_sleep(0.02);
       END LOOP;
       RETURN NULL;
     END $$;
     CREATE TRIGGER held_before_commit AFTER INSERT ON ${schema}.append
       FOR EACH ROW EXECUTE FUNCTION ${mine}.hold('before COMMIT');
     CREATE CONSTRAINT TRIGGER held_in_commit AFTER INSERT ON ${schema}.append DEFERRABLE INITIALLY DEFERRED
       FOR EACH ROW EXECUTE FUNCTION ${mine}.hold('in COMMIT')`,
  );
  const times = async (): Promise<number> => {
    const [row] = await sql(`SELECT CASE WHEN is_called THEN last_value ELSE 0 END AS times FROM ${mine}.held`);
    return Number(row?.['times']);
  };
  return {
    hold: async (entry, where) => {
      const before = await times();
      await sql(`INSERT INTO ${mine}.closed VALUES ('${entry}', '${where}')`);
      return {
        come: until(`the writer of ${entry} is held ${where}`, async () => (await times()) > before, 90_000),
        letGo: () => sql(`DELETE FROM ${mine}.closed`),
      };
    },
  };
}
