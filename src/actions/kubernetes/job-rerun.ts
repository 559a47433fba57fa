import * as z from 'zod';

import { digest } from '../../lib/canonical.ts';
import { WatchkeeperError } from '../../lib/errors.ts';
import { schemaOf } from '../../lib/schema.ts';
import type { Json, JsonObject } from '../../lib/json.ts';
import type { ActionContext, ActionResult, Probe } from '../../domain/ports/action.ts';
import type { KubernetesObject, KubernetesOperator } from '../../domain/ports/kubernetes.ts';
import type { KubernetesPlace, WorkloadKind } from '../../domain/places.ts';
import type { Observation } from '../../domain/remediation.ts';
import { defineAction } from '../define-action.ts';
import { needsOf } from './needs.ts';
import { objectName, operatorAt, placeOf, targetIn, workloadParam } from './place.ts';
import { at, condition, count, isRecord, records, text, texts } from './read.ts';
import { collections, listAll } from './resources.ts';
import { madeMs } from './workload.ts';
import { lastAct, writeFault } from './write.ts';

const kinds: readonly WorkloadKind[] = ['Job', 'CronJob'];

const params = z.strictObject({
  ...workloadParam,
  /** Which Job; default: the service's own, or the last of its CronJob. */
  job: objectName.exactOptional(),
});
type Params = z.infer<typeof params>;

const beforeShape = z.strictObject({ cluster: z.string(), namespace: z.string(), name: z.string(), uid: z.string() });
type Before = z.infer<typeof beforeShape>;

const access = [{ in: 'namespace', group: 'batch', resources: ['jobs'], verbs: ['get', 'list', 'create'] }] as const;

/** Runs a failed Job once more: a new Job from the old one's template, named after the act. */
export const jobRerun = defineAction<Params>({
  kind: 'kubernetes.job-rerun',
  summary: 'Run a failed Job once more, as a new Job from its template',
  // What a Job does is not known to us, so the worst is assumed. One act makes one Job: its name is made of the key.
  traits: { reversible: false, idempotent: true, destructive: true, scope: 'service' },
  params: schemaOf(params),
  needs: needsOf(access),
  access,
  target: (given, service) => {
    const place = placeOf(service, kinds, given.workload);
    return targetIn(place, place.workload.kind, given.job ?? place.workload.name, service);
  },
  observe,
  preview: (_params, { facts }) => {
    if (typeof facts['refused'] === 'string') throw new WatchkeeperError('conflict', facts['refused']);
    const job = `${text(facts['namespace'])}/${text(facts['job'])}`;
    return { describe: `run Job ${job} once more`, diff: [`Job ${job}-again-…: created from the template of ${job}`] };
  },
  before: (_params, { facts }): Json => facts['source'] ?? null,
  run: (_params, before, key, context) => rerun(parseBefore(before), key, context),
  probe: (_params, before, context, key) => probe(parseBefore(before), key, context),
});

async function observe(given: Params, context: ActionContext): Promise<Observation> {
  const place = placeOf(context.service, kinds, given.workload);
  const cluster = operatorAt(place, context);
  const { namespace } = place;
  const jobs = await listAll(cluster, 'jobs', { namespace }, context.signal);
  const job = chosen(given, place, jobs);
  const target = targetIn(place, place.workload.kind, given.job ?? place.workload.name, context.service);
  const active =
    job === undefined ? undefined : familyOf(job, jobs).find((one) => count(at(one, 'status', 'active')) > 0);
  const refused = job === undefined ? 'there is no such Job' : whyRefused(job);
  return {
    target,
    atMs: context.io.clock.nowMs(),
    facts: {
      cluster: place.cluster,
      namespace,
      workload: place.workload.name,
      job: job?.metadata.name ?? '',
      failed: condition(job, 'Failed')?.['status'] === 'True',
      why: text(condition(job, 'Failed')?.['reason']),
      ...(refused === undefined ? {} : { refused }),
      ...(job === undefined
        ? {}
        : { source: { cluster: place.cluster, namespace, name: job.metadata.name, uid: job.metadata.uid ?? '' } }),
    },
    stateHash: digest([target.id, job?.metadata.uid ?? '', refused ?? '']),
    blast: {
      touched: 1,
      total: 1,
      healthyAfter: 0,
      healthyNow: 0,
      targets: [job?.metadata.name ?? ''],
      dependents: [],
    },
    ...(active === undefined ? {} : { busy: `Job ${active.metadata.name} runs right now` }),
  };
}

function chosen(
  given: Params,
  place: KubernetesPlace,
  jobs: readonly KubernetesObject[],
): KubernetesObject | undefined {
  const { kind, name } = place.workload;
  const own = jobs.filter((job) => (kind === 'Job' ? job.metadata.name === name : isOf(job, name)));
  if (given.job !== undefined) return own.find((job) => job.metadata.name === given.job);
  return [...own].sort((a, b) => madeMs(b) - madeMs(a) || b.metadata.name.localeCompare(a.metadata.name))[0];
}

function isOf(job: KubernetesObject, cronJob: string): boolean {
  return records(at(job, 'metadata', 'ownerReferences')).some(
    (owner) => owner['kind'] === 'CronJob' && owner['name'] === cronJob,
  );
}

