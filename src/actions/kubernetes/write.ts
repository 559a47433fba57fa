import * as z from 'zod';

import { WatchkeeperError } from '../../lib/errors.ts';
import { limits } from '../../lib/limits.ts';
import type { Json, JsonObject } from '../../lib/json.ts';
import type { ActionContext, ActionResult, Probe } from '../../domain/ports/action.ts';
import type { KubernetesObject, KubernetesOperator, KubernetesRef } from '../../domain/ports/kubernetes.ts';
import { isRefusal } from '../faults.ts';
import { texts } from './read.ts';
import { collections, type Collection } from './resources.ts';
import { isOn, patchTo, sideShape, type Side } from './sides.ts';

/** On every object that we write: the key of the act, as the ledger has it. */
export const lastAct = 'watchkeeper.dev/last-act';

/** One edit of one object, resolved: which one, how it was and how it will be. This is what the journal keeps. */
export interface Aim {
  readonly cluster: string;
  readonly collection: Collection;
  readonly namespace?: string;
  readonly name: string;
  readonly uid: string;
  /** Its `last-act` when it was looked at; empty for none. */
  readonly acted: string;
  readonly was: Side;
  readonly will: Side;
}

/** An aim as a journal holds it. */
export const aimShape = z.strictObject({
  cluster: z.string(),
  collection: z.enum(Object.keys(collections) as [Collection, ...Collection[]]),
  namespace: z.string().exactOptional(),
  name: z.string(),
  uid: z.string(),
  acted: z.string(),
  was: sideShape,
  will: sideShape,
});

/** @throws WatchkeeperError `internal` for a journal that we did not write. */
export function parseAim(before: Json): Aim {
  const parsed = aimShape.safeParse(before);
  if (parsed.success) return parsed.data;
  throw new WatchkeeperError('internal', 'the journal of this step does not say what was to be written');
}

/** The object of an aim by name. */
export function refOf(aim: Pick<Aim, 'namespace' | 'name'>): KubernetesRef {
  return aim.namespace === undefined ? { name: aim.name } : { namespace: aim.namespace, name: aim.name };
}

/** How people call it. */
export function nameOf(aim: Pick<Aim, 'collection' | 'namespace' | 'name'>): string {
  return `${collections[aim.collection].kind} ${aim.namespace === undefined ? '' : `${aim.namespace}/`}${aim.name}`;
}

/** The key of the last act on an object; empty for none. */
export function actedOn(object: KubernetesObject): string {
  return texts(object.metadata.annotations)[lastAct] ?? '';
}

/** A patch that holds for this very state of the object, marked with the key of the act. */
export function guarded(patch: JsonObject, object: KubernetesObject, key: string): JsonObject {
  return {
    ...patch,
    metadata: {
      uid: object.metadata.uid,
      resourceVersion: object.metadata.resourceVersion,
      annotations: { [lastAct]: key },
    },
  };
}

/** What a fault of a write says about it: refused for certain, or nobody can tell. */
export function writeFault(thrown: unknown): ActionResult {
  const error = WatchkeeperError.from(thrown);
  return isRefusal(error)
    ? { is: 'failed', message: `the cluster refused it: ${error.message}` }
    : { is: 'unknown', message: `no clear answer came: ${error.message}` };
}

/**
 * Brings the object to a side of the aim, once. It is written only while it is the same object, still on the side that it
 * is to leave; the write carries its uid and resourceVersion, and a lost race is looked at anew.
 */
export async function bring(aim: Aim, to: 'will' | 'was', key: string, context: ActionContext): Promise<ActionResult> {
  const cluster = context.io.kubernetes.operator(aim.cluster);
  for (let tries = 1; ; tries++) {
    const object = await cluster.get(collections[aim.collection], refOf(aim), context.signal);
    const settled = standing(aim, to, key, object);
    if (settled !== undefined) return settled;
    if (object === undefined) return { is: 'failed', message: `${nameOf(aim)} is gone` };
    const raced = await writeOnce(cluster, aim, to, key, object, context);
    if (raced !== 'raced') return raced;
    if (tries >= limits.kubernetesWriteTries)
      return { is: 'failed', message: `${nameOf(aim)} changed under every one of ${tries} tries; nothing was written` };
  }
}

async function writeOnce(
  cluster: KubernetesOperator,
  aim: Aim,
  to: 'will' | 'was',
  key: string,
  object: KubernetesObject,
  context: ActionContext,
): Promise<ActionResult | 'raced'> {
  let patch: JsonObject;
  try {
    patch = await patchTo(cluster, aim.namespace, aim[to], context.signal);
  } catch (thrown) {
    return { is: 'failed', message: `nothing was written: ${WatchkeeperError.from(thrown).message}` };
  }
  try {
    const body = guarded(patch, object, key);
    await cluster.patch(collections[aim.collection], refOf(aim), { type: 'strategic', body }, {}, context.signal);
    return { is: 'done', message: `${nameOf(aim)} was written` };
  } catch (thrown) {
    const error = WatchkeeperError.from(thrown);
    return error.code === 'conflict' ? 'raced' : writeFault(error);
  }
}

// Whether there is anything to write, and whether it may be. `undefined`: write.
function standing(
  aim: Aim,
  to: 'will' | 'was',
  key: string,
  object: KubernetesObject | undefined,
): ActionResult | undefined {
  const what = nameOf(aim);
  if (object === undefined) return { is: 'failed', message: `${what} is gone` };
  if (object.metadata.uid !== aim.uid) return { is: 'failed', message: `${what} is another object by now` };
  const acted = actedOn(object);
  if (acted === key) return { is: 'done', message: `${what} was written already, by this very act` };
  if (to === 'was') {
    if (acted === aim.acted) return { is: 'done', message: `nothing of it is in effect on ${what}` };
    if (isOn(object, aim.was)) return { is: 'done', message: `${what} is as it was` };
    if (!isOn(object, aim.will))
      return { is: 'failed', message: `${what} was changed by somebody else since; it is left alone` };
    return undefined;
  }
  if (!isOn(object, aim.was))
    return { is: 'failed', message: `${what} is not as it was planned on any more; somebody else changed it` };
  return undefined;
}

/** Whether the act with this key happened: the object says so itself. */
export async function probeAim(aim: Aim, key: string, context: ActionContext): Promise<Probe> {
  const cluster = context.io.kubernetes.operator(aim.cluster);
  const object = await cluster.get(collections[aim.collection], refOf(aim), context.signal);
  const what = nameOf(aim);
  if (object === undefined) return { is: 'unknown', because: `${what} is gone` };
  if (object.metadata.uid !== aim.uid) return { is: 'unknown', because: `${what} is another object by now` };
  if (actedOn(object) === key) return { is: 'done', because: `${what} carries the key of this act` };
  if (isOn(object, aim.was)) return { is: 'not-done', because: `${what} is as it was, and does not carry its key` };
  return { is: 'unknown', because: `${what} was changed, and does not carry the key of this act` };
}
