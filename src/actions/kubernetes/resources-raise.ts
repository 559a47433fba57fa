import * as z from 'zod';

import { schemaOf } from '../../lib/schema.ts';
import type { JsonObject } from '../../lib/json.ts';
import type { ActionContext } from '../../domain/ports/action.ts';
import type { WorkloadKind } from '../../domain/places.ts';
import { editAction, type Look, type Refusal, type Wish } from './edit.ts';
import { untilRolledOut } from './finish.ts';
import { whoElse } from './owners.ts';
import { placeOf, workloadParam, workloadTarget } from './place.ts';
import { at, mebibytes, quantity, text } from './read.ts';
import { workloadCollection } from './resources.ts';
import { onlyOnDelete } from './rollout.ts';
import { roomFor } from './room.ts';
import type { Seen } from './seen.ts';
import { containersOf, lookNeeds, oomKilledIn, rolloutBlast, seeWorkload, workloadFacts } from './workload.ts';

const kinds: readonly WorkloadKind[] = ['Deployment', 'StatefulSet', 'DaemonSet'];
const size = z.string().refine((written) => (quantity(written) ?? 0) > 0, 'must be a size such as 512Mi or 2Gi');

const params = z.strictObject({
  ...workloadParam,
  /** Which container; default: the one that was killed for lack of memory, when it is exactly one. */
  container: z.string().min(1).max(63).exactOptional(),
  /** How many times its present limit. */
  factor: z.number().min(1.05).max(4).default(1.5),
  /** Never beyond this, however often it is done. */
  cap: size,
});
type Params = z.infer<typeof params>;

/** Raises the memory limit of one container, up to a cap, and waits until it is rolled out. */
export const resourcesRaise = editAction<Params>({
  kind: 'kubernetes.resources-raise',
  summary: 'Raise the memory limit of one container, up to a cap and to what the cluster has',
  traits: { reversible: true, idempotent: true, destructive: false, scope: 'service' },
  params: schemaOf(params),
  access: [
    ...lookNeeds,
    { in: 'namespace', group: 'apps', resources: ['deployments', 'statefulsets', 'daemonsets'], verbs: ['patch'] },
    { in: 'namespace', group: '', resources: ['limitranges', 'resourcequotas'], verbs: ['list'] },
    { in: 'cluster', group: '', resources: ['nodes'], verbs: ['list'] },
  ],
  target: ({ workload }, service) => workloadTarget(placeOf(service, kinds, workload), service),
  look,
  describe: (given, { target, facts }) =>
    `raise the memory limit of container ${text(facts['container'])} in ${target.kind} ${target.id} from ` +
    `${text(facts['memory'])} to ${text(facts['memoryAfter'])} (cap ${given.cap}), and wait until it is rolled out`,
  finish: untilRolledOut,
});

async function look(given: Params, context: ActionContext): Promise<Look> {
  const seen = await seeWorkload(placeOf(context.service, kinds, given.workload), context);
  const killed = [...new Set(seen.pods.flatMap(oomKilledIn))];
  const name = given.container ?? (killed.length === 1 ? killed[0] : undefined);
  const container = containersOf(seen.object).find((one) => one['name'] === name);
  const now = quantity(at(container, 'resources', 'limits', 'memory'));
  const cap = quantity(given.cap) ?? 0;
  const after = now === undefined ? undefined : Math.min(now * given.factor, cap);
  const wish =
    name === undefined
      ? {
          refused: `which container to give more memory to cannot be told: ${killed.join(', ') || 'none'} ran out of it`,
        }
      : await wishFor(seen, name, container, { now, after, cap }, context);
  return {
    cluster: seen.cluster,
    facts: {
      ...workloadFacts(seen),
      container: name ?? '',
      memory: text(at(container, 'resources', 'limits', 'memory')),
      memoryAfter: after === undefined ? '' : mebibytes(after),
      atCap: now !== undefined && now >= cap,
    },
    blast: rolloutBlast(seen),
    // The pods that die for lack of memory are why we are here; whoever rolls out at the same time is not us.
    busy: whoElse(seen, context.io.clock.nowMs(), seen.rollout.stuck ? { startedMs: 0 } : undefined),
    wish,
  };
}

async function wishFor(
  seen: Seen,
  name: string,
  container: JsonObject | undefined,
  { now, after, cap }: { readonly now: number | undefined; readonly after: number | undefined; readonly cap: number },
  context: ActionContext,
): Promise<Wish | Refusal> {
  const what = `container ${name} of ${seen.place.workload.name}`;
  const stays = onlyOnDelete(seen.object);
  if (stays !== undefined) return { refused: stays };
  if (container === undefined) return { refused: `there is no ${what}`, code: 'not-found' };
  if (now === undefined || after === undefined)
    return { refused: `${what} has no memory limit: it was not its limit that it ran into` };
  if (now >= cap) return { refused: `${what} has ${mebibytes(now)} already, and the cap is ${mebibytes(cap)}` };
  const request = quantity(at(container, 'resources', 'requests', 'memory'));
  // What asked for all it may have (a guaranteed pod) goes on doing so.
  const requestAfter = request === undefined ? undefined : request >= now ? after : request;
  const tight = await roomFor(
    seen,
    { now, after, request: request ?? now, requestAfter: requestAfter ?? after },
    context,
  );
  if (tight !== undefined) return { refused: `${what} cannot have ${mebibytes(after)}: ${tight}` };
  const resources = {
    limits: { memory: mebibytes(after) },
    ...(requestAfter === undefined || requestAfter === request
      ? {}
      : { requests: { memory: mebibytes(requestAfter) } }),
  };
  const fields = { spec: { template: { spec: { containers: [{ name, resources }] } } } };
  return {
    collection: workloadCollection[seen.place.workload.kind],
    object: seen.object,
    will: { is: 'fields', fields },
  };
}
