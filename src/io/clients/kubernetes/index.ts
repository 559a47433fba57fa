import { WatchkeeperError } from '../../../lib/errors.ts';
import type { Clock } from '../../../domain/ports/io.ts';
import type {
  KubernetesConnection,
  KubernetesOperator,
  KubernetesOperators,
  KubernetesReaders,
} from '../../../domain/ports/kubernetes.ts';
import type { Secrets } from '../../../domain/ports/secrets.ts';
import { kubernetesEndpoint } from './connect.ts';
import { kubernetesOperator } from './operator.ts';
import { kubernetesReader } from './reader.ts';
import { kubernetesTransport } from './transport.ts';

/** Clusters for sources to read. */
export function kubernetesReaders(clock: Clock, secrets: Secrets): KubernetesReaders {
  return {
    reader: (connection) =>
      kubernetesReader(
        connection.cluster,
        clock,
        kubernetesTransport(clock, kubernetesEndpoint(connection, secrets, clock)),
      ),
  };
}

/** Clusters for actions: only those with credentials of their own. Nothing is shared with a reader, no socket either. */
export function kubernetesOperators(
  clock: Clock,
  secrets: Secrets,
  connections: readonly KubernetesConnection[],
): KubernetesOperators {
  const open = new Map<string, KubernetesOperator>();
  return {
    operator: (cluster) => {
      const known = open.get(cluster);
      if (known !== undefined) return known;
      const connection = connections.find((one) => one.cluster === cluster);
      if (connection === undefined)
        throw new WatchkeeperError('config-invalid', `there are no operator credentials for cluster ${cluster}`, {
          fix: 'Add the cluster to operators.kubernetes in watchkeeper.yaml; reading it gives no right to act in it.',
        });
      const endpoint = kubernetesEndpoint(connection, secrets, clock);
      const made = kubernetesOperator(cluster, clock, kubernetesTransport(clock, endpoint));
      open.set(cluster, made);
      return made;
    },
  };
}
