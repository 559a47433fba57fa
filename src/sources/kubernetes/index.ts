import type { SourceKind } from '../../domain/ports/source.ts';
import { later } from '../later.ts';
import { readingNeeds } from './needs.ts';
import { kubernetesConfig, kubernetesQuery, type KubernetesConfig } from './schema.ts';
import { kubernetesTraits } from './traits.ts';

/**
 * # kubernetes: a cluster, watched
 *
 * Keeps small records of what runs in a cluster, true by watches; tells how its workloads are, what was changed of them
 * and by whom, and which services there are. See README.md for settings and signals.
 */
export const kubernetesSource: SourceKind<KubernetesConfig> = {
  kind: 'kubernetes',
  summary: 'A Kubernetes cluster: workloads, pods, nodes, rollouts and configuration, failing logs, metrics.k8s.io.',
  traits: kubernetesTraits,
  config: kubernetesConfig,
  query: kubernetesQuery,
  access: readingNeeds,
  connection: (id, { connection }) => ({ ...connection, cluster: id }),
  create: later<KubernetesConfig>({
    kind: 'kubernetes',
    traits: kubernetesTraits,
    intervalMs: (config) => config.intervalMs,
    rings: () => ['news', 'newServices'],
    load: async () => (await import('./source.ts')).createKubernetesSource,
  }),
};
