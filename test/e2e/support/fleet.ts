import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import type { ActionContext } from '../../../src/domain/ports/action.ts';
import type { OperatorIo } from '../../../src/domain/ports/io.ts';
import type { SshPlace } from '../../../src/domain/places.ts';
import type { Service } from '../../../src/domain/service.ts';
import { inventoryConfig } from '../../../src/io/clients/ssh/inventory/config.ts';
import { noCloudHosts } from '../../support/no-aws.ts';
import { sshOperators, type SshHands } from '../../../src/io/clients/ssh/operators.ts';
import { realHands } from '../../support/host-service.ts';
import { layOpenssh, startSshd, type Sshd } from '../peers/openssh.ts';
import { handUser, laySudo } from '../peers/sudo.ts';
import { startMachine, type Machine } from '../peers/systemd.ts';

/** A machine under a real systemd with several real SSH servers, each a host of the inventory, and hands with a real sudo. */
export interface Fleet {
  readonly machine: Machine;
  readonly hosts: readonly Sshd[];
  readonly folder: string;
  /** As watchkeeper.yaml would give them. */
  readonly grants: readonly SshHands[];
  /** New hands: their own connections. Closed with the fleet. */
  hands(): OperatorIo;
  context(service: Service, stop?: AbortSignal, timeoutMs?: number): ActionContext;
  stop(): Promise<void>;
}

/** Boots one with hosts of these names, all of the group `web`. `lines` are further lines of a host's sshd_config. */
export async function startFleet(
  names: readonly string[],
  lines: Readonly<Record<string, readonly string[]>> = {},
): Promise<Fleet> {
  const folder = mkdtempSync(path.join(tmpdir(), 'wk-fleet-'));
  const machine = await startMachine();
  writeFileSync(path.join(folder, 'reader'), layOpenssh(machine, ['systemd-journal', 'adm']), { mode: 0o600 });
  const keyFile = path.join(folder, 'hand');
  writeFileSync(keyFile, laySudo(machine), { mode: 0o600 });
  const hosts: Sshd[] = [];
  for (const name of names) hosts.push(await startSshd(machine, name, lines[name]));
  writeFileSync(path.join(folder, 'known_hosts'), `${hosts.map(({ known }) => known).join('\n')}\n`);
  const inventory = inventoryConfig.parse({
    login: { user: 'watch', keyFile: path.join(folder, 'reader') },
    knownHosts: [path.join(folder, 'known_hosts')],
    hosts: Object.fromEntries(hosts.map(({ name, port }) => [name, { address: '127.0.0.1', port, groups: ['web'] }])),
  });
  if (!inventory.ok) throw new Error(JSON.stringify(inventory.issues));
  const grants = [{ source: 'fleet', login: { user: handUser, keyFile }, inventory: inventory.value }];
  const open: OperatorIo[] = [];
  const hands = (): OperatorIo => {
    const io = realHands();
    const made = { ...io, ssh: sshOperators({ ...io, cloudHosts: noCloudHosts }, grants) };
    open.push(made);
    return made;
  };
  const usual = hands();
  return {
    machine,
    hosts,
    folder,
    grants,
    hands,
    context: (service, stop, timeoutMs = 20_000) => ({
      service,
      io: usual,
      timeoutMs,
      epoch: 1,
      signal: stop ?? new AbortController().signal,
    }),
    stop: async () => {
      for (const io of open) io.ssh.close();
      await machine.stop();
      rmSync(folder, { recursive: true });
    },
  };
}

/** A service on hosts of the fleet. */
export function serviceOn(place: Omit<SshPlace, 'source'>): Service {
  return {
    name: 'shop',
    labels: { env: 'test' },
    owner: { team: 'shop', escalate: 'shop-oncall' },
    dependsOn: [],
    runsOn: [{ on: 'ssh', ssh: { source: 'fleet', ...place } }],
    telemetry: {},
    slos: [],
    origin: 'declared',
  };
}
