import * as z from 'zod';

import { canonicalJson, digest } from '../../../lib/canonical.ts';
import { WatchkeeperError } from '../../../lib/errors.ts';
import type { Json, JsonObject } from '../../../lib/json.ts';
import { schemaOf } from '../../../lib/schema.ts';
import type { KubernetesNeed } from '../../../domain/ports/action.ts';
import { gitopsFacts } from '../../../io/clients/gitops/index.ts';
import { defineAction } from '../../define-action.ts';
import { operatorAt, workloadParam, workloadTarget } from '../place.ts';
import { needsOf } from '../needs.ts';
import { automatedOf, lookAtArgo, patchApplication, readApplication, syncing } from './argo.ts';
import { parseBefore } from './before.ts';
import { lookNeeds, placeFor, switchBlast, word } from './workload.ts';

const params = z.strictObject(workloadParam);
const beforeShape = z.strictObject({
  namespace: z.string(),
  name: z.string(),
  uid: z.string(),
  automated: z.record(z.string(), z.json()),
});
const access: readonly KubernetesNeed[] = [
  ...lookNeeds,
  { in: 'cluster', group: 'argoproj.io', resources: ['applications'], verbs: ['patch'] },
];
const kind = 'kubernetes.argo-suspend-sync';

/** Switches an Application's automated sync off, so that what is done in the cluster lasts. Nothing is rolled out by it. */
export const argoSuspendSync = defineAction<z.infer<typeof params>>({
  kind,
  summary: "Switch an Argo CD application's automated sync off",
  traits: { reversible: true, idempotent: true, destructive: false, scope: 'cluster' },
  params: schemaOf(params),
  needs: needsOf(access),
  access,
  target: (given, service) => workloadTarget(placeFor(given, service), service),
  observe: async (given, context) => {
    const look = await lookAtArgo(given, context);
    const { app, application, id } = look;
    const automated = automatedOf(application);
    const uid = application.metadata.uid ?? '';
    const busy = syncing(app);
    return {
      target: workloadTarget(look.place, context.service),
      atMs: context.io.clock.nowMs(),
      facts: {
        gitops: gitopsFacts(look.state),
        app: id,
        namespace: app.namespace,
        name: app.name,
        uid,
        automated,
        objects: app.objects,
        ...(look.parentReverts === undefined ? {} : { parentReverts: look.parentReverts }),
      },
      stateHash: digest([uid, automated]),
      blast: switchBlast(`application/${id}`),
      ...(busy === undefined ? {} : { busy }),
    };
  },
  preview: (_given, { facts }) => {
    const app = word(facts, 'app');
    if (typeof facts['parentReverts'] === 'string') throw new WatchkeeperError('conflict', facts['parentReverts']);
    if (facts['automated'] === null)
      throw new WatchkeeperError('conflict', `application ${app} does not sync by itself`);
    return {
      describe: `switch automated sync of Argo CD application ${app} off; it applies ${word(facts, 'objects')} objects`,
      diff: [`Application ${app} spec.syncPolicy.automated: ${canonicalJson(facts['automated'] ?? null)} → none`],
    };
  },
  before: (_given, { facts }): Json => ({
    namespace: facts['namespace'] ?? '',
    name: facts['name'] ?? '',
    uid: facts['uid'] ?? '',
    automated: facts['automated'] ?? {},
  }),
  run: async (given, before, _key, context) => {
    const was = parseBefore(kind, beforeShape, before);
    const cluster = operatorAt(placeFor(given, context.service), context);
    const refused = await patchApplication(
      cluster,
      was,
      (application) => switched(automatedOf(application), was.automated, null),
      context.signal,
    );
    return refused ?? { is: 'done', message: `application ${was.name} does not sync by itself any more` };
  },
  probe: async (given, before, context) => {
    const was = parseBefore(kind, beforeShape, before);
    const cluster = operatorAt(placeFor(given, context.service), context);
    const { application } = await readApplication(cluster, was, context.signal);
    const now = automatedOf(application);
    if (now === null) return { is: 'done', because: `application ${was.name} does not sync by itself` };
    if (isSame(now, was.automated)) return { is: 'not-done', because: `application ${was.name} syncs by itself` };
    return { is: 'unknown', because: `somebody else has changed how application ${was.name} syncs` };
  },
  undo: async (given, before, _key, context) => {
    const was = parseBefore(kind, beforeShape, before);
    const cluster = operatorAt(placeFor(given, context.service), context);
    const refused = await patchApplication(
      cluster,
      was,
      (application) => switched(automatedOf(application), null, was.automated),
      context.signal,
    );
    return refused ?? { is: 'done', message: `application ${was.name} syncs by itself again` };
  },
});

// From one to the other; already there is fine, anything else is somebody's own change and stays.
function switched(now: JsonObject | null, from: JsonObject | null, to: JsonObject | null) {
  if (isSame(now, to)) return { is: 'done', message: 'it is so already' } as const;
  if (!isSame(now, from)) return { is: 'failed', message: 'somebody else has changed how it syncs' } as const;
  return { spec: { syncPolicy: { automated: to } } };
}

function isSame(a: JsonObject | null, b: JsonObject | null): boolean {
  return canonicalJson(a) === canonicalJson(b);
}
