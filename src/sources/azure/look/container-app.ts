import * as z from 'zod';

import { isCopy } from '../../../io/clients/azure/copies.ts';
import { oneLine } from '../../../lib/text.ts';
import type { AskOf, AzureState, Running } from './state.ts';

/** The answer to a Container App, as far as it is used. */
export const containerApp = z.object({
  properties: z.object({
    provisioningState: z.string().nullish(),
    runningStatus: z.string().nullish(),
    latestRevisionName: z.string().nullish(),
    latestReadyRevisionName: z.string().nullish(),
    configuration: z
      .object({
        activeRevisionsMode: z.string().nullish(),
        ingress: z
          .object({
            traffic: z
              .array(
                z.object({
                  revisionName: z.string().nullish(),
                  weight: z.number().nullish(),
                  latestRevision: z.boolean().nullish(),
                  label: z.string().nullish(),
                }),
              )
              .nullish(),
          })
          .nullish(),
      })
      .nullish(),
  }),
});

/** The answer to its revisions. */
export const revisionList = z.object({
  value: z
    .array(
      z.object({
        name: z.string(),
        properties: z.object({
          createdTime: z.string().nullish(),
          active: z.boolean().nullish(),
          replicas: z.number().nullish(),
          trafficWeight: z.number().nullish(),
          healthState: z.string().nullish(),
          runningState: z.string().nullish(),
          provisioningState: z.string().nullish(),
          provisioningError: z.string().nullish(),
          template: z.object({ containers: z.array(z.object({ image: z.string().nullish() })).nullish() }).nullish(),
        }),
      }),
    )
    .default([]),
});
type App = z.infer<typeof containerApp>['properties'];
type Revision = z.infer<typeof revisionList>['value'][number];

/** Which revision gets how much of the traffic, the most first; what is given to the latest is named by its name. */
export function sharesOf(app: App): readonly { readonly name: string; readonly weight: number }[] {
  const shares = new Map<string, number>();
  for (const { revisionName, weight, latestRevision } of app.configuration?.ingress?.traffic ?? []) {
    const name = latestRevision === true ? (app.latestReadyRevisionName ?? app.latestRevisionName) : revisionName;
    if (name && weight) shares.set(name, (shares.get(name) ?? 0) + weight);
  }
  // Without ingress, or in single mode before the first answer: the latest that came up is what runs.
  const latest = app.latestReadyRevisionName ?? app.latestRevisionName;
  if (shares.size === 0 && latest) shares.set(latest, 100);
  return [...shares]
    .map(([name, weight]) => ({ name, weight }))
    .sort((a, b) => b.weight - a.weight || (a.name < b.name ? -1 : 1));
}

/** `web--v2`, or `web--v1@90%+web--v2@10%`. */
export function sharesText(shares: readonly { readonly name: string; readonly weight: number }[]): string {
  const [first, ...more] = shares;
  if (first === undefined) return '';
  return more.length === 0 ? first.name : shares.map(({ name, weight }) => `${name}@${weight}%`).join('+');
}

/** What a Container App and its revisions say. */
export async function containerAppState(ask: AskOf): Promise<AzureState> {
  const [appAnswer, revisionsAnswer] = await Promise.all([ask('containerApps.get'), ask('containerApps.revisions')]);
  const { properties: app } = containerApp.parse(appAnswer);
  const { value: revisions } = revisionList.parse(revisionsAnswer);
  const shares = sharesOf(app);
  const serving = shares.map(({ name, weight }) => ({ weight, of: revisions.find((one) => one.name === name) }));
  const whole = serving.reduce((sum, { weight }) => sum + weight, 0);
  const well = serving.reduce((sum, { weight, of }) => sum + (isWell(of) ? weight : 0), 0);
  const newest = revisions.find(({ name }) => name === app.latestRevisionName);
  const error = newest?.properties.provisioningError ?? '';
  return {
    availability: whole === 0 ? 0 : well / whole,
    isFailing: newest !== undefined && isFailing(newest),
    replicas: serving.reduce((sum, { of }) => sum + (of?.properties.replicas ?? 0), 0),
    running: runningOf(shares, revisions),
    said: oneLine(error === '' ? (newest?.properties.runningState ?? '') : error, 300),
    facts: {
      ...{ traffic: sharesText(shares), revisions: revisions.length, latest: app.latestRevisionName ?? '' },
      ...{ mode: app.configuration?.activeRevisionsMode ?? '', provisioning: app.provisioningState ?? '' },
    },
  };
}

// Scaled to zero is well: there is nothing to do. What is being started is not unwell yet.
function isWell(revision: Revision | undefined): boolean {
  if (revision === undefined) return false;
  const { healthState, runningState } = revision.properties;
  return healthState !== 'Unhealthy' && !/^(Failed|Degraded|Stopped|Unknown)/i.test(runningState ?? '');
}

function isFailing({ properties }: Revision): boolean {
  const { active, healthState, runningState, provisioningState } = properties;
  if (active === false) return false;
  return (
    healthState === 'Unhealthy' ||
    /Failed|Degraded/i.test(runningState ?? '') ||
    /Failed/i.test(provisioningState ?? '')
  );
}

function runningOf(
  shares: readonly { readonly name: string; readonly weight: number }[],
  revisions: readonly Revision[],
): Running {
  const byAge = [...revisions].sort((a, b) => createdMs(b) - createdMs(a));
  const newest = byAge.find(({ name }) => shares.some((share) => share.name === name));
  const before = byAge.find((one) => newest !== undefined && createdMs(one) < createdMs(newest));
  const sinceMs = newest === undefined ? NaN : createdMs(newest);
  const images = (newest?.properties.template?.containers ?? []).map(({ image }) => image ?? '').join(', ');
  return {
    what: sharesText(shares),
    ...(Number.isFinite(sinceMs) ? { sinceMs } : {}),
    ...(before === undefined || shares.length > 1 ? {} : { before: before.name }),
    // Traffic that goes to a revision while a newer one is there was given back to it; a copy of ours is an earlier one.
    isBack: newest !== undefined && ((byAge[0] !== undefined && byAge[0].name !== newest.name) || isCopy(newest.name)),
    attributes: images === '' ? {} : { image: oneLine(images, 300) },
  };
}

function createdMs({ properties }: Revision): number {
  return Date.parse(properties.createdTime ?? '');
}
