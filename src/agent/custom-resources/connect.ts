import type { Clock, Log, Random } from '../../domain/ports/io.ts';
import type { KubernetesConnection } from '../../domain/ports/kubernetes.ts';
import type { Secrets } from '../../domain/ports/secrets.ts';
import { kubernetesOperators, kubernetesReaders } from '../../io/clients/kubernetes/index.ts';
import type { DocumentFeed } from '../load/feed.ts';
import { createFeed, type FeedNamespaces } from './feed.ts';
import { createStatusWriter } from './status.ts';

/** What a feed needs of the world. */
export interface FeedIo {
  readonly clock: Clock;
  readonly random: Random;
  readonly secrets: Secrets;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** A feed from the cluster that `resources.kubernetes` names. Reading and answering are different clients. */
export function connectFeed(written: KubernetesConnection & FeedNamespaces, io: FeedIo): DocumentFeed {
  const operator = kubernetesOperators(io.clock, io.secrets, [written]).operator(written.cluster);
  return createFeed({
    ...io,
    reader: kubernetesReaders(io.clock, io.secrets).reader(written),
    status: createStatusWriter(operator, io.clock, io.log),
    namespaces: written.namespaces,
    policyNamespaces: written.policyNamespaces,
  });
}
