import * as z from 'zod';

import { digest } from '../../lib/canonical.ts';
import { WatchkeeperError } from '../../lib/errors.ts';
import { limits } from '../../lib/limits.ts';
import { schemaOf } from '../../lib/schema.ts';
import type { Json, JsonObject } from '../../lib/json.ts';
import type { ActionContext, ActionResult, Probe } from '../../domain/ports/action.ts';
import type { KubernetesObject, KubernetesOperator } from '../../domain/ports/kubernetes.ts';
import type { Observation } from '../../domain/remediation.ts';
import { defineAction } from '../define-action.ts';
import { drainPods, type DrainPods } from './drain-pods.ts';
import { evict, isGoing, podId, type PodId } from './evict.ts';
import { ownDeadlineMs } from './finish.ts';
import { needsOf } from './needs.ts';
import { chooseNode, nodeNeeds, nodeTarget, type ChosenNode } from './nodes.ts';
import { recentWriter } from './owners.ts';
import { objectName, workloadParam } from './place.ts';
import { at, text } from './read.ts';
import { collections, listAll } from './resources.ts';
import { isReady, namesOf } from './workload.ts';
import { actedOn, aimShape, bring, type Aim } from './write.ts';

const params = z.strictObject({
  ...workloadParam,
  /** Default: the one ill node that runs pods of the service. */
  node: objectName.exactOptional(),
  /** Pods with an emptyDir lose it. */
  localData: z.boolean().default(false),
  /** So many other nodes must be ready and take pods. */
  keepNodes: z.int().min(1).max(10_000).default(1),
});
type Params = z.infer<typeof params>;

const beforeShape = z.strictObject({
  aim: aimShape,
  pods: z.array(z.strictObject({ namespace: z.string(), name: z.string(), uid: z.string() })),
});
interface Before {
  readonly aim: Aim;
  readonly pods: readonly PodId[];
}

const access = [
  ...nodeNeeds,
  // Pods of every namespace may run there.
  { in: 'cluster', group: '', resources: ['pods'], verbs: ['get', 'list'] },
  { in: 'cluster', group: '', resources: ['pods/eviction'], verbs: ['create'] },
] as const;

/** Cordons a node and evicts its pods one by one, as their disruption budgets allow. Undo lets pods come again. */
export const nodeDrain = defineAction<Params>({
  kind: 'kubernetes.node-drain',
  summary: 'Keep new pods off a node and evict those it has, one by one, as their disruption budgets allow',
  // Undo makes the node take pods again; those that moved stay where they are.
  traits: { reversible: true, idempotent: true, destructive: false, scope: 'host' },
  params: schemaOf(params),
  needs: needsOf(access),
  access,
  target: nodeTarget,
  observe,
  preview: (_params, { facts }) => {
    if (typeof facts['refused'] === 'string') throw new WatchkeeperError('conflict', facts['refused']);
    const node = text(facts['node']);
    const pods = facts['evicts'] as readonly string[];
    return {
      describe: `drain node ${node} (${text(facts['why'])}): keep new pods off it and evict ${pods.length}, one by one`,
      diff: [
        ...(facts['cordoned'] === true ? [] : [`Node ${node} spec.unschedulable: false → true`]),
        ...namesOfList(pods).map((pod) => `Pod ${pod}: evicted`),
      ],
    };
  },
  before: (_params, { facts }): Json => facts['drain'] ?? null,
  run: (_params, before, key, context) => drain(parseBefore(before), key, context),
  probe: (_params, before, context, key) => probe(parseBefore(before), key, context),
  undo: (_params, before, key, context) => bring(parseBefore(before).aim, 'was', key, context),
});

async function observe(given: Params, context: ActionContext): Promise<Observation> {
  const chosen = await chooseNode(given, context);
  const { cluster, nodes, node, why } = chosen;
  const name = node?.object.metadata.name ?? '';
  const all = await listAll(cluster, 'pods', {}, context.signal);
  const pods = drainPods(
    all.filter((pod) => name !== '' && at(pod, 'spec', 'nodeName') === name),
    given.localData,
  );
  const refused = whyRefused(given, chosen, pods);
  const ready = all.filter(isReady).length;
  const busy =
    node && recentWriter(node.object, ['f:spec'], context.io.clock.nowMs(), ['kube-controller-manager', 'kubelet']);
  return {
    target: nodeTarget(given, context.service),
    atMs: context.io.clock.nowMs(),
    facts: {
      cluster: cluster.cluster,
      node: name,
      why,
      ready: node?.ready ?? false,
      cordoned: node?.schedulable === false,
      nodes: nodes.size,
      evicts: pods.evict.map(fullName),
      leaves: pods.left.length,
      ...(refused === undefined ? {} : { refused }),
      ...(node === undefined ? {} : { drain: beforeOf(cluster, node.object, pods) }),
    },
    stateHash: digest([
      name,
      node?.object.metadata.uid ?? '',
      refused ?? '',
      pods.evict.map((pod) => pod.metadata.uid ?? ''),
    ]),
    blast: {
      touched: pods.evict.length,
      total: Math.max(pods.evict.length, all.length),
      healthyAfter: ready - pods.evict.filter(isReady).length,
      healthyNow: ready,
      targets: [name, ...namesOf(pods.evict)],
      names: [...new Set(pods.evict.map((pod) => `namespace:${pod.metadata.namespace ?? ''}`))].sort(),
      dependents: [],
    },
    ...(busy === undefined ? {} : { busy }),
  };
}

