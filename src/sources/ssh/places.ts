import type { CollectRequest } from '../../domain/ports/source.ts';
import type { Service } from '../../domain/service.ts';
import { isIn, serviceOf } from '../../io/clients/ssh/inventory/fleet.ts';
import type { InventoryHost } from '../../io/clients/ssh/inventory/hosts.ts';

/** The part of a request that one host is to answer: the machine's own service, and those that run there. */
export function partFor(source: string, host: InventoryHost, request: CollectRequest): CollectRequest {
  const services = request.services.flatMap((service) => onHost(source, host, service));
  const names = new Set(services.map((service) => service.name));
  return { ...request, services, signals: request.signals.filter((signal) => names.has(signal.service)) };
}

/** Names of services that run on none of these hosts. */
export function nowhere(source: string, hosts: readonly InventoryHost[], request: CollectRequest): readonly string[] {
  const asked = new Set([
    ...request.signals.map(({ service }) => service),
    ...request.services.filter((service) => mentions(source, service)).map(({ name }) => name),
  ]);
  for (const host of hosts)
    for (const service of request.services) if (onHost(source, host, service).length > 0) asked.delete(service.name);
  return [...asked];
}

// As the readers of a machine know a place: one of the machine they are on.
function onHost(source: string, host: InventoryHost, service: Service): readonly Service[] {
  if (service.name === serviceOf(host.name)) return [{ ...service, runsOn: [{ on: 'host', host: {} }] }];
  const places = service.runsOn.flatMap((place): Service['runsOn'] => {
    if (place.on !== 'ssh' || place.ssh.source !== source) return [];
    const { source: _source, host: _host, group: _group, ...rest } = place.ssh;
    return isIn(host, place.ssh) ? [{ on: 'host', host: rest }] : [];
  });
  return places.length === 0 ? [] : [{ ...service, runsOn: places }];
}

function mentions(source: string, service: Service): boolean {
  return service.runsOn.some((place) => place.on === 'ssh' && place.ssh.source === source);
}
