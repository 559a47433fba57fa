import { awsResourceName, azureResourcePath, gcpResourceName } from '../domain/places.ts';
import type { Service } from '../domain/service.ts';

/**
 * A workload that somebody declared is not another service for being discovered as well: what was discovered at the place
 * of a declared service takes that one's name, so that the two are merged. Dependencies on it follow.
 */
export function underDeclaredNames(services: readonly Service[]): readonly Service[] {
  const declared = new Map<string, string>();
  for (const service of services)
    if (service.origin === 'declared') for (const place of placesOf(service)) declared.set(place, service.name);
  if (declared.size === 0) return services;
  const renamed = new Map<string, string>();
  for (const service of services) {
    if (service.origin === 'declared') continue;
    const name = placesOf(service).flatMap((place) => declared.get(place) ?? [])[0];
    if (name !== undefined && name !== service.name) renamed.set(service.name, name);
  }
  if (renamed.size === 0) return services;
  return services.map((service) =>
    service.origin === 'declared'
      ? service
      : {
          ...service,
          name: renamed.get(service.name) ?? service.name,
          dependsOn: service.dependsOn.map((name) => renamed.get(name) ?? name),
        },
  );
}

function placesOf({ runsOn }: Service): readonly string[] {
  return runsOn.flatMap((place) => {
    if (place.on === 'aws') {
      const { source, account = '', region, resource } = place.aws;
      return [`${source}/${account}/${region}/${awsResourceName(resource)}`];
    }
    if (place.on === 'azure') {
      const { source, subscription = '' } = place.azure;
      return [`${source}/${subscription}${azureResourcePath(place.azure).toLowerCase()}`];
    }
    if (place.on === 'gcp') {
      const { source, project = '', location, resource } = place.gcp;
      return [`${source}/${project}/${location}/${gcpResourceName(resource)}`];
    }
    if (place.on !== 'kubernetes') return [];
    const { cluster, namespace, workload } = place.kubernetes;
    return [`${cluster}/${namespace}/${workload.kind}/${workload.name}`];
  });
}
