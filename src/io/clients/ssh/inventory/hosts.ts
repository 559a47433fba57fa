import type { Labels } from '../../../../domain/telemetry.ts';

/** One host of the inventory, wherever it was written down. What is absent is the source's default. */
export interface InventoryHost {
  readonly name: string;
  /** What to connect to; the name when absent. */
  readonly address?: string;
  readonly port?: number;
  readonly user?: string;
  readonly keyFile?: string;
  readonly fingerprints?: readonly string[];
  /** What runs there; Linux when absent. */
  readonly os?: 'linux' | 'windows';
  readonly groups: readonly string[];
  readonly labels: Labels;
}

/** What an inventory file said, and what of it was not understood. */
export interface Inventory {
  readonly hosts: readonly InventoryHost[];
  readonly problems: readonly string[];
}

/** At most this many hosts of one source. */
export const maxHosts = 2_000;

/** A host of an Ansible inventory with the variables that were set for it, the nearest last. */
export interface RawHost {
  readonly groups: Set<string>;
  readonly vars: Map<string, string>;
}

/** An Ansible inventory as its two formats have it in common. */
export interface RawInventory {
  readonly hosts: Map<string, RawHost>;
  readonly children: Map<string, Set<string>>;
  readonly groupVars: Map<string, Map<string, string>>;
  readonly problems: string[];
}

/** An empty one. */
export function rawInventory(): RawInventory {
  return { hosts: new Map(), children: new Map(), groupVars: new Map(), problems: [] };
}

/** The host of that name in a group, made when it is new. */
export function hostIn(raw: RawInventory, name: string, group: string): RawHost | undefined {
  if (!/^[A-Za-z0-9][A-Za-z0-9_.:-]{0,252}$/.test(name)) {
    raw.problems.push(`${JSON.stringify(name.slice(0, 60))} is not a host name`);
    return undefined;
  }
  const known = raw.hosts.get(name);
  if (known === undefined && raw.hosts.size >= maxHosts) {
    if (!raw.problems.includes(tooMany)) raw.problems.push(tooMany);
    return undefined;
  }
  const host = known ?? { groups: new Set(), vars: new Map() };
  raw.hosts.set(name, host);
  host.groups.add(group);
  return host;
}

const tooMany = `only the first ${maxHosts} hosts are read`;

/**
 * Resolves groups of groups and variables: a host's own win over those of its groups, a child's over its parents'. Only
 * what says how to reach a host is taken (`ansible_host`, `_port`, `_user`, `_ssh_private_key_file`); never a password.
 */
export function resolve(raw: RawInventory): Inventory {
  const parents = new Map<string, string[]>();
  for (const [parent, children] of raw.children)
    for (const child of children) parents.set(child, [...(parents.get(child) ?? []), parent]);
  const hosts = [...raw.hosts].map(([name, host]): InventoryHost => {
    // Groups that contain each other in a circle are each taken once. A set is walked through what is added meanwhile.
    const groups = new Set(host.groups);
    for (const group of groups) for (const parent of parents.get(group) ?? []) groups.add(parent);
    const variable = (key: string): string | undefined =>
      host.vars.get(key) ??
      [...groups, 'all'].map((group) => raw.groupVars.get(group)?.get(key)).find((value) => value !== undefined);
    return reached(name, [...groups], variable, raw.problems);
  });
  return { hosts, problems: raw.problems };
}

function reached(
  name: string,
  groups: readonly string[],
  variable: (key: string) => string | undefined,
  problems: string[],
): InventoryHost {
  const address = variable('ansible_host') ?? variable('ansible_ssh_host');
  const port = variable('ansible_port') ?? variable('ansible_ssh_port');
  const user = variable('ansible_user') ?? variable('ansible_ssh_user');
  const keyFile = variable('ansible_ssh_private_key_file');
  // As Ansible's own documentation tells Windows hosts over SSH from others.
  const windows = /^(powershell|cmd)$/.test(variable('ansible_shell_type') ?? '');
  const template = [address, port, user, keyFile].find((value) => value?.includes('{{'));
  if (template !== undefined) problems.push(`${name}: ${template.slice(0, 80)} is a template, which is not evaluated`);
  const plain = (value: string | undefined): value is string => value !== undefined && !value.includes('{{');
  return {
    name,
    ...(plain(address) ? { address } : {}),
    ...(plain(port) && /^\d{1,5}$/.test(port) ? { port: Number(port) } : {}),
    ...(plain(user) ? { user } : {}),
    ...(plain(keyFile) ? { keyFile } : {}),
    ...(windows ? { os: 'windows' as const } : {}),
    groups: groups.filter((group) => group !== 'all' && group !== 'ungrouped').sort(),
    labels: {},
  };
}