// The Job itself, the others of its CronJob, and what we made of it before.
function familyOf(job: KubernetesObject, jobs: readonly KubernetesObject[]): readonly KubernetesObject[] {
  const cron = records(at(job, 'metadata', 'ownerReferences')).find((owner) => owner['kind'] === 'CronJob');
  return jobs.filter(
    (one) =>
      one === job ||
      texts(one.metadata.annotations)[again] === job.metadata.name ||
      (cron !== undefined && isOf(one, text(cron['name']))),
  );
}

function whyRefused(job: KubernetesObject): string | undefined {
  if (condition(job, 'Complete')?.['status'] === 'True') return `Job ${job.metadata.name} succeeded`;
  if (condition(job, 'Failed')?.['status'] !== 'True') return `Job ${job.metadata.name} has not failed`;
  return undefined;
}

/** On a Job that we made: the one it repeats. */
const again = 'watchkeeper.dev/repeats';

function nameFor(name: string, key: string): string {
  // Pods are named after the Job, with a suffix, and a label of 63 characters carries its name.
  return `${name.slice(0, 40).replace(/[^a-z0-9]+$/, '')}-again-${key.replace(/[^a-z0-9]/g, '').slice(0, 10)}`;
}

async function rerun(source: Before, key: string, context: ActionContext): Promise<ActionResult> {
  const cluster = context.io.kubernetes.operator(source.cluster);
  const name = nameFor(source.name, key);
  const made = await ours(cluster, source, name, key, context.signal);
  if (made !== undefined) return made;
  const job = await cluster.get(collections.jobs, source, context.signal);
  if (job === undefined || job.metadata.uid !== source.uid)
    return { is: 'failed', message: `Job ${source.name} is gone, or another one by now` };
  try {
    await cluster.create(collections.jobs, { namespace: source.namespace }, copyOf(job, name, key), {}, context.signal);
    return { is: 'done', message: `Job ${name} was made`, data: { job: name } };
  } catch (thrown) {
    // Somebody was faster: the same act, or a stranger with the same name.
    if (WatchkeeperError.from(thrown).code !== 'conflict') return writeFault(thrown);
    return (await ours(cluster, source, name, key, context.signal)) ?? writeFault(thrown);
  }
}

async function ours(
  cluster: KubernetesOperator,
  { namespace }: Before,
  name: string,
  key: string,
  signal: AbortSignal,
): Promise<ActionResult | undefined> {
  const found = await cluster.get(collections.jobs, { namespace, name }, signal);
  if (found === undefined) return undefined;
  return texts(found.metadata.annotations)[lastAct] === key
    ? { is: 'done', message: `Job ${name} was made already, by this very act`, data: { job: name } }
    : { is: 'failed', message: `there is a Job ${name} that this act did not make` };
}

// The controller fills in selector and labels of its own; those of the old Job would make it adopt the old pods.
function copyOf(job: KubernetesObject, name: string, key: string): JsonObject {
  const { selector: _selector, manualSelector: _manual, suspend: _suspend, template, ...spec } = recordAt(job, 'spec');
  const own = recordAt(template, 'metadata');
  const labels = Object.entries(texts(own['labels'])).filter(
    ([label]) => !controllerLabels.has(label.replace('batch.kubernetes.io/', '')),
  );
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      name,
      namespace: job.metadata.namespace ?? '',
      labels: Object.fromEntries(
        Object.entries(texts(job.metadata.labels)).filter(
          ([label]) => !controllerLabels.has(label.replace('batch.kubernetes.io/', '')),
        ),
      ),
      annotations: { [lastAct]: key, [again]: job.metadata.name },
      ...ownerOfCopy(job),
    },
    spec: { ...spec, template: { ...recordAt(template), metadata: { ...own, labels: Object.fromEntries(labels) } } },
  };
}

// A CronJob's Job stays one: its history limits and its newest run count it.
function ownerOfCopy(job: KubernetesObject): JsonObject {
  const owner = records(at(job, 'metadata', 'ownerReferences')).find((one) => one['kind'] === 'CronJob');
  if (owner === undefined) return {};
  const { apiVersion = '', kind = '', name = '', uid = '' } = owner;
  return { ownerReferences: [{ apiVersion, kind, name, uid, controller: true }] };
}

const controllerLabels = new Set(['controller-uid', 'job-name']);

function recordAt(value: Json | undefined, ...path: readonly string[]): JsonObject {
  const found = at(value, ...path);
  return isRecord(found) ? found : {};
}

async function probe(source: Before, key: string, context: ActionContext): Promise<Probe> {
  const cluster = context.io.kubernetes.operator(source.cluster);
  const name = nameFor(source.name, key);
  const made = await ours(cluster, source, name, key, context.signal);
  if (made?.is === 'done') return { is: 'done', because: `there is a Job ${name} that carries the key of this act` };
  return { is: 'not-done', because: `there is no Job ${name} of this act` };
}

function parseBefore(before: Json): Before {
  const parsed = beforeShape.safeParse(before);
  if (parsed.success) return parsed.data;
  throw new WatchkeeperError('internal', 'the journal of this step does not name a Job');
}
