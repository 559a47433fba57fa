import * as z from 'zod';

import { copySuffix } from '../../io/clients/azure/copies.ts';
import { WatchkeeperError } from '../../lib/errors.ts';
import { limits } from '../../lib/limits.ts';
import { schemaOf } from '../../lib/schema.ts';
import type { SwapLook } from '../swap.ts';
import { until } from '../until.ts';
import { imagesOf, isFailed, isUp, readApp, readRevisions, wellness, type ContainerApp } from './container-app.ts';
import type { Reach } from './place.ts';
import { swapAction } from './swap.ts';
import { readTemplates, templateName, templatePatch, type Template } from './template.ts';

const revision = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9-]{0,60}[a-z0-9])?$/, 'must be the name of a revision, such as web--v1');
const params = z.strictObject({
  /** The revision to copy. Default: the newest before the latest whose template is another. */
  toRevision: revision.exactOptional(),
  /** What is blamed. When another revision is the latest by now, nothing is done. */
  from: revision.exactOptional(),
});
type Params = z.infer<typeof params>;

/** Makes a new revision of a Container App in single revision mode from an earlier one, and waits until it serves. */
export const containerAppRollbackTemplate = swapAction<Params, 'container-app'>({
  kind: 'azure.containerapp-rollback-template',
  summary: 'Make a new revision of a Container App as a copy of an earlier one and wait until it serves',
  traits: { reversible: true, idempotent: true, destructive: false, scope: 'service' },
  params: schemaOf(params),
  is: 'container-app',
  setting: 'template',
  asks: () => ({ look: ['containerApps.get', 'containerApps.revisions'], act: ['containerApps.update'] }),
  look,
  read: async (reach) => {
    const [app, templates] = await Promise.all([readApp(reach), readTemplates(reach)]);
    return { value: templateName(templates.get(app.newest) ?? {}) };
  },
  write: async (reach, to, _now, key) => {
    const [app, templates] = await Promise.all([readApp(reach), readTemplates(reach)]);
    if (!isSingle(app)) throw new WatchkeeperError('conflict', 'it does not run in single revision mode any more');
    const wanted = [...templates.values()].find((one) => templateName(one) === to);
    if (wanted === undefined) throw new WatchkeeperError('conflict', `no revision has the template ${to} any more`);
    const now = templates.get(app.newest) ?? {};
    const template = { ...templatePatch(now, wanted), revisionSuffix: copySuffix(key) };
    await reach.ask('containerApps.update', { body: { properties: { template } } });
  },
  finish: (reach, to) => until(reach.context, limits.azurePollMs, () => progress(reach, to)),
});

async function progress(reach: Reach<'container-app'>, to: string) {
  const [app, revisions, templates] = await Promise.all([readApp(reach), readRevisions(reach), readTemplates(reach)]);
  const newest = revisions.find(({ name }) => name === app.newest);
  const is = templateName(templates.get(app.newest) ?? {});
  const message = `${app.newest} is ${newest === undefined ? 'not there yet' : wellness(newest.properties)}, ${app.latest} serves`;
  if (newest !== undefined && isFailed(newest))
    return { is: 'failed', message: `it does not come up: ${message}` } as const;
  const serves = newest !== undefined && app.latest === app.newest && isUp(newest) && app.provisioning === 'Succeeded';
  return { is: is === to && serves ? 'done' : 'under-way', message } as const;
}

async function look(given: Params, reach: Reach<'container-app'>): Promise<SwapLook> {
  const [app, revisions, templates] = await Promise.all([readApp(reach), readRevisions(reach), readTemplates(reach)]);
  const newest = revisions.find(({ name }) => name === app.newest);
  const now = templateName(templates.get(app.newest) ?? {});
  const isOther = (name: string): boolean => templateName(templates.get(name) ?? {}) !== now;
  const candidates = revisions.filter(
    ({ name, properties }) =>
      newest !== undefined &&
      properties.createdTime < newest.properties.createdTime &&
      properties.provisioningState !== 'Failed' &&
      isOther(name),
  );
  const to = given.toRevision ?? candidates[0]?.name;
  const chosen = revisions.find(({ name }) => name === to);
  const serving = revisions.find(({ name }) => name === app.latest) ?? newest;
  const replicas = Math.max(1, serving?.properties.replicas ?? 0);
  const well = serving !== undefined && isUp(serving) ? (serving.properties.replicas ?? 0) : 0;
  const template = to === undefined ? undefined : templates.get(to);
  const refused = refusal(given, app, to, template);
  return {
    now: { value: now },
    to: refused === undefined && template !== undefined ? templateName(template) : { refused: refused ?? '' },
    facts: {
      ...{ mode: app.mode, latest: app.newest, ready: app.latest, provisioning: app.provisioning },
      ...{ candidates: candidates.map(({ name }) => name), revisions: revisions.length },
      ...{ image: imagesOf(newest), toImage: imagesOf(chosen), copied: to ?? '' },
    },
    blast: {
      // Azure keeps what serves until the new one is ready, so what is well stays so.
      ...{ touched: replicas, total: replicas, healthyNow: well, healthyAfter: well },
      ...{ targets: [reach.place.resource.name], dependents: [] },
    },
    ...(app.provisioning === 'InProgress' && given.from === undefined
      ? { busy: 'an update of the app is under way' }
      : {}),
    diff: [
      `image: ${imagesOf(newest) || '?'} → ${imagesOf(chosen) || '?'}`,
      `a new revision is made as a copy of ${to ?? '?'}; settings of the app itself (ingress, secrets) stay as they are`,
      ...(isPinned(template) ? [] : ['its images are pulled by tag: a tag may name another image by now']),
    ],
  };
}

function refusal(
  given: Params,
  app: ContainerApp,
  to: string | undefined,
  template: Template | undefined,
): string | undefined {
  if (!isSingle(app))
    return 'it runs in multiple revision mode: azure.containerapp-shift-traffic gives the traffic back at once';
  if (given.from !== undefined && given.from !== app.newest)
    return `${given.from} is blamed, and ${app.newest} is the latest by now`;
  if (to === undefined) return `there is no revision before ${app.newest} that is made otherwise`;
  if (template === undefined || Object.keys(template).length === 0) return `revision ${to} is gone`;
  return undefined;
}

function isSingle({ mode }: ContainerApp): boolean {
  return mode.toLowerCase() === 'single';
}

function isPinned(template: Template | undefined): boolean {
  const images = [...JSON.stringify(template ?? {}).matchAll(/"image":"([^"]*)"/g)].map(([, image = '']) => image);
  return images.length > 0 && images.every((image) => image.includes('@sha256:'));
}
