import { WatchkeeperError } from '../../lib/errors.ts';
import type { ActionContext } from '../../domain/ports/action.ts';
import type { KubernetesObject } from '../../domain/ports/kubernetes.ts';
import { at, condition, mebibytes, quantity, records } from './read.ts';
import { listAll, type Collection } from './resources.ts';
import type { Seen } from './seen.ts';

/** Memory of one container before and after, in bytes. */
export interface Raise {
  readonly now: number;
  readonly after: number;
  readonly request: number;
  readonly requestAfter: number;
}

/**
 * Why a cluster does not have that much memory to give, or `undefined`: the namespace's LimitRange, its ResourceQuota
 * for all replicas, and the largest node that takes pods. What may not be read is passed over: the server checks the first
 * two itself when it is asked, and the scheduler the third.
 */
export async function roomFor(seen: Seen, raise: Raise, context: ActionContext): Promise<string | undefined> {
  const { namespace } = seen.place;
  const read = (collection: Collection, where: { readonly namespace?: string }): Promise<readonly KubernetesObject[]> =>
    listAll(seen.cluster, collection, where, context.signal).catch((thrown: unknown) => {
      if (WatchkeeperError.from(thrown).code === 'forbidden') return [];
      throw thrown;
    });
  const [ranges, quotas, nodes] = await Promise.all([
    read('limitranges', { namespace }),
    read('resourcequotas', { namespace }),
    read('nodes', {}),
  ]);
  return overRange(ranges, raise) ?? overQuota(quotas, raise, seen.rollout.replicas) ?? overNodes(nodes, raise);
}

function overRange(ranges: readonly KubernetesObject[], { after }: Raise): string | undefined {
  for (const range of ranges)
    for (const limit of records(at(range, 'spec', 'limits'))) {
      const most = limit['type'] === 'Container' ? quantity(at(limit, 'max', 'memory')) : undefined;
      if (most !== undefined && after > most)
        return `LimitRange ${range.metadata.name} allows a container ${mebibytes(most)}`;
    }
  return undefined;
}

// All replicas get it, and while they are replaced one more may be there for a while.
function overQuota(quotas: readonly KubernetesObject[], raise: Raise, replicas: number): string | undefined {
  for (const quota of quotas)
    for (const [key, more, each] of [
      ['limits.memory', raise.after - raise.now, raise.after],
      ['requests.memory', raise.requestAfter - raise.request, raise.requestAfter],
    ] as const) {
      const hard = quantity(at(quota, 'status', 'hard', key));
      const used = quantity(at(quota, 'status', 'used', key)) ?? 0;
      const extra = more <= 0 ? 0 : more * replicas + each;
      if (hard !== undefined && used + extra > hard)
        return `ResourceQuota ${quota.metadata.name} has ${mebibytes(Math.max(0, hard - used))} of ${key} left, and ${mebibytes(extra)} would be needed`;
    }
  return undefined;
}

function overNodes(nodes: readonly KubernetesObject[], { after }: Raise): string | undefined {
  const sizes = nodes
    .filter((node) => at(node, 'spec', 'unschedulable') !== true && condition(node, 'Ready')?.['status'] === 'True')
    .map((node) => quantity(at(node, 'status', 'allocatable', 'memory')) ?? 0);
  const largest = Math.max(0, ...sizes);
  if (sizes.length === 0 || after <= largest) return undefined;
  return `the largest node that takes pods has ${mebibytes(largest)}`;
}
