import { inventoryConfig, type InventoryConfig } from '../io/clients/ssh/inventory/config.ts';
import type { SshPlace } from '../domain/places.ts';
import type { Service } from '../domain/service.ts';
import type { JsonObject } from '../lib/json.ts';

/** The inventories of watchkeeper.yaml, by the id of their source. */
export type Inventories = ReadonlyMap<string, InventoryConfig>;

interface Block {
  readonly id: string;
  readonly kind: string;
  readonly config: JsonObject;
}

/** The inventory of each `ssh` source, as far as it is written down in watchkeeper.yaml itself. */
export function inventoriesOf({ sources }: { readonly sources: readonly Block[] }): Inventories {
  return new Map(
    sources
      .filter(({ kind }) => kind === 'ssh')
      .flatMap(({ id, config }) => {
        const parsed = inventoryConfig.parse(config);
        return parsed.ok ? [[id, parsed.value] as const] : [];
      }),
  );
}

/** What the hosts of an inventory may run. Of those that Ansible's files list nothing is known before they are read. */
export function systemsIn({ hosts, ansible }: InventoryConfig): readonly ('linux' | 'windows')[] {
  if (ansible.length > 0) return ['linux', 'windows'];
  return [...new Set(Object.values(hosts).map(({ os }) => os ?? 'linux'))].sort();
}

/** Whether there may be Windows hosts in one of them. */
export function mayHaveWindows(inventories: Inventories): boolean {
  return [...inventories.values()].some((inventory) => systemsIn(inventory).includes('windows'));
}

/** What the hosts of a place run, where that can be told: as the place says, or by the hosts that watchkeeper.yaml lists. */
export function systemOf(place: SshPlace, inventories: Inventories): 'linux' | 'windows' | undefined {
  if (place.os !== undefined) return place.os;
  if (place.iis !== undefined) return 'windows';
  const listed = Object.entries(inventories.get(place.source)?.hosts ?? {})
    .filter(([name, { groups }]) =>
      place.host === undefined ? place.group === 'all' || groups.includes(place.group ?? '') : name === place.host,
    )
    .map(([, { os }]) => os ?? 'linux');
  const [first] = listed;
  return listed.every((os) => os === first) ? first : undefined;
}

/** A service whose places on Windows hosts say so, for what is chosen by it. */
export function withSystem(service: Service, inventories: Inventories): Service {
  const isOnWindows = service.runsOn.some(
    (place) => place.on === 'ssh' && place.ssh.os === undefined && systemOf(place.ssh, inventories) === 'windows',
  );
  if (!isOnWindows) return service;
  return {
    ...service,
    runsOn: service.runsOn.map((place) =>
      place.on === 'ssh' && systemOf(place.ssh, inventories) === 'windows'
        ? { on: 'ssh', ssh: { ...place.ssh, os: 'windows' } }
        : place,
    ),
  };
}
