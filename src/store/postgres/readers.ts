import { WatchkeeperError } from '../../lib/errors.ts';
import { limits } from '../../lib/limits.ts';
import { connect, type Connection } from './connection.ts';
import { isLost, postgresFault } from './faults.ts';
import type { PostgresOptions } from './options.ts';
import { mayHeal, patience } from './retry.ts';
import type { Row } from './rows.ts';

/** A bounded number of connections that only look. One that breaks is replaced, and what it was asked is asked again. */
export interface Readers {
  /** @throws WatchkeeperError `unreachable` after `limits.storeReadMs` without an answer. */
  query(doing: string, sql: string, values?: readonly unknown[]): Promise<readonly Row[]>;
  close(): void;
}

/** Opens none before it is needed; `first` is one that is there already. */
export function createReaders(options: PostgresOptions, first: Connection): Readers {
  const idle: Connection[] = [first];
  const waiting: ((connection: Connection | undefined) => void)[] = [];
  const stop = new AbortController();
  let open = 1;

  const take = async (): Promise<Connection> => {
    for (let one = idle.pop(); one !== undefined; one = idle.pop()) {
      if (!one.lost()) return one;
      open -= 1;
    }
    if (open >= options.readConnections) {
      const given = await new Promise<Connection | undefined>((resolve) => waiting.push(resolve));
      if (given !== undefined) return given;
    } else open += 1;
    // The place is ours, whether it was free or somebody's connection broke in it.
    try {
      return await connect(options, 'read');
    } catch (thrown) {
      leave(undefined);
      throw thrown;
    }
  };
  const leave = (connection: Connection | undefined): void => {
    const usable = connection?.lost() === false && !stop.signal.aborted ? connection : undefined;
    if (usable === undefined) connection?.destroy();
    const next = waiting.shift();
    if (next !== undefined) next(usable);
    else if (usable !== undefined) idle.push(usable);
    else open -= 1;
  };
  const ask = async (sql: string, values: readonly unknown[]): Promise<readonly Row[]> => {
    const connection = await take();
    try {
      return await connection.query(sql, values);
    } finally {
      leave(connection);
    }
  };

  return {
    query: async (doing, sql, values = []) => {
      const rests = patience(options.clock, options.random, limits.storeReadMs, stop.signal);
      for (;;) {
        try {
          return await ask(sql, values);
        } catch (thrown) {
          if (!isLost(thrown) && !mayHeal(thrown)) throw postgresFault(thrown, doing);
          if (!(await rests.again())) throw unanswered(doing, thrown);
        }
      }
    },
    close: () => {
      stop.abort();
      for (const one of idle.splice(0)) one.destroy();
    },
  };
}

function unanswered(doing: string, thrown: unknown): WatchkeeperError {
  const { message, fix } = postgresFault(thrown, doing);
  return new WatchkeeperError('unreachable', message, { ...(fix === undefined ? {} : { fix }), cause: thrown });
}
