import { WatchkeeperError } from '../../lib/errors.ts';
import { gcpResourceName, type GcpPlace, type GcpResource } from '../../domain/places.ts';
import type { Target } from '../../domain/remediation.ts';
import type { Service } from '../../domain/service.ts';

/** A place whose resource is of one kind. */
export type PlaceOf<K extends GcpResource['is']> = GcpPlace & { readonly resource: Extract<GcpResource, { is: K }> };

/** Where a service is in Google Cloud. @throws `config-invalid` when it has no such place, or several: which is meant is not guessed. */
export function placeOf<K extends GcpResource['is']>(service: Service, is: K): PlaceOf<K> {
  const places = service.runsOn.flatMap((place) =>
    place.on === 'gcp' && place.gcp.resource.is === is ? [place.gcp as PlaceOf<K>] : [],
  );
  const [place] = places;
  if (place !== undefined && places.length === 1) return place;
  const message =
    place === undefined
      ? `${service.name} has no ${is} in Google Cloud`
      : `${service.name} has ${places.length} of ${is} in Google Cloud: give each a Service of its own`;
  throw new WatchkeeperError('config-invalid', message);
}

/** What is acted on: named so that two projects or locations are two targets. */
export function targetOf(place: GcpPlace, service: Service): Target {
  const { source, project, location, resource } = place;
  const corner = [source, project, location].filter((part) => part !== undefined).join('/');
  return { kind: 'gcp', id: `${corner}/${gcpResourceName(resource)}`, service: service.name, labels: service.labels };
}

/** Whether a location is a zone. */
export function isZone(location: string): boolean {
  return /-[a-z]$/.test(location);
}
