import * as z from 'zod';

import { WatchkeeperError } from '../../lib/errors.ts';
import { schemaOf } from '../../lib/schema.ts';
import type { ActionContext, ActionResult } from '../../domain/ports/action.ts';
import type { KubernetesObject, KubernetesOperator } from '../../domain/ports/kubernetes.ts';
import { editAction, type Look, type Refusal, type Wish } from './edit.ts';
import { latestWrite, ownerOf, recentWriter } from './owners.ts';
import { objectName, operatorAt, placeOf, targetIn, workloadParam } from './place.ts';
import { at, texts, told } from './read.ts';
import { collections, listAll } from './resources.ts';
import { contentDigest, dataOf } from './sides.ts';
import { madeMs } from './workload.ts';
import { nameOf, refOf, writeFault, type Aim } from './write.ts';

const params = z.strictObject({
  ...workloadParam,
  /** Which ConfigMap, in the namespace of the service. */
  configMap: objectName,
  /** The immutable ConfigMap whose content is to come back. Default: the newest copy of this one that differs from it. */
  from: objectName.exactOptional(),
});
type Params = z.infer<typeof params>;

/** On an immutable ConfigMap: the one whose content it keeps. */
export const copyOfMark = 'watchkeeper.dev/copy-of';

/**
 * Puts back what a ConfigMap held before. Where from is not guessed: an immutable ConfigMap of the same namespace, which
 * the API server has kept unchanged since it was made. What is overwritten is kept in the same way, so that undo, and the
 * next restore, have an honest source as well.
 */
export const configMapRestore = editAction<Params>({
  kind: 'kubernetes.configmap-restore',
  summary: 'Put back what a ConfigMap held, from an immutable copy; what is overwritten is kept as one',
  traits: { reversible: true, idempotent: true, destructive: false, scope: 'service' },
  params: schemaOf(params),
  access: [{ in: 'namespace', group: '', resources: ['configmaps'], verbs: ['get', 'list', 'create', 'patch'] }],
  target: ({ workload, configMap }, service) =>
    targetIn(placeOf(service, undefined, workload), 'ConfigMap', configMap, service),
  look,
  describe: (_params, { target, facts }) =>
    `put back what ConfigMap ${target.id} held, from ${told(facts['from'])}; pods see it when they are restarted, or after a while`,
  prepare: keepCopy,
});

async function look(given: Params, context: ActionContext): Promise<Look> {
  const place = placeOf(context.service, undefined, given.workload);
  const cluster = operatorAt(place, context);
  const { namespace } = place;
  const object = await cluster.get(collections.configmaps, { namespace, name: given.configMap }, context.signal);
  if (object === undefined)
    throw new WatchkeeperError('not-found', `there is no ConfigMap ${namespace}/${given.configMap}`);
  const from = await sourceOf(given, cluster, object, context.signal);
  return {
    cluster,
    facts: {
      cluster: place.cluster,
      namespace,
      workload: place.workload.name,
      configMap: given.configMap,
      from: from?.metadata.name ?? '',
      writtenBy: latestWrite(object, ['f:data', 'f:binaryData'])?.by ?? '',
      owner: ownerOf(object) ?? '',
    },
    blast: { touched: 1, total: 1, healthyAfter: 0, healthyNow: 0, targets: [given.configMap], dependents: [] },
    busy: recentWriter(object, ['f:data', 'f:binaryData'], context.io.clock.nowMs()),
    wish: wishFor(given, object, from),
  };
}

async function sourceOf(
  given: Params,
  cluster: KubernetesOperator,
  object: KubernetesObject,
  signal: AbortSignal,
): Promise<KubernetesObject | undefined> {
  const { namespace = '' } = object.metadata;
  if (given.from !== undefined) return cluster.get(collections.configmaps, { namespace, name: given.from }, signal);
  const now = contentDigest(dataOf(object));
  const copies = (await listAll(cluster, 'configmaps', { namespace }, signal)).filter(
    (one) =>
      one['immutable'] === true &&
      texts(one.metadata.annotations)[copyOfMark] === given.configMap &&
      contentDigest(dataOf(one)) !== now,
  );
  return [...copies].sort((a, b) => madeMs(b) - madeMs(a) || b.metadata.name.localeCompare(a.metadata.name))[0];
}

function wishFor(given: Params, object: KubernetesObject, from: KubernetesObject | undefined): Wish | Refusal {
  const what = `ConfigMap ${given.configMap}`;
  if (object['immutable'] === true) return { refused: `${what} is immutable` };
  if (from === undefined)
    return {
      refused: `nothing is known of what ${what} held: there is no ${given.from ?? `immutable ConfigMap marked ${copyOfMark}: ${given.configMap}`}`,
      code: 'not-found',
    };
  if (from['immutable'] !== true)
    return {
      refused: `ConfigMap ${from.metadata.name} is not immutable, so what it holds proves nothing about the past`,
    };
  return {
    collection: 'configmaps',
    object,
    was: sideOf(`${given.configMap.slice(0, 240)}-${contentDigest(dataOf(object)).slice(0, 10)}`, object),
    will: sideOf(from.metadata.name, from),
  };
}

function sideOf(name: string, holder: KubernetesObject): NonNullable<Wish['was']> {
  return { is: 'copy', in: 'configmaps', name, digest: contentDigest(dataOf(holder)) };
}

// Named after its content, so that the same content is kept once, however often this is asked for.
async function keepCopy(aim: Aim, context: ActionContext): Promise<ActionResult | undefined> {
  const { was, namespace = '' } = aim;
  if (was.is !== 'copy') return { is: 'failed', message: 'the journal of this step names no copy' };
  const cluster = context.io.kubernetes.operator(aim.cluster);
  const kept = await cluster.get(collections.configmaps, { namespace, name: was.name }, context.signal);
  if (kept !== undefined)
    return kept['immutable'] === true && contentDigest(dataOf(kept)) === was.digest
      ? undefined
      : { is: 'failed', message: `there is a ConfigMap ${was.name} that is no copy of ours` };
  const object = await cluster.get(collections.configmaps, refOf(aim), context.signal);
  if (object === undefined) return { is: 'failed', message: `${nameOf(aim)} is gone` };
  // Somebody has changed it since: the write that follows sees that too, and says so.
  if (contentDigest(dataOf(object)) !== was.digest) return undefined;
  const body = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    immutable: true,
    metadata: { name: was.name, namespace, annotations: { [copyOfMark]: aim.name } },
    data: at(object, 'data') ?? {},
    binaryData: at(object, 'binaryData') ?? {},
  };
  try {
    await cluster.create(collections.configmaps, { namespace }, body, {}, context.signal);
    return undefined;
  } catch (thrown) {
    return writeFault(thrown);
  }
}
