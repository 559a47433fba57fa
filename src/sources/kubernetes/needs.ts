import type { ClusterReading } from '../../domain/ports/source.ts';
import { placesOf, wantedKinds, watchedKinds } from './kinds.ts';
import type { KubernetesConfig } from './schema.ts';

/** The least that the source needs to be allowed, by its configuration: to list and watch kinds, and to read what is beside. */
export function readingNeeds(config: KubernetesConfig): readonly ClusterReading[] {
  const { namespaces } = config;
  const some = namespaces.length > 0 ? { namespaces } : {};
  const kinds = wantedKinds(config).map((kind): ClusterReading => {
    const { group, plural, namespaced } = watchedKinds[kind].resource;
    const names = placesOf(kind, namespaces).flatMap(({ name }) => name ?? []);
    return {
      ...(namespaced ? some : {}),
      ...(names.length === 0 ? {} : { names }),
      ...{ group, resources: [plural], verbs: ['list', 'watch'] },
    };
  });
  return [
    ...kinds,
    ...(config.logs ? [{ ...some, group: '', resources: ['pods/log'], verbs: ['get'] } as const] : []),
    ...(config.usage ? [{ ...some, group: 'metrics.k8s.io', resources: ['pods'], verbs: ['list'] } as const] : []),
    ...(config.usage && namespaces.length === 0
      ? [{ group: 'metrics.k8s.io', resources: ['nodes'], verbs: ['list'] } as const]
      : []),
    ...(config.volumes && config.nodes ? [{ group: '', resources: ['nodes/proxy'], verbs: ['get'] } as const] : []),
  ];
}
