import { WatchkeeperError } from '../../src/lib/errors.ts';
import type { KubernetesReaders } from '../../src/domain/ports/kubernetes.ts';

/** A world without Kubernetes: asking for a cluster is a mistake of the test. */
export const noClusters: KubernetesReaders = {
  reader: ({ cluster }) => {
    throw new WatchkeeperError('unsupported', `there is no cluster ${cluster} here`);
  },
};
