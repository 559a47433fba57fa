import { chmodSync, readFileSync } from 'node:fs';

import { layOpenssh, sshUser, startSshd, type Sshd } from '../peers/openssh.ts';
import { handUser, laySudo } from '../peers/sudo.ts';
import { startMachine, type Machine } from '../peers/systemd.ts';
import { layWires, type Wires } from '../peers/wire.ts';
import type { Home } from './daemon.ts';

/** One machine: a systemd of its own, a file system of its own, a network of its own, and a real sshd. */
export interface Host {
  readonly name: string;
  readonly machine: Machine;
  /** Addresses on the wire that reaches here, and on the one that only hosts are on. */
  readonly outer: string;
  readonly inner: string;
  readonly sshd: Sshd;
}

/** Machines of one test, with the keys to log in to them in the test's folder. */
export interface Hosts {
  readonly wires: Wires;
  readonly all: readonly Host[];
  at(name: string): Host;
  /** `known_hosts` as it is true now, but for the hosts that are named: of those it keeps what it had. */
  writeKnown(except?: readonly string[]): void;
  stop(): Promise<void>;
}

const atOnce = 4;

/** Boots them. All of one test log in with the same two keys: one to read, one to act. */
export async function startHosts(home: Home, names: readonly string[]): Promise<Hosts> {
  const wires = layWires();
  const all: Host[] = [];
  const machines: Machine[] = [];
  const keys = new Map<string, string>();
  const boot = async (name: string): Promise<void> => {
    const { net, outer, inner } = wires.plug(name);
    const machine = await startMachine(net);
    machines.push(machine);
    keep(machine, keys, { watch: layOpenssh(machine, ['systemd-journal', 'adm']), hand: laySudo(machine) });
    const sshd = await startSshd(machine, name, [], { addresses: [outer, inner], port: 22 });
    all.push({ name, machine, outer, inner, sshd });
  };
  const stop = async (): Promise<void> => {
    await Promise.all(machines.map((machine) => machine.stop()));
    wires.remove();
  };
  try {
    for (let from = 0; from < names.length; from += atOnce)
      await Promise.all(names.slice(from, from + atOnce).map((name) => boot(name)));
  } catch (thrown) {
    await stop();
    throw thrown;
  }
  for (const [file, key] of keys) chmodSync(home.write(file, key), 0o600);
  const known = new Map(all.map(({ name, sshd }) => [name, sshd.known]));
  const writeKnown: Hosts['writeKnown'] = (except = []) => {
    for (const { name, sshd } of all) if (!except.includes(name)) known.set(name, sshd.known);
    home.write('known_hosts', `${[...known.values()].join('\n')}\n`);
  };
  writeKnown();
  return {
    wires,
    all,
    at: (name) => {
      const found = all.find((one) => one.name === name);
      if (found === undefined) throw new Error(`there is no ${name}`);
      return found;
    },
    writeKnown,
    stop,
  };
}

// The first machine's keys are everybody's: each machine has its public halves.
function keep(machine: Machine, keys: Map<string, string>, made: Readonly<Record<'watch' | 'hand', string>>): void {
  for (const who of ['watch', 'hand'] as const) {
    const authorized = `/etc/ssh-test/authorized-${who === 'watch' ? sshUser : handUser}`;
    if (!keys.has(who)) {
      keys.set(who, made[who]);
      keys.set(`${who}.pub`, readFileSync(machine.root + authorized, 'utf8'));
    }
    machine.write(authorized, keys.get(`${who}.pub`) ?? '');
  }
}
