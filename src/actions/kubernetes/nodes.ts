import type { ActionContext } from '../../domain/ports/action.ts';
import type { KubernetesObject, KubernetesOperator } from '../../domain/ports/kubernetes.ts';
import type { Target } from '../../domain/remediation.ts';
import type { Service } from '../../domain/service.ts';
import { WatchkeeperError } from '../../lib/errors.ts';
import { selectorText } from './budgets.ts';
import { operatorAt, placeOf } from './place.ts';
import { at, condition, text } from './read.ts';
import { collections, listAll, workloadCollection } from './resources.ts';

/** A node as far as choosing one needs it. */
export interface NodeState {
  readonly object: KubernetesObject;
  readonly ready: boolean;
  /** MemoryPressure, DiskPressure ... that hold now. */
  readonly pressure: readonly string[];
  readonly schedulable: boolean;
}

/** What choosing a node takes. */
export const nodeNeeds = [
  { in: 'namespace', group: 'apps', resources: ['deployments', 'statefulsets', 'daemonsets'], verbs: ['get'] },
  { in: 'namespace', group: '', resources: ['pods'], verbs: ['list'] },
  { in: 'cluster', group: '', resources: ['nodes'], verbs: ['get', 'list', 'patch'] },
] as const;

/** The state of one node. */
export function nodeState(object: KubernetesObject): NodeState {
  return {
    object,
    ready: condition(object, 'Ready')?.['status'] === 'True',
    pressure: ['MemoryPressure', 'DiskPressure', 'PIDPressure', 'NetworkUnavailable'].filter(
      (type) => condition(object, type)?.['status'] === 'True',
    ),
    schedulable: at(object, 'spec', 'unschedulable') !== true,
  };
}

/** Every node of the cluster by name. */
export async function nodesOf(
  cluster: KubernetesOperator,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, NodeState>> {
  const nodes = await listAll(cluster, 'nodes', {}, signal);
  return new Map(nodes.map((node) => [node.metadata.name, nodeState(node)]));
}

/** The node that is meant, all nodes, and how one was chosen. */
export interface ChosenNode {
  readonly cluster: KubernetesOperator;
  readonly nodes: ReadonlyMap<string, NodeState>;
  readonly node?: NodeState;
  readonly why: string;
}

interface Given {
  readonly node?: string;
  readonly workload?: string;
}

/** The named node; the node that the service is; or else the one ill node that runs pods of the service: several are more than one act may touch. */
export async function chooseNode(given: Given, context: ActionContext): Promise<ChosenNode> {
  const own = nodeOf(context.service);
  if (own === undefined && given.node === undefined) return chooseIll(given, context);
  const { cluster: name } = own ?? placeOf(context.service, undefined, given.workload);
  const cluster = operatorAt({ cluster: name }, context);
  const nodes = await nodesOf(cluster, context.signal);
  const wanted = own?.node ?? given.node ?? '';
  if (given.node !== undefined && given.node !== wanted)
    throw new WatchkeeperError('config-invalid', `${context.service.name} is node ${wanted}, not ${given.node}`);
  const node = nodes.get(wanted);
  if (node === undefined) throw new WatchkeeperError('not-found', `there is no node ${wanted}`);
  return { cluster, nodes, node, why: own === undefined ? 'it was named' : howItIs(wanted, node) };
}

async function chooseIll(given: Given, context: ActionContext): Promise<ChosenNode> {
  const place = placeOf(context.service, undefined, given.workload);
  const cluster = operatorAt(place, context);
  const nodes = await nodesOf(cluster, context.signal);
  const base = { cluster, nodes };
  const { namespace, workload } = place;
  const object = await cluster.get(
    collections[workloadCollection[workload.kind]],
    { namespace, name: workload.name },
    context.signal,
  );
  const labelSelector = selectorText(at(object, 'spec', 'selector'));
  const pods =
    labelSelector === undefined ? [] : await listAll(cluster, 'pods', { namespace, labelSelector }, context.signal);
  const hosts = new Set(pods.map((pod) => text(at(pod, 'spec', 'nodeName'))));
  const ill = [...nodes.entries()].filter(
    ([name, node]) => hosts.has(name) && (!node.ready || node.pressure.length > 0),
  );
  const [only] = ill;
  if (only === undefined) return { ...base, why: `every node that runs ${workload.name} is well` };
  if (ill.length > 1)
    return {
      ...base,
      why: `${ill.length} nodes that run ${workload.name} are ill (${ill.map(([name]) => name).join(', ')})`,
    };
  const [name, node] = only;
  return { ...base, node, why: howItIs(name, node) };
}

function howItIs(name: string, { ready, pressure }: NodeState): string {
  if (!ready) return `${name} is not ready`;
  return pressure.length > 0 ? `${name} is under ${pressure.join(', ')}` : `${name} is well`;
}

// Each node is a service of its own, as the kubernetes source discovers them; nobody can declare one.
function nodeOf({ origin, labels }: Service): { readonly cluster: string; readonly node: string } | undefined {
  const { kind, node, cluster } = labels;
  if (origin !== 'discovered' || kind !== 'host' || node === undefined || cluster === undefined) return undefined;
  return { cluster, node };
}

/** A node as a target. Without a name it is the one that is found to run a workload's pods. */
export function nodeTarget(given: Given, service: Service): Target {
  const own = nodeOf(service);
  const labels = { ...service.labels };
  if (own !== undefined) return { kind: 'Node', id: `${own.cluster}/${own.node}`, service: service.name, labels };
  const { cluster, namespace, workload } = placeOf(service, undefined, given.workload);
  const id = given.node === undefined ? `${cluster}/of/${namespace}/${workload.name}` : `${cluster}/${given.node}`;
  return { kind: 'Node', id, service: service.name, labels: { ...labels, cluster } };
}
