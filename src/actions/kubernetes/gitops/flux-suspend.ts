import * as z from 'zod';

import { digest } from '../../../lib/canonical.ts';
import { dig } from '../../../lib/dig.ts';
import { WatchkeeperError } from '../../../lib/errors.ts';
import type { Json } from '../../../lib/json.ts';
import { schemaOf } from '../../../lib/schema.ts';
import type { ActionContext, ActionResult, KubernetesNeed } from '../../../domain/ports/action.ts';
import type { KubernetesObject } from '../../../domain/ports/kubernetes.ts';
import { fluxAppliers, gitopsFacts, isAppliedByOthers, parseFlux } from '../../../io/clients/gitops/index.ts';
import { fieldManager } from '../../../io/clients/kubernetes/operator.ts';
import { defineAction } from '../../define-action.ts';
import { writeFault } from '../../faults.ts';
import { operatorAt, workloadParam, workloadTarget } from '../place.ts';
import { needsOf } from '../needs.ts';
import { parseBefore } from './before.ts';
import { lookNeeds, lookAtOwned, placeFor, switchBlast, word } from './workload.ts';

const params = z.strictObject(workloadParam);
const beforeShape = z.strictObject({
  kind: z.enum(['Kustomization', 'HelmRelease']),
  namespace: z.string(),
  name: z.string(),
  uid: z.string(),
  /** As written: false and absent are told apart. */
  suspend: z.literal(false).nullable(),
});
type Before = z.infer<typeof beforeShape>;
const access: readonly KubernetesNeed[] = [
  ...lookNeeds,
  { in: 'cluster', group: 'kustomize.toolkit.fluxcd.io', resources: ['kustomizations'], verbs: ['patch'] },
  { in: 'cluster', group: 'helm.toolkit.fluxcd.io', resources: ['helmreleases'], verbs: ['patch'] },
];
const kind = 'kubernetes.flux-suspend';

/** Suspends the Kustomization or HelmRelease that applies a workload, so that what is done in the cluster lasts. */
export const fluxSuspend = defineAction<z.infer<typeof params>>({
  kind,
  summary: 'Suspend the Flux Kustomization or HelmRelease that applies a workload',
  traits: { reversible: true, idempotent: true, destructive: false, scope: 'cluster' },
  params: schemaOf(params),
  needs: needsOf(access),
  access,
  target: (given, service) => workloadTarget(placeFor(given, service), service),
  observe: async (given, context) => {
    const owned = await lookAtOwned(given, context);
    const owner = owned.state?.owner;
    const { workload } = owned.place;
    if (owner?.by !== 'flux')
      throw new WatchkeeperError('unsupported', `nothing of Flux applies ${workload.kind} ${workload.name}`);
    const object = await owned.cluster.get(fluxAppliers[owner.kind], owner, context.signal);
    const app = `${owner.namespace}/${owner.name}`;
    if (object === undefined) throw new WatchkeeperError('not-found', `there is no ${owner.kind} ${app}`);
    const flux = parseFlux(owner.kind, object);
    const uid = object.metadata.uid ?? '';
    return {
      target: workloadTarget(owned.place, context.service),
      atMs: context.io.clock.nowMs(),
      facts: {
        gitops: gitopsFacts(owned.state),
        app,
        kind: owner.kind,
        namespace: owner.namespace,
        name: owner.name,
        uid,
        suspend: suspendOf(object),
        objects: flux.objects,
        kept: isAppliedByOthers(object, 'suspend', fieldManager),
      },
      stateHash: digest([uid, suspendOf(object)]),
      blast: switchBlast(`${owner.kind.toLowerCase()}/${app}`),
    };
  },
  preview: (_given, { facts }) => {
    const what = `${word(facts, 'kind')} ${word(facts, 'app')}`;
    if (facts['suspend'] === true) throw new WatchkeeperError('conflict', `${what} is suspended already`);
    if (facts['kept'] === true)
      throw new WatchkeeperError('conflict', `spec.suspend of ${what} is kept by somebody else, who would set it back`);
    const objects = facts['kind'] === 'Kustomization' ? `; it applies ${word(facts, 'objects')} objects` : '';
    return {
      describe: `suspend Flux ${what}${objects}`,
      diff: [`${what} spec.suspend: ${word(facts, 'suspend')} → true`],
    };
  },
  before: (_given, { facts }): Json => ({
    kind: facts['kind'] ?? '',
    namespace: facts['namespace'] ?? '',
    name: facts['name'] ?? '',
    uid: facts['uid'] ?? '',
    suspend: facts['suspend'] ?? null,
  }),
  run: async (given, before, _key, context) => set(given, parseBefore(kind, beforeShape, before), true, context),
  probe: async (given, before, context) => {
    const was = parseBefore(kind, beforeShape, before);
    const { object } = await read(given, was, context);
    const what = `${was.kind} ${was.namespace}/${was.name}`;
    return suspendOf(object) === true
      ? { is: 'done', because: `${what} is suspended` }
      : { is: 'not-done', because: `${what} is not suspended` };
  },
  undo: async (given, before, _key, context) => {
    const was = parseBefore(kind, beforeShape, before);
    return set(given, was, was.suspend, context);
  },
});

function suspendOf(object: KubernetesObject): boolean | null {
  const suspend = dig(object, 'spec', 'suspend');
  return typeof suspend === 'boolean' ? suspend : null;
}

async function read(given: z.infer<typeof params>, was: Before, context: ActionContext) {
  const cluster = operatorAt(placeFor(given, context.service), context);
  const object = await cluster.get(fluxAppliers[was.kind], was, context.signal);
  if (object === undefined) throw new WatchkeeperError('not-found', `${was.kind} ${was.name} is gone`);
  if (object.metadata.uid !== was.uid)
    throw new WatchkeeperError('conflict', `${was.kind} ${was.name} is another by now`);
  return { cluster, object };
}

async function set(
  given: z.infer<typeof params>,
  was: Before,
  suspend: boolean | null,
  context: ActionContext,
): Promise<ActionResult> {
  const message = `${was.kind} ${was.namespace}/${was.name} is ${suspend === true ? 'suspended' : 'resumed'}`;
  try {
    const { cluster, object } = await read(given, was, context);
    if (suspendOf(object) === suspend) return { is: 'done', message };
    // The uid alone is the precondition: the controller writes status at any time, and this field was just looked at.
    const body = { metadata: { uid: was.uid }, spec: { suspend } };
    await cluster.patch(fluxAppliers[was.kind], was, { type: 'merge', body }, {}, context.signal);
    return { is: 'done', message };
  } catch (thrown) {
    return writeFault(thrown);
  }
}
