import * as z from 'zod';

import { schemaOf } from '../../lib/schema.ts';
import type { ActionContext } from '../../domain/ports/action.ts';
import type { WorkloadKind } from '../../domain/places.ts';
import { editAction, type Look, type Refusal, type Wish } from './edit.ts';
import { untilRolledOut } from './finish.ts';
import { whoElse } from './owners.ts';
import { placeOf, workloadParam, workloadTarget } from './place.ts';
import { text, told } from './read.ts';
import { workloadCollection } from './resources.ts';
import { isCalled, revisionCalled, revisionsOf, type Revision, type Revisions } from './revisions.ts';
import { onlyOnDelete } from './rollout.ts';
import type { Seen } from './seen.ts';
import { lookNeeds, rolloutBlast, seeWorkload, workloadFacts } from './workload.ts';

const kinds: readonly WorkloadKind[] = ['Deployment', 'StatefulSet', 'DaemonSet'];

const params = z.strictObject({
  ...workloadParam,
  /** A revision's number, the name of what holds it, or the image (or its version) it ran. Default: the one before. */
  toRevision: z.string().min(1).max(512).exactOptional(),
  /** The revision that is blamed, in the same words. When another one runs by now, nothing is done. */
  from: z.string().min(1).max(512).exactOptional(),
  /** An earlier step suspends what would revert this. While that still acts, nothing is written. */
  afterSuspend: z.literal(true).exactOptional(),
});
type Params = z.infer<typeof params>;

/** Puts a workload's pod template back to one that its controller still holds, and waits until it is rolled out. */
export const rolloutUndo = editAction<Params>({
  kind: 'kubernetes.rollout-undo',
  summary: 'Put a workload back to an earlier revision and wait until it is rolled out',
  traits: { reversible: true, idempotent: true, destructive: false, scope: 'service' },
  params: schemaOf(params),
  access: [
    ...lookNeeds,
    { in: 'namespace', group: 'apps', resources: ['replicasets', 'controllerrevisions'], verbs: ['get', 'list'] },
    { in: 'namespace', group: 'apps', resources: ['deployments', 'statefulsets', 'daemonsets'], verbs: ['patch'] },
  ],
  target: ({ workload }, service) => workloadTarget(placeOf(service, kinds, workload), service),
  look,
  describe: (_params, { target, facts }) =>
    `put ${target.kind} ${target.id} back from revision ${told(facts['revision'])} (${text(facts['image'])}) to ` +
    `${told(facts['to'])} (${text(facts['toImage'])}), and wait until it is rolled out`,
  afterSuspend: ({ afterSuspend }) => afterSuspend === true,
  finish: untilRolledOut,
});

async function look(given: Params, context: ActionContext): Promise<Look> {
  const place = placeOf(context.service, kinds, given.workload);
  const seen = await seeWorkload(place, context);
  const revisions = await revisionsOf(seen, context);
  const { current, others } = revisions;
  const to = given.toRevision === undefined ? others[0] : revisionCalled(others, given.toRevision);
  const blamed = given.from !== undefined && current !== undefined && isCalled(current, given.from);
  return {
    cluster: seen.cluster,
    facts: {
      ...workloadFacts(seen),
      revisions: others.length + (current === undefined ? 0 : 1),
      revision: current?.number ?? 0,
      image: current?.images.join(', ') ?? '',
      to: to?.number ?? 0,
      toImage: to?.images.join(', ') ?? '',
      candidates: others.map(({ number }) => number),
    },
    blast: rolloutBlast(seen),
    busy: whoElse(
      seen,
      context.io.clock.nowMs(),
      blamed || seen.rollout.stuck ? { startedMs: current?.madeMs ?? 0 } : undefined,
    ),
    wish: wishFor(given, seen, revisions, to),
  };
}

function wishFor(given: Params, seen: Seen, { current, others }: Revisions, to: Revision | undefined): Wish | Refusal {
  const what = `${seen.place.workload.kind} ${seen.place.namespace}/${seen.place.workload.name}`;
  const stays = onlyOnDelete(seen.object);
  if (stays !== undefined) return { refused: stays };
  if (current === undefined)
    return { refused: `the controller of ${what} holds no revision of what it is now, so there would be no way back` };
  if (given.from !== undefined && !isCalled(current, given.from))
    return {
      refused: `${what} runs revision ${current.number} (${current.images.join(', ')}) by now, not ${given.from}`,
    };
  if (given.toRevision !== undefined && to === undefined && isCalled(current, given.toRevision))
    return { refused: `${what} is at revision ${current.number} already` };
  if (to === undefined)
    return {
      refused:
        given.toRevision === undefined
          ? `there is no revision of ${what} before ${current.number} to go back to`
          : `no revision of ${what} is called ${given.toRevision}; there are ${others.map((one) => one.number).join(', ') || 'none'}`,
      code: 'not-found',
    };
  return {
    collection: workloadCollection[seen.place.workload.kind],
    object: seen.object,
    was: current.side,
    will: to.side,
  };
}
