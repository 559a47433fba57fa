import type { ActionContext } from '../../domain/ports/action.ts';
import type { KubernetesObject } from '../../domain/ports/kubernetes.ts';
import { selectorText } from './budgets.ts';
import { at, count, records, text, texts } from './read.ts';
import { listAll } from './resources.ts';
import type { Seen } from './seen.ts';
import { contentDigest, templateOf, type Side } from './sides.ts';
import { madeMs } from './workload.ts';

/** One remembered state of a workload's pod template. */
export interface Revision {
  readonly number: number;
  /** Of the ReplicaSet or ControllerRevision that holds it. */
  readonly name: string;
  readonly images: readonly string[];
  readonly madeMs: number;
  readonly side: Side;
}

/** What a workload could go back to. */
export interface Revisions {
  /** Absent while its controller has not recorded the template it has now. */
  readonly current?: Revision;
  /** The others, newest first. */
  readonly others: readonly Revision[];
}

/** Reads the revisions that a workload's controller keeps. */
export async function revisionsOf(seen: Seen, context: ActionContext): Promise<Revisions> {
  const { object, place, cluster } = seen;
  const collection = place.workload.kind === 'Deployment' ? 'replicasets' : 'controllerrevisions';
  const labelSelector = selectorText(at(object, 'spec', 'selector'));
  const held = await listAll(
    cluster,
    collection,
    { namespace: place.namespace, ...(labelSelector === undefined ? {} : { labelSelector }) },
    context.signal,
  );
  const found = held
    .filter((one) =>
      records(at(one, 'metadata', 'ownerReferences')).some((owner) => owner['uid'] === object.metadata.uid),
    )
    .map((one) => revisionOf(one, collection))
    .sort((a, b) => b.number - a.number || b.madeMs - a.madeMs);
  const now = contentDigest(templateOf(object));
  const current = found.find(({ side }) => side.is === 'copy' && side.digest === now);
  return { ...(current === undefined ? {} : { current }), others: found.filter((one) => one !== current) };
}

function revisionOf(one: KubernetesObject, collection: 'replicasets' | 'controllerrevisions'): Revision {
  const template = templateOf(one);
  const annotated = Number(texts(one.metadata.annotations)['deployment.kubernetes.io/revision']);
  return {
    number: collection === 'replicasets' ? (Number.isSafeInteger(annotated) ? annotated : 0) : count(one['revision']),
    name: one.metadata.name,
    images: records(at(template, 'spec', 'containers')).map((container) => text(container['image'])),
    madeMs: madeMs(one),
    side: { is: 'copy', in: collection, name: one.metadata.name, digest: contentDigest(template) },
  };
}

/**
 * Whether people, or a source, would call a revision so: by its number (`4`, `revision 4`), the name of what holds it or the
 * hash at its end, or the image it runs, with or without its registry (`shop:v3`, `v3`).
 */
export function isCalled(revision: Revision, word: string): boolean {
  return isNamed(revision, word) || revision.images.some((image) => versionIn(image) === word);
}

/** The newest of the revisions that is called so; a name or a number goes before a version that several may share. */
export function revisionCalled(revisions: readonly Revision[], word: string): Revision | undefined {
  return revisions.find((one) => isNamed(one, word)) ?? revisions.find((one) => isCalled(one, word));
}

function isNamed(revision: Revision, word: string): boolean {
  if (word === String(revision.number) || word === `revision ${revision.number}`) return true;
  if (word === revision.name || revision.name.endsWith(`-${word}`)) return true;
  return revision.images.some((image) => image === word || image.endsWith(`/${word}`));
}

function versionIn(image: string): string {
  const digestAt = image.indexOf('@');
  if (digestAt >= 0) return image.slice(digestAt + 1);
  const last = image.slice(image.lastIndexOf('/') + 1);
  const colon = last.indexOf(':');
  return colon < 0 ? '' : last.slice(colon + 1);
}
