import type { CollectRequest } from '../../domain/ports/source.ts';
import type { Service } from '../../domain/service.ts';
import { isIn, serviceOf } from '../../io/clients/ssh/inventory/fleet.ts';
import type { InventoryHost } from '../../io/clients/ssh/inventory/hosts.ts';

/** A request, divided among the hosts of an inventory. */
export interface Shares {
  /** What each host is to answer, by its name: of the machine's own service, and of those that run there. */
  readonly of: ReadonlyMap<string, CollectRequest>;
  /** Names of services that run on none of the hosts. */
  readonly nowhere: readonly string[];
}

/** Divides a request. Takes time for each host and each place of a service, not for each host and each service. */
export function sharesOf(source: string, hosts: readonly InventoryHost[], request: CollectRequest): Shares {
  const find = finderOf(hosts);
  const signals = Map.groupBy(request.signals, ({ service }) => service);
  const services = new Map<string, Service[]>();
  const homeless = new Set(request.signals.map(({ service }) => service));
  for (const service of request.services) {
    if (mentions(source, service)) homeless.add(service.name);
    for (const host of find(source, service)) {
      homeless.delete(service.name);
      const there = services.get(host.name) ?? [];
      there.push(onHost(source, host, service));
      services.set(host.name, there);
    }
  }
  const shareOf = (all: readonly Service[]): CollectRequest => ({
    ...request,
    services: all,
    signals: all.flatMap(({ name }) => signals.get(name) ?? []),
  });
  return { of: new Map([...services].map(([name, all]) => [name, shareOf(all)])), nowhere: [...homeless] };
}

function finderOf(hosts: readonly InventoryHost[]): (source: string, service: Service) => ReadonlySet<InventoryHost> {
  const byName = new Map(hosts.map((host) => [host.name, host]));
  const byService = new Map(hosts.map((host) => [serviceOf(host.name), host]));
  const groups = new Map<string, InventoryHost[]>();
  for (const host of hosts)
    for (const group of host.groups) {
      const members = groups.get(group) ?? [];
      members.push(host);
      groups.set(group, members);
    }
  return (source, service) => {
    const own = byService.get(service.name);
    const placed = service.runsOn.flatMap((place) => {
      if (place.on !== 'ssh' || place.ssh.source !== source) return [];
      const { host, group } = place.ssh;
      const named = host === undefined ? undefined : byName.get(host);
      const grouped = group === 'all' ? hosts : (groups.get(group ?? '') ?? []);
      return named === undefined ? grouped : [named, ...grouped];
    });
    return new Set(own === undefined ? placed : [own, ...placed]);
  };
}

// As the readers of a machine know a place: one of the machine they are on.
function onHost(source: string, host: InventoryHost, service: Service): Service {
  if (service.name === serviceOf(host.name)) return { ...service, runsOn: [{ on: 'host', host: {} }] };
  const places = service.runsOn.flatMap((place): Service['runsOn'] => {
    if (place.on !== 'ssh' || place.ssh.source !== source) return [];
    const { source: _source, host: _host, group: _group, ...rest } = place.ssh;
    return isIn(host, place.ssh) ? [{ on: 'host', host: rest }] : [];
  });
  return { ...service, runsOn: places };
}

function mentions(source: string, service: Service): boolean {
  return service.runsOn.some((place) => place.on === 'ssh' && place.ssh.source === source);
}
