import type { ChangeKind } from '../../../domain/change.ts';
import { digest } from '../../../lib/canonical.ts';
import { diffOf, restartSetting, versionOf, type SettingChange } from '../records/template.ts';
import type { RevisionRecord, WorkloadRecord } from '../records/workload.ts';
import type { ClusterView } from '../cluster.ts';
import { whatOf, type ChangeReader, type FoundChange } from './reader.ts';

const revisionKey = 'revision';
const behindKey = 'behind';
/** For so long the workload itself is waited for, when its new revision was heard of first. */
const behindMs = 30_000;

/**
 * A rollout is a new highest revision of a Deployment, StatefulSet or DaemonSet. The controllers keep the states before
 * it, so the exact difference is known, and so is what happened while nobody watched. A state that is older than the one
 * before it was returned to: a rollback. Where only the stamp of `kubectl rollout restart` differs, it is a restart.
 */
export const rollouts: ChangeReader = (workload, memory, context) => {
  const revisions = context.view.revisionsOf(workload).filter(({ revision }) => revision > 0);
  const current = revisions.at(-1);
  if (current === undefined) return [];
  const known = memory.get(revisionKey);
  const isNew = known === undefined || current.revision > Number(known);
  const isBehind = isNew && stillShows(workload, revisions.at(-2), current);
  if (isBehind && waits(current, memory, context.nowMs)) revisions.pop();
  memory.set(revisionKey, String(Math.max(Number(known ?? 0), revisions.at(-1)?.revision ?? 0)));
  // Several may have come since the last look, when the server was out of reach: none of them is left out.
  return revisions.flatMap((one, index): readonly FoundChange[] => {
    if (known !== undefined && one.revision <= Number(known)) return [];
    const before = revisions[index - 1];
    // The server keeps only who edited last.
    const edit = one === current && !isBehind ? workload.templateEdit : undefined;
    const atMs = Math.min(whenOf(one, before, edit?.atMs ?? context.nowMs), context.nowMs);
    if (known === undefined && atMs < context.sinceMs) return [];
    return [changeOf(workload, { current: one, before, atMs, by: edit?.by }, context.cluster)];
  });
};

// A workload and its revisions are heard of apart. While the workload still shows the state before, who edited it last made that
// one: the rollout would be somebody else's, and the watch's own act could pass for a deploy to be taken back.
function stillShows(workload: WorkloadRecord, before: RevisionRecord | undefined, current: RevisionRecord): boolean {
  if (before === undefined || diffOf(current.template, workload.template).length === 0) return false;
  return diffOf(before.template, workload.template).length === 0;
}

function waits({ hash }: RevisionRecord, memory: Map<string, string>, nowMs: number): boolean {
  const [which, sinceMs] = (memory.get(behindKey) ?? '').split(' ');
  if (which !== hash) memory.set(behindKey, `${hash} ${nowMs}`);
  return which !== hash || nowMs - Number(sinceMs) < behindMs;
}

// A state that is returned to was made long ago; who edited the template last, and when, is kept by the server.
function whenOf(current: RevisionRecord, before: RevisionRecord | undefined, editedMs: number): number {
  return isReturn(current, before) ? editedMs : current.createdMs;
}

function isReturn(current: RevisionRecord, before: RevisionRecord | undefined): boolean {
  return before !== undefined && current.createdMs < before.createdMs;
}

/** Whether a workload is back at a state that is older than the one before it. */
export function isBack(workload: WorkloadRecord, view: ClusterView): boolean {
  const [before, current] = view
    .revisionsOf(workload)
    .filter(({ revision }) => revision > 0)
    .slice(-2);
  return current !== undefined && isReturn(current, before);
}

interface Rollout {
  readonly current: RevisionRecord;
  readonly before: RevisionRecord | undefined;
  readonly atMs: number;
  readonly by: string | undefined;
}

function changeOf(workload: WorkloadRecord, { current, before, atMs, by }: Rollout, cluster: string): FoundChange {
  const diff = before === undefined ? [] : diffOf(before.template, current.template);
  const kind = kindOf(diff, current, before);
  const to = versionOf(current.template, diff);
  const from = before === undefined ? undefined : versionOf(before.template, diff);
  // The same image with other settings: only the revision tells the two apart.
  const named = to !== undefined && to !== from;
  const fromName = named ? from : before === undefined ? undefined : `revision ${before.revision}`;
  const instances = touchedOf(workload);
  return {
    id: digest(['rollout', cluster, workload.uid, current.revision, current.hash]),
    kind,
    atMs,
    what: whatOf(workload),
    ...(fromName === undefined ? {} : { from: fromName }),
    to: named ? to : `revision ${current.revision}`,
    ...(by === undefined ? {} : { actor: by }),
    ...(instances === undefined ? {} : { instances }),
    attributes: {
      namespace: workload.namespace,
      revision: String(current.revision),
      hash: current.hash,
      ...(before === undefined ? {} : { previousRevision: String(before.revision), previousHash: before.hash }),
      ...(current.cause === undefined ? {} : { message: current.cause }),
      ...(diff.length === 0 ? {} : { diff: diffText(diff) }),
    },
  };
}

function kindOf(
  diff: readonly SettingChange[],
  current: RevisionRecord,
  before: RevisionRecord | undefined,
): ChangeKind {
  if (diff.length > 0 && diff.every(({ setting }) => setting === restartSetting)) return 'restart';
  return isReturn(current, before) ? 'rollback' : 'deploy';
}

// With a partition only the pods from there on get the new revision: a canary.
function touchedOf({ name, partition, desired }: WorkloadRecord): readonly string[] | undefined {
  if (partition === undefined || desired > 1_000) return undefined;
  return Array.from({ length: Math.max(0, desired - partition) }, (_, index) => `${name}-${partition + index}`);
}

const longestDiff = 1_000;

/** `app.image: shop/checkout:v1 -> shop/checkout:v2; app.env.MODE: (none) -> #ab12`. */
export function diffText(diff: readonly SettingChange[]): string {
  const text = diff
    .filter(({ setting }) => setting !== restartSetting)
    .map(({ setting, from, to }) => `${setting}: ${from ?? '(none)'} -> ${to ?? '(none)'}`)
    .join('; ');
  return text.length <= longestDiff ? text : `${text.slice(0, longestDiff - 1)}…`;
}
