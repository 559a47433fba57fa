import { WatchkeeperError } from '../../lib/errors.ts';
import { limits } from '../../lib/limits.ts';
import { connect, type Connection } from './connection.ts';
import { isLockTimeout, isLost, postgresFault } from './faults.ts';
import type { PostgresOptions } from './options.ts';
import type { Poison } from './poison.ts';
import { mayHeal, patience, type Patience } from './retry.ts';
import { text } from './rows.ts';

/** What one transaction does. It must leave the token in `fence`, and may run again when nothing of it was kept. */
export type Work<T> = (tx: Connection, token: string) => Promise<T>;

/** The one connection that commits, replaced when it breaks. */
export interface Writer {
  /**
   * Runs `work` in a transaction, one after the other. Resolves when it is durable.
   *
   * When the connection breaks before COMMIT was sent, nothing was kept, and it is done again on a new one. When it breaks
   * afterwards, the new connection locks the fence, which waits for the end of the old transaction, and looks for the
   * token: it tells whether it happened. If that cannot be found out within `limits.storeCommitMs`, the store is poisoned.
   *
   * @throws WatchkeeperError what `work` refuses with; `unreachable` when certainly nothing was kept; `store-failed`.
   */
  run<T>(doing: string, work: Work<T>): Promise<T>;
  close(): void;
}

/** Takes over a connection that was opened for writing. */
export function createWriter(options: PostgresOptions, first: Connection, poison: Poison): Writer {
  const stop = new AbortController();
  let held: Connection | undefined = first;
  let queue: Promise<unknown> = Promise.resolve();
  const connection = async (): Promise<Connection> => {
    if (held !== undefined && !held.lost()) return held;
    held = undefined;
    held = await connect(options, 'write');
    if (stop.signal.aborted) held.destroy();
    return held;
  };
  return {
    run: <T>(doing: string, work: Work<T>): Promise<T> => {
      const turn = (): Promise<T> => {
        poison.refuse();
        const { clock, random } = options;
        const rests = patience(clock, random, limits.storeCommitMs, stop.signal);
        return attempts({ doing, work, connection, rests, poison, token: random.id(clock.nowMs()) });
      };
      const mine = queue.then(turn, turn);
      queue = mine.catch(() => undefined);
      return mine;
    },
    close: () => {
      stop.abort();
      held?.destroy();
    },
  };
}

interface Task<T> {
  readonly doing: string;
  readonly work: Work<T>;
  readonly connection: () => Promise<Connection>;
  readonly rests: Patience;
  readonly poison: Poison;
  readonly token: string;
}

/** What is known after an attempt: over with a result, or broken off, perhaps with a COMMIT under way. */
type Attempt<T> =
  | { readonly is: 'done'; readonly result: T }
  | { readonly is: 'broken'; readonly thrown: unknown; readonly inDoubt?: { readonly result: T } };

async function attempts<T>(task: Task<T>): Promise<T> {
  let inDoubt: { readonly result: T } | undefined;
  for (;;) {
    let thrown: unknown;
    try {
      const tx = await task.connection();
      if (inDoubt !== undefined && (await happened(tx, task.token))) return inDoubt.result;
      // From here on it is certain that nothing of an earlier attempt was or will be kept.
      inDoubt = undefined;
      const attempt = await once(tx, task);
      if (attempt.is === 'done') return attempt.result;
      ({ thrown, inDoubt } = { inDoubt: undefined, ...attempt });
    } catch (failed) {
      thrown = failed;
      if (!isLost(failed) && !isLockTimeout(failed) && !mayHeal(failed)) {
        if (inDoubt !== undefined) throw task.poison.put(unknownOutcome(task.doing, failed));
        throw postgresFault(failed, task.doing);
      }
    }
    if (await task.rests.again()) continue;
    if (inDoubt !== undefined) throw task.poison.put(unknownOutcome(task.doing, thrown));
    throw nothingKept(task.doing, thrown);
  }
}

async function once<T>(tx: Connection, { doing, work, token }: Task<T>): Promise<Attempt<T>> {
  let result: T;
  try {
    await tx.query('BEGIN');
    result = await work(tx, token);
  } catch (thrown) {
    if (isLost(thrown)) return { is: 'broken', thrown };
    await tx.query('ROLLBACK').catch(() => tx.destroy());
    // Whoever holds the fence is about to let go of it, or is cut off by the server.
    if (isLockTimeout(thrown)) return { is: 'broken', thrown };
    throw postgresFault(thrown, doing);
  }
  try {
    await tx.query('COMMIT');
    return { is: 'done', result };
  } catch (thrown) {
    if (isLost(thrown)) return { is: 'broken', thrown, inDoubt: { result } };
    throw postgresFault(thrown, doing);
  }
}

// The lock waits for the old session: as long as that may still commit, it holds the row.
async function happened(tx: Connection, token: string): Promise<boolean> {
  await tx.query('BEGIN');
  try {
    const [row] = await tx.query('SELECT token FROM fence FOR UPDATE');
    return text(row, 'token') === token;
  } finally {
    await tx.query('ROLLBACK').catch(() => tx.destroy());
  }
}

function unknownOutcome(doing: string, cause: unknown): WatchkeeperError {
  const { message } = postgresFault(cause, doing);
  return new WatchkeeperError('store-failed', `it is not known whether the last write was kept: ${message}`, {
    fix: 'Bring the database back and start again: the next process reads what is there.',
    cause,
  });
}

function nothingKept(doing: string, cause: unknown): WatchkeeperError {
  const { message, fix } = postgresFault(cause, doing);
  return new WatchkeeperError('unreachable', `${message}; nothing was written`, {
    ...(fix === undefined ? {} : { fix }),
    cause,
  });
}
