import type { CloudHosts } from '../../../../domain/ports/cloud-hosts.ts';
import type { ReadFiles } from '../../../../domain/ports/io.ts';
import type { SshLogin, SshTarget } from '../../../../domain/ports/ssh.ts';
import { WatchkeeperError } from '../../../../lib/errors.ts';
import { parseAnsible } from './ansible.ts';
import { hostsOfCloud } from './cloud.ts';
import { maxHosts } from './hosts.ts';
import type { InventoryHost } from './hosts.ts';
import type { HostConfig, InventoryConfig, LoginConfig } from './config.ts';

/** The hosts of an inventory as they are now, and what of the inventory could not be read. */
export interface Fleet {
  readonly hosts: readonly InventoryHost[];
  readonly problems: readonly string[];
}

const maxInventoryBytes = 4 * 1024 * 1024;

/** What an inventory is read through. */
export interface FleetIo {
  readonly files: ReadFiles;
  readonly cloudHosts: CloudHosts;
}

/**
 * Reads the inventory: what watchkeeper.yaml says of a host goes before what Ansible's files say of it, and that before what
 * clouds say.
 */
export async function readFleet(config: InventoryConfig, io: FleetIo, signal: AbortSignal): Promise<Fleet> {
  const hosts = new Map<string, InventoryHost>();
  const problems: string[] = [];
  for (const path of config.ansible) {
    try {
      const text = new TextDecoder().decode(await io.files.read(path, maxInventoryBytes, signal));
      const read = parseAnsible(path, text);
      for (const host of read.hosts) hosts.set(host.name, hosts.get(host.name) ?? host);
      problems.push(...read.problems.slice(0, 20).map((problem) => `${path}: ${problem}`));
    } catch (thrown) {
      problems.push(`${path}: ${WatchkeeperError.from(thrown).message}`);
    }
  }
  for (const cloud of config.cloud) {
    const read = hostsOfCloud(cloud, await io.cloudHosts.list(cloud, signal));
    for (const host of read.hosts) hosts.set(host.name, hosts.get(host.name) ?? host);
    problems.push(...read.problems);
  }
  for (const [name, host] of Object.entries(config.hosts)) hosts.set(name, written(name, host, hosts.get(name)));
  if (hosts.size > maxHosts) problems.push(`only the first ${maxHosts} of ${hosts.size} hosts are read`);
  return { hosts: distinct([...hosts.values()].slice(0, maxHosts), problems), problems };
}

// Two hosts that would be one service (`web_1` and `web-1`) would write one series: the first of them is read.
function distinct(hosts: readonly InventoryHost[], problems: string[]): readonly InventoryHost[] {
  const named = new Map<string, InventoryHost>();
  for (const host of hosts) {
    const other = named.get(serviceOf(host.name));
    if (other === undefined) named.set(serviceOf(host.name), host);
    else problems.push(`${host.name} is not read: as a service it would be called as ${other.name} is`);
  }
  return [...named.values()];
}

function written(name: string, host: HostConfig, other: InventoryHost | undefined): InventoryHost {
  const groups = [...new Set([...host.groups, ...(other?.groups ?? [])])].sort();
  return { ...other, ...host, name, groups };
}

/**
 * How a host is reached. A reader's login is the source's, or what the host says of its own. A hand has one of its own,
 * which no host changes; a jump host is only gone through, so what the inventory says of it holds for both.
 */
export function targetOf(config: InventoryConfig, host: InventoryHost, hand?: LoginConfig): SshTarget {
  const login = (one: { readonly user?: string; readonly keyFile?: string }): SshLogin => ({
    ...(hand ?? config.login),
    ...(one.user === undefined ? {} : { user: one.user }),
    ...(one.keyFile === undefined ? {} : { keyFile: one.keyFile }),
  });
  const trust = (prints: readonly string[] | undefined): SshTarget['trust'] => ({
    knownHosts: config.knownHosts,
    ...(prints === undefined ? {} : { fingerprints: prints }),
    ...(config.authorities === undefined ? {} : { authorities: config.authorities }),
  });
  return {
    host: host.address ?? host.name,
    port: host.port ?? 22,
    login: hand ?? login(host),
    trust: trust(host.fingerprints),
    via: config.jump.map((jump) => ({
      host: jump.address,
      port: jump.port,
      login: login(jump),
      trust: trust(jump.fingerprints),
      via: [],
    })),
  };
}

/** Whether a host is one that a place names: by its own name, by a group it is in, or by `all`. */
export function isIn(
  host: Pick<InventoryHost, 'name' | 'groups'>,
  place: { readonly host?: string; readonly group?: string },
): boolean {
  const { group } = place;
  return place.host === host.name || (group !== undefined && (group === 'all' || host.groups.includes(group)));
}

/** What a host is called as a service: `host-` and its name, in the letters a service's name may have. */
export function serviceOf(name: string): string {
  const plain = name
    .toLowerCase()
    .replace(/[^a-z0-9-]+/g, '-')
    .slice(0, 48)
    .replace(/^-+|-+$/g, '');
  return `host-${plain === '' ? 'unnamed' : plain}`;
}
