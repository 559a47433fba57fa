import * as z from 'zod';

import { digest } from '../../../lib/canonical.ts';
import { objectAt } from '../../../lib/dig.ts';
import { WatchkeeperError } from '../../../lib/errors.ts';
import type { Json, JsonObject } from '../../../lib/json.ts';
import { schemaOf } from '../../../lib/schema.ts';
import type { ActionContext, ActionResult, Probe, KubernetesNeed } from '../../../domain/ports/action.ts';
import type { KubernetesObject } from '../../../domain/ports/kubernetes.ts';
import type { Observation } from '../../../domain/remediation.ts';
import { gitopsFacts, type ArgoApplication, type ArgoDeployment } from '../../../io/clients/gitops/index.ts';
import { defineAction } from '../../define-action.ts';
import { operatorAt, workloadParam, workloadTarget } from '../place.ts';
import { needsOf } from '../needs.ts';
import {
  argoDigest,
  automatedOf,
  lookAtArgo,
  markInfo,
  patchApplication,
  readApplication,
  syncEnded,
  syncing,
  waitForSync,
} from './argo.ts';
import { parseBefore } from './before.ts';
import { lookNeeds, placeFor, rolloutBlast, word } from './workload.ts';

const params = z.strictObject({
  ...workloadParam,
  /** A deployment of the Application's history: its id, or its revision. Without it: the last of another revision. */
  to: z
    .union([z.int().min(0), z.string().regex(/^[A-Za-z0-9][\w.@:/+-]{0,199}$/, 'must be a history id or a revision')])
    .exactOptional(),
  /** Delete what the earlier revision does not have, as `argocd app rollback --prune`. */
  prune: z.boolean().default(false),
});
type Params = z.infer<typeof params>;

const beforeShape = z.strictObject({
  namespace: z.string(),
  name: z.string(),
  uid: z.string(),
  state: z.string(),
  mark: z.string(),
  from: z.int(),
  to: z.int(),
  automated: z.record(z.string(), z.json()).nullable(),
});
type Before = z.infer<typeof beforeShape>;
const access: readonly KubernetesNeed[] = [
  ...lookNeeds,
  { in: 'cluster', group: 'argoproj.io', resources: ['applications'], verbs: ['patch'] },
];
const kind = 'kubernetes.argo-rollback';

/** Syncs an Application to an earlier deployment of its history, with automated sync switched off, as `argocd app rollback`. */
export const argoRollback = defineAction<Params>({
  kind,
  summary: 'Roll an Argo CD application back to an earlier deployment, with automated sync off',
  // Asked once: the operation carries a mark, and a repeat that finds it waits for its end.
  traits: { reversible: true, idempotent: true, destructive: false, scope: 'cluster' },
  params: schemaOf(params),
  needs: needsOf(access),
  access,
  target: (given, service) => workloadTarget(placeFor(given, service), service),
  observe,
  preview: (_given, { target, facts }) => {
    const { from, to, automated } = facts;
    const app = word(facts, 'app');
    if (typeof facts['parentReverts'] === 'string') throw new WatchkeeperError('conflict', facts['parentReverts']);
    if (objectAt(to) === undefined) throw new WatchkeeperError('conflict', `${app} has no such earlier deployment`);
    const [was, will] = [named(from), named(to)];
    if (was === will) throw new WatchkeeperError('conflict', `${app} is at ${was} already`);
    return {
      describe: `sync Argo CD application ${app} back from ${was} to ${will}, with automated sync off (${target.id})`,
      diff: [
        `Application ${app}: ${was} → ${will}`,
        ...(automated === null ? [] : ['spec.syncPolicy.automated: on → off']),
      ],
    };
  },
  before: (_given, { facts }): Json => ({
    namespace: facts['namespace'] ?? '',
    name: facts['name'] ?? '',
    uid: facts['uid'] ?? '',
    state: facts['state'] ?? '',
    mark: facts['mark'] ?? '',
    from: objectAt(facts['from'])?.['id'] ?? -1,
    to: objectAt(facts['to'])?.['id'] ?? -1,
    automated: facts['automated'] ?? null,
  }),
  run: async (given, before, _key, context) => {
    const was = parseBefore(kind, beforeShape, before);
    const asked = await ask(given, was, { mark: was.mark, to: was.to, automated: null }, context, (application, app) =>
      argoDigest(application, app) === was.state && syncing(app) === undefined
        ? undefined
        : `application ${was.name} has changed since this was planned`,
    );
    return asked ?? waitForSync(operatorAt(placeFor(given, context.service), context), was, was.mark, context);
  },
  probe: async (given, before, context) => probe(given, parseBefore(kind, beforeShape, before), context),
  undo: async (given, before, _key, context) => {
    const was = parseBefore(kind, beforeShape, before);
    const mark = `${was.mark}-undo`;
    const asked = await ask(given, was, { mark, to: was.from, automated: was.automated }, context, (_object, app) =>
      app.infos.includes(markInfo(was.mark)) && app.operation === undefined
        ? undefined
        : `application ${was.name} was synced by somebody else since, or is being synced`,
    );
    return asked ?? waitForSync(operatorAt(placeFor(given, context.service), context), was, mark, context);
  },
});

