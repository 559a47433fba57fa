import type { Duplex } from 'node:stream';

import type { Client } from 'ssh2';

import { WatchkeeperError } from '../../../lib/errors.ts';
import { limits } from '../../../lib/limits.ts';
import { oneLine } from '../../../lib/text.ts';
import type { Random } from '../../../domain/ports/io.ts';
import type { SshTarget } from '../../../domain/ports/ssh.ts';
import { connectSsh, nameOf, stopped } from './connect.ts';
import type { ConnectIo, Through } from './connect.ts';
import { knownHostsReader } from './known-hosts.ts';
import { createTurns } from './turns.ts';

/** What the pool lives on. */
export interface PoolIo extends Omit<ConnectIo, 'knownHosts'> {
  readonly random: Random;
}

/** One connection a target, made when first asked for. Nothing waits for another target: each has its own state. */
export interface SshPool {
  /** The open connection, or a new one. @throws as `connectSsh`, and `unreachable` while it is too soon to try again. */
  connection(target: SshTarget, signal: AbortSignal): Promise<Client>;
  /** Gives a connection up that no longer answers. */
  drop(target: SshTarget): void;
  close(): void;
}

/** A jump host, and the connection to it. */
interface Bridge {
  readonly jump: SshTarget;
  readonly client: Client;
}

interface Slot {
  client: Client | undefined;
  connecting: Promise<Client> | undefined;
  faults: number;
  /** Monotonic: not tried again before, and why. */
  restsUntilMs: number;
  lastFault: WatchkeeperError | undefined;
}

/** Makes a pool of at most `limits.sshConnections` connections. */
export function createPool(io: PoolIo): SshPool {
  const slots = new Map<string, Slot>();
  const ending = new AbortController();
  const connectIo: ConnectIo = { ...io, knownHosts: knownHostsReader(io.files, io.clock) };
  const turns = createTurns(io.clock, limits.sshHandshakes, limits.sshHandshakeTurnMs);

  const connection: SshPool['connection'] = async (target, signal) => {
    const slot = slotOf(slots, target);
    if (slot.client !== undefined) return slot.client;
    if (slot.connecting === undefined) {
      const restsMs = slot.restsUntilMs - io.clock.monotonicMs();
      if (slot.lastFault !== undefined && restsMs > 0) throw tooSoon(target, slot.lastFault, restsMs);
      // Made under a deadline of its own: the first to ask may leave, and the others still get it.
      slot.connecting = open(target, slot).finally(() => {
        slot.connecting = undefined;
      });
      slot.connecting.catch(() => undefined);
    }
    return waited(slot.connecting, target, signal);
  };

  const open = async (target: SshTarget, slot: Slot): Promise<Client> => {
    try {
      // A jump host's own connection is shared by all that lie behind it.
      const jump = target.via.at(-1);
      const bridge = jump && {
        jump,
        client: await connection({ ...jump, via: target.via.slice(0, -1) }, ending.signal),
      };
      const client = await shakeHands(target, bridge);
      slot.faults = 0;
      slot.lastFault = undefined;
      slot.client = client;
      client.once('close', () => {
        if (slot.client === client) slot.client = undefined;
      });
      return client;
    } catch (thrown) {
      const error = WatchkeeperError.from(thrown, 'unreachable', nameOf(target));
      slot.faults++;
      slot.lastFault = error;
      slot.restsUntilMs = io.clock.monotonicMs() + rest(slot.faults, io.random.uniform());
      throw error;
    }
  };

  // Time is counted from its own beginning: a host is not slow because others went first.
  const shakeHands = async (target: SshTarget, bridge: Bridge | undefined): Promise<Client> => {
    const back = await turns.take(ending.signal);
    const deadline = io.clock.deadline(limits.sshConnectMs, ending.signal);
    try {
      const through: Through | undefined =
        bridge && ((signal) => waited(forward(bridge.client, bridge.jump, target), target, signal));
      return await connectSsh(target, connectIo, through, deadline.signal);
    } finally {
      deadline.cancel();
      back();
    }
  };

  return {
    connection,
    drop(target) {
      const slot = slots.get(keyOf(target));
      slot?.client?.destroy();
      if (slot !== undefined) slot.client = undefined;
    },
    close() {
      ending.abort(new WatchkeeperError('aborted', 'the SSH client was closed'));
      for (const slot of slots.values()) slot.client?.destroy();
      slots.clear();
    },
  };
}

/** How long a host is left alone after so many faults in a row: doubling from one second to a minute, with jitter. */
export function rest(faults: number, uniform: number): number {
  const whole = Math.min(limits.sshRestMostMs, limits.sshRestMs * 2 ** (faults - 1));
  return whole * (0.5 + uniform / 2);
}

function slotOf(slots: Map<string, Slot>, target: SshTarget): Slot {
  const key = keyOf(target);
  const known = slots.get(key);
  if (known !== undefined) return known;
  if (slots.size >= limits.sshConnections)
    throw new WatchkeeperError(
      'rate-limited',
      `${nameOf(target)} is beyond the ${limits.sshConnections} hosts that one client reaches`,
    );
  const made: Slot = { client: undefined, connecting: undefined, faults: 0, restsUntilMs: 0, lastFault: undefined };
  slots.set(key, made);
  return made;
}

// All that decides where a connection leads and as whom: two targets that differ in it never share one.
function keyOf(target: SshTarget): string {
  return JSON.stringify(target);
}

function forward(client: Client, jump: SshTarget, target: SshTarget): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    client.forwardOut('127.0.0.1', 0, target.host, target.port, (thrown, stream) => {
      if (thrown === undefined) {
        resolve(stream);
        return;
      }
      const message = `${nameOf(jump)} does not reach ${nameOf(target)}: ${oneLine(thrown.message, 200)}`;
      reject(
        new WatchkeeperError('unreachable', message, {
          fix: `Check that sshd on ${jump.host} has AllowTcpForwarding yes, and that it can reach the host.`,
          cause: thrown,
        }),
      );
    });
  });
}

/** Waits for what others may wait for too, for as long as the signal allows. */
function waited<T>(pending: Promise<T>, target: SshTarget, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(stopped(target, signal));
    if (signal.aborted) {
      stop();
      return;
    }
    signal.addEventListener('abort', stop, { once: true });
    pending.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}

function tooSoon(target: SshTarget, fault: WatchkeeperError, restsMs: number): WatchkeeperError {
  const message = `${nameOf(target)} is tried again in ${Math.ceil(restsMs / 1_000)} s; last time: ${fault.message}`;
  return new WatchkeeperError(fault.code, message, {
    cause: fault,
    retryable: true,
    ...(fault.fix === undefined ? {} : { fix: fault.fix }),
  });
}
