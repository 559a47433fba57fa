import * as z from 'zod';

import { WatchkeeperError } from '../../lib/errors.ts';
import { schemaOf } from '../../lib/schema.ts';
import type { ActionContext } from '../../domain/ports/action.ts';
import type { WorkloadKind } from '../../domain/places.ts';
import { editAction, type Look, type Refusal, type Wish } from './edit.ts';
import { whoElse } from './owners.ts';
import { placeOf, workloadParam, workloadTarget } from './place.ts';
import { at, count, told } from './read.ts';
import { workloadCollection } from './resources.ts';
import type { Seen } from './seen.ts';
import { lookNeeds, namesOf, seeWorkload, workloadFacts } from './workload.ts';

const kinds: readonly WorkloadKind[] = ['Deployment', 'StatefulSet'];
const replicas = z.int().min(1).max(10_000);

const params = z
  .strictObject({
    ...workloadParam,
    /** So many in all; never none. */
    replicas: replicas.exactOptional(),
    /** So many times what there is now, rounded up: 1.5. */
    factor: z.number().min(0.1).max(4).exactOptional(),
    /** Never more than this, and never fewer. */
    max: replicas,
    min: replicas.default(1),
    /** Where an autoscaler has the number: refuse, or move its bounds so that it goes there itself. */
    autoscaler: z.enum(['refuse', 'bounds']).default('refuse'),
  })
  .refine((given) => (given.replicas === undefined) !== (given.factor === undefined), {
    message: 'say either replicas or factor',
  })
  .refine((given) => given.min <= given.max, { message: 'min is more than max', path: ['min'] });
type Params = z.infer<typeof params>;

/** Changes the number of replicas, or the bounds of the autoscaler that has it. */
export const scale = editAction<Params>({
  kind: 'kubernetes.scale',
  summary: 'Change the number of replicas within bounds; never against an autoscaler',
  traits: { reversible: true, idempotent: true, destructive: false, scope: 'service' },
  params: schemaOf(params),
  access: [
    ...lookNeeds,
    { in: 'namespace', group: 'apps', resources: ['deployments', 'statefulsets'], verbs: ['patch'] },
    {
      in: 'namespace',
      group: 'autoscaling',
      resources: ['horizontalpodautoscalers'],
      verbs: ['get', 'patch'],
    },
  ],
  target: ({ workload }, service) => workloadTarget(placeOf(service, kinds, workload), service),
  look,
  describe: (_params, { target, facts }) =>
    facts['by'] === 'bounds'
      ? `move the bounds of autoscaler ${told(facts['hpa'])}, so that ${target.kind} ${target.id} has at least ${told(facts['wanted'])} replicas`
      : `scale ${target.kind} ${target.id} from ${told(facts['replicas'])} to ${told(facts['wanted'])} replicas`,
});

async function look(given: Params, context: ActionContext): Promise<Look> {
  const place = placeOf(context.service, kinds, given.workload);
  const seen = await seeWorkload(place, context);
  const { replicas: now, ready } = seen.rollout;
  const asked = given.replicas ?? Math.ceil(now * (given.factor ?? 1));
  const wanted = Math.min(given.max, Math.max(given.min, asked));
  const fewer = Math.max(0, now - wanted);
  return {
    cluster: seen.cluster,
    facts: { ...workloadFacts(seen), wanted, by: seen.hpa === undefined ? 'replicas' : given.autoscaler },
    blast: {
      touched: Math.max(1, Math.min(now, fewer)),
      total: Math.max(1, now),
      healthyAfter: Math.max(0, Math.min(ready, wanted)),
      healthyNow: ready,
      replicasAfter: seen.hpa === undefined ? wanted : Math.max(wanted, count(at(seen.hpa, 'spec', 'maxReplicas'))),
      targets: [`${place.workload.kind} ${place.namespace}/${place.workload.name}`, ...namesOf(seen.pods)],
      dependents: [],
    },
    busy: whoElse(seen, context.io.clock.nowMs()),
    wish: seen.hpa === undefined ? wishFor(seen, now, wanted) : boundsWish(given, seen, wanted),
  };
}

function wishFor(seen: Seen, now: number, wanted: number): Wish | Refusal {
  const { place, object } = seen;
  if (wanted === now) return { refused: `${place.workload.name} has ${now} replicas already` };
  if (now === 0) return { refused: `${place.workload.name} was scaled to none, which is how people switch it off` };
  return {
    collection: workloadCollection[place.workload.kind],
    object,
    will: { is: 'fields', fields: { spec: { replicas: wanted } } },
  };
}

function boundsWish(given: Params, seen: Seen, wanted: number): Wish | Refusal {
  const { hpa, place } = seen;
  if (hpa === undefined) throw new WatchkeeperError('internal', 'there is no autoscaler to move the bounds of');
  const { name } = hpa.metadata;
  if (given.autoscaler === 'refuse')
    return {
      refused: `the autoscaler ${name} has the replicas of ${place.workload.name}, and would put back any number we set`,
      code: 'forbidden',
    };
  const [min, max] = [count(at(hpa, 'spec', 'minReplicas'), 1), count(at(hpa, 'spec', 'maxReplicas'), 1)];
  if (wanted === min) return { refused: `the autoscaler ${name} has a minimum of ${min} already` };
  const spec = { minReplicas: wanted, ...(wanted > max ? { maxReplicas: wanted } : {}) };
  return { collection: 'horizontalpodautoscalers', object: hpa, will: { is: 'fields', fields: { spec } } };
}
