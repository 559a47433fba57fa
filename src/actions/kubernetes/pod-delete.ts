import * as z from 'zod';

import { digest } from '../../lib/canonical.ts';
import { WatchkeeperError } from '../../lib/errors.ts';
import { schemaOf } from '../../lib/schema.ts';
import type { Json, JsonObject } from '../../lib/json.ts';
import type { ActionContext } from '../../domain/ports/action.ts';
import type { KubernetesObject } from '../../domain/ports/kubernetes.ts';
import type { WorkloadKind } from '../../domain/places.ts';
import type { Observation, Target } from '../../domain/remediation.ts';
import type { Service } from '../../domain/service.ts';
import { defineAction } from '../define-action.ts';
import { evict, evictNeeds, hasLocalData, isGoing, podId, whyNotEvict, type PodId } from './evict.ts';
import { needsOf } from './needs.ts';
import { nodesOf } from './nodes.ts';
import { whoElse } from './owners.ts';
import { objectName, operatorAt, placeOf, targetIn, workloadParam } from './place.ts';
import { at, text } from './read.ts';
import { collections } from './resources.ts';
import type { Seen } from './seen.ts';
import { isReady, lookNeeds, madeMs, restartsOf, seeWorkload, workloadFacts } from './workload.ts';

const kinds: readonly WorkloadKind[] = ['Deployment', 'StatefulSet', 'DaemonSet'];

const params = z.strictObject({
  ...workloadParam,
  /** Which pod. Without it one is chosen. */
  pod: objectName.exactOptional(),
  /** `not-ready`: one that is not ready, most restarts first. `bad-node`: one whose node is not ready or unreachable. */
  choose: z.enum(['not-ready', 'bad-node']).default('not-ready'),
  /** A pod with an emptyDir loses it. */
  localData: z.boolean().default(false),
});
type Params = z.infer<typeof params>;

const beforeShape = z.strictObject({ cluster: z.string(), namespace: z.string(), name: z.string(), uid: z.string() });

const access = [
  ...lookNeeds,
  ...evictNeeds,
  { in: 'cluster', group: '', resources: ['nodes'], verbs: ['list'] },
] as const;

/** Evicts one pod of a workload through the eviction API, so that its controller makes another. */
export const podDelete = defineAction<Params>({
  kind: 'kubernetes.pod-delete',
  summary: 'Evict one pod of a workload, as its disruption budgets allow, so that another takes its place',
  traits: { reversible: false, idempotent: true, destructive: false, scope: 'process' },
  params: schemaOf(params),
  needs: needsOf(access),
  access,
  target,
  observe,
  preview: (_params, { facts, target: { service } }) => {
    if (typeof facts['refused'] === 'string') throw new WatchkeeperError('conflict', facts['refused']);
    const pod = `${text(facts['namespace'])}/${text(facts['pod'])}`;
    return {
      describe: `evict pod ${pod} of ${service} (${text(facts['why'])})`,
      diff: [`Pod ${pod}: evicted; ${text(facts['workload'])} makes another`],
    };
  },
  before: (_params, { facts }): Json => facts['chosen'] ?? null,
  run: async (_params, before, _key, context) => {
    const { cluster, ...pod } = parseBefore(before);
    const operator = context.io.kubernetes.operator(cluster);
    if (isGoing(await operator.get(collections.pods, pod, context.signal), pod))
      return { is: 'done', message: `pod ${pod.namespace}/${pod.name} is gone or going already` };
    return evict(operator, pod, false, context.signal);
  },
  probe: async (_params, before, context) => {
    const { cluster, ...pod } = parseBefore(before);
    const now = await context.io.kubernetes.operator(cluster).get(collections.pods, pod, context.signal);
    return isGoing(now, pod)
      ? { is: 'done', because: `pod ${pod.name} (${pod.uid}) is gone or going` }
      : { is: 'not-done', because: `pod ${pod.name} (${pod.uid}) is there, and not on its way out` };
  },
});

function target({ pod, workload }: Params, service: Service): Target {
  const place = placeOf(service, kinds, workload);
  return targetIn(place, 'Pod', pod ?? `${place.workload.name}/*`, service);
}

