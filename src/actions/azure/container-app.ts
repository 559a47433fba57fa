import * as z from 'zod';

import { WatchkeeperError } from '../../lib/errors.ts';
import type { JsonObject } from '../../lib/json.ts';
import { oneLine } from '../../lib/text.ts';
import type { Reach } from './place.ts';

const traffic = z.object({
  revisionName: z.string().nullish(),
  weight: z.number().nullish(),
  latestRevision: z.boolean().nullish(),
  label: z.string().nullish(),
});
type Traffic = z.infer<typeof traffic>;

const app = z.object({
  properties: z.object({
    provisioningState: z.string().default(''),
    latestRevisionName: z.string().nullish(),
    latestReadyRevisionName: z.string().nullish(),
    configuration: z
      .object({
        activeRevisionsMode: z.string().nullish(),
        ingress: z.object({ traffic: z.array(traffic).nullish() }).nullish(),
      })
      .nullish(),
  }),
});
const revisions = z.object({
  value: z
    .array(
      z.object({
        name: z.string(),
        properties: z.object({
          createdTime: z.string().default(''),
          active: z.boolean().default(false),
          replicas: z.number().nullish(),
          healthState: z.string().default(''),
          runningState: z.string().default(''),
          provisioningState: z.string().default(''),
          template: z.object({ containers: z.array(z.object({ image: z.string().default('') })).nullish() }).nullish(),
        }),
      }),
    )
    .default([]),
});

/** One revision as a hand sees it. */
export type Revision = z.infer<typeof revisions>['value'][number];

/** A Container App as a hand sees it. */
export interface ContainerApp {
  readonly provisioning: string;
  readonly mode: string;
  readonly hasIngress: boolean;
  /** The latest that came up. */
  readonly latest: string;
  /** The one that was made last, whether it came up or not. */
  readonly newest: string;
  readonly traffic: readonly Traffic[];
  /** How its traffic is shared, as it is set: `web--v1`, `latest=web--v2`, `web--v1@90%+web--v2@10%`. */
  readonly value: string;
}

/** Reads the app. */
export async function readApp(reach: Reach<'container-app'>): Promise<ContainerApp> {
  const { properties } = app.parse(await reach.ask('containerApps.get'));
  const latest = properties.latestReadyRevisionName ?? properties.latestRevisionName ?? '';
  const ingress = properties.configuration?.ingress;
  const shares = ingress?.traffic ?? [];
  return {
    provisioning: properties.provisioningState,
    mode: properties.configuration?.activeRevisionsMode ?? 'Single',
    hasIngress: ingress !== undefined && ingress !== null,
    ...{ latest, newest: properties.latestRevisionName ?? '', traffic: shares, value: valueOf(shares, latest) },
  };
}

/** Its revisions, the newest first. */
export async function readRevisions(reach: Reach<'container-app'>): Promise<readonly Revision[]> {
  const { value } = revisions.parse(await reach.ask('containerApps.revisions'));
  return [...value].sort((a, b) => (a.properties.createdTime < b.properties.createdTime ? 1 : -1));
}

function valueOf(shares: readonly Traffic[], latest: string): string {
  const entries = shares
    .filter(({ weight }) => (weight ?? 0) > 0)
    .map(({ revisionName, latestRevision, weight }) => ({
      name: latestRevision === true ? `latest=${latest}` : (revisionName ?? ''),
      weight: weight ?? 0,
    }))
    .sort((a, b) => b.weight - a.weight || (a.name < b.name ? -1 : 1));
  const [first, ...more] = entries;
  if (first === undefined) return '';
  return more.length === 0 ? first.name : entries.map(({ name, weight }) => `${name}@${weight}%`).join('+');
}

/** Names of the revisions that a value gives traffic to. */
export function namesIn(value: string): readonly string[] {
  return entriesOf(value).map(({ name }) => name);
}

/** How sources write a value: without whether a revision is the latest by name or by being it. */
export function plainValue(value: string): string {
  return value.replaceAll('latest=', '');
}

function entriesOf(
  value: string,
): readonly { readonly name: string; readonly isLatest: boolean; readonly weight: number }[] {
  return value.split('+').map((part) => {
    const [, latest, name = '', percent = '100'] = /^(latest=)?([^@]+)(?:@(\d{1,3})%)?$/.exec(part) ?? [];
    return { name, isLatest: latest !== undefined, weight: Number(percent) };
  });
}

/** A value as Azure takes it. Labels stay on the revisions that have them, with nothing of the traffic if need be. */
export function trafficOf(value: string, before: readonly Traffic[], latest: string): readonly JsonObject[] {
  const labelOf = (name: string): string | undefined =>
    before.find((one) => one.label && (one.revisionName ?? latest) === name)?.label ?? undefined;
  const wanted = entriesOf(value);
  for (const { name, isLatest } of wanted)
    // What is newest by now would get the traffic of what was newest then.
    if (name === '' || (isLatest && name !== latest))
      throw new WatchkeeperError('conflict', `${value} cannot be set any more: the latest revision is ${latest}`);
  const given = wanted.map(({ name, isLatest, weight }): JsonObject => {
    const label = labelOf(name);
    return {
      ...(isLatest ? { latestRevision: true } : { revisionName: name }),
      ...{ weight, ...(label === undefined ? {} : { label }) },
    };
  });
  const left = before.filter(
    ({ label, revisionName }) => label && !wanted.some(({ name }) => name === (revisionName ?? latest)),
  );
  return [
    ...given,
    ...left.map(({ label, revisionName }): JsonObject => ({
      revisionName: revisionName ?? latest,
      weight: 0,
      label: label ?? '',
    })),
  ];
}

/** Whether it serves, or would. Scaled to zero is up: it starts with the first request. */
export function isUp({ properties: { active, healthState, runningState } }: Revision): boolean {
  return active && healthState !== 'Unhealthy' && /^(Running|ScaledToZero|Scaled to 0)/i.test(runningState);
}

/** Whether it was to serve, and does not come up. */
export function isFailed({ properties: { active, healthState, runningState } }: Revision): boolean {
  return active && (healthState === 'Unhealthy' || /^(Failed|Degraded)/i.test(runningState));
}

/** How it is, in Azure's own words. */
export function wellness({ healthState, runningState }: Revision['properties']): string {
  return oneLine(`${healthState} and ${runningState}`, 100);
}

/** Its images, in one line. */
export function imagesOf(one: Revision | undefined): string {
  return oneLine((one?.properties.template?.containers ?? []).map(({ image }) => image).join(', '), 300);
}
