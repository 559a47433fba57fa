import * as z from 'zod';

import { digest } from '../../../lib/canonical.ts';
import { textAt } from '../../../lib/dig.ts';
import { WatchkeeperError } from '../../../lib/errors.ts';
import type { Json, JsonObject } from '../../../lib/json.ts';
import { schemaOf } from '../../../lib/schema.ts';
import type { ActionContext, ActionResult, Probe, KubernetesNeed } from '../../../domain/ports/action.ts';
import type { KubernetesOperator } from '../../../domain/ports/kubernetes.ts';
import type { Observation } from '../../../domain/remediation.ts';
import { gitopsFacts, helmRevision, ownerName } from '../../../io/clients/gitops/index.ts';
import { defineAction } from '../../define-action.ts';
import { writeFault } from '../../faults.ts';
import { diffLines } from '../diff.ts';
import { operatorAt, workloadParam, workloadTarget } from '../place.ts';
import { needsOf } from '../needs.ts';
import { parseBefore } from './before.ts';
import { helmChanges, makeChange, tryChanges, type HelmChange } from './helm-changes.ts';
import {
  beginRecord,
  isMarked,
  readRecords,
  recordOf,
  rollbackHooks,
  setStatus,
  type RecordHead,
} from './helm-records.ts';
import { lookNeeds, lookAtOwned, placeFor, rolloutBlast, word } from './workload.ts';

const params = z.strictObject({
  ...workloadParam,
  /** The revision to go back to. Without it: the last that was well before the current. */
  to: z.int().min(1).exactOptional(),
});
type Params = z.infer<typeof params>;

const beforeShape = z.strictObject({
  namespace: z.string(),
  name: z.string(),
  from: z.int(),
  to: z.int(),
  mark: z.string(),
});
type Before = z.infer<typeof beforeShape>;
const access: readonly KubernetesNeed[] = [
  ...lookNeeds,
  // Where Helm keeps its records.
  { in: 'namespace', group: '', resources: ['secrets'], verbs: ['get', 'list', 'create', 'patch'] },
];
const kind = 'kubernetes.helm-rollback';

/** Rolls a Helm release back to an earlier revision, as `helm rollback` does, and records it as Helm would. */
export const helmRollback = defineAction<Params>({
  kind,
  summary: 'Roll a Helm release back to an earlier revision',
  // The record of the new revision is made first and bears a mark: a repeat finds it, and finishes what it began.
  traits: { reversible: true, idempotent: true, destructive: false, scope: 'cluster' },
  params: schemaOf(params),
  needs: [...needsOf(access), 'get, create, patch, delete on every kind that the chart installs'],
  access,
  target: (given, service) => workloadTarget(placeFor(given, service), service),
  observe,
  preview: (_given, { target, facts }) => {
    const why = textAt(facts, 'refused') ?? textAt(facts, 'nothing');
    if (why !== undefined) throw new WatchkeeperError('conflict', `${word(facts, 'app')}: ${why}`);
    return {
      describe: `roll Helm release ${word(facts, 'app')} back from revision ${word(facts, 'from')} to ${word(facts, 'to')} (${target.id})`,
      diff: (facts['diff'] as readonly string[] | undefined) ?? [],
    };
  },
  before: (_given, { facts }): Json => ({
    namespace: facts['namespace'] ?? '',
    name: facts['name'] ?? '',
    from: facts['from'] ?? -1,
    to: facts['to'] ?? -1,
    mark: facts['mark'] ?? '',
  }),
  run: async (given, before, _key, context) => {
    const was = parseBefore(kind, beforeShape, before);
    return go(given, was, { from: was.from, to: was.to, mark: was.mark }, context);
  },
  probe: async (given, before, context) => probe(given, parseBefore(kind, beforeShape, before), context),
  undo: async (given, before, _key, context) => {
    const was = parseBefore(kind, beforeShape, before);
    return go(given, was, { from: was.from + 1, to: was.from, mark: `${was.mark}-undo` }, context);
  },
});

async function observe(given: Params, context: ActionContext): Promise<Observation> {
  const owned = await lookAtOwned(given, context);
  const { cluster, place, state } = owned;
  const owner = state?.owner;
  const { workload } = place;
  if (owner?.by !== 'helm') {
    const by = owner === undefined ? 'nobody' : ownerName(owner);
    throw new WatchkeeperError(
      'unsupported',
      `${workload.kind} ${workload.name} is of no Helm release alone; its owner: ${by}`,
    );
  }
  const records = await readRecords(cluster, owner, context.signal);
  const last = records.at(-1);
  if (last === undefined)
    throw new WatchkeeperError('not-found', `there are no records of ${ownerName(owner)} in ${owner.namespace}`);
  const to = chosen(records, given.to);
  const target = to === undefined ? undefined : recordOf(records, to);
  const refused = target === undefined ? 'there is no earlier revision that was well' : rollbackHooks(target);
  const changes =
    target === undefined || refused !== undefined
      ? []
      : await helmChanges(cluster, owner, manifestsOf(records, last.revision, target), context.signal);
  const tried = await tryChanges(cluster, changes, context.signal);
  const uid = last.secret.metadata.uid ?? '';
  const now = helmRevision(recordOf(records, last.revision));
  return {
    target: workloadTarget(place, context.service),
    atMs: context.io.clock.nowMs(),
    facts: {
      gitops: gitopsFacts(state),
      app: `${owner.namespace}/${owner.name}`,
      namespace: owner.namespace,
      name: owner.name,
      revisions: records.length,
      status: last.status,
      chart: `${now.chart}-${now.chartVersion}`,
      from: last.revision,
      to: to ?? null,
      mark: digest([uid, last.revision, to ?? -1]).slice(0, 16),
      diff: tried.flatMap(linesOf),
      ...(refused === undefined ? {} : { refused }),
      ...(refused !== undefined || tried.length > 0
        ? {}
        : { nothing: `the cluster is as revision ${String(to)} says` }),
    },
    stateHash: digest([uid, last.revision, last.status, to ?? -1]),
    blast: rolloutBlast(
      owned,
      tried.map(({ is, object }) => `${is} ${object.id}`),
    ),
    ...(last.status.startsWith('pending-') || last.status === 'uninstalling'
      ? { busy: `Helm is at work on ${owner.name} (revision ${last.revision} is ${last.status})` }
      : {}),
  };
}

