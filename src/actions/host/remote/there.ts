import { WatchkeeperError } from '../../../lib/errors.ts';
import type { SshPlace } from '../../../domain/places.ts';
import type { Target } from '../../../domain/remediation.ts';
import type { Service } from '../../../domain/service.ts';

/** One host over SSH to act on, and what the service has there. */
export interface There {
  readonly service: Service;
  /** The `ssh` source whose inventory the host is in. */
  readonly source: string;
  readonly host: string;
  readonly place: SshPlace;
}

/** Whether a service runs on hosts over SSH, and not on this machine. */
export function isElsewhere(service: Service): boolean {
  const on = service.runsOn.map((place) => place.on);
  return on.includes('ssh') && !on.includes('host');
}

/**
 * The host that is meant: the parameter `host`, or the only one there is. Pure: whether the inventory has it in the
 * place is asked when it is looked at.
 * @throws `config-invalid` when it cannot be told, `unsupported` for a service that runs on no host over SSH.
 */
export function thereOf(service: Service, host: string | undefined): There {
  const places = service.runsOn.flatMap((place) => (place.on === 'ssh' ? [place.ssh] : []));
  const [place] = places;
  if (place === undefined || places.length > 1)
    throw new WatchkeeperError(
      places.length === 0 ? 'unsupported' : 'config-invalid',
      `service ${service.name} runs in ${places.length} places over SSH; exactly one is needed`,
      { fix: 'Give the service one runsOn entry with ssh, with a host or a group.' },
    );
  const name = host ?? place.host;
  if (name === undefined)
    throw new WatchkeeperError(
      'config-invalid',
      `service ${service.name} runs on the group ${place.group ?? ''}: which host is meant?`,
      { fix: "Give the step the parameter host, or let it be done for each: '{{ incident.hosts }}'." },
    );
  if (place.host !== undefined && place.host !== name)
    throw new WatchkeeperError('config-invalid', `service ${service.name} runs on ${place.host}, not on ${name}`);
  return { service, source: place.source, host: name, place };
}

/** What is touched on a host: `web-1/shop.service`. */
export function targetThere({ service, host }: There, kind: string, id: string): Target {
  return { kind, id: id === '' ? host : `${host}/${id}`, service: service.name, labels: { ...service.labels, host } };
}
