import { digest } from '../../lib/canonical.ts';
import { WatchkeeperError, type ErrorCode } from '../../lib/errors.ts';
import { limits } from '../../lib/limits.ts';
import type { Json, JsonObject } from '../../lib/json.ts';
import type { ActionContext, ActionKind, ActionResult, ActionSpec, KubernetesNeed } from '../../domain/ports/action.ts';
import type { KubernetesObject, KubernetesOperator } from '../../domain/ports/kubernetes.ts';
import type { ActionTraits, BlastRadius, Observation, Target } from '../../domain/remediation.ts';
import type { Schema } from '../../domain/ports/schema.ts';
import type { Service } from '../../domain/service.ts';
import { gitopsFacts, readGitops } from '../../io/clients/gitops/index.ts';
import { defineAction } from '../define-action.ts';
import { diffLines } from './diff.ts';
import { needsOf, ownerNeeds } from './needs.ts';
import { collections, type Collection } from './resources.ts';
import { patchTo, pick, type Side } from './sides.ts';
import { actedOn, bring, guarded, nameOf, parseAim, probeAim, refOf, type Aim } from './write.ts';

/** Why an edit cannot be made from here, in a sentence. */
export interface Refusal {
  readonly refused: string;
  readonly code?: ErrorCode;
}

/** What an edit wants to do to one object. `was` is filled in from the object where `will` is written out as fields. */
export interface Wish {
  readonly collection: Collection;
  readonly object: KubernetesObject;
  readonly will: Side;
  readonly was?: Side;
}

/** What an edit saw: facts for conditions, how much it touches, who else is at work, and what it would do. */
export interface Look {
  readonly cluster: KubernetesOperator;
  readonly facts: JsonObject;
  readonly blast: BlastRadius;
  readonly busy?: string | undefined;
  readonly wish: Wish | Refusal;
}

/** An action that is one guarded write to one object. */
export interface EditSpec<P> {
  readonly kind: string;
  readonly summary: string;
  readonly traits: ActionTraits;
  readonly params: Schema<P>;
  readonly access: readonly KubernetesNeed[];
  target(params: P, service: Service): Target;
  look(params: P, context: ActionContext): Promise<Look>;
  /** Whether an earlier step has suspended what would revert this. It is looked at again right before the write. */
  afterSuspend?(params: P): boolean;
  /** In words: `roll Deployment shop/web back from revision 4 to 3`. Pure. */
  describe(params: P, observed: Observation): string;
  /** Done right before the write, by whoever needs it: a copy of what is overwritten. */
  prepare?(aim: Aim, context: ActionContext): Promise<ActionResult | undefined>;
  /** Waits for what the write sets going. A failure here leaves the write in place, for undo. */
  finish?(aim: Aim, context: ActionContext): Promise<ActionResult>;
}

/**
 * Makes an action of an edit. Looking includes a dry run by the server, so that a plan shows what would really become of
 * the object, admission and defaults included, and a refusal comes before anybody is asked. Where GitOps owns the object and
 * would revert the write, that is the refusal.
 */
export function editAction<P extends object>(spec: EditSpec<P>): ActionKind {
  const access = [...spec.access, ...ownerNeeds];
  const base = {
    kind: spec.kind,
    summary: spec.summary,
    params: spec.params,
    needs: needsOf(access),
    access,
    target: (params: P, service: Service) => spec.target(params, service),
    observe: (params: P, context: ActionContext) => observe(spec, params, context),
    preview: (params: P, observed: Observation) => {
      const { facts } = observed;
      if (typeof facts['refused'] === 'string')
        throw new WatchkeeperError((facts['refusedCode'] as ErrorCode | undefined) ?? 'conflict', facts['refused']);
      return { describe: spec.describe(params, observed), diff: facts['diff'] as readonly string[] };
    },
    before: (_params: P, { facts }: Observation): Json => facts['aim'] ?? null,
    run: async (params: P, before: Json, key: string, context: ActionContext) => {
      const aim = parseAim(before);
      const stopped = spec.afterSuspend?.(params) === true ? await stillReverts(aim, context) : undefined;
      return stopped ?? run(spec, aim, key, context);
    },
    probe: (_params: P, before: Json, context: ActionContext, key: string) => probeAim(parseAim(before), key, context),
  };
  const { traits } = spec;
  const reversible = traits.reversible;
  const whole: ActionSpec<P> = reversible
    ? {
        ...base,
        traits: { ...traits, reversible },
        undo: (_params, before, key, context) => bring(parseAim(before), 'was', key, context),
      }
    : { ...base, traits: { ...traits, reversible } };
  return defineAction<P>(whole);
}

