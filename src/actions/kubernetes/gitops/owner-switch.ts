import * as z from 'zod';

import { canonicalJson, digest } from '../../../lib/canonical.ts';
import { WatchkeeperError } from '../../../lib/errors.ts';
import type { Json, JsonObject } from '../../../lib/json.ts';
import { limits } from '../../../lib/limits.ts';
import { schemaOf } from '../../../lib/schema.ts';
import type { ActionContext, ActionKind, ActionResult, KubernetesNeed } from '../../../domain/ports/action.ts';
import type { KubernetesObject, KubernetesResource } from '../../../domain/ports/kubernetes.ts';
import { gitopsFacts } from '../../../io/clients/gitops/index.ts';
import { defineAction } from '../../define-action.ts';
import { writeFault } from '../../faults.ts';
import { needsOf } from '../needs.ts';
import { operatorAt, workloadParam, workloadTarget } from '../place.ts';
import { parseBefore } from './before.ts';
import { lookNeeds, placeFor, switchBlast, word, type OwnedWorkload } from './workload.ts';

/** Which object of GitOps applies a workload, and how it stands. */
export interface FoundOwner {
  readonly owned: OwnedWorkload;
  /** `Application`, `Kustomization`: a key of the switch's `resources`. */
  readonly kind: string;
  readonly object: KubernetesObject;
  /** How many objects it applies, where that is known. */
  readonly objects?: number;
  /** Why switching it off would not last. */
  readonly kept?: string;
  /** Who is at work on it right now. */
  readonly busy?: string | undefined;
}

/** One way of GitOps to say that an owner does not act by itself: a field of its spec, and what stands there then. */
export interface OwnerSwitch {
  readonly kind: string;
  readonly summary: string;
  /** What writing it needs. */
  readonly access: readonly KubernetesNeed[];
  /** Where owners of each kind are kept. */
  readonly resources: Readonly<Record<string, KubernetesResource>>;
  /** The field, as a plan shows it: `spec.suspend`. */
  readonly field: string;
  /** What stands there when it is off. */
  readonly off: Json;
  /** How a plan says it: `suspend Flux Kustomization shop/apps`. */
  readonly describe: (owner: string) => string;
  /** How it is when it is off, and when it is on. */
  readonly states: { readonly off: string; readonly on: string };
  /** @throws WatchkeeperError `unsupported` when nothing of that kind applies the workload; `not-found`. */
  find(given: { readonly workload?: string }, context: ActionContext): Promise<FoundOwner>;
  /** The field as it is written, `null` where it is not. */
  read(object: KubernetesObject): Json;
  /** Whether two of these mean the same. */
  isSame(a: Json, b: Json): boolean;
  /** The part of `spec` that writes it; `null` takes it away. */
  spec(value: Json): JsonObject;
}

const params = z.strictObject(workloadParam);
type Params = z.infer<typeof params>;
const beforeShape = z.strictObject({
  kind: z.string(),
  namespace: z.string(),
  name: z.string(),
  uid: z.string(),
  was: z.json(),
});
interface Before {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  /** As it is written, so that undo leaves it so. */
  readonly was: Json;
}

/**
 * An action that switches an owner off, so that what is done in the cluster lasts, and on again when it is undone. What
 * somebody else has written meanwhile is theirs, and stays.
 */
