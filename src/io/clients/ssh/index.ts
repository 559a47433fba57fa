import { WatchkeeperError } from '../../../lib/errors.ts';
import { limits } from '../../../lib/limits.ts';
import type { SshClient, SshClients, SshCommand, SshOutcome, SshTarget } from '../../../domain/ports/ssh.ts';
import { nameOf } from './connect.ts';
import { createPool } from './pool.ts';
import type { PoolIo, SshPool } from './pool.ts';
import { runOn, spoken } from './run.ts';

/**
 * # Hosts over SSH
 *
 * `ssh2` speaks the protocol; here is what it leaves to its user: whose key to believe (`host-key.ts`, strictly), how
 * data becomes arguments (`quote.ts`, the one command line there is), when to try again (`pool.ts`), and what may be
 * said of a command whose end was not seen (`run.ts`).
 */
export function sshClients(io: PoolIo): SshClients {
  return { client: () => sshClient(io) };
}

function sshClient(io: PoolIo): SshClient {
  const pool = createPool(io);
  const running = new Map<string, number>();
  return {
    async run(target, command) {
      // Before anything is connected: what cannot be said needs no connection.
      spoken(command);
      const key = nameOf(target);
      const now = running.get(key) ?? 0;
      if (now >= limits.sshCommandsPerHost)
        throw new WatchkeeperError('rate-limited', `${now} commands already run on ${key}`);
      running.set(key, now + 1);
      const deadline = io.clock.deadline(command.timeoutMs, command.signal);
      try {
        return await runOnce(pool, target, command, deadline.signal, () => running.get(key) === 1);
      } finally {
        deadline.cancel();
        const left = (running.get(key) ?? 1) - 1;
        if (left > 0) running.set(key, left);
        else running.delete(key);
      }
    },
    close: () => pool.close(),
  };
}

async function runOnce(
  pool: SshPool,
  target: SshTarget,
  command: SshCommand,
  signal: AbortSignal,
  alone: () => boolean,
): Promise<SshOutcome> {
  const client = await pool.connection(target, signal);
  const outcome = await runOn(client, target, command, signal);
  // A connection that swallowed a command is not asked again, unless others run on it: then its keepalive decides.
  if (outcome.is === 'unknown' && outcome.reason === 'timeout' && alone()) pool.drop(target);
  return outcome;
}