async function observe<P>(spec: EditSpec<P>, params: P, context: ActionContext): Promise<Observation> {
  const target = spec.target(params, context.service);
  const { cluster, facts, blast, busy, wish } = await spec.look(params, context);
  const owner = 'refused' in wish ? undefined : await readGitops(cluster, kindOf(wish), context.signal);
  // Nothing can suspend the controller of a custom resource.
  const willRest = spec.afterSuspend?.(params) === true && owner?.owner.by !== 'controller';
  const fought: Refusal | undefined = owner?.reverts === undefined || willRest ? undefined : { refused: owner.reverts };
  const aimed = 'refused' in wish ? wish : (fought ?? (await tryOut(cluster, wish, context)));
  return {
    target,
    atMs: context.io.clock.nowMs(),
    facts: {
      ...facts,
      ...('refused' in wish ? {} : { gitops: gitopsFacts(owner) }),
      ...('refused' in aimed
        ? { refused: aimed.refused, refusedCode: aimed.code ?? 'conflict' }
        : { diff: aimed.diff, aim: aimed.aim as unknown as JsonObject }),
    },
    stateHash: digest([target.id, 'refused' in aimed ? aimed.refused : [aimed.aim.uid, aimed.aim.was, aimed.aim.will]]),
    blast,
    ...(busy === undefined ? {} : { busy }),
  };
}

// A tracking id is compared with what the object is; items of a list don't say it themselves.
function kindOf({ collection, object }: Wish): KubernetesObject {
  const { group, version, kind } = collections[collection];
  return { apiVersion: group === '' ? version : `${group}/${version}`, kind, ...object };
}

interface Aimed {
  readonly aim: Aim;
  readonly diff: readonly string[];
}

// Asks the server what would become of the object. What it answers is what `will` means from here on: `1536Mi` may come
// back as `1.5Gi`.
async function tryOut(cluster: KubernetesOperator, wish: Wish, context: ActionContext): Promise<Aimed | Refusal> {
  const { signal } = context;
  const { namespace, name } = wish.object.metadata;
  const collection = collections[wish.collection];
  const ref = refOf(namespace === undefined ? { name } : { namespace, name });
  let object = wish.object;
  for (let tries = 1; ; tries++) {
    try {
      const patch = await patchTo(cluster, namespace, wish.will, signal);
      const body = guarded(patch, object, 'dry-run');
      const after = await cluster.patch(collection, ref, { type: 'strategic', body }, { dryRun: true }, signal);
      return aimedAt(cluster.cluster, wish, object, after);
    } catch (thrown) {
      const error = WatchkeeperError.from(thrown);
      if (error.code !== 'conflict' || tries >= limits.kubernetesWriteTries) return refusalOf(error);
      const again = await cluster.get(collection, ref, signal);
      if (again === undefined || again.metadata.uid !== object.metadata.uid) return refusalOf(error);
      object = again;
    }
  }
}

/** A refusal of the cluster, kept apart from faults: those say nothing about whether it may be done. */
function refusalOf(error: WatchkeeperError): Refusal {
  const clear: readonly ErrorCode[] = ['conflict', 'forbidden', 'config-invalid', 'not-found', 'unsupported'];
  if (!clear.includes(error.code)) throw error;
  return { refused: `a dry run was refused: ${error.message}`, code: error.code };
}

function aimedAt(cluster: string, wish: Wish, object: KubernetesObject, after: KubernetesObject): Aimed | Refusal {
  const { namespace, name, uid } = object.metadata;
  const { will } = wish;
  const fields = will.is === 'fields' ? will.fields : undefined;
  const was: Side = wish.was ?? { is: 'fields', fields: pick(object, fields ?? {}) };
  const aim: Aim = {
    cluster,
    collection: wish.collection,
    ...(namespace === undefined ? {} : { namespace }),
    name,
    uid: uid ?? '',
    acted: actedOn(object),
    was,
    will: fields === undefined ? will : { is: 'fields', fields: pick(after, fields) },
  };
  if (digest(aim.was) === digest(aim.will)) return { refused: `${nameOf(aim)} is so already` };
  return { aim, diff: diffLines(object, after).map((line) => `${nameOf(aim)} ${line}`) };
}

// The plan was made while its owner still acted: that it rests by now is to be seen, not to be believed.
async function stillReverts(aim: Aim, context: ActionContext): Promise<ActionResult | undefined> {
  const cluster = context.io.kubernetes.operator(aim.cluster);
  const object = await cluster.get(collections[aim.collection], refOf(aim), context.signal);
  if (object === undefined) return { is: 'failed', message: `${nameOf(aim)} is gone` };
  const { kind, group, version } = collections[aim.collection];
  const whole = { apiVersion: `${group}/${version}`, kind, ...object };
  const owner = await readGitops(cluster, whole, context.signal);
  return owner?.reverts === undefined ? undefined : { is: 'failed', message: owner.reverts };
}

async function run<P>(spec: EditSpec<P>, aim: Aim, key: string, context: ActionContext): Promise<ActionResult> {
  const stopped = await spec.prepare?.(aim, context);
  if (stopped !== undefined) return stopped;
  const written = await bring(aim, 'will', key, context);
  if (written.is !== 'done' || spec.finish === undefined) return written;
  return spec.finish(aim, context);
}