export function ownerSwitch(how: OwnerSwitch): ActionKind {
  const access = [...lookNeeds, ...how.access];
  const recorded = (before: Json): Before => parseBefore(how.kind, beforeShape, before);
  return defineAction<Params>({
    kind: how.kind,
    summary: how.summary,
    traits: { reversible: true, idempotent: true, destructive: false, scope: 'cluster' },
    params: schemaOf(params),
    needs: needsOf(access),
    access,
    target: (given, service) => workloadTarget(placeFor(given, service), service),
    observe: (given, context) => observe(how, given, context),
    preview: (_given, { facts }) => {
      const owner = word(facts, 'owner');
      const { was = null, objects, kept } = facts;
      if (typeof kept === 'string') throw new WatchkeeperError('conflict', kept);
      if (how.isSame(was, how.off)) throw new WatchkeeperError('conflict', `${owner} ${how.states.off}`);
      const many = typeof objects === 'number' ? `; it applies ${objects} objects` : '';
      return {
        describe: `${how.describe(owner)}${many}`,
        diff: [`${owner} ${how.field}: ${shown(was)} → ${shown(how.off)}`],
      };
    },
    before: (_given, { facts }): Json => facts['before'] ?? null,
    run: (given, before, _key, context) => {
      const was = recorded(before);
      return turn(how, given, was, { from: was.was, to: how.off }, context);
    },
    probe: async (given, before, context) => {
      const was = recorded(before);
      const now = how.read(await readOwner(how, given, was, context));
      if (how.isSame(now, how.off)) return { is: 'done', because: `${nameOf(was)} ${how.states.off}` };
      if (how.isSame(now, was.was)) return { is: 'not-done', because: `${nameOf(was)} ${how.states.on}` };
      return { is: 'unknown', because: `somebody else has changed ${how.field} of ${nameOf(was)}` };
    },
    undo: (given, before, _key, context) => {
      const was = recorded(before);
      return turn(how, given, was, { from: how.off, to: was.was }, context);
    },
  });
}

async function observe(how: OwnerSwitch, given: Params, context: ActionContext) {
  const { owned, kind, object, objects, kept, busy } = await how.find(given, context);
  const { namespace = '', name, uid = '' } = object.metadata;
  const was = how.read(object);
  const before: Before = { kind, namespace, name, uid, was };
  return {
    target: workloadTarget(owned.place, context.service),
    atMs: context.io.clock.nowMs(),
    facts: {
      gitops: gitopsFacts(owned.state),
      owner: nameOf(before),
      was,
      before: before as unknown as JsonObject,
      ...(objects === undefined ? {} : { objects }),
      ...(kept === undefined ? {} : { kept }),
    },
    stateHash: digest([uid, was]),
    blast: switchBlast(`${kind.toLowerCase()}/${namespace}/${name}`),
    ...(busy === undefined ? {} : { busy }),
  };
}

async function readOwner(
  how: OwnerSwitch,
  given: Params,
  was: Before,
  context: ActionContext,
): Promise<KubernetesObject> {
  const cluster = operatorAt(placeFor(given, context.service), context);
  const object = await cluster.get(resourceOf(how, was), was, context.signal);
  if (object === undefined) throw new WatchkeeperError('not-found', `${nameOf(was)} is gone`);
  if (object.metadata.uid !== was.uid) throw new WatchkeeperError('conflict', `${nameOf(was)} is another by now`);
  return object;
}

// Its controller writes status all the time, and each such write makes the precondition fail for certain: then it is
// looked at anew.
async function turn(
  how: OwnerSwitch,
  given: Params,
  was: Before,
  { from, to }: { readonly from: Json; readonly to: Json },
  context: ActionContext,
): Promise<ActionResult> {
  const message = `${nameOf(was)} ${how.isSame(to, how.off) ? how.states.off : how.states.on}`;
  for (let tries = 1; ; tries++) {
    try {
      const object = await readOwner(how, given, was, context);
      const now = how.read(object);
      if (how.isSame(now, to)) return { is: 'done', message };
      if (!how.isSame(now, from))
        return { is: 'failed', message: `somebody else has changed ${how.field} of ${nameOf(was)}` };
      const { uid = '', resourceVersion = '' } = object.metadata;
      const body = { metadata: { uid, resourceVersion }, spec: how.spec(to) };
      const cluster = operatorAt(placeFor(given, context.service), context);
      await cluster.patch(resourceOf(how, was), was, { type: 'merge', body }, {}, context.signal);
      return { is: 'done', message };
    } catch (thrown) {
      const isConflict = thrown instanceof WatchkeeperError && thrown.code === 'conflict';
      if (!isConflict || tries >= limits.kubernetesWriteTries) return writeFault(thrown);
    }
  }
}

function resourceOf({ kind, resources }: OwnerSwitch, was: Before): KubernetesResource {
  const resource = resources[was.kind];
  if (resource === undefined) throw new WatchkeeperError('malformed', `${kind} does not know ${was.kind}`);
  return resource;
}

function nameOf({ kind, namespace, name }: Pick<Before, 'kind' | 'namespace' | 'name'>): string {
  return `${kind} ${namespace}/${name}`;
}

function shown(value: Json): string {
  return value === null ? 'none' : canonicalJson(value);
}
