import * as z from 'zod';

import { schemaOf } from '../../lib/schema.ts';
import { editAction, type Refusal, type Wish } from './edit.ts';
import { chooseNode, nodeNeeds, nodeTarget, type ChosenNode } from './nodes.ts';
import { recentWriter } from './owners.ts';
import { objectName, workloadParam } from './place.ts';
import { text } from './read.ts';

const params = z.strictObject({
  ...workloadParam,
  /** Default: the one ill node that runs pods of the service. */
  node: objectName.exactOptional(),
  /** So many other nodes must be ready and take pods. */
  keepNodes: z.int().min(1).max(10_000).default(1),
});
type Params = z.infer<typeof params>;

/** Marks a node so that no new pods come to it. Undo lets them come again. */
export const nodeCordon = editAction<Params>({
  kind: 'kubernetes.node-cordon',
  summary: 'Keep new pods off a node; undo lets them come again',
  traits: { reversible: true, idempotent: true, destructive: false, scope: 'host' },
  params: schemaOf(params),
  access: [...nodeNeeds],
  target: nodeTarget,
  look: async (given, context) => {
    const chosen = await chooseNode(given, context);
    const { cluster, nodes, node, why } = chosen;
    const ready = [...nodes.values()].filter((one) => one.ready && one.schedulable).length;
    const takes = node?.ready === true && node.schedulable;
    const name = node?.object.metadata.name ?? '';
    return {
      cluster,
      facts: {
        cluster: cluster.cluster,
        node: name,
        why,
        ready: node?.ready ?? false,
        nodes: nodes.size,
        nodesReady: ready,
      },
      blast: {
        touched: 1,
        total: Math.max(1, nodes.size),
        healthyAfter: takes ? ready - 1 : ready,
        healthyNow: ready,
        targets: [name],
        dependents: [],
      },
      // Its own controllers write taints and conditions to an ill node all the time; people and drains do not.
      busy:
        node && recentWriter(node.object, ['f:spec'], context.io.clock.nowMs(), ['kube-controller-manager', 'kubelet']),
      wish: wishFor(given, chosen),
    };
  },
  describe: (_params, { facts }) => `keep new pods off node ${text(facts['node'])} (${text(facts['why'])})`,
});

function wishFor(given: Params, { node, nodes, why }: ChosenNode): Wish | Refusal {
  if (node === undefined) return { refused: `no node is chosen: ${why}` };
  const { name } = node.object.metadata;
  if (!node.schedulable) return { refused: `node ${name} takes no pods already` };
  const others = [...nodes.values()].filter((one) => one !== node && one.ready && one.schedulable).length;
  if (others < given.keepNodes)
    return { refused: `only ${others} other nodes would take pods, and ${given.keepNodes} must` };
  return {
    collection: 'nodes',
    object: node.object,
    will: { is: 'fields', fields: { spec: { unschedulable: true } } },
  };
}