async function observe(given: Params, context: ActionContext): Promise<Observation> {
  const place = placeOf(context.service, kinds, given.workload);
  const seen = await seeWorkload(place, context);
  const { chosen, why } = await choose(given, seen, context);
  // Nothing here is what it is for: that is no refusal.
  if (chosen === undefined && given.choose === 'bad-node') throw new WatchkeeperError('unsupported', why);
  const refused = chosen === undefined ? why : await whyRefused(given, chosen, context);
  const ready = seen.pods.filter(isReady).length;
  return {
    target: target(given, context.service),
    atMs: context.io.clock.nowMs(),
    facts: {
      ...workloadFacts(seen),
      pod: chosen?.metadata.name ?? '',
      node: text(at(chosen, 'spec', 'nodeName')),
      why,
      ...(refused === undefined ? {} : { refused }),
      ...(chosen === undefined ? {} : { chosen: chosenOf(place.cluster, podId(chosen)) }),
    },
    stateHash: digest([place.cluster, chosen === undefined ? why : (chosen.metadata.uid ?? ''), refused ?? '']),
    blast: {
      touched: 1,
      total: Math.max(1, seen.rollout.replicas),
      healthyAfter: chosen !== undefined && isReady(chosen) ? Math.max(0, ready - 1) : ready,
      healthyNow: ready,
      targets: chosen === undefined ? [] : [`${place.namespace}/${chosen.metadata.name}`],
      dependents: [],
    },
    ...busyOf(seen, context),
  };
}

function busyOf(seen: Seen, context: ActionContext): { readonly busy?: string } {
  const busy = whoElse(seen, context.io.clock.nowMs());
  return busy === undefined ? {} : { busy };
}

function chosenOf(cluster: string, pod: PodId): JsonObject {
  return { cluster, namespace: pod.namespace, name: pod.name, uid: pod.uid };
}

async function choose(
  given: Params,
  seen: Seen,
  context: ActionContext,
): Promise<{ readonly chosen?: KubernetesObject; readonly why: string }> {
  if (given.pod !== undefined) {
    const chosen = seen.pods.find((pod) => pod.metadata.name === given.pod);
    const why = `there is no pod ${given.pod} of ${seen.place.workload.name}`;
    return chosen === undefined ? { why } : { chosen, why: 'it was named' };
  }
  const staying = seen.pods.filter((pod) => pod.metadata.deletionTimestamp === undefined);
  const bad = given.choose === 'bad-node' ? await nodesOf(seen.cluster, context.signal) : undefined;
  const fits = staying.filter((pod) =>
    bad === undefined ? !isReady(pod) : bad.get(text(at(pod, 'spec', 'nodeName')))?.ready === false,
  );
  const [chosen] = [...fits].sort(
    (a, b) => restartsOf(b) - restartsOf(a) || madeMs(a) - madeMs(b) || a.metadata.name.localeCompare(b.metadata.name),
  );
  if (chosen === undefined)
    return { why: bad === undefined ? 'every pod is ready' : 'no pod is on a node that is not ready' };
  if (bad !== undefined) return { chosen, why: `node ${text(at(chosen, 'spec', 'nodeName'))} is not ready` };
  return { chosen, why: `it is not ready, and was started again ${restartsOf(chosen)} times` };
}

// The server is asked, dry, so that a budget in the way is known before anybody is asked to consent.
async function whyRefused(given: Params, pod: KubernetesObject, context: ActionContext): Promise<string | undefined> {
  const why = whyNotEvict(pod);
  if (why !== undefined) return why;
  if (hasLocalData(pod) && !given.localData)
    return `${pod.metadata.name} has an emptyDir, which would be lost (localData: true accepts that)`;
  const cluster = operatorAt(placeOf(context.service, kinds, given.workload), context);
  const tried = await evict(cluster, podId(pod), true, context.signal);
  return tried.is === 'done' ? undefined : tried.message;
}

function parseBefore(before: Json): PodId & { readonly cluster: string } {
  const parsed = beforeShape.safeParse(before);
  if (parsed.success) return parsed.data;
  throw new WatchkeeperError('internal', 'the journal of this step does not name a pod');
}
