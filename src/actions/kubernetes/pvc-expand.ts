import * as z from 'zod';

import { WatchkeeperError } from '../../lib/errors.ts';
import { schemaOf } from '../../lib/schema.ts';
import type { ActionContext } from '../../domain/ports/action.ts';
import type { KubernetesObject, KubernetesOperator } from '../../domain/ports/kubernetes.ts';
import { editAction, type Look, type Refusal, type Wish } from './edit.ts';
import { recentWriter } from './owners.ts';
import { objectName, operatorAt, placeOf, targetIn, workloadParam } from './place.ts';
import { at, quantity, text } from './read.ts';
import { collections } from './resources.ts';

const size = z.string().refine((written) => (quantity(written) ?? 0) > 0, 'must be a size such as 20Gi');

const params = z.strictObject({
  ...workloadParam,
  /** Which PersistentVolumeClaim, in the namespace of the service. */
  claim: objectName,
  /** How many times what it asks for now. */
  factor: z.number().min(1.05).max(4).default(1.25),
  /** Never beyond this, however often it is done. */
  cap: size,
});
type Params = z.infer<typeof params>;

const gib = 2 ** 30;

/** Makes a volume larger. It can never be made smaller again. */
export const pvcExpand = editAction<Params>({
  kind: 'kubernetes.pvc-expand',
  summary: 'Make a volume larger, up to a cap; it cannot be made smaller again',
  traits: { reversible: false, idempotent: true, destructive: false, scope: 'service' },
  params: schemaOf(params),
  access: [
    { in: 'namespace', group: '', resources: ['persistentvolumeclaims'], verbs: ['get', 'patch'] },
    { in: 'cluster', group: 'storage.k8s.io', resources: ['storageclasses'], verbs: ['get'] },
  ],
  target: ({ workload, claim }, service) =>
    targetIn(placeOf(service, undefined, workload), 'PersistentVolumeClaim', claim, service),
  look,
  describe: (given, { target, facts }) =>
    `make volume ${target.id} larger, from ${text(facts['storage'])} to ${text(facts['storageAfter'])} (cap ${given.cap}); for good`,
});

async function look(given: Params, context: ActionContext): Promise<Look> {
  const place = placeOf(context.service, undefined, given.workload);
  const cluster = operatorAt(place, context);
  const { namespace } = place;
  const object = await cluster.get(
    collections.persistentvolumeclaims,
    { namespace, name: given.claim },
    context.signal,
  );
  if (object === undefined)
    throw new WatchkeeperError('not-found', `there is no PersistentVolumeClaim ${namespace}/${given.claim}`);
  const now = quantity(at(object, 'spec', 'resources', 'requests', 'storage'));
  const after = now === undefined ? undefined : Math.min(now * given.factor, quantity(given.cap) ?? 0);
  const storageAfter = after === undefined ? '' : `${Math.ceil(after / gib)}Gi`;
  return {
    cluster,
    facts: {
      cluster: place.cluster,
      namespace,
      workload: place.workload.name,
      claim: given.claim,
      phase: text(at(object, 'status', 'phase')),
      storage: text(at(object, 'spec', 'resources', 'requests', 'storage')),
      capacity: text(at(object, 'status', 'capacity', 'storage')),
      storageAfter,
    },
    blast: { touched: 1, total: 1, healthyAfter: 0, healthyNow: 0, targets: [given.claim], dependents: [] },
    busy: recentWriter(object, ['f:spec'], context.io.clock.nowMs(), ['kube-controller-manager']),
    wish: await wishFor(given, cluster, object, now, storageAfter, context.signal),
  };
}

async function wishFor(
  given: Params,
  cluster: KubernetesOperator,
  object: KubernetesObject,
  now: number | undefined,
  storage: string,
  signal: AbortSignal,
): Promise<Wish | Refusal> {
  const { name } = object.metadata;
  const after = quantity(storage) ?? 0;
  if (at(object, 'status', 'phase') !== 'Bound' || now === undefined) return { refused: `volume ${name} is not bound` };
  if (after > (quantity(given.cap) ?? 0) || after <= now)
    return {
      refused: `volume ${name} has ${text(at(object, 'spec', 'resources', 'requests', 'storage'))}, and the cap is ${given.cap}`,
    };
  const className = text(at(object, 'spec', 'storageClassName'));
  const storageClass =
    className === '' ? undefined : await cluster.get(collections.storageclasses, { name: className }, signal);
  if (at(storageClass, 'allowVolumeExpansion') !== true)
    return { refused: `its StorageClass ${className === '' ? '(none)' : className} does not allow volumes to grow` };
  const fields = { spec: { resources: { requests: { storage } } } };
  return { collection: 'persistentvolumeclaims', object, will: { is: 'fields', fields } };
}