function whyRefused(given: Params, { node, nodes, why }: ChosenNode, pods: DrainPods): string | undefined {
  if (node === undefined) return `no node is chosen: ${why}`;
  const others = [...nodes.values()].filter((one) => one !== node && one.ready && one.schedulable).length;
  if (others < given.keepNodes) return `only ${others} other nodes would take pods, and ${given.keepNodes} must`;
  if (pods.refused !== undefined) return pods.refused;
  return pods.evict.length === 0 ? `node ${node.object.metadata.name} has no pod to evict` : undefined;
}

function beforeOf(cluster: KubernetesOperator, node: KubernetesObject, pods: DrainPods): JsonObject {
  const cordoned = at(node, 'spec', 'unschedulable') === true;
  const aim: Aim = {
    cluster: cluster.cluster,
    collection: 'nodes',
    name: node.metadata.name,
    uid: node.metadata.uid ?? '',
    acted: actedOn(node),
    // One that somebody else had cordoned stays so when we go back.
    was: { is: 'fields', fields: { spec: { unschedulable: cordoned ? true : null } } },
    will: { is: 'fields', fields: { spec: { unschedulable: true } } },
  };
  return { aim: aim as unknown as JsonObject, pods: pods.evict.map((pod) => ({ ...podId(pod) })) };
}

async function drain({ aim, pods }: Before, key: string, context: ActionContext): Promise<ActionResult> {
  const cordoned = await bring(aim, 'will', key, context);
  if (cordoned.is !== 'done') return cordoned;
  const cluster = context.io.kubernetes.operator(aim.cluster);
  const until = ownDeadlineMs(context);
  let evicted = 0;
  for (const pod of pods) {
    const result = await one(cluster, pod, until, context);
    if (result.is !== 'done') {
      const data = { evicted, left: pods.length - evicted };
      return {
        is: result.is,
        message: `${aim.name} is cordoned, ${evicted} of ${pods.length} pods went; ${result.message}`,
        data,
      };
    }
    evicted += 1;
    context.io.log.info('a pod was evicted', {
      node: aim.name,
      pod: `${pod.namespace}/${pod.name}`,
      evicted,
      of: pods.length,
    });
  }
  return { is: 'done', message: `${aim.name} takes no pods, and ${evicted} of ${pods.length} went`, data: { evicted } };
}

// One at a time, and gone before the next: a budget counts pods that are ready, so the successor of one must be up
// before another may go. A budget that says no is asked again only as long as the step has time, never faster than it
// can change.
async function one(
  cluster: KubernetesOperator,
  pod: PodId,
  until: number,
  context: ActionContext,
): Promise<ActionResult> {
  const { clock } = context.io;
  let asked = false;
  for (;;) {
    if (!asked) {
      const result = await evict(cluster, pod, false, context.signal);
      if (result.is !== 'done' && result.data?.['budget'] !== true) return result;
      asked = result.is === 'done';
      if (!asked && clock.monotonicMs() >= until) return result;
    }
    const now = await cluster.get(collections.pods, pod, context.signal);
    if (now === undefined || now.metadata.uid !== pod.uid) return { is: 'done', message: `${pod.name} is gone` };
    if (clock.monotonicMs() >= until) {
      const why = isGoing(now, pod) ? 'is still ending' : 'is held by a disruption budget';
      return { is: 'failed', message: `pod ${pod.namespace}/${pod.name} ${why}` };
    }
    await clock.sleep(asked ? limits.kubernetesPollMs : 5 * limits.kubernetesPollMs, context.signal);
  }
}

async function probe({ aim, pods }: Before, key: string, context: ActionContext): Promise<Probe> {
  const cluster = context.io.kubernetes.operator(aim.cluster);
  const node = await cluster.get(collections.nodes, { name: aim.name }, context.signal);
  if (node === undefined || node.metadata.uid !== aim.uid)
    return { is: 'unknown', because: `node ${aim.name} is gone` };
  const cordoned = at(node, 'spec', 'unschedulable') === true;
  if (actedOn(node) !== key)
    return cordoned && aim.was.is === 'fields' && at(aim.was.fields, 'spec', 'unschedulable') !== true
      ? { is: 'unknown', because: `node ${aim.name} is cordoned, and does not carry the key of this act` }
      : { is: 'not-done', because: `node ${aim.name} does not carry the key of this act` };
  const there = await Promise.all(pods.map((pod) => cluster.get(collections.pods, pod, context.signal)));
  const left = pods.filter((pod, index) => !isGoing(there[index], pod));
  if (left.length === 0) return { is: 'done', because: `node ${aim.name} is cordoned by this act, and its pods went` };
  return {
    is: 'unknown',
    because: `half done: ${aim.name} is cordoned, and ${left.length} of ${pods.length} pods are still there`,
  };
}

function fullName(pod: KubernetesObject): string {
  return `${pod.metadata.namespace ?? ''}/${pod.metadata.name}`;
}

function namesOfList(names: readonly string[]): readonly string[] {
  return names.length <= 20 ? names : [...names.slice(0, 20), `and ${names.length - 20} more`];
}

function parseBefore(before: Json): Before {
  const parsed = beforeShape.safeParse(before);
  if (parsed.success) return parsed.data;
  throw new WatchkeeperError('internal', 'the journal of this step does not name a node and its pods');
}
