import type { CloudHost, CloudHostsAnswer } from '../../../../domain/ports/cloud-hosts.ts';
import type { CloudInventoryConfig } from './config.ts';
import { isAddress, isGroup, isHostName } from './config.ts';
import type { Inventory, InventoryHost } from './hosts.ts';

/** How many problems are told one by one. */
const toldOneByOne = 10;

/** The hosts that a cloud told of, called by the name they have there, or by their id where that is no name or not theirs alone. */
export function hostsOfCloud(config: CloudInventoryConfig, { hosts, problem }: CloudHostsAnswer): Inventory {
  const named = new Map<string, number>();
  for (const { name = '' } of hosts) named.set(name, (named.get(name) ?? 0) + 1);
  const problems: string[] = [];
  const read = hosts.flatMap((host): readonly InventoryHost[] => {
    const { id, name } = host;
    const address = config.address === 'public' ? host.publicAddress : host.privateAddress;
    if (address === undefined || !isAddress(address)) {
      problems.push(`${config.source}: ${id} has no ${config.address} address`);
      return [];
    }
    const called = name !== undefined && named.get(name) === 1 && isHostName(name) ? name : id;
    return [{ name: called, address, os: host.os, groups: groupsOf(config, host), labels: labelsOf(config, host) }];
  });
  const more = problems.length - toldOneByOne;
  const told = more > 0 ? [...problems.slice(0, toldOneByOne), `${config.source}: and ${more} more`] : problems;
  return { hosts: read, problems: problem === undefined ? told : [problem, ...told] };
}

function groupsOf({ groups }: CloudInventoryConfig, { tags }: CloudHost): readonly string[] {
  const values = groups.flatMap((tag) => tags[tag] ?? []).filter(isGroup);
  return [...new Set(values)].sort();
}

function labelsOf({ labels }: CloudInventoryConfig, { id, tags, place }: CloudHost): InventoryHost['labels'] {
  const chosen = labels.flatMap((tag): readonly (readonly [string, string])[] => {
    const value = tags[tag];
    return value === undefined ? [] : [[tag.slice(0, 63), value.slice(0, 253)]];
  });
  return { ...Object.fromEntries(chosen), ...place, instance: id };
}
