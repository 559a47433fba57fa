import { gcpResourceName, type GcpPlace } from '../../domain/places.ts';
import type { Service } from '../../domain/service.ts';
import type { GcpConfig } from './schema.ts';

/** A place of a service in this source. */
export interface Watched {
  readonly service: string;
  readonly place: GcpPlace;
  /** The project's id, said or the only one. */
  readonly project: string;
}

/** Everything of the services that lies in this source. A place whose project is none of its own is not watched. */
export function watchedPlaces(
  source: string,
  services: readonly Service[],
  { projects }: Pick<GcpConfig, 'projects'>,
): readonly Watched[] {
  return services.flatMap(({ name, runsOn }) =>
    runsOn.flatMap((place) => {
      if (place.on !== 'gcp' || place.gcp.source !== source) return [];
      const project = projectFor(place.gcp.project, projects);
      return project === undefined ? [] : [{ service: name, place: place.gcp, project }];
    }),
  );
}

/** The project's id that is meant; `undefined` when it is none of these, or there are several and none is said. */
export function projectFor(written: string | undefined, projects: GcpConfig['projects']): string | undefined {
  const found = written === undefined ? projects : projects.filter(({ id }) => id === written);
  return found.length === 1 ? found[0]?.id : undefined;
}

/** Names a place over all projects. */
export function placeKey({ project, place }: Watched): string {
  return `${project}/${place.location}/${gcpResourceName(place.resource)}`;
}

/** Whether a location is a zone. */
export function isZone(location: string): boolean {
  return /-[a-z]$/.test(location);
}
