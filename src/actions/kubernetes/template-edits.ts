import * as z from 'zod';

import { schemaOf } from '../../lib/schema.ts';
import type { ActionContext, ActionKind, KubernetesNeed } from '../../domain/ports/action.ts';
import type { WorkloadKind } from '../../domain/places.ts';
import type { JsonObject } from '../../lib/json.ts';
import { editAction, type Look } from './edit.ts';
import { untilRolledOut } from './finish.ts';
import { whoElse } from './owners.ts';
import { placeOf, workloadParam, workloadTarget } from './place.ts';
import { at, told } from './read.ts';
import { workloadCollection } from './resources.ts';
import { onlyOnDelete } from './rollout.ts';
import { lookNeeds, rolloutBlast, seeWorkload, workloadFacts } from './workload.ts';

const restarted: readonly WorkloadKind[] = ['Deployment', 'StatefulSet', 'DaemonSet'];
const paused: readonly WorkloadKind[] = ['Deployment'];
const onlyWorkload = z.strictObject(workloadParam);

const patchWorkloads: KubernetesNeed = {
  in: 'namespace',
  group: 'apps',
  resources: ['deployments', 'statefulsets', 'daemonsets'],
  verbs: ['patch'],
};

/** In the pod template: how often we have restarted the workload. */
const restarts = 'watchkeeper.dev/restarts';

/** Replaces every pod of a workload by its own strategy, as `kubectl rollout restart` does. */
export const rolloutRestart: ActionKind = editAction<z.infer<typeof onlyWorkload>>({
  kind: 'kubernetes.rollout-restart',
  summary: 'Replace every pod of a workload, a few at a time, and wait until it is rolled out',
  // Pods that went cannot be brought back as they were.
  traits: { reversible: false, idempotent: true, destructive: false, scope: 'service' },
  params: schemaOf(onlyWorkload),
  access: [...lookNeeds, patchWorkloads],
  target: ({ workload }, service) => workloadTarget(placeOf(service, restarted, workload), service),
  look: async ({ workload }, context) => {
    const place = placeOf(context.service, restarted, workload);
    const seen = await seeWorkload(place, context);
    // A count, where kubectl writes the time: what is approved later must be what was planned.
    const before = Number(at(seen.object, 'spec', 'template', 'metadata', 'annotations', restarts) ?? 0);
    const annotations = { [restarts]: String(Number.isSafeInteger(before) ? before + 1 : 1) };
    const facts = workloadFacts(seen);
    const isPaused = `${place.workload.name} is paused: a restart would not begin until somebody resumes it`;
    const why = facts['paused'] === true ? isPaused : onlyOnDelete(seen.object);
    return {
      cluster: seen.cluster,
      facts,
      blast: rolloutBlast(seen),
      busy: whoElse(seen, context.io.clock.nowMs()),
      wish:
        why !== undefined
          ? { refused: why }
          : {
              collection: workloadCollection[place.workload.kind],
              object: seen.object,
              will: { is: 'fields', fields: { spec: { template: { metadata: { annotations } } } } },
            },
    };
  },
  describe: (_params, { target, facts }) =>
    `restart ${target.kind} ${target.id}: replace its ${told(facts['replicas'])} pods by its own strategy`,
  finish: untilRolledOut,
});

/** Stops a rollout where it is. Undo lets it go on. */
export const rolloutPause: ActionKind = editAction<z.infer<typeof onlyWorkload>>({
  kind: 'kubernetes.rollout-pause',
  summary: 'Stop a rollout of a Deployment where it is; undo lets it go on',
  traits: { reversible: true, idempotent: true, destructive: false, scope: 'service' },
  params: schemaOf(onlyWorkload),
  access: [...lookNeeds, { ...patchWorkloads, resources: ['deployments'] }],
  target: ({ workload }, service) => workloadTarget(placeOf(service, paused, workload), service),
  look: ({ workload }, context) => pauseLook(workload, context),
  describe: (_params, { target, facts }) =>
    `pause Deployment ${target.id}: ${told(facts['updated'])} of ${told(facts['replicas'])} pods are new, and it stays so`,
});

async function pauseLook(workload: string | undefined, context: ActionContext): Promise<Look> {
  const place = placeOf(context.service, paused, workload);
  const seen = await seeWorkload(place, context);
  const facts: JsonObject = workloadFacts(seen);
  const { replicas, ready } = seen.rollout;
  return {
    cluster: seen.cluster,
    facts,
    // No pod is touched; the rollout of one workload is.
    blast: { ...rolloutBlast(seen), touched: Math.min(1, replicas), healthyAfter: ready, healthyNow: ready },
    // A rollout under way, by whomever, is what there is to be paused.
    busy: whoElse(seen, context.io.clock.nowMs(), { startedMs: context.io.clock.nowMs() }),
    wish:
      facts['paused'] === true
        ? { refused: `${place.workload.name} is paused already` }
        : {
            collection: 'deployments',
            object: seen.object,
            will: { is: 'fields', fields: { spec: { paused: true } } },
          },
  };
}
