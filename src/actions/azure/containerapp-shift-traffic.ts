import * as z from 'zod';

import { limits } from '../../lib/limits.ts';
import { schemaOf } from '../../lib/schema.ts';
import { until } from '../until.ts';
import {
  imagesOf,
  isFailed,
  isUp,
  namesIn,
  plainValue,
  readApp,
  readRevisions,
  trafficOf,
  wellness,
  type ContainerApp,
  type Revision,
} from './container-app.ts';
import type { Reach } from './place.ts';
import { swapAction } from './swap.ts';
import type { SwapLook } from '../swap.ts';

const revision = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9-]{0,60}[a-z0-9])?$/, 'must be the name of a revision, such as web--v1');
const params = z.strictObject({
  /** The revision to go back to. Default: the newest before the one that is served, that came up when it was made. */
  toRevision: revision.exactOptional(),
  /** What is blamed: a revision, or shares as a change tells them (`web--v1@90%+web--v2@10%`). When something else serves by now, nothing is done. */
  from: z.string().min(1).max(300).exactOptional(),
});
type Params = z.infer<typeof params>;

/** Gives all traffic of a Container App back to an earlier revision, and waits until that is well. */
export const containerAppShiftTraffic = swapAction<Params, 'container-app'>({
  kind: 'azure.containerapp-shift-traffic',
  summary: 'Give the traffic of a Container App back to an earlier revision and wait until it is well',
  traits: { reversible: true, idempotent: true, destructive: false, scope: 'service' },
  params: schemaOf(params),
  is: 'container-app',
  setting: 'traffic',
  asks: () => ({
    look: ['containerApps.get', 'containerApps.revisions'],
    act: ['containerApps.update', 'revisions.activate'],
  }),
  look,
  read: async (reach) => ({ value: (await readApp(reach)).value }),
  write: async (reach, to) => {
    const [app, revisions] = await Promise.all([readApp(reach), readRevisions(reach)]);
    const traffic = trafficOf(to, app.traffic, app.latest);
    for (const name of namesIn(to))
      // Traffic can only be given to what is active. Activating what is active already changes nothing.
      if (revisions.find((one) => one.name === name)?.properties.active === false)
        await reach.ask('revisions.activate', { path: { revision: name } });
    await reach.ask('containerApps.update', { body: { properties: { configuration: { ingress: { traffic } } } } });
  },
  finish: (reach, to) =>
    until(reach.context, limits.azurePollMs, async () => {
      const [app, revisions] = await Promise.all([readApp(reach), readRevisions(reach)]);
      const serving = revisions.filter(({ name }) => namesIn(to).includes(name));
      const failed = serving.find(isFailed);
      const message = `${to} serves; ${serving.map(({ name, properties }) => `${name} is ${wellness(properties)}`).join(', ')}`;
      if (failed !== undefined)
        return { is: 'failed', message: `${failed.name} does not come up: ${wellness(failed.properties)}` };
      const isSet = app.value === to && app.provisioning === 'Succeeded';
      return { is: isSet && serving.length > 0 && serving.every(isUp) ? 'done' : 'under-way', message };
    }),
});

async function look(given: Params, reach: Reach<'container-app'>): Promise<SwapLook> {
  const [app, revisions] = await Promise.all([readApp(reach), readRevisions(reach)]);
  const serving = revisions.filter(({ name }) => namesIn(app.value).includes(name));
  const newest = serving[0];
  const earlier = revisions.filter(
    ({ name, properties }) =>
      newest !== undefined && name !== newest.name && properties.createdTime < newest.properties.createdTime,
  );
  const candidates = earlier.filter((one) => !isFailed(one) && one.properties.provisioningState !== 'Failed');
  const to = given.toRevision ?? candidates[0]?.name;
  const isBlamed = given.from === undefined || [app.value, plainValue(app.value)].includes(given.from);
  const chosen = revisions.find(({ name }) => name === to);
  const replicas = serving.reduce((sum, { properties }) => sum + (properties.replicas ?? 0), 0);
  const well = serving.filter(isUp).reduce((sum, { properties }) => sum + (properties.replicas ?? 0), 0);
  const base = {
    now: { value: app.value },
    facts: {
      ...{
        mode: app.mode,
        latest: app.latest,
        provisioning: app.provisioning,
        candidates: candidates.map(({ name }) => name),
      },
      ...{ revisions: revisions.length, image: imagesOf(newest), toImage: imagesOf(chosen) },
    },
    blast: {
      ...{ touched: Math.max(1, replicas), total: Math.max(1, replicas), healthyNow: well },
      // The earlier revision is active beside the one that serves, or is started before it gets traffic.
      ...{
        healthyAfter: chosen !== undefined && isUp(chosen) ? Math.max(well, chosen.properties.replicas ?? 0) : well,
      },
      ...{ targets: [reach.place.resource.name], dependents: [] },
    },
    ...(app.provisioning === 'InProgress' && given.from === undefined
      ? { busy: 'an update of the app is under way' }
      : {}),
    diff: [
      `image: ${imagesOf(newest) || '?'} → ${imagesOf(chosen) || '?'}`,
      ...(app.value.includes('latest=') ? ['revisions that are made from now on get no traffic by themselves'] : []),
      ...(chosen?.properties.active === false ? [`${chosen.name} is activated, and stays so`] : []),
    ],
  };
  const refused = refusal(given, app, { isBlamed, to, chosen });
  return { ...base, to: refused === undefined && to !== undefined ? to : { refused: refused ?? '' } };
}

function refusal(
  given: Params,
  app: ContainerApp,
  {
    isBlamed,
    to,
    chosen,
  }: { readonly isBlamed: boolean; readonly to: string | undefined; readonly chosen: Revision | undefined },
): string | undefined {
  if (!app.hasIngress) return 'it has no ingress: there is no traffic to shift';
  if (app.mode.toLowerCase() !== 'multiple')
    return 'it runs in single revision mode: all traffic goes to the latest; azure.containerapp-rollback-template is for it';
  if (!isBlamed) return `${given.from ?? ''} is blamed, and ${plainValue(app.value)} serves by now`;
  if (to === undefined) return `there is no earlier revision that came up before ${plainValue(app.value)}`;
  if (chosen === undefined) return `revision ${to} is gone`;
  return undefined;
}
