import type { WorkloadKind } from '../../../domain/places.ts';
import type { KubernetesObject } from '../../../domain/ports/kubernetes.ts';
import { gitopsOwner, managersOf, type GitopsOwner } from '../../../io/clients/gitops/index.ts';
import type { Labels } from '../../../domain/telemetry.ts';
import { newestEdit, type Edit } from './edits.ts';
import { at, chosen, condition, number, object, recordOf, text, timeMs, type ObjectRecord } from './parts.ts';
import { templateOf, type Template } from './template.ts';

/** A workload, as far as it is watched. */
export interface WorkloadRecord extends ObjectRecord {
  readonly kind: WorkloadKind;
  readonly generation: number;
  readonly labels: Labels;
  /** Ours, Backstage's and those that say who changed what. */
  readonly annotations: Labels;
  readonly template: Template;
  /** How many pods there should be. */
  readonly desired: number;
  readonly updated: number;
  readonly ready: number;
  readonly available: number;
  readonly paused: boolean;
  /** The controller has seen the newest spec. */
  readonly observed: boolean;
  /** Why a Deployment's rollout goes on no further, in the controller's words. */
  readonly stuck?: string;
  /** Of a StatefulSet: the revision that new pods get. */
  readonly updateRevision?: string;
  /** Of a StatefulSet: pods below this ordinal keep the old revision. */
  readonly partition?: number;
  /** Of a Job: how it ended. */
  readonly ended?: { readonly how: 'complete' | 'failed'; readonly atMs: number; readonly why: string };
  readonly templateEdit?: Edit;
  readonly scaleEdit?: Edit;
  /** Who keeps it as it is written elsewhere, and when they last wrote to it. */
  readonly delivered?: { readonly owner: GitopsOwner; readonly edit?: Edit };
}

const keptAnnotations =
  /^(watchkeeper\.dev\/|backstage\.io\/|kubernetes\.io\/change-cause$|meta\.helm\.sh\/|argocd\.argoproj\.io\/tracking-id$)/;

/** Makes the projection for one kind of workload. */
export function workloadOf(kind: WorkloadKind): (from: KubernetesObject) => WorkloadRecord {
  return (from) => {
    const spec = object(from['spec']);
    const status = object(from['status']);
    const template = kind === 'CronJob' ? at(spec, 'jobTemplate', 'spec', 'template') : spec['template'];
    const path = kind === 'CronJob' ? ['spec', 'jobTemplate'] : ['spec', 'template'];
    const templateEdit = newestEdit(from, path);
    const scaleEdit = newestEdit(from, ['spec', 'replicas']);
    const generation = from.metadata.generation ?? 0;
    return {
      ...recordOf(from),
      kind,
      generation,
      labels: chosen(from.metadata.labels, () => true),
      annotations: chosen(from.metadata.annotations, (name) => keptAnnotations.test(name), 512),
      template: templateOf(template),
      ...countsOf(kind, spec, status),
      paused: spec['paused'] === true || spec['suspend'] === true,
      observed: number(status['observedGeneration'], generation) >= generation,
      ...progressOf(kind, spec, status),
      ...(templateEdit === undefined ? {} : { templateEdit }),
      ...(scaleEdit === undefined ? {} : { scaleEdit }),
      ...deliveredBy(kind, from),
    };
  };
}

function deliveredBy(kind: WorkloadKind, from: KubernetesObject): Pick<WorkloadRecord, 'delivered'> {
  const group = kind === 'Job' || kind === 'CronJob' ? 'batch' : 'apps';
  const owner = gitopsOwner({ ...from, apiVersion: `${group}/v1`, kind });
  if (owner === undefined) return {};
  const edit = newestEdit(from, [], managersOf(owner));
  return { delivered: { owner, ...(edit === undefined ? {} : { edit }) } };
}

type Part = ReturnType<typeof object>;

function countsOf(
  kind: WorkloadKind,
  spec: Part,
  status: Part,
): Pick<WorkloadRecord, 'desired' | 'updated' | 'ready' | 'available'> {
  if (kind === 'DaemonSet')
    return {
      desired: number(status['desiredNumberScheduled'], 0),
      updated: number(status['updatedNumberScheduled'], 0),
      ready: number(status['numberReady'], 0),
      available: number(status['numberAvailable'], 0),
    };
  const ready = number(status['readyReplicas'] ?? status['ready'], 0);
  return {
    desired: kind === 'Job' || kind === 'CronJob' ? 0 : number(spec['replicas'], 1),
    updated: number(status['updatedReplicas'], 0),
    ready,
    available: number(status['availableReplicas'], kind === 'StatefulSet' ? ready : 0),
  };
}

function progressOf(
  kind: WorkloadKind,
  spec: Part,
  status: Part,
): Pick<WorkloadRecord, 'stuck' | 'updateRevision' | 'partition' | 'ended'> {
  if (kind === 'Deployment') {
    const progressing = condition(status, 'Progressing');
    if (progressing?.['status'] !== 'False') return {};
    return { stuck: text(progressing['message'], 300) ?? text(progressing['reason']) ?? 'no progress' };
  }
  if (kind === 'StatefulSet') {
    const updateRevision = text(status['updateRevision']);
    const partition = number(at(spec, 'updateStrategy', 'rollingUpdate', 'partition'), 0);
    return { ...(updateRevision === undefined ? {} : { updateRevision }), ...(partition > 0 ? { partition } : {}) };
  }
  if (kind !== 'Job') return {};
  for (const [type, how] of [
    ['Failed', 'failed'],
    ['Complete', 'complete'],
  ] as const) {
    const ended = condition(status, type);
    if (ended?.['status'] !== 'True') continue;
    const why = [text(ended['reason']), text(ended['message'], 300)].filter((part) => part !== undefined).join(': ');
    return { ended: { how, atMs: timeMs(ended['lastTransitionTime']) ?? 0, why } };
  }
  return {};
}

/** A ReplicaSet or a ControllerRevision: one state that a workload's pods were in. */
export interface RevisionRecord extends ObjectRecord {
  /** Rises with each rollout; an earlier state that is returned to gets a new one. */
  readonly revision: number;
  /** The label that its pods carry. */
  readonly hash: string;
  readonly template: Template;
  readonly cause?: string;
}

/** A ReplicaSet as a revision. */
export function replicaSetOf(from: KubernetesObject): RevisionRecord {
  const annotations = from.metadata.annotations ?? {};
  const cause = text(annotations['kubernetes.io/change-cause'], 300);
  return {
    ...recordOf(from),
    revision: Number(annotations['deployment.kubernetes.io/revision'] ?? 0) || 0,
    hash: from.metadata.labels?.['pod-template-hash'] ?? '',
    template: templateOf(at(from, 'spec', 'template')),
    ...(cause === undefined ? {} : { cause }),
  };
}

/** A ControllerRevision of a StatefulSet or DaemonSet as a revision. */
export function controllerRevisionOf(from: KubernetesObject): RevisionRecord {
  return {
    ...recordOf(from),
    revision: number(from['revision'], 0),
    // StatefulSet pods carry the revision's name, DaemonSet pods its hash.
    hash: from.metadata.labels?.['controller-revision-hash'] ?? from.metadata.name,
    template: templateOf(at(from, 'data', 'spec', 'template')),
  };
}