// Helm itself takes the one before, well or not; going back to a failed revision is for a person to name.
function chosen(records: readonly RecordHead[], to: number | undefined): number | undefined {
  const earlier = records.slice(0, -1);
  if (to !== undefined) return earlier.find(({ revision }) => revision === to)?.revision;
  return earlier.findLast(({ status }) => status === 'superseded' || status === 'deployed')?.revision;
}

function manifestsOf(records: readonly RecordHead[], from: number, target: JsonObject) {
  return { from: textAt(recordOf(records, from), 'manifest') ?? '', to: textAt(target, 'manifest') ?? '' };
}

function linesOf(change: HelmChange): readonly string[] {
  const { id } = change.object;
  if (change.is !== 'patch') return [`${id}: ${change.is === 'create' ? 'created' : 'deleted'}`];
  return diffLines(change.live, change.after ?? change.live).map((line) => `${id} ${line}`);
}

async function go(
  given: Params,
  { namespace, name }: Before,
  step: { readonly from: number; readonly to: number; readonly mark: string },
  context: ActionContext,
): Promise<ActionResult> {
  const { signal, io } = context;
  const cluster = operatorAt(placeFor(given, context.service), context);
  const ref = { namespace, name };
  const done = { is: 'done', message: `revision ${step.from + 1} is as revision ${step.to} was` } as const;
  let begun = false;
  try {
    const records = await readRecords(cluster, ref, signal);
    const last = records.at(-1);
    const isOurs = last?.revision === step.from + 1 && isMarked(last, step.mark);
    if (isOurs && last.status === 'deployed') return done;
    if (!isOurs && last?.revision !== step.from)
      return { is: 'failed', message: `release ${name} is at revision ${last?.revision ?? 'none'} by now` };
    const target = recordOf(records, step.to);
    const refused = rollbackHooks(target);
    if (refused !== undefined) return { is: 'failed', message: refused };
    const about = { target, last: recordOf(records, step.from), to: step.to, mark: step.mark, nowMs: io.clock.nowMs() };
    const changes = await helmChanges(cluster, ref, manifestsOf(records, step.from, target), signal);
    if (!isOurs) await beginRecord(cluster, ref, about, signal);
    begun = true;
    for (const change of changes) await makeChange(cluster, change, signal);
    await settle(cluster, ref, step.from + 1, context);
    return done;
  } catch (thrown) {
    const fault = writeFault(thrown);
    if (!begun || fault.is !== 'failed') return fault;
    return giveUp(cluster, ref, step.from + 1, fault, context);
  }
}

// As Helm does: what was deployed is superseded, and the new revision is deployed.
async function settle(
  cluster: KubernetesOperator,
  ref: { readonly namespace: string; readonly name: string },
  revision: number,
  { signal, io }: ActionContext,
): Promise<void> {
  const records = await readRecords(cluster, ref, signal);
  for (const record of records)
    if (record.revision !== revision && record.status === 'deployed')
      await setStatus(cluster, record, 'superseded', io.clock.nowMs(), signal);
  const ours = records.find((record) => record.revision === revision);
  if (ours === undefined) throw new WatchkeeperError('internal', `the record of revision ${revision} is gone`);
  await setStatus(cluster, ours, 'deployed', io.clock.nowMs(), signal);
}

// Refused on the way: the record says so, and the release is free for the next Helm operation.
async function giveUp(
  cluster: KubernetesOperator,
  ref: { readonly namespace: string; readonly name: string },
  revision: number,
  fault: ActionResult,
  { signal, io }: ActionContext,
): Promise<ActionResult> {
  const message = `it was begun and stopped half way: ${fault.message}`;
  try {
    const ours = (await readRecords(cluster, ref, signal)).find((record) => record.revision === revision);
    if (ours !== undefined) await setStatus(cluster, ours, 'failed', io.clock.nowMs(), signal);
    return { is: 'failed', message };
  } catch (thrown) {
    return {
      is: 'unknown',
      message: `${message}; and its record could not be closed: ${WatchkeeperError.from(thrown).message}`,
    };
  }
}

async function probe(given: Params, was: Before, context: ActionContext): Promise<Probe> {
  const cluster = operatorAt(placeFor(given, context.service), context);
  const records = await readRecords(cluster, was, context.signal);
  const last = records.at(-1);
  if (last?.revision === was.from)
    return { is: 'not-done', because: `release ${was.name} is still at revision ${was.from}` };
  const ours = records.find(({ revision }) => revision === was.from + 1);
  if (ours === undefined || !isMarked(ours, was.mark))
    return { is: 'unknown', because: `somebody else has changed release ${was.name} since` };
  if (last === ours) {
    const because = `revision ${ours.revision} of ${was.name} is ${ours.status}`;
    return { is: ours.status === 'deployed' ? 'done' : 'unknown', because };
  }
  const isBack = last?.revision === was.from + 2 && isMarked(last, `${was.mark}-undo`) && last.status === 'deployed';
  return isBack
    ? { is: 'not-done', because: 'it was taken back' }
    : { is: 'unknown', because: `release ${was.name} has gone on to revision ${last?.revision ?? 'none'}` };
}