async function observe(given: Params, context: ActionContext): Promise<Observation> {
  const look = await lookAtArgo(given, context);
  const { app, application, id, place } = look;
  const from = app.history.at(-1);
  const to = chosen(app, given.to);
  const automated = automatedOf(application);
  const state = argoDigest(application, app);
  const mark = digest([application.metadata.uid ?? '', application.metadata.resourceVersion ?? '', to?.id ?? -1]).slice(
    0,
    16,
  );
  const busy = syncing(app);
  // Only what is switched off could be switched on again by a parent.
  const parentReverts = automated === null ? undefined : look.parentReverts;
  return {
    target: workloadTarget(place, context.service),
    atMs: context.io.clock.nowMs(),
    facts: {
      gitops: gitopsFacts(look.state),
      app: id,
      namespace: app.namespace,
      name: app.name,
      uid: application.metadata.uid ?? '',
      revisions: app.history.length,
      health: app.health,
      sync: app.sync.status,
      from: brief(from),
      to: brief(to),
      automated,
      state,
      mark,
      ...(parentReverts === undefined ? {} : { parentReverts }),
    },
    stateHash: digest([state, to?.id ?? -1]),
    blast: rolloutBlast(look, [`application/${id} with ${app.objects} objects`]),
    ...(busy === undefined ? {} : { busy }),
  };
}

function chosen(app: ArgoApplication, to: Params['to']): ArgoDeployment | undefined {
  const newestFirst = app.history.toReversed();
  const now = newestFirst[0]?.revision;
  if (to === undefined) return newestFirst.find(({ revision }) => revision !== now);
  if (typeof to === 'number') return newestFirst.find(({ id }) => id === to);
  return newestFirst.find(
    ({ revision }) => revision === to || (/^[0-9a-f]{7,39}$/.test(to) && revision.startsWith(to)),
  );
}

function brief(deployment: ArgoDeployment | undefined): JsonObject | null {
  return deployment === undefined ? null : { id: deployment.id, revision: deployment.revision };
}

function named(brief: Json | undefined): string {
  const deployment = objectAt(brief);
  return `${word(deployment, 'revision')} (deployment ${word(deployment, 'id')})`;
}

// Asks for a sync, once: an Application that carries the mark was asked before. A result means that it was not asked now.
async function ask(
  given: Params,
  was: Before,
  wanted: { readonly mark: string; readonly to: number; readonly automated: JsonObject | null },
  context: ActionContext,
  whyNot: (application: KubernetesObject, app: ArgoApplication) => string | undefined,
): Promise<ActionResult | undefined> {
  const cluster = operatorAt(placeFor(given, context.service), context);
  const { app: now } = await readApplication(cluster, was, context.signal);
  if (now.infos.includes(markInfo(wanted.mark))) return undefined;
  return patchApplication(
    cluster,
    was,
    (application, app) => {
      const message = whyNot(application, app);
      if (message !== undefined) return { is: 'failed', message };
      const deployment = app.history.find(({ id }) => id === wanted.to);
      if (deployment === undefined)
        return { is: 'failed', message: `deployment ${wanted.to} of ${was.name} is not remembered any more` };
      return {
        ...(was.automated === null ? {} : { spec: { syncPolicy: { automated: wanted.automated } } }),
        operation: operation(given, application, deployment, wanted.mark),
      };
    },
    context.signal,
  );
}

// What `argocd app rollback` makes Argo CD's server write, and a note to know it by.
function operation(
  { prune }: Params,
  application: KubernetesObject,
  { recorded }: ArgoDeployment,
  mark: string,
): JsonObject {
  const syncOptions = objectAt(application, 'spec', 'syncPolicy')?.['syncOptions'];
  return {
    initiatedBy: { username: 'watchkeeper' },
    info: [{ name: 'watchkeeper', value: mark }],
    sync: {
      ...recorded,
      prune,
      syncStrategy: { apply: {} },
      ...(syncOptions === undefined ? {} : { syncOptions }),
    },
  };
}

async function probe(given: Params, was: Before, context: ActionContext): Promise<Probe> {
  const cluster = operatorAt(placeFor(given, context.service), context);
  const { application, app } = await readApplication(cluster, was, context.signal);
  if (app.infos.includes(markInfo(`${was.mark}-undo`))) return { is: 'not-done', because: 'it was taken back' };
  if (app.infos.includes(markInfo(was.mark))) {
    const ended = syncEnded(app, was.mark);
    if (ended?.is === 'done') return { is: 'done', because: ended.message };
    return { is: 'unknown', because: ended?.message ?? 'Argo CD was asked, and is not done' };
  }
  if (argoDigest(application, app) === was.state)
    return { is: 'not-done', because: `${was.name} is as it was before, and Argo CD was not asked` };
  return { is: 'unknown', because: `somebody else has synced ${was.name} since` };
}
