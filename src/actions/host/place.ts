import { WatchkeeperError } from '../../lib/errors.ts';
import type { HostPlace } from '../../domain/places.ts';
import type { Target } from '../../domain/remediation.ts';
import type { Service } from '../../domain/service.ts';

/** How a service on this host is started again. */
export type Starter =
  { readonly by: 'unit'; readonly unit: string } | { readonly by: 'process'; readonly pidFile: string };

/** The one place on this host where a service runs. @throws `unsupported` for none, `config-invalid` for several. */
export function hostPlace(service: Service): HostPlace {
  const places = service.runsOn.flatMap((place) => (place.on === 'host' ? [place.host] : []));
  const [place] = places;
  if (place === undefined || places.length > 1)
    throw new WatchkeeperError(
      places.length === 0 ? 'unsupported' : 'config-invalid',
      `service ${service.name} runs in ${places.length} places on this host; exactly one is needed`,
      { fix: 'Give the service one runsOn entry with host.' },
    );
  return place;
}

/** A unit when there is one, else the supervised process. @throws `config-invalid` when there is neither. */
export function starterOf(service: Service): Starter {
  const { unit, process } = hostPlace(service);
  if (unit !== undefined) return { by: 'unit', unit: checkedUnit(unit) };
  if (process !== undefined) return { by: 'process', pidFile: checkedPath(process.pidFile) };
  throw new WatchkeeperError(
    'config-invalid',
    `service ${service.name} has neither a unit nor a process on this host`,
    {
      fix: 'Add host.unit or host.process.pidFile to its runsOn.',
    },
  );
}

/** What people and targets call it. */
export function starterName(starter: Starter): string {
  return starter.by === 'unit' ? starter.unit : starter.pidFile;
}

/** What is touched when the starter, or the process it started, is acted on. */
export function starterTarget(service: Service): Target {
  const starter = starterOf(service);
  const kind = starter.by === 'unit' ? 'unit' : 'process';
  return { kind, id: starterName(starter), service: service.name, labels: service.labels };
}

/**
 * An absolute path in its plainest form: no `.` or `..`, no empty part, no control character.
 *
 * @throws WatchkeeperError `config-invalid`.
 */
export function checkedPath(path: string): string {
  const parts = path.split('/').slice(1);
  const plain = path.startsWith('/') && parts.every((part) => part !== '' && part !== '.' && part !== '..');
  if (!plain || path.length > 4_096 || hasControl(path))
    throw new WatchkeeperError('config-invalid', `not a plain absolute path: ${JSON.stringify(path)}`);
  return path;
}

/** @throws WatchkeeperError `config-invalid` for anything that systemd would not take as a unit's name. */
export function checkedUnit(unit: string): string {
  if (!/^[A-Za-z0-9:_][A-Za-z0-9:_.\\@-]*\.(service|socket|timer|target|path|mount)$/.test(unit) || unit.length > 255)
    throw new WatchkeeperError('config-invalid', `not a systemd unit: ${JSON.stringify(unit)}`);
  return unit;
}

/** Whether a text holds a NUL, a newline or another control character. */
export function hasControl(text: string): boolean {
  return /\p{Cc}/u.test(text);
}
