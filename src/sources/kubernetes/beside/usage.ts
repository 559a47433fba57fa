import { WatchkeeperError } from '../../../lib/errors.ts';
import type { Json, JsonObject } from '../../../lib/json.ts';
import { at, list, quantity, text, timeMs } from '../records/parts.ts';

/** What a pod or a node uses. */
export interface Usage {
  readonly atMs: number;
  /** Cores. */
  readonly cpu: number;
  /** Bytes of the working set. */
  readonly memory: number;
  /** Bytes by container; empty for a node. */
  readonly containers: ReadonlyMap<string, number>;
}

/** Usage by `namespace/pod` and by node. */
export interface UsageBook {
  readonly pods: ReadonlyMap<string, Usage>;
  readonly nodes: ReadonlyMap<string, Usage>;
}

const root = '/apis/metrics.k8s.io/v1beta1';

/** Reads metrics.k8s.io whole. @throws `not-found` where the cluster has no metrics server. */
export async function readUsage(
  namespaces: readonly string[],
  read: (path: string) => Promise<JsonObject | undefined>,
): Promise<UsageBook> {
  const paths =
    namespaces.length === 0 ? [`${root}/pods`] : namespaces.map((name) => `${root}/namespaces/${name}/pods`);
  const pods = new Map<string, Usage>();
  for (const path of paths) {
    const answer = await read(path);
    if (answer === undefined) throw new WatchkeeperError('not-found', `${path}: the cluster has no metrics server`);
    for (const item of list(answer['items'])) {
      const key = `${text(at(item, 'metadata', 'namespace')) ?? ''}/${text(at(item, 'metadata', 'name')) ?? ''}`;
      const usage = podUsage(item);
      if (usage !== undefined) pods.set(key, usage);
    }
  }
  const nodes = new Map<string, Usage>();
  // Nodes are the cluster's own: who may see only some namespaces goes without.
  const answer = namespaces.length === 0 ? await read(`${root}/nodes`) : undefined;
  for (const item of list(answer?.['items'])) {
    const [name, atMs] = [text(at(item, 'metadata', 'name')), timeMs(at(item, 'timestamp'))];
    const [cpu, memory] = [quantity(at(item, 'usage', 'cpu')), quantity(at(item, 'usage', 'memory'))];
    if (name !== undefined && atMs !== undefined && cpu !== undefined && memory !== undefined)
      nodes.set(name, { atMs, cpu, memory, containers: new Map() });
  }
  return { pods, nodes };
}

function podUsage(item: Json): Usage | undefined {
  const atMs = timeMs(at(item, 'timestamp'));
  if (atMs === undefined) return undefined;
  const containers = new Map<string, number>();
  let [cpu, memory] = [0, 0];
  for (const container of list(at(item, 'containers'))) {
    const used = quantity(at(container, 'usage', 'memory')) ?? 0;
    containers.set(text(at(container, 'name')) ?? '', used);
    memory += used;
    cpu += quantity(at(container, 'usage', 'cpu')) ?? 0;
  }
  return { atMs, cpu, memory, containers };
}
